# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""With SROS 2 switched on and enforced: the policy is enough for our processes, and no more.

Needs sros2 and a DDS that is built with security, as apt has both. docs/howto/security.md says
with which it was run.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")
pytest.importorskip("sros2", reason="no sros2 here; apt has it")

from commands import ROOT
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import ListParameters
from robot import DEADLINE, Tester, pose, save_model
from sros2 import keystore
from std_srvs.srv import Trigger

from bharnet_ros.demo.domain import own_domain, ros_context
from bharnet_ros.msg import Action

POLICY = ROOT / "config" / "sros2" / "policy.xml"
OURS = ("/bharnet", "/bharnet_estimator", "/bharnet_recorder", "/bharnet_intents")
CONTROLLER = "/controller"  # may do everything


@pytest.fixture
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A domain in which nobody takes part without keys; this process is the controller."""
    with own_domain() as domain:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))  # the keys are for it alone
        keys = tmp_path / "keys"
        keystore.create_keystore(keys)
        for enclave in (*OURS, CONTROLLER):
            keystore.create_enclave(keys, enclave)
            if enclave in OURS:
                keystore.create_permission(keys, enclave, POLICY)
        monkeypatch.setenv("ROS_SECURITY_KEYSTORE", str(keys))
        monkeypatch.setenv("ROS_SECURITY_ENABLE", "true")
        monkeypatch.setenv("ROS_SECURITY_STRATEGY", "Enforce")
        monkeypatch.setenv("ROS_SECURITY_ENCLAVE_OVERRIDE", CONTROLLER)
        yield domain


@contextlib.contextmanager
def secured(
    domain: int, module: str, enclave: str, *arguments: str
) -> Iterator[tuple[subprocess.Popen[str], Tester]]:
    """One of our processes in its enclave, and the controller."""
    command = [sys.executable, "-m", f"bharnet_ros.{module}", "--ros-args", "--enclave", enclave]
    environment = {**os.environ}
    del environment["ROS_SECURITY_ENCLAVE_OVERRIDE"]
    with contextlib.ExitStack() as stack:
        started = subprocess.Popen(
            [*command, *arguments], env=environment, stderr=subprocess.PIPE, text=True
        )
        stack.callback(started.kill)
        try:
            context = stack.enter_context(ros_context(domain))
            tester = Tester(context)
        except RuntimeError as error:
            if "security libraries" in str(error):
                pytest.skip("this DDS is built without security")
            raise
        stack.callback(tester.node.destroy_node)
        stack.callback(tester.executor.shutdown)
        yield started, tester


def test_the_recogniser_hears_tells_and_obeys(domain, tmp_path):
    model = save_model(tmp_path / "tiny.safetensors")
    with secured(domain, "node", "/bharnet", "-p", f"model:={model}") as (_, tester):
        tester.ready().play(pose(), seconds=1.0)
        assert tester.saw(Action.ONSET)
        assert tester.ask(Trigger, "bharnet/reset", Trigger.Request()).success
        tester.wait(lambda: tester.saw(Action.OFFSET) and tester.diagnostics)


@pytest.mark.parametrize(
    ("module", "enclave", "given"),
    [
        ("camera.node", "/bharnet_estimator", ["-p", "autostart:=false"]),
        ("takes", "/bharnet_recorder", []),
        pytest.param(
            *("intents", "/bharnet_intents", []),
            marks=pytest.mark.skipif(
                importlib.util.find_spec("hri_actions_msgs") is None, reason="no hri_actions_msgs"
            ),
        ),
    ],
)
def test_others_start_and_answer(domain, module, enclave, given):
    with secured(domain, module, enclave, *given) as (_, tester):
        asked = ListParameters.Request()
        answer = tester.ask(ListParameters, f"{enclave}/list_parameters", asked)
        assert "use_sim_time" in answer.result.names


def test_a_topic_that_the_policy_does_not_name_is_refused_and_told(domain, tmp_path):
    model = save_model(tmp_path / "tiny.safetensors")
    given = ["-p", f"model:={model}", "-r", "bharnet/poses:=elsewhere"]
    with secured(domain, "node", "/bharnet", *given) as (started, tester):

        def state() -> str:
            asked = GetState.Request()
            return str(tester.ask(GetState, "bharnet/get_state", asked).current_state.label)

        tester.wait(lambda: state() == "inactive")
        started.terminate()
        _, errors = started.communicate(timeout=DEADLINE)
        assert "activate failed: " in errors
        assert "rules of its enclave" in errors


def test_whose_keys_are_for_something_else_learns_nothing(domain):
    """The recorder's keys do not open the actions."""
    given = ["-r", "bharnet/poses:=bharnet/actions"]
    with secured(domain, "takes", "/bharnet_recorder", *given) as (started, _):
        _, errors = started.communicate(timeout=DEADLINE)
        assert started.returncode == 2
        assert "rules of its enclave" in errors
        assert "Traceback" not in errors
