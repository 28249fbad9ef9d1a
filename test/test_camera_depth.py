# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The estimator's node with depth: joints in metres, or none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from camera import camera
from diagnostic_msgs.msg import DiagnosticStatus
from people import START
from pictures import HEIGHT, WIDTH, camera_info, depth, set_stamp
from robot import set_parameter, stamp, start
from sensor_msgs.msg import Image

from bharnet.window import NANOSECONDS
from bharnet_ros import levels
from bharnet_ros.msg import PersonPoseArray

FOCAL = 60.0


def sent(photographer, second: float, metres: np.ndarray, apart: float = 0.01) -> Image:
    """Depth and camera_info a little later, then the picture."""
    when = START + round((second + apart) * NANOSECONDS)
    photographer.depth.publish(set_stamp(depth(metres), when))
    photographer.info.publish(set_stamp(camera_info(focal=FOCAL), when))
    return photographer.show(second)


def test_depth_lifts_joints_to_metres():
    with camera(use_depth=True) as (node, photographer, fake):
        start(node)
        photographer.ready()
        metres = np.full((HEIGHT, WIDTH), 2.0)
        metres[:, : WIDTH // 3] = np.nan
        sent(photographer, 0.0, metres)
        photographer.wait(lambda: photographer.poses)
        found = photographer.poses[0]
        assert found.coordinates == PersonPoseArray.COORDINATES_CAMERA
        assert stamp(found.header) == START
        body = np.reshape(found.people[0].body, (-1, 4))
        pixels = fake.people[0].body[:, :2] * (WIDTH, HEIGHT)
        there = pixels[:, 0] > WIDTH / 3 + 2
        assert there.any()
        wanted = (pixels - (WIDTH / 2, HEIGHT / 2)) / FOCAL * 2.0
        assert np.allclose(body[there, :2], wanted[there], atol=1e-4)
        assert np.allclose(body[there, 2], 2.0)
        hidden = pixels[:, 0] < WIDTH / 3 - 2
        assert np.isnan(body[hidden, :3]).all()
        assert (body[hidden, 3] == 0).all()


def test_depth_of_another_size_or_moment_is_not_used():
    with camera(use_depth=True) as (node, photographer, fake):
        start(node)
        photographer.ready()
        sent(photographer, 0.0, np.full((HEIGHT // 2, WIDTH // 2), 2.0))
        photographer.said("depth is 32 x 24 pixels, the picture 64 x 48")
        sent(photographer, 1.0, np.full((HEIGHT, WIDTH), 2.0), apart=0.2)
        sent(photographer, 2.0, np.full((HEIGHT, WIDTH), 2.0))
        photographer.wait(lambda: photographer.poses)
        assert fake.stamps == [START + 2 * NANOSECONDS]
        # Time begins anew, as when a bag is played again: pairs are found all the same.
        for i in range(3):
            sent(photographer, -100.0 + i, np.full((HEIGHT, WIDTH), 2.0))
        photographer.wait(lambda: len(photographer.poses) > 1)


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ((), "pictures come, but nothing on /depth and /camera_info; name the topics"),
        (("depth",), "pictures come, but nothing on /camera_info; name the topics"),
        (("depth", "info"), "depth and camera_info come, but none of a picture's moment"),
    ],
)
def test_it_is_said_that_pictures_have_no_depth(monkeypatch, others, says):
    monkeypatch.setattr(levels, "RAISE_SECONDS", 0.0)
    made = {"depth": depth(np.full((HEIGHT, WIDTH), 2.0)), "info": camera_info(focal=FOCAL)}
    with camera(use_depth=True) as (node, photographer, fake):
        start(node)
        photographer.ready()
        seconds = itertools.count()

        def go_on() -> None:
            second = next(seconds)
            for name in others:
                message = set_stamp(made[name], START + round((second + 0.5) * NANOSECONDS))
                getattr(photographer, name).publish(message)
            photographer.show(float(second))

        def told() -> bool:
            newest = photographer.statuses[-1:]
            return any(
                each.level == DiagnosticStatus.ERROR and each.message.startswith(says)
                for each in newest
            )

        photographer.wait(lambda: go_on() or told())
        assert any(line.startswith(says) for line in photographer.log)
        assert fake.stamps == []
        sent(photographer, next(seconds) + 0.0, np.full((HEIGHT, WIDTH), 2.0))
        photographer.wait(lambda: photographer.poses)
        photographer.wait(lambda: not node._health._camera.unmatched)


def test_depth_of_a_turned_picture_is_refused_at_once():
    with camera() as (node, *_):
        reason = set_parameter(node, "rotate", 45)
        assert "none of 0, 90, 180, 270" in reason
        assert set_parameter(node, "rotate", 90) == ""
        assert "cannot be turned with the picture" in set_parameter(node, "use_depth", True)
