# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bodies and hands from two sources: who waits for whom, how long, and on the node."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from diagnostic_msgs.msg import DiagnosticStatus
from people import START
from rclpy.qos import QoSProfile
from robot import Tester, heard, pose, poses, robot, save_model, stamp, start

from bharnet_ros import health, levels
from bharnet_ros.hands import PATIENCE, HandsToBodies
from bharnet_ros.msg import Action, PersonPose, PersonPoseArray


def test_it_is_said_that_no_hands_come(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(health, "SILENCE_SECONDS", 0.2)
    model = str(save_model(tmp_path / "tiny.safetensors"))
    with robot(model=model, input="poses_and_hands") as (node, tester):
        start(node)
        tester.ready()
        tester.wait(lambda: any("no poses arrive on /bharnet/poses" in s for s in tester.log))
        tester.tell(poses(0.0, pose()))
        tester.wait(
            lambda: any("no hands arrive on /bharnet/hands: nobody" in s for s in tester.log)
        )


@contextlib.contextmanager
def two_sources(tmp_path, **parameters):
    """A node that runs, its tester, and a publisher of hands; everybody knows each other."""
    model = str(save_model(tmp_path / "tiny.safetensors"))
    reliable = {"qos_overrides./bharnet/hands.subscription.reliability": "reliable"}
    with robot(model=model, input="poses_and_hands", **reliable, **parameters) as (node, tester):
        start(node)
        many = QoSProfile(depth=1000)
        other = tester.node.create_publisher(PersonPoseArray, "bharnet/hands", many)
        tester.wait(other.get_subscription_count)
        inputs = [s for s in node.subscriptions if s.topic_name.startswith("/bharnet/")]
        tester.wait(lambda: all(heard(node, each) for each in inputs))
        yield node, tester.ready(), other


def parts() -> tuple[PersonPose, PersonPose]:
    """Somebody's body, and their hands."""
    whole, body = pose(), pose()
    body.left_hand, body.right_hand = [], []
    return body, PersonPose(left_hand=whole.left_hand, right_hand=whole.right_hand)


def test_over_dds(tmp_path) -> None:
    """Bodies and hands from two publishers, ten milliseconds apart."""
    with two_sources(tmp_path) as (_, tester, other):
        body, hand = parts()
        for i in range(10):
            other.publish(poses(0.1 * i + 0.01, hand))
            tester.tell(poses(0.1 * i, body))
        tester.wait(lambda: tester.saw(Action.ONSET))
        assert all(
            array.header.stamp.sec * 10**9 + array.header.stamp.nanosec >= START
            for array in tester.actions
        )
        # The hand expert has seen them: without hands it has nothing to say.
        assert not np.isnan([each.hand_score for each in tester.saw(Action.ONSET)]).any()


def test_bodies_go_on_without_hands_and_with_them_again(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(health, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(levels, "RAISE_SECONDS", 0.0)
    monkeypatch.setattr(levels, "LOWER_SECONDS", 0.0)
    # What is heard is waited for below, so this is no matter of how busy the machine is.
    with two_sources(tmp_path, stop_after_seconds=60.0) as (_, tester, other):
        body, hand = parts()
        end = tester.play(body)  # hands never spoke
        assert newest(tester).frames_used >= 10
        assert np.isnan(newest(tester).hand_score)
        tester.wait(lambda: any("no hands arrive on /bharnet/hands" in s for s in tester.log))
        tester.wait(lambda: tester.statuses and "without them" in tester.statuses[-1].message)
        assert tester.statuses[-1].level == DiagnosticStatus.WARN
        # They come; the tiny model needs them.
        while not tester.saw(Action.ONGOING) or tester.statuses[-1].level == DiagnosticStatus.WARN:
            other.publish(poses(end + 0.01, hand))
            tester.tell(poses(end, body))
            tester.wait_stamp(end - 0.3)
            end += 0.1
        assert not np.isnan(newest(tester).hand_score)
        told = len(tester.statuses)
        tester.play(body, start=end)  # they fall silent
        tester.wait(lambda: DiagnosticStatus.WARN in [s.level for s in tester.statuses[told:]])
        # The windows hold every frame: nobody was lost, nothing was reset or came too late.
        assert newest(tester).frames_used >= 10
        assert {each.reason for each in tester.saw(Action.OFFSET)} <= {Action.REASON_FINISHED}
        assert not [line for line in tester.log if "older" in line]
        stamps = [stamp(each.header) for each in tester.actions]
        assert stamps == sorted(set(stamps))


def test_ages_tell_that_bodies_waited_for_hands(tmp_path) -> None:
    model = str(save_model(tmp_path / "tiny.safetensors"))
    with robot(model=model, input="poses_and_hands") as (node, tester):
        start(node)
        tester.ready().tell(poses(0.0, parts()[0]))
        tester.wait(lambda: tester.told("results", "1"))
        assert float(tester.diagnostics[-1]["result age p50 (ms)"]) >= 1e3 * PATIENCE


def newest(tester: Tester) -> Action:
    """What was told of the person last."""
    return tester.actions[-1].actions[-1]


class Both:
    """Two topics without DDS, on a clock that the test turns."""

    def __init__(self) -> None:
        self.now, self.told, self.reports = 100.0, [], []
        self.input = HandsToBodies(
            0.05,
            0.5,
            self.deliver,
            lambda key, text: self.reports.append(text),
            lambda: self.now,
        )
        self.hand = parts()[1]

    def deliver(self, message: PersonPoseArray, arrived: float) -> None:
        self.told.append(self.seconds(message))
        self.waited = self.now - arrived

    def seconds(self, message: PersonPoseArray) -> str:
        """When it was; h = with hands."""
        seconds = (stamp(message.header) - START) / 1e9
        return f"{seconds:.1f}{'h' * any(len(each.left_hand) for each in message.people)}"

    def bodies(self, *seconds: float) -> None:
        for each in seconds:
            self.input.bodies(poses(each, parts()[0]))

    def hands(self, *seconds: float) -> None:
        for each in seconds:
            self.input.hands(poses(each, self.hand))

    def take(self) -> list[str]:
        """What was delivered since."""
        told = list(self.told)
        self.told.clear()
        return told


def test_bodies_wait_so_long_and_no_longer() -> None:
    both = Both()
    both.bodies(0.0, 0.1)
    both.now += PATIENCE
    both.input.look()
    assert both.take() == []
    both.now += 0.01
    both.input.look()
    assert both.take() == ["0.0", "0.1"]
    assert both.waited == pytest.approx(PATIENCE + 0.01)
    both.bodies(0.2)
    assert both.take() == ["0.2"]
    assert both.waited == 0


def test_a_body_that_was_delivered_is_not_delivered_again() -> None:
    both = Both()
    both.bodies(0.0, 0.1)
    both.now += PATIENCE + 0.01
    both.input.look()
    both.take()
    both.hands(0.0, 0.1)  # far too late
    both.bodies(0.2)
    assert both.take() == ["0.2"]
    both.hands(0.2)  # in time, but one is no promise
    both.bodies(0.3)
    assert both.take() == ["0.3"]
    both.hands(0.3)
    both.bodies(0.4)
    assert both.take() == []
    both.hands(0.4)
    assert both.take() == ["0.4h"]
    assert both.input.alone_since is None


def test_hands_that_come_first_are_joined_at_once() -> None:
    both = Both()
    both.bodies(0.0)
    both.now += PATIENCE + 0.01
    both.input.look()
    both.hands(0.1)
    both.bodies(0.1)
    assert both.take() == ["0.0", "0.1h"]


def test_hands_of_fewer_moments_leave_bodies_out() -> None:
    both = Both()
    both.bodies(0.0, 0.1, 0.2)
    both.hands(0.1)
    both.hands(0.0)  # late: 0.1 was told already
    both.hands(0.2)
    assert both.take() == ["0.1h", "0.2h"]


def test_hands_seldom_or_late_do_not_hold_bodies_up() -> None:
    both = Both()
    both.bodies(0.0)
    both.now += PATIENCE + 0.01
    both.input.look()
    for second in range(1, 5):
        both.now += 1.0
        both.bodies(second)
        both.hands(second)
    assert both.take() == ["0.0", "1.0", "2.0", "3.0", "4.0"]


def test_stamps_that_jump_back_and_negative_ones() -> None:
    both = Both()
    both.bodies(9.0)
    both.hands(9.0)
    both.bodies(9.1, 0.0)
    both.hands(0.0)
    assert both.take() == ["9.0h", "0.0h"]
    negative = poses(1.0)
    negative.header.stamp.sec = -5
    both.input.bodies(negative)
    ahead = poses(0.0)
    ahead.header.stamp.nanosec = 2**32 - 1  # of four seconds: those that follow are not late
    both.input.bodies(ahead)
    both.bodies(0.1)
    both.hands(0.1)
    assert both.take() == ["0.1h"]
    both.now += PATIENCE + 0.01
    both.input.look()
    assert both.take() == []
    assert both.input.alone_since is None
    assert "negative" in both.reports[0]
    assert len(both.reports) == 2
