# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joints and depth -> metres, with made-up pinhole cameras."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="no ROS 2 here: run through `make test`")

from pictures import HEIGHT, WIDTH, camera_info

from bharnet.estimation.estimator import Detection, InvalidFrame
from bharnet_ros.camera.depth import check_sizes, lift, read_camera

FOCAL = 60.0


def person(pixels: np.ndarray, hand: np.ndarray | None = None) -> Detection:
    """Joints at (V, 2) pixels, all seen."""

    def joints(places: np.ndarray) -> np.ndarray:
        found = np.ones((len(places), 4), np.float32)
        found[:, :2] = places / (WIDTH, HEIGHT)
        found[:, 2] = 0.3  # the estimator's own guess of depth, which is not to be used
        return found

    return Detection(joints(pixels), None if hand is None else joints(hand))


def wall(metres: float) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), metres, np.float32)


def test_a_pinhole_camera() -> None:
    pixels = np.array([(WIDTH / 2, HEIGHT / 2), (WIDTH / 2 + 15, HEIGHT / 2 - 6)])
    found = lift(person(pixels), wall(2.0), read_camera(camera_info(focal=FOCAL))).body
    assert np.allclose(found[:, :3], [(0, 0, 2), (0.5, -0.2, 2)], atol=1e-5)
    assert (found[:, 3] == 1).all()


def test_distortion_is_undone() -> None:
    message = camera_info(focal=FOCAL)
    message.d = [-0.3, 0.1, 0.0, 0.0, 0.0]
    bent = lift(person(np.array([(WIDTH - 4, 4.0)])), wall(2.0), read_camera(message)).body[0]
    straight = (WIDTH - 4 - WIDTH / 2) / FOCAL * 2.0
    assert bent[0] > 1.01 * straight  # a barrel draws the edges inwards


@pytest.mark.parametrize("count", [1, 3, 6, 15])
def test_a_distortion_that_is_none_is_refused(count) -> None:
    """OpenCV raised over it in every picture, and everybody got a new id each time."""
    message = camera_info(focal=FOCAL)
    message.d = [0.0] * count
    with pytest.raises(InvalidFrame, match=f"has {count} distortion coefficients, of 'plumb_bob'"):
        read_camera(message)


def test_holes_and_joints_outside_are_not_seen() -> None:
    depth = wall(2.0)
    depth[10:30, 10:30] = np.nan
    pixels = np.array([(20, 20), (50, 20), (-5, 20), (WIDTH + 3, 20), (np.nan, np.nan)])
    found = lift(person(pixels), depth, read_camera(camera_info())).body
    assert np.isnan(found[[0, 2, 3, 4], :3]).all()
    assert found[:, 3].tolist() == [0, 1, 0, 0, 0]


def test_a_single_hole_is_bridged() -> None:
    depth = wall(2.0)
    depth[20, 20] = np.nan
    found = lift(person(np.array([(20.5, 20.5)])), depth, read_camera(camera_info())).body
    assert found[0, 2] == 2.0


def test_joints_on_the_background_are_not_seen() -> None:
    depth = wall(6.0)
    depth[:, :40] = 2.0
    pixels = np.array([(10, 10), (20, 20), (30, 30), (55, 30)])
    hand = np.array([(35, 30), (36, 32), (37, 34), (55, 36)])
    found = lift(person(pixels, hand), depth, read_camera(camera_info()))
    assert found.body[:, 3].tolist() == [1, 1, 1, 0]
    assert found.left_hand[:, 3].tolist() == [1, 1, 1, 0]
    assert found.right_hand is None


def test_a_finger_before_the_chest_keeps_its_hand_together() -> None:
    depth = wall(2.0)
    depth[20:30, 20:24] = 1.6  # the hand, and around it the chest
    hand = np.array([(21, 22), (22, 24), (22, 26), (35, 25)])
    body = np.array([(10, 10), (40, 10), (10, 40), (40, 40)])
    found = lift(person(body, hand), depth, read_camera(camera_info())).left_hand
    assert found[:, 3].tolist() == [1, 1, 1, 0]
    assert np.allclose(found[:3, 2], 1.6)


def test_no_depth_at_all() -> None:
    hand = np.full((21, 2), 20.0)
    found = lift(person(np.full((11, 2), 20.0), hand), wall(np.nan), read_camera(camera_info()))
    for joints in (found.body, found.left_hand):
        assert np.isnan(joints[:, :3]).all()
        assert (joints[:, 3] == 0).all()


@pytest.mark.parametrize(
    ("depth", "info", "says"),
    [
        ((24, 32), (WIDTH, HEIGHT), "depth is 32 x 24"),
        ((HEIGHT, WIDTH), (32, 24), "camera_info is 32 x 24"),
    ],
)
def test_another_size_is_refused(depth: tuple[int, int], info: tuple[int, int], says: str) -> None:
    with pytest.raises(InvalidFrame, match=says) as caught:
        check_sizes(read_camera(camera_info(*info)), np.ones(depth, np.float32), WIDTH, HEIGHT)
    assert "aligned" in str(caught.value)


def test_a_camera_that_is_not_calibrated() -> None:
    message = camera_info()
    message.k = [0.0] * 9
    with pytest.raises(InvalidFrame, match="no focal length"):
        read_camera(message)
    message = camera_info()
    message.k[0] = float("nan")
    with pytest.raises(InvalidFrame, match="no focal length"):
        read_camera(message)


def test_distortion_of_another_kind_is_refused_unless_it_is_none() -> None:
    message = camera_info()
    message.distortion_model, message.d = "equidistant", [0.1, 0.0, 0.0, 0.0]
    with pytest.raises(InvalidFrame, match="'equidistant'"):
        read_camera(message)
    message.d = [0.0] * 4
    assert read_camera(message).width == WIDTH
