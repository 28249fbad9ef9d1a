# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The recorder's node on real DDS: services in, a folder of takes out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from rclpy.parameter import Parameter
from recorder import ask, recorder, tell
from robot import DEADLINE, needs_numbers, pose, poses

from bharnet.recording import Recordings
from bharnet.source import MOST_LOST
from bharnet.take import read_take
from bharnet_ros.demo.domain import own_domain
from bharnet_ros.msg import PersonPoseArray


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
