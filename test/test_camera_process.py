# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The estimator as a process of its own under its guardian: what a crash and a hang cost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from people import START
from pictures import rgb, set_stamp
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import QoSProfile
from robot import DEADLINE, Tester, ended, save_model, stamp
from sensor_msgs.msg import Image

from bharnet.window import NANOSECONDS
from bharnet_ros.camera.guardian import Guardian
from bharnet_ros.demo.domain import own_domain, ros_context
from bharnet_ros.msg import Action, PersonPoseArray

TEST = Path(__file__).resolve().parent
# The guardian, and under it the real node; only what finds people is made up.
NODE = f"""
import os, sys
sys.path.insert(0, {str(TEST)!r})
from camera import FakeEstimator
from bharnet.estimation import choose
choose.ESTIMATORS["mediapipe"] = lambda config: FakeEstimator()
from bharnet_ros.camera.node import main
with open(os.environ["NOTES"], "a") as file:
    print(os.getpid(), file=file, flush=True)
sys.exit(main())
"""
GUARDIAN = """
import signal, sys
from bharnet_ros.camera.guardian import Guardian
guardian = Guardian([sys.executable, "-c", *sys.argv[1:]], print)
signal.signal(signal.SIGINT, lambda *_: guardian.stop())
sys.exit(guardian.run())
"""


class Watcher(Tester):
    """Publishes pictures whose stamps go on, hears poses and actions."""

    def __init__(self, context: rclpy.Context, namespace: str = "") -> None:
        super().__init__(context, namespace)
        self.node.destroy_publisher(self.publisher)
        self.poses: list[PersonPoseArray] = []
        many = QoSProfile(depth=1000)
        self.camera = self.node.create_publisher(Image, "image", many)
        self.node.create_subscription(PersonPoseArray, "bharnet/poses", self.poses.append, many)
        self.shown, self.shown_at = START, 0.0

    def show_until(self, until: Callable[[], object]) -> None:
        """Pictures, twenty a second by their stamps, until something is so.

        The next one is shown once what is done in the last one has been told, or if it was lost
        with its process.
        """

        def show() -> object:
            told = self.actions[-1].header if self.actions else None
            done = told is not None and stamp(told) >= self.shown
            if done or time.monotonic() - self.shown_at > 0.3:
                self.shown, self.shown_at = self.shown + NANOSECONDS // 20, time.monotonic()
                self.camera.publish(set_stamp(rgb(), self.shown))
            return until()

        self.wait(show, 3 * DEADLINE)

    def camera_told(self, key: str) -> str:
        """The newest of the estimator's diagnostics."""
        found = [told[key] for told in self.diagnostics if key in told]
        return found[-1] if found else ""


@contextlib.contextmanager
def processes(
    tmp_path: Path, *recogniser: str, namespace: str = ""
) -> Iterator[tuple[Watcher, Any]]:
    """The estimator and, if it is given arguments, the recogniser; a watcher and the notes."""
    notes = tmp_path / "notes"
    notes.write_text("")
    place = ["-r", f"__ns:={namespace}"] if namespace else []
    with own_domain() as domain, contextlib.ExitStack() as stack:
        environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "NOTES": str(notes)}
        commands = [
            [sys.executable, "-c", GUARDIAN, NODE, "--ros-args", *place],
        ]
        if recogniser:
            commands.append(
                [sys.executable, "-m", "bharnet_ros.node", "--ros-args", *recogniser, *place]
            )
        for command in commands:
            started = subprocess.Popen(command, env=environment)
            stack.callback(started.wait, DEADLINE)
            stack.callback(started.send_signal, signal.SIGINT)
        context = stack.enter_context(ros_context(domain))
        watcher = Watcher(context, namespace)
        stack.callback(watcher.node.destroy_node)
        stack.callback(watcher.executor.shutdown)
        yield watcher, notes


def started(notes: Path) -> list[int]:
    """Every process that was, the one that runs now last."""
    return [int(pid) for pid in notes.read_text().split()]


def test_poses_resume_after_a_crash_and_a_hang_and_recognition_goes_on(tmp_path):
    model = save_model(tmp_path / "tiny.safetensors")
    parameters = {
        "model": model,
        "lost_seconds": 60.0,
        "stop_after_seconds": 60.0,
        "stride_seconds": 0.05,
    }
    given = [word for each in parameters.items() for word in ("-p", f"{each[0]}:={each[1]}")]
    with processes(tmp_path, *given) as (watcher, notes):
        people: list[str] = []
        for restarts, number in enumerate((signal.SIGSEGV, signal.SIGSTOP, None)):
            # What the dead process still had on its way does not count. An id is never used again,
            # not even by another process, so somebody new comes.
            watcher.show_until(
                lambda: (
                    watcher.poses
                    and watcher.poses[-1].people
                    and watcher.poses[-1].people[0].body_id not in people
                )
            )
            people.append(watcher.poses[-1].people[0].body_id)
            # The recogniser has lost nobody, those of before included.
            watcher.show_until(
                lambda: (
                    watcher.actions
                    and {each.body_id for each in watcher.actions[-1].actions} == set(people)
                    and len(watcher.saw(Action.ONSET, people[-1])) == 1
                )
            )
            watcher.show_until(
                lambda: watcher.camera_told("restarts") == str(len(started(notes)) - 1)
            )
            # More where Fast DDS lost the new process's topic, and it was started once more.
            assert len(started(notes)) - 1 >= restarts
            if number is not None:
                os.kill(started(notes)[-1], number)


def test_after_a_crash_it_is_in_the_state_that_it_was_in(tmp_path, monkeypatch):
    """Whatever `autostart` says: a lifecycle manager may have changed it meanwhile."""
    notes = tmp_path / "notes"
    notes.write_text("")
    monkeypatch.setenv("NOTES", str(notes))
    with own_domain() as domain, ros_context(domain) as context:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
        command = [sys.executable, "-c", NODE, "--ros-args", "-p", "autostart:=false"]
        guardian = Guardian(command, print)
        thread = threading.Thread(target=guardian.run)
        thread.start()
        tester = Tester(context)

        def state() -> str:
            answer = tester.ask(GetState, "bharnet_estimator/get_state", GetState.Request())
            return str(answer.current_state.label)

        try:
            for count, (number, wanted) in enumerate(
                (
                    (Transition.TRANSITION_CONFIGURE, "inactive"),
                    (Transition.TRANSITION_ACTIVATE, "active"),
                ),
                1,
            ):
                request = ChangeState.Request(transition=Transition(id=number))
                tester.ask(ChangeState, "bharnet_estimator/change_state", request)
                tester.wait(lambda wanted=wanted: guardian._state == wanted[:1].encode())
                os.kill(started(notes)[-1], signal.SIGSEGV)
                tester.wait(lambda count=count: len(started(notes)) > count, 3 * DEADLINE)
                tester.wait(lambda wanted=wanted: state() == wanted, 3 * DEADLINE)
        finally:
            guardian.stop()
            thread.join(DEADLINE)
            tester.executor.shutdown()
            tester.node.destroy_node()


def test_after_a_crash_it_has_the_parameters_that_it_had(tmp_path, monkeypatch):
    """Those set while it ran count for more than those it was first started with."""
    notes = tmp_path / "notes"
    notes.write_text("")
    monkeypatch.setenv("NOTES", str(notes))
    given = {"autostart": "false", "frame_rate": "3.0", "num_poses": "4"}
    words = [word for name, value in given.items() for word in ("-p", f"{name}:={value}")]
    with own_domain() as domain, ros_context(domain) as context:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
        guardian = Guardian([sys.executable, "-c", NODE, "--ros-args", *words], print)
        thread = threading.Thread(target=guardian.run)
        thread.start()
        tester = Tester(context)

        def change(**values: object) -> list[bool]:
            asked = [
                Parameter(name, value=value).to_parameter_msg() for name, value in values.items()
            ]
            request = SetParameters.Request(parameters=asked)
            answer = tester.ask(SetParameters, "bharnet_estimator/set_parameters", request)
            return [each.successful for each in answer.results]

        def told(*names: str) -> list[object]:
            request = GetParameters.Request(names=names)
            answer = tester.ask(GetParameters, "bharnet_estimator/get_parameters", request)
            return [parameter_value_to_python(each) for each in answer.values]

        try:
            assert change(frame_rate=7.5, models_folder="~/é", use_sim_time=True) == [True] * 3
            assert change(rotate=45, hang_seconds=0.0) == [False] * 2
            os.kill(started(notes)[-1], signal.SIGSEGV)
            tester.wait(lambda: len(started(notes)) > 1, 3 * DEADLINE)
            wanted = {
                "frame_rate": 7.5,
                "models_folder": "~/é",
                "use_sim_time": True,
                "num_poses": 4,
                "rotate": 0,
                "hang_seconds": 20.0,
            }
            assert told(*wanted) == list(wanted.values())
        finally:
            guardian.stop()
            thread.join(DEADLINE)
            tester.executor.shutdown()
            tester.node.destroy_node()


def test_names_in_the_graph_under_a_namespace(tmp_path):
    with processes(tmp_path, namespace="/robot1") as (watcher, _):
        watcher.show_until(lambda: watcher.poses)
        node = watcher.node
        watcher.wait(
            lambda: ("bharnet_estimator", "/robot1") in node.get_node_names_and_namespaces()
        )
        assert node.count_publishers("/robot1/bharnet/poses") == 1
        assert node.count_publishers("/robot1/bharnet_estimator/debug_image") == 1
        assert node.count_subscribers("/robot1/image") == 1
        assert node.count_subscribers("/robot1/bharnet/actions") == 2  # the watcher's, and its


def test_the_process_loads_no_torch():
    """Else it would start slowly, and after a crash it must be there again at once."""
    code = "import sys, bharnet_ros.camera.node as n; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == 0


def test_impossible_parameter_at_start_is_one_clear_line():
    code, errors = ended("camera", "-p", "rotate:=45")
    assert code == 2
    assert "bharnet_estimator cannot start" in errors
    assert "none of 0, 90, 180, 270" in errors
    assert "Traceback" not in errors
