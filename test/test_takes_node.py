# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The recorder's node on real DDS: services in, a folder of takes out."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from robot import DEADLINE, RELIABLE, Tester, needs_numbers, pose, poses, process
from std_srvs.srv import Trigger

from bharnet.recording import Recordings
from bharnet.source import MOST_LOST
from bharnet.take import read_take, write_take
from bharnet_ros.demo.domain import own_domain
from bharnet_ros.msg import PersonPoseArray
from bharnet_ros.takes import RecorderNode


@contextlib.contextmanager
def recorder(**parameters):
    """The node in a thread of its own, and a tester in another context."""
    with own_domain() as domain:
        inside, outside = rclpy.Context(), rclpy.Context()
        for each in (inside, outside):
            rclpy.init(context=each, domain_id=domain)
        given = [Parameter(name, value=value) for name, value in (RELIABLE | parameters).items()]
        node = RecorderNode(context=inside, parameter_overrides=given)
        executor = SingleThreadedExecutor(context=inside)
        executor.add_node(node)
        thread = threading.Thread(target=executor.spin)
        thread.start()
        tester = Tester(outside)
        tester.wait(lambda: tester.publisher.get_subscription_count())
        tester.clients = {
            name: tester.node.create_client(Trigger, f"/bharnet_recorder/{name}_recording")
            for name in ("start", "stop", "discard")
        }
        tester.wait(lambda: all(each.service_is_ready() for each in tester.clients.values()))
        try:
            yield node, tester
        finally:
            tester.executor.shutdown()
            tester.node.destroy_node()
            executor.shutdown()
            thread.join(DEADLINE)
            node.destroy_node()
            for each in (inside, outside):
                rclpy.shutdown(context=each)


def ask(tester, name):
    """Once only: unlike others these services do something else when asked again."""
    answer = tester.clients[name].call_async(Trigger.Request())
    tester.wait(answer.done, 3 * DEADLINE)
    return answer.result().success, answer.result().message


def tell(node, tester, start, count, *people):
    """Poses at 10 Hz, each waited for."""
    for i in range(count):
        tester.tell(poses(start + i / 10, *people))
    tester.wait(lambda: node.frames >= count)


def test_takes_are_recorded_by_services(tmp_path):
    with recorder(folder=str(tmp_path / "mine"), session="monday") as (node, tester):
        assert ask(tester, "start") == (False, "what is shown? set the parameter label")
        assert ask(tester, "stop") == (False, "nothing is recorded")
        node.set_parameters([Parameter("label", value="wave")])
        assert ask(tester, "start")[0]
        assert ask(tester, "stop") == (False, "no poses came; is something publishing them?")
        assert ask(tester, "start") == (True, "recording 'wave'")
        tell(node, tester, 0, 12, pose())
        # What is shown was said at the start.
        node.set_parameters([Parameter("label", value="stop")])
        assert ask(tester, "stop") == (True, "kept wave_001.npz, 1.1 s; 1 takes of 'wave'")
        (line,) = Recordings(tmp_path / "mine").lines
        assert (line.label, line.session) == ("wave", "monday")
        take = read_take(tmp_path / "mine" / line.take)
        assert (len(take.stamps), take.units) == (12, "picture_heights")
        assert ask(tester, "discard") == (True, "wave_001.npz discarded")
        assert not ask(tester, "discard")[0]
        assert Recordings(tmp_path / "mine").lines == []


def test_a_take_ends_by_itself_and_can_be_broken_off(tmp_path):
    given = {"folder": str(tmp_path), "label": "wave", "seconds": 0.5}
    with recorder(**given) as (node, tester):
        ask(tester, "start")
        for i in range(9):
            tester.tell(poses(i / 10, pose()))
        tester.wait(lambda: not node.recording)
        assert ask(tester, "stop")[1] == "kept wave_001.npz, 0.5 s; 1 takes of 'wave'"
        ask(tester, "start")
        assert ask(tester, "discard") == (True, "take broken off")
        (line,) = Recordings(tmp_path).lines
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\dh", line.session)  # days are told apart


@pytest.mark.parametrize("before", [100.0, -1e6], ids=["back", "by a clock that is set"])
def test_a_take_begins_anew_where_time_does(tmp_path, before):
    with recorder(folder=str(tmp_path), label="wave", seconds=0.5) as (node, tester):
        ask(tester, "start")
        tell(node, tester, before, 4, pose())
        for i in range(9):
            tester.tell(poses(i / 10, pose()))
        tester.wait(lambda: not node.recording)
        assert ask(tester, "stop")[1] == "kept wave_001.npz, 0.5 s; 1 takes of 'wave'"


@needs_numbers
def test_a_take_never_holds_what_two_publishers_send(tmp_path, monkeypatch):
    monkeypatch.setattr("bharnet.source.HOLD_SECONDS", DEADLINE)  # on a busy machine, too
    with recorder(folder=str(tmp_path), label="wave") as (node, tester):
        other = tester.node.create_publisher(PersonPoseArray, "bharnet/poses", 1000)
        tester.wait(other.get_subscription_count)
        ask(tester, "start")
        for i in range(MOST_LOST):  # so that numbers tell them apart
            tester.tell(poses(i / 10, pose()))
        tester.wait(lambda: node.frames == MOST_LOST)
        for i in range(MOST_LOST, MOST_LOST + 10):
            other.publish(poses(i / 10 - 0.05, pose(seed=1)))
            tester.tell(poses(i / 10, pose()))
        tester.wait(lambda: node.report.counts["two_sources"] == 10)
        tester.wait(lambda: node.frames == MOST_LOST + 10)
        assert ask(tester, "stop")[0]
        (line,) = Recordings(tmp_path).lines
        body = read_take(tmp_path / line.take).body
        assert (body == body[:1]).all()


def test_a_full_disk_is_told_and_the_node_lives(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with recorder(folder=str(tmp_path), label="wave") as (node, tester):
        with monkeypatch.context() as patch:
            patch.setattr("bharnet.recording.write_take", full)
            ask(tester, "start")
            tell(node, tester, 0, 5, pose())
            success, message = ask(tester, "stop")
            assert not success
            assert "No space left on device" in message
        ask(tester, "start")
        tell(node, tester, 10, 5, pose())
        assert ask(tester, "stop")[0]
        assert not any(tmp_path.glob("*.partial"))


def test_a_take_that_could_not_be_kept_can_be_stopped_again(tmp_path):
    """Nobody does a gesture again because of a misspelt name."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    given = {"folder": str(blocked), "label": "wave", "body_id": "somebody"}
    with recorder(**given) as (node, tester):
        ask(tester, "start")
        tell(node, tester, 0, 5, pose())
        success, message = ask(tester, "stop")
        assert not success
        assert message.endswith("; cure that and call stop_recording again")
        node.set_parameters([Parameter("folder", value=str(tmp_path / "mine"))])
        success, message = ask(tester, "stop")
        assert (success, "5 frames show ab12c, not 'somebody'" in message) == (False, True)
        tester.tell(poses(0.6, pose()))  # is no longer gathered
        node.set_parameters([Parameter("body_id", value="ab12c")])
        assert ask(tester, "stop") == (True, "kept wave_001.npz, 0.4 s; 1 takes of 'wave'")
        assert ask(tester, "stop") == (False, "nothing is recorded")


def test_an_error_that_is_called_timeout_is_one_of_the_disk(tmp_path, monkeypatch):
    """Of a network's file system. It had been told that the take is still being written."""

    def gone(*_):
        raise OSError(errno.ETIMEDOUT, "Connection timed out")

    with recorder(folder=str(tmp_path), label="wave") as (node, tester):
        with monkeypatch.context() as patch:
            patch.setattr("bharnet.recording.write_take", gone)
            ask(tester, "start")
            tell(node, tester, 0, 5, pose())
            assert "Connection timed out" in ask(tester, "stop")[1]
        assert ask(tester, "stop")[0]


def test_what_is_discarded_is_the_newest_take_however_slow_the_disk(tmp_path, monkeypatch):
    with recorder(folder=str(tmp_path), label="wave") as (node, tester):
        ask(tester, "start")
        tell(node, tester, 0, 5, pose())
        assert ask(tester, "stop")[0]
        gate = threading.Event()

        def slow(*given):
            assert gate.wait(DEADLINE)
            write_take(*given)

        monkeypatch.setattr("bharnet.recording.write_take", slow)
        monkeypatch.setattr("bharnet_ros.takes.PATIENCE", 0.1)
        ask(tester, "start")
        tell(node, tester, 10, 5, pose())
        assert "the disk is slow" in ask(tester, "stop")[1]
        assert "the disk is slow" in ask(tester, "discard")[1]
        gate.set()
        monkeypatch.setattr("bharnet_ros.takes.PATIENCE", DEADLINE)
        assert ask(tester, "discard") == (False, "there is no take of this run to discard")
        assert [line.take for line in Recordings(tmp_path).lines] == ["wave_001.npz"]


@contextlib.contextmanager
def failing_late(tester, monkeypatch):
    """A disk that says no, but only after the answer of the service."""
    begun, gate = threading.Event(), threading.Event()

    def full(*_):
        begun.set()
        assert gate.wait(DEADLINE)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("bharnet.recording.write_take", full)
        patch.setattr("bharnet_ros.takes.PATIENCE", 0.1)
        assert "the disk is slow" in ask(tester, "stop")[1]
        assert begun.wait(DEADLINE)
        yield
        gate.set()


def test_a_take_that_a_slow_disk_refuses_can_be_stopped_again(tmp_path, monkeypatch, capfd):
    """It had been lost, and nobody was told."""
    with recorder(folder=str(tmp_path), label="wave") as (node, tester):
        ask(tester, "start")
        tell(node, tester, 0, 5, pose())
        with failing_late(tester, monkeypatch):
            assert ask(tester, "stop") == (False, "nothing is recorded")  # not yet
        tester.wait(lambda: node._writing.done())
        assert ask(tester, "stop") == (True, "kept wave_001.npz, 0.4 s; 1 takes of 'wave'")
        assert ask(tester, "stop") == (False, "nothing is recorded")
    assert "'wave' was not kept: cannot write to" in capfd.readouterr().err


@pytest.mark.parametrize("known", [False, True], ids=["on its way", "refused"])
def test_a_take_that_a_slow_disk_refuses_is_the_one_to_be_discarded(tmp_path, monkeypatch, known):
    """The one before it had been, which was good."""
    with recorder(folder=str(tmp_path), label="wave") as (node, tester):
        ask(tester, "start")
        tell(node, tester, 0, 5, pose())
        assert ask(tester, "stop")[0]
        ask(tester, "start")
        tell(node, tester, 10, 5, pose())
        with failing_late(tester, monkeypatch):
            if not known:
                assert "the disk is slow" in ask(tester, "discard")[1]
        tester.wait(lambda: node._writing.done())
        if known:
            assert ask(tester, "discard") == (True, "take broken off")
        assert ask(tester, "stop") == (False, "nothing is recorded")
        assert [line.take for line in Recordings(tmp_path).lines] == ["wave_001.npz"]


def test_what_could_not_be_discarded_can_be_asked_for_again(tmp_path, monkeypatch):
    def locked(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    with recorder(folder=str(tmp_path), label="wave") as (node, tester):
        ask(tester, "start")
        tell(node, tester, 0, 5, pose())
        assert ask(tester, "stop")[0]
        with monkeypatch.context() as patch:
            patch.setattr("bharnet_ros.takes.Recordings.discard", locked)
            assert "Read-only file system" in ask(tester, "discard")[1]
        assert ask(tester, "discard") == (True, "wave_001.npz discarded")


HANGING = """
import ctypes, sys
from bharnet import recording
from bharnet_ros import takes
takes.PATIENCE = 0.1
recording.write_take = lambda *_: ctypes.CDLL(None).sleep(600)
sys.exit(takes.main(sys.argv))
"""


def test_a_disk_that_hangs_keeps_nobody_from_stopping(tmp_path):
    given = ("-p", f"folder:={tmp_path}", "-p", "label:=wave")
    with process(*given, python=("-c", HANGING)) as (started, tester):
        tester.wait(tester.publisher.get_subscription_count)

        def service(name: str) -> str:
            request = Trigger.Request()
            return tester.ask(Trigger, f"bharnet_recorder/{name}_recording", request).message

        def told() -> bool:
            service("start")
            for _ in range(5):  # some may be lost
                tester.tell(poses(time.monotonic(), pose()))
            return "the disk is slow" in service("stop")

        tester.wait(told)
        started.send_signal(signal.SIGINT)
        _, errors = started.communicate(timeout=DEADLINE)
        assert started.returncode == 0, errors
        assert "the disk does not answer" in errors


def test_names_are_checked_before_a_take_not_after(tmp_path):
    with recorder(folder=str(tmp_path), label=" wave") as (node, tester):
        success, message = ask(tester, "start")
        assert not success
        assert "' wave' is no name of a gesture" in message
        node.set_parameters([Parameter("label", value="wave")])
        (refused,) = node.set_parameters([Parameter("person", value="p\t1")])
        assert "no name of a person" in refused.reason
        assert ask(tester, "start")[0]


def test_names_of_layouts_and_folders_as_elsewhere(tmp_path, monkeypatch):
    """Underscores do not matter to the recogniser either, and ~ is the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with recorder(folder="~/mine", label="wave") as (node, tester):
        ask(tester, "start")
        for i in range(5):
            message = poses(i / 10, pose())
            message.body_layout = "upperbody11"
            tester.tell(message)
        tester.wait(lambda: node.frames == 5)
        metres = poses(0.6, pose())
        metres.coordinates = PersonPoseArray.COORDINATES_CAMERA
        tester.tell(metres)  # other units: not into the same take
        tester.tell(poses(0.7, pose()))
        tester.wait(lambda: node.frames == 6)
        assert ask(tester, "stop")[0]
        (line,) = Recordings(tmp_path / "mine").lines
        assert len(read_take(tmp_path / "mine" / line.take).stamps) == 6


def test_wild_poses_and_names_do_no_harm(tmp_path):
    with recorder(folder=str(tmp_path), label="wave") as (node, tester):
        (refused,) = node.set_parameters([Parameter("label", value="a\nb")])
        assert "no name of a gesture" in refused.reason
        ask(tester, "start")
        wild = poses(0.1, pose())
        wild.body_layout = "octopus"
        tester.tell(wild)
        other = poses(0.2, pose())
        other.coordinates = 0
        tester.tell(other)
        tell(node, tester, 1, 3)  # nobody
        success, message = ask(tester, "stop")
        assert not success
        assert "do not show anybody" in message


# Told to stop in the middle of being made, where rclpy's own handlers let all raise that follows.
TOLD = """
import signal, sys
from bharnet_ros import takes
declare_all = takes.declare_all
def declare(*given):
    signal.raise_signal(int(sys.argv[1]))
    return declare_all(*given)
takes.declare_all = declare
sys.exit(takes.main(sys.argv))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_at_any_moment_it_ends_well(number):
    with own_domain() as domain:
        done = subprocess.run(
            [sys.executable, "-c", TOLD, str(int(number))],
            env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_not_stopped_is_told_to_be_lost(tmp_path, capfd):
    with recorder(folder=str(tmp_path), label="wave") as (node, tester):
        ask(tester, "start")
        tell(node, tester, 0, 5, pose())
    assert "5 frames of 'wave' are not kept" in capfd.readouterr().err
