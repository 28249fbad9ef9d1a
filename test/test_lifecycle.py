# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle, names and signals of the node."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import threading

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

import rclpy
from camera import FakeEstimator
from lifecycle_msgs.srv import GetState
from rclpy.exceptions import InvalidParameterValueException
from rclpy.parameter import Parameter
from robot import (
    DEADLINE,
    SUCCESS,
    Tester,
    ended,
    in_executor,
    pose,
    process,
    robot,
    set_parameter,
    start,
)
from std_srvs.srv import Trigger

from bharnet.estimation.people import PeopleEstimator
from bharnet_ros.camera.node import EstimatorNode
from bharnet_ros.demo.domain import own_domain, ros_context
from bharnet_ros.msg import Action
from bharnet_ros.node import BharnetNode

CYCLES = 100


def held(node) -> dict[str, int]:
    """What may leak."""
    return {
        "publishers": len(list(node.publishers)),
        "subscriptions": len(list(node.subscriptions)),
        "timers": len(list(node.timers)),
        "guards": len(list(node.guards)),
        "waitables": len(list(node.waitables)),
        "services": len(list(node.services)),
        "clients": len(list(node.clients)),
        "threads": threading.active_count(),
        "os threads": len(os.listdir("/proc/self/task")),
        "files": len(os.listdir("/proc/self/fd")),
    }


def at_rest(node) -> dict[str, int]:
    """The same, without threads that have ended: the kernel knows them a moment longer."""
    looks = [in_executor(node, lambda: held(node)) for _ in range(50)]
    return min(looks, key=lambda each: each["os threads"])


def test_a_hundred_cycles_leave_nothing_behind(model):
    with robot(model=model) as (node, _):

        def cycle() -> None:
            assert node.trigger_activate() == SUCCESS
            assert node.trigger_deactivate() == SUCCESS

        in_executor(node, node.trigger_configure)
        for _ in range(3):
            in_executor(node, cycle)
        before = at_rest(node)
        for _ in range(CYCLES):
            in_executor(node, cycle)
        assert at_rest(node) == before
        # From the very start too.
        assert in_executor(node, node.trigger_cleanup) == SUCCESS
        empty = at_rest(node)
        for _ in range(5):
            in_executor(node, node.trigger_configure)
            in_executor(node, cycle)
            in_executor(node, node.trigger_cleanup)
        assert at_rest(node) == empty


def test_who_is_destroyed_leaves_at_once(model):
    """Not only when Python's garbage is collected: whoever holds the node keeps it from that."""
    with own_domain() as domain, ros_context(domain) as context, ros_context(domain) as outside:
        tester = Tester(outside)
        try:
            for _ in range(2):
                node = BharnetNode(context=context)
                tester.wait(lambda: sorted(tester.node.get_node_names()) == ["bharnet", "tester"])
                node.destroy_node()
                tester.wait(lambda: tester.node.get_node_names() == ["tester"])
        finally:
            tester.executor.shutdown()
            tester.node.destroy_node()


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (BharnetNode, "top_k", -3),
        (BharnetNode, "backend", "abacus"),
        (EstimatorNode, "rotate", 45),
    ],
)
def test_who_cannot_be_made_leaves_at_once(make, name, value):
    """Another try, with what was wrong put right, must not be the second of its name."""
    given = [Parameter(name, value=value)]
    with own_domain() as domain, ros_context(domain) as context, ros_context(domain) as outside:
        tester = Tester(outside)
        try:
            with pytest.raises((ValueError, InvalidParameterValueException)) as held:
                make(context=context, parameter_overrides=given)
            # A context tells of all its nodes in one message.
            later = rclpy.create_node("later", context=context)
            tester.wait(lambda: "later" in tester.node.get_node_names())
            assert sorted(tester.node.get_node_names()) == ["later", "tester"]
            assert name in str(held.value)  # whose traceback holds the node
            later.destroy_node()
        finally:
            tester.executor.shutdown()
            tester.node.destroy_node()


def workers() -> int:
    return sum(each.name in ("recognise", "estimate") for each in threading.enumerate())


@pytest.mark.parametrize("way", [(), ("configure",), ("configure", "activate")])
@pytest.mark.parametrize("shut_down", [False, True], ids=["", "after its context"])
def test_who_is_destroyed_leaves_no_thread_and_no_landmarker(model, way, shut_down):
    """However a process of several nodes ends them: rclpy's own nodes need no transition first."""
    fake, context = FakeEstimator(), rclpy.Context()
    with own_domain() as domain:
        rclpy.init(context=context, domain_id=domain)
        given = [Parameter("model", value=model)]
        nodes = (
            BharnetNode(context=context, parameter_overrides=given),
            EstimatorNode(lambda _: PeopleEstimator(fake), context=context),
        )
        for name, node in itertools.product(way, nodes):
            assert getattr(node, f"trigger_{name}")() == SUCCESS
        assert workers() == len(nodes) * ("activate" in way)
        if shut_down:
            context.shutdown()
        for node in nodes:
            node.destroy_node()
            node.destroy_node()  # as rclpy's own bear it
        assert workers() == 0
        assert fake.closed == ("configure" in way)
        context.try_shutdown()


def test_who_is_destroyed_ends_what_runs(model):
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready().play(pose(), seconds=1.0)
        assert tester.saw(Action.ONSET)
        in_executor(node, node.destroy_node)
        tester.wait(lambda: tester.saw(Action.OFFSET))
        assert tester.saw(Action.OFFSET)[0].reason == Action.REASON_RESET


def test_bad_model_fails_configure_and_can_be_cured(model, tmp_path):
    bad = tmp_path / "bad.safetensors"
    bad.write_text("this is no model")
    with robot(model=str(bad)) as (node, tester):
        assert in_executor(node, node.trigger_configure) != SUCCESS
        tester.wait(lambda: any("configure failed" in line for line in tester.log))
        (line,) = [line for line in tester.log if "configure failed" in line]
        assert str(bad) in line
        assert "copy or export it again" in line
        assert set_parameter(node, "model", model) == ""
        assert in_executor(node, node.trigger_configure) == SUCCESS
        assert in_executor(node, node.trigger_activate) == SUCCESS
        tester.ready().play(pose(), seconds=1.0)
        assert tester.saw(Action.ONSET)


@pytest.mark.parametrize(("policy", "value"), [("reliability", "certain"), ("depth", "deep")])
def test_wrong_qos_override_does_not_kill(model, policy, value):
    override = {f"qos_overrides./bharnet/poses.subscription.{policy}": value}
    with robot(model=model, **override) as (node, tester):
        in_executor(node, node.trigger_configure)
        before = in_executor(node, lambda: held(node)["threads"])
        assert in_executor(node, node.trigger_activate) != SUCCESS
        assert tester.log[-1].startswith("activate failed: ")  # in a line
        assert in_executor(node, lambda: held(node)["threads"]) == before


def stop(started: subprocess.Popen, number: int) -> tuple[int, str]:
    """Send a signal; the exit code and what was written to stderr."""
    started.send_signal(number)
    _, errors = started.communicate(timeout=DEADLINE)
    return started.returncode, errors


def ends(tester: Tester) -> dict[str, str]:
    """Every topic and service there is, and its type."""
    node = tester.node
    listed = [*node.get_topic_names_and_types(), *node.get_service_names_and_types()]
    return {name: kinds[0] for name, kinds in listed}


@pytest.mark.parametrize(
    ("namespace", "number"), [("", signal.SIGINT), ("/robot1", signal.SIGTERM)]
)
def test_names_in_the_graph_and_a_clean_end(model, namespace, number):
    with process("-p", f"model:={model}", namespace=namespace) as (started, tester):
        tester.ready()
        tester.wait(
            lambda: ("bharnet", namespace or "/") in tester.node.get_node_names_and_namespaces()
        )
        base = f"{namespace}/bharnet"
        kinds = {
            f"{base}/actions": "bharnet_ros/msg/ActionArray",
            f"{base}/labels": "bharnet_ros/msg/ActionLabels",
            "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
            f"{base}/poses": "bharnet_ros/msg/PersonPoseArray",
            f"{base}/change_state": "lifecycle_msgs/srv/ChangeState",
        }
        # DDS tells of a node's ends one after the other.
        tester.wait(lambda: kinds.items() <= ends(tester).items())
        tester.play(pose(), seconds=1.0)
        assert tester.saw(Action.ONSET)
        code, errors = stop(started, number)
        assert (code, "Traceback" in errors) == (0, False)
        # The running action was ended before the node left.
        tester.wait(lambda: tester.saw(Action.OFFSET))


def test_autostart_is_obeyed(model):
    with process("-p", f"model:={model}", "-p", "autostart:=false") as (started, tester):
        answer = tester.ask(GetState, "bharnet/get_state", GetState.Request())
        assert answer.current_state.label == "unconfigured"
        assert stop(started, signal.SIGINT)[0] == 0


FAILING = """
import sys
from bharnet_ros.node import BharnetNode, main
def fail(*_):
    raise KeyError("a defect of ours")
BharnetNode._on_reset = fail
sys.exit(main(sys.argv))
"""


def test_a_defect_ends_the_process_and_what_runs(model):
    with process("-p", f"model:={model}", python=("-c", FAILING)) as (started, tester):
        tester.ready().play(pose(), seconds=1.0)
        assert tester.saw(Action.ONSET)
        client = tester.node.create_client(Trigger, "bharnet/reset")
        tester.wait(client.service_is_ready)
        client.call_async(Trigger.Request())
        tester.wait(lambda: tester.saw(Action.OFFSET))
        _, errors = started.communicate(timeout=DEADLINE)
        assert started.returncode == 1
        assert "a defect of ours" in errors


def test_what_a_later_start_may_cure_has_another_exit_code(tmp_path):
    """The launch file tries again: here nothing can be written, as on a full disk."""
    (tmp_path / "file").touch()
    code, errors = ended("node", ROS_LOG_DIR=str(tmp_path / "file" / "log"))
    assert code == 1
    assert "bharnet cannot start: " in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("module", "code", "given", "says"),
    [
        ("node", 2, ["-p", "top_k:=-3"], "bharnet cannot start: "),
        ("node", 2, ["-p", "stride_seconds:=1"], "stride_seconds"),
        ("node", 2, ["--params-file", "nowhere.yaml"], "nowhere.yaml"),
        ("camera.node", 2, ["-r", "image"], "bharnet_estimator cannot start: "),
        ("camera", 2, ["-p", "frame_rate:=-1.0"], "bharnet_estimator cannot start: "),
        ("node", 2, ["--parms"], "not known after --ros-args: ['--parms']"),
        ("takes", 2, ["-p", "seconds:=5"], "'seconds' to '5' of type 'INTEGER', expecting type"),
        ("takes", 2, ["--params-file", "nowhere.yaml"], "bharnet_recorder: "),
        ("intents", 2, ["-p", "file:=5"], "bharnet_intents: "),
    ],
)
def test_what_is_wrong_at_start_is_one_clear_line(module, code, given, says):
    found, errors = ended(module, *given)
    assert found == code
    assert says in errors
    assert given[-1].partition(":=")[0] in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("enclave", "says"), [("bharnet", "rules of its enclave"), ("", "SECURITY ERROR: directory")]
)
def test_keys_that_are_no_keys_are_one_clear_line(tmp_path, enclave, says):
    """Security is on, and the enclave is empty or absent."""
    (tmp_path / "enclaves" / enclave).mkdir(parents=True)
    secured = {
        "ROS_SECURITY_ENABLE": "true",
        "ROS_SECURITY_STRATEGY": "Enforce",
        "ROS_SECURITY_KEYSTORE": str(tmp_path),
    }
    code, errors = ended("node", "--enclave", "/bharnet", **secured)
    assert code == 2
    assert "bharnet cannot start: " in errors
    assert says in errors
    assert "Traceback" not in errors
