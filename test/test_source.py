# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Two publishers on one topic: windows hold one of them, the other is told of."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

import numpy as np
from camera import camera
from people import START
from pictures import HEIGHT, WIDTH, camera_info, depth, rgb, scene, set_stamp
from rclpy.qos import QoSProfile
from robot import needs_numbers, pose, poses, robot, save_model, start
from sensor_msgs.msg import Image

from bharnet import source
from bharnet.poses import to_frame
from bharnet.source import (
    COUNT_SECONDS,
    GONE_SECONDS,
    HOLD_SECONDS,
    MOST_LOST,
    NOT_NUMBERED,
    Source,
    arrival,
)
from bharnet.window import NANOSECONDS
from bharnet_ros import node as node_module
from bharnet_ros.msg import PersonPoseArray


class Asked:
    """A source, asked what it takes of messages that come ten a second."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.publishers = 1
        self.source = Source(
            "/bharnet/poses", lambda key, text: self.said.append(text), lambda: self.publishers
        )
        self.now = 100.0

    def takes(self, number: int, name: str = "camera", after: float = 0.1) -> bool:
        self.now += after
        return self.source.takes({"publication_sequence_number": number}, name, self.now)


def test_one_publisher_that_loses_messages():
    asked = Asked()
    assert all(asked.takes(number) for number in (7, 8, 11, 12, 12 + MOST_LOST))
    assert asked.said == []


@pytest.mark.parametrize(("first", "other"), [(1000, 3), (3, 1000)])
def test_of_two_the_first_is_followed(first, other):
    asked = Asked()
    for number in range(20):
        assert asked.takes(first + number, after=0.05)
        assert not asked.takes(other + number, after=0.05)
    assert len(asked.said) == 20
    assert "two publishers send to /bharnet/poses" in asked.said[0]


def test_of_two_cameras_of_one_publisher_one_is_followed():
    """Which numbers its messages one after the other."""
    asked = Asked()
    taken = [asked.takes(n, ("front", "rear")[n % 2], after=0.05) for n in range(10)]
    assert taken == [True, False] * 5
    assert "or one with several frame_ids" in asked.said[0]
    assert "each camera needs a topic" in asked.said[0]


def test_one_that_was_started_again_is_followed():
    asked = Asked()
    assert asked.takes(500)
    assert not asked.takes(1)
    assert asked.takes(2, after=HOLD_SECONDS)
    assert asked.takes(3)


def test_without_numbers_names_tell_them_apart():
    asked = Asked()
    for _ in range(5):
        assert asked.takes(NOT_NUMBERED, "left camera")
        assert not asked.takes(NOT_NUMBERED, "right camera")
    assert asked.takes(NOT_NUMBERED, "right camera", after=HOLD_SECONDS)
    # Humble says nothing at all, Jazzy says None where the middleware does not number.
    for info in ({}, {"publication_sequence_number": None, "received_timestamp": None}):
        for _ in range(2):
            assert asked.source.takes(info, "right camera", asked.now)
        assert not asked.source.takes(info, "left camera", asked.now)


def test_without_numbers_publishers_of_one_name_are_counted():
    """As with Cyclone DDS: nothing else can be done."""
    asked = Asked()
    assert asked.takes(NOT_NUMBERED)
    asked.publishers = 2
    for _ in range(round(GONE_SECONDS / 0.1) - 1):  # the first may have been killed
        assert asked.takes(NOT_NUMBERED)
    assert asked.said == []
    for _ in range(round(COUNT_SECONDS / 0.1) + 1):
        assert asked.takes(NOT_NUMBERED)
    assert len(asked.said) == 1
    assert "/bharnet/poses has 2 publishers" in asked.said[0]
    asked.publishers = 1
    for _ in range(100):
        assert asked.takes(NOT_NUMBERED)
    assert len(asked.said) == 1


def test_two_that_were_started_together_are_told_apart_by_name():
    """Two cameras of one launch file: their numbers are near, and overtake each other."""
    asked = Asked()
    for number in range(10, 40):
        assert asked.takes(number, "left camera", after=0.02)
        assert not asked.takes(number + 3, "right camera", after=0.02)


def test_a_clock_that_is_set_back_holds_nobody_up():
    asked = Asked()
    assert asked.takes(5)
    assert asked.takes(1, after=-3600.0)
    assert asked.takes(2)


def test_the_time_of_arrival_is_the_middlewares():
    assert arrival({"received_timestamp": 1_700_000_000_500_000_000}) == 1_700_000_000.5
    before = time.monotonic()
    # Of a middleware that does not say.
    for info in ({}, {"received_timestamp": 0}, {"received_timestamp": None}):
        assert before <= arrival(info) <= time.monotonic()


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 0.4)), max_size=60))
def test_however_they_interleave_one_is_followed_while_it_comes(events):
    """The second starts far behind; it is taken only where the first was silent for long."""
    asked, numbers, last, followed = Asked(), [5000, 1], {}, None
    for second, after in events:
        numbers[second] += 1
        taken = asked.takes(numbers[second], after=after)
        silent = followed is None or asked.now - last[followed] >= HOLD_SECONDS
        assert taken == (second == followed or silent)
        if taken:
            followed, last[second] = second, asked.now


@needs_numbers
def test_two_publishers_who_number_people_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "HOLD_SECONDS", 60.0)  # a busy machine may hold one of them up
    model = str(save_model(tmp_path / "tiny.safetensors"))
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready()
        for _ in range(MOST_LOST):  # what this publisher counted before the other came
            tester.tell(poses(0.0, pose()))
        other = tester.node.create_publisher(
            PersonPoseArray, "bharnet/poses", QoSProfile(depth=1000)
        )
        tester.wait(other.get_subscription_count)
        for number in range(1, 11):
            tester.tell(poses(0.1 * number, pose()))
            other.publish(poses(0.1 * number + 0.05, pose(seed=1)))
            tester.wait_stamp(0.1 * number - 0.3)
        tester.wait(lambda: tester.told("messages received", str(MOST_LOST + 10)))
        tester.wait_stamp(1.0)
        # One of each number: the window holds nothing that the other sent.
        assert tester.actions[-1].actions[0].frames_used == 11
        (line,) = [line for line in tester.log if "two publishers send to /bharnet/poses" in line]
        assert "stop one of them" in line
        assert int(tester.diagnostics[-1]["frames or people left out"]) >= 10


@needs_numbers
def test_a_node_that_is_held_up_follows_whom_it_did(tmp_path, monkeypatch):
    """Found by tools/soak/node.py: it took its own delay for silence of the one it followed."""
    model, slow = str(save_model(tmp_path / "tiny.safetensors")), []

    def held_up(message, *arguments):
        if slow:
            time.sleep(slow.pop())
        return to_frame(message, *arguments)

    monkeypatch.setattr(node_module, "to_frame", held_up)
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready()
        other = tester.node.create_publisher(
            PersonPoseArray, "bharnet/poses", QoSProfile(depth=1000)
        )
        tester.wait(other.get_subscription_count)
        for number in range(1, MOST_LOST + 2):  # so that numbers tell them apart
            tester.tell(poses(0.1 * number, pose()))
        tester.wait(lambda: tester.told("messages received", str(MOST_LOST + 1)))
        slow.append(2 * HOLD_SECONDS)
        for number in range(60, 70):
            tester.publisher.publish(poses(0.1 * number, pose()))
            other.publish(poses(0.1 * number + 0.05, pose("other")))
        tester.wait(lambda: tester.told("messages received", str(MOST_LOST + 11)))
        assert all(each.body_id != "other" for told in tester.actions for each in told.actions)


def test_two_cameras_on_one_topic(monkeypatch):
    """Else one tracker would take turns between two scenes."""
    monkeypatch.setattr(source, "HOLD_SECONDS", 60.0)  # a busy machine may hold one of them up
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0)
        other = photographer.node.create_publisher(Image, "image", QoSProfile(depth=1000))
        photographer.wait(other.get_subscription_count)
        for number in range(1, 11):
            moment = START + (number * NANOSECONDS) // 10 - 1
            other.publish(set_stamp(rgb(), moment, "rear_camera"))
            # The size of one camera's pictures may change.
            found = photographer.shoot(0.1 * number, rgb(scene(160, 120 + 2 * number)))
            assert found.image_height == 120 + 2 * number
        photographer.wait(lambda: node.report.counts["two_sources"] == 10)
        assert len(fake.stamps) == 11
        photographer.said("two publishers send to /image")
        photographer.tells(pictures_received="11", pictures_estimated="11", refused="10")


def test_depth_of_another_camera(monkeypatch):
    monkeypatch.setattr(source, "HOLD_SECONDS", 60.0)
    with camera(use_depth=True) as (node, photographer, _):
        start(node)
        photographer.ready()
        others = photographer.node.create_publisher(Image, "depth", QoSProfile(depth=1000))
        photographer.wait(others.get_subscription_count)

        def measure(publisher, metres: float, frame_id: str = "camera_optical_frame") -> None:
            publisher.publish(set_stamp(depth(np.full((HEIGHT, WIDTH), metres)), START, frame_id))

        measure(photographer.depth, 2.0)
        photographer.wait(lambda: node._health._camera._others["depth"] == 1)
        measure(others, 1.0, "rear_camera")
        photographer.said("two publishers send to /depth")
        photographer.info.publish(set_stamp(camera_info(), START))
        (person,) = photographer.shoot(0.0).people
        assert np.nanmedian(np.reshape(person.body, (-1, 4))[:, 2]) == pytest.approx(2.0)
