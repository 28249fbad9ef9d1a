# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nodes that are told to stop while something loads that takes for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from polling import until

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from robot import DEADLINE, pose, process

from bharnet_ros.demo.domain import own_domain
from bharnet_ros.msg import Action

TEST = Path(__file__).resolve().parent
# What loads says so, and neither returns nor hears of Ctrl-C: it is inside a library.
SLOW = """
import ctypes, pathlib, sys
import bharnet_ros.{module} as module
def slow(*_):
    pathlib.Path({notes!r}).write_text("loads")
    ctypes.CDLL(None).sleep(600)
usual = module.{function}
module.{function} = slow
"""
MAIN = "sys.exit(module.main(sys.argv))\n"
GUARDED = """
import signal, sys
from bharnet_ros.camera.guardian import Guardian
guardian = Guardian([sys.executable, "-c", sys.argv[1]], print)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: guardian.stop())
sys.exit(guardian.run())
"""


def loads(notes: Path) -> bool:
    return notes.exists() and notes.read_text() == "loads"


def given(module: str, model: str) -> list[str]:
    return ["--ros-args", *(("-p", f"model:={model}") if module == "node" else ())]


def told_to_stop(notes: Path, number: int, code: str, *arguments: str) -> tuple[int, str]:
    """Run the code, signal it once it loads; its exit code and what it wrote to stderr."""
    with own_domain() as domain:
        started = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            until(lambda: loads(notes), DEADLINE)
            started.send_signal(number)
            _, errors = started.communicate(timeout=DEADLINE)
        finally:
            started.kill()
    return started.returncode, errors


# A worker that is inside a library for ever, and comes back to Python again and again.
HANGS = """
import pathlib, sys, torch
import bharnet_ros.{module} as module
def hang(self, *_):
    matrix = torch.randn(200, 200)
    pathlib.Path({notes!r}).write_text("loads")
    while True:
        matrix = torch.tanh(matrix @ matrix)
module.{worker}._run = hang
"""


@pytest.mark.parametrize(
    ("module", "function", "number"),
    [
        ("node", "load_model", signal.SIGINT),
        ("node", "make_stream", signal.SIGTERM),
        ("camera.node", "open_estimator", signal.SIGINT),
        ("camera.node", "open_estimator", signal.SIGTERM),
    ],
)
def test_a_node_that_is_told_to_stop_while_it_loads(model, tmp_path, module, function, number):
    notes = tmp_path / "notes"
    code = SLOW.format(module=module, function=function, notes=str(notes)) + MAIN
    code_of_exit, errors = told_to_stop(notes, number, code, *given(module, model))
    assert code_of_exit == 0, errors
    assert "is given up: the node is told to stop" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("module", "worker"), [("node", "Worker"), ("camera.node", "PictureWorker")]
)
def test_a_node_whose_network_hangs_ends_well(model, tmp_path, module, worker):
    """Python's own end would be the thread's, and then that of the process: it was aborted."""
    notes = tmp_path / "notes"
    code = HANGS.format(module=module, worker=worker, notes=str(notes))
    if module == "camera.node":
        code += (
            f"sys.path.insert(0, {str(TEST)!r})\n"
            "from camera import FakeEstimator\n"
            "module.open_estimator = lambda config: FakeEstimator()\n"
        )
    code_of_exit, errors = told_to_stop(notes, signal.SIGINT, code + MAIN, *given(module, model))
    assert code_of_exit == 0, errors
    assert "does not answer and is left behind" in errors


def test_a_guardian_that_is_told_to_stop_while_its_node_loads(tmp_path):
    """Its patience is five seconds: whoever takes longer is killed, and that is no good end."""
    notes = tmp_path / "notes"
    code = SLOW.format(module="camera.node", function="open_estimator", notes=str(notes)) + MAIN
    code_of_exit, errors = told_to_stop(notes, signal.SIGINT, GUARDED, code)
    assert code_of_exit == 0, errors
    assert "Traceback" not in errors


def test_a_node_that_is_told_to_stop_while_it_reads_another_model(model, tmp_path):
    """What runs is ended and told, as always."""
    notes = tmp_path / "notes"
    code = SLOW.format(module="node", function="load_model", notes=str(notes))
    code += (
        "module.load_model = lambda given: (slow if given['model'] == 'slow' else usual)(given)\n"
    )
    with process("-p", f"model:={model}", python=("-c", code + MAIN)) as (started, tester):
        tester.ready().play(pose(), seconds=1.0)
        assert tester.saw(Action.ONSET)
        client = tester.node.create_client(SetParameters, "bharnet/set_parameters")
        tester.wait(client.service_is_ready)
        asked = [Parameter("model", value="slow").to_parameter_msg()]
        client.call_async(SetParameters.Request(parameters=asked))
        tester.wait(lambda: loads(notes))
        started.send_signal(signal.SIGINT)
        tester.wait(lambda: tester.saw(Action.OFFSET))
        _, errors = started.communicate(timeout=DEADLINE)
        assert (started.returncode, "Traceback" in errors) == (0, False), errors
