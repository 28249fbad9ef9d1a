# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The recorder before a disk that is full, slow, or hangs: no take is lost, and nobody waits."""

from __future__ import annotations

import contextlib
import errno
import signal
import threading
import time

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from rclpy.parameter import Parameter
from recorder import ask, recorder, tell
from robot import DEADLINE, pose, poses, process
from std_srvs.srv import Trigger

from bharnet.recording import Recordings
from bharnet.take import write_take


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
