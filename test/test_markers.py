# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Markers for RViz: people in metres, what they do, and nobody who has left."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from pathlib import Path

import yaml
from people import standing
from robot import RELIABLE, heard, pose, poses, robot, start
from visualization_msgs.msg import Marker, MarkerArray

from bharnet_ros.msg import PersonPose, PersonPoseArray

ROOT = Path(__file__).resolve().parents[1]


def in_metres(body_id: str, distance: float = 2.0) -> PersonPose:
    body, hands = standing()
    for joints in (body, hands):
        joints[..., 2] = distance
    return PersonPose(
        body_id=body_id, body=body.ravel(), left_hand=hands[0].ravel(), right_hand=hands[1].ravel()
    )


def seen(seconds: float, *people: PersonPose) -> PersonPoseArray:
    message = poses(seconds, *people)
    message.coordinates = PersonPoseArray.COORDINATES_CAMERA
    return message


class Viewer:
    """Keeps the markers as RViz does."""

    def __init__(self, node, tester) -> None:
        self.shown: dict[tuple[str, int], Marker] = {}
        self.count = 0
        self.subscription = tester.node.create_subscription(
            MarkerArray, "bharnet/markers", self.take, 1000
        )
        tester.wait(lambda: heard(tester.node, self.subscription))
        tester.wait(node._shown.get_subscription_count)

    def take(self, message: MarkerArray) -> None:
        self.count += 1
        for marker in message.markers:
            assert marker.header.frame_id == "camera"
            key = (marker.ns, marker.id)
            if marker.action == Marker.DELETE:
                del self.shown[key]
            else:
                self.shown[key] = marker

    def texts(self) -> list[str]:
        return sorted(each.text for each in self.shown.values() if each.text)


def test_people_come_act_and_leave(model):
    with robot(model=model, lost_seconds=0.3, **RELIABLE) as (node, tester):
        start(node)
        tester.ready()
        viewer = Viewer(node, tester)
        for i in range(10):
            tester.tell(seen(0.1 * i, in_metres("ab12c"), in_metres("xy34z", 3.0)))
        tester.wait(lambda: [text.split(":")[0] for text in viewer.texts()] == ["ab12c", "xy34z"])
        tester.wait(lambda: all("wave" in text and "%" in text for text in viewer.texts()))
        lines = [each for each in viewer.shown.values() if each.type == Marker.LINE_LIST]
        # Ten bones of the body and twenty of each hand, two ends each.
        assert {len(each.points) for each in lines} == {2 * (10 + 20 + 20)}
        assert {round(each.points[0].z, 3) for each in lines} == {2.0, 3.0}
        # They vanish by themselves when nothing more is told: after a stride and a pause.
        assert {
            each.lifetime.sec + each.lifetime.nanosec / 1e9 for each in viewer.shown.values()
        } == {1.2}
        (text,) = [each for each in viewer.shown.values() if each.text.startswith("ab12c")]
        assert text.pose.position.y < np.nanmin(standing()[0][:, 1])  # above the head
        # One leaves: their markers go, the other's stay.
        for i in range(10, 18):
            tester.tell(seen(0.1 * i, in_metres("ab12c")))
        tester.wait(lambda: len(viewer.shown) == 2)
        assert viewer.texts()[0].startswith("ab12c")


def test_two_dimensions_have_no_metres_and_it_is_said(model):
    with robot(model=model, **RELIABLE) as (node, tester):
        start(node)
        tester.ready()
        viewer = Viewer(node, tester)
        tester.play(pose(), seconds=1.0)
        tester.wait(lambda: viewer.count)
        assert viewer.shown == {}
        assert len([line for line in tester.log if "there are no markers" in line]) == 1


def test_the_rviz_file_shows_what_the_nodes_publish():
    told = yaml.safe_load((ROOT / "config" / "recognize.rviz").read_text())
    displays = told["Visualization Manager"]["Displays"]
    topics = {each["Class"]: each["Topic"]["Value"] for each in displays if "Topic" in each}
    assert topics == {
        "rviz_default_plugins/MarkerArray": "/bharnet/markers",
        "rviz_default_plugins/Image": "/bharnet_estimator/debug_image",
    }
