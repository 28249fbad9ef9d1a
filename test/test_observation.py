# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A source's joints in one form, or refused with cause and cure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bharnet.observation import (
    LARGEST_COORDINATE,
    Coordinates,
    InvalidPose,
    PoseFormat,
    observe,
    read_joints,
)
from bharnet.skeleton import COCO_17, HAND_21, MEDIAPIPE_33, UPPER_BODY_11

IMAGE = PoseFormat(MEDIAPIPE_33, Coordinates.IMAGE, 640 / 480)
CAMERA = PoseFormat(COCO_17, Coordinates.CAMERA)


def body(value=0.5, joints=33):
    return np.full((joints, 4), value, np.float32)


def test_image_coordinates_become_picture_heights():
    seen = observe("a", body(0.3), [], [], IMAGE, UPPER_BODY_11)
    np.testing.assert_allclose(seen.body[0, :3], [0.4, 0.3, 0.4], rtol=1e-6)


def test_absent_parts_are_nan_with_score_zero():
    seen = observe("a", [], [], body(0.1, 21).ravel(), IMAGE, UPPER_BODY_11)
    assert np.isnan(seen.body[:, :3]).all()
    assert not seen.body[:, 3].any()
    assert np.isnan(seen.hands[0, :, 0]).all()
    assert np.isfinite(seen.hands[1]).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(7), "7 numbers"),
        (np.zeros((17, 4)), "needs 132"),
        (np.full((33, 4), np.inf), "infinity"),
        (np.full((33, 4), -np.inf), "infinity"),
        (np.full((33, 4), 2e4), "units"),
    ],
)
def test_unusable_joints_name_cause_and_cure(values, message):
    with pytest.raises(InvalidPose, match=message):
        observe("a", values, [], [], IMAGE, UPPER_BODY_11)


def test_coordinates_must_be_said():
    with pytest.raises(InvalidPose, match="UNSET"):
        PoseFormat(COCO_17, Coordinates.UNSET)
    with pytest.raises(InvalidPose, match="image_width"):
        PoseFormat(COCO_17, Coordinates.IMAGE, float("nan"))


def test_half_seen_joint_is_unseen_and_missing_depth_is_not():
    joints = body()
    joints[3, 1] = np.nan
    joints[4, 2] = np.nan
    read = read_joints(joints, MEDIAPIPE_33, "body")
    assert np.isnan(read[3, :3]).all()
    assert read[3, 3] == 0
    assert np.isfinite(read[4, :2]).all()


def test_position_only_from_metres_and_bbox_only_from_pictures():
    metres = observe("a", body(2.0, 17), [], [], CAMERA, UPPER_BODY_11)
    assert metres.position == (2.0, 2.0, 2.0)
    assert np.isnan(metres.bbox).all()
    picture = observe("a", body(0.5), [], [], IMAGE, UPPER_BODY_11)
    assert picture.bbox == (0.5, 0.5, 0.5, 0.5)
    assert np.isnan(picture.position).all()


@given(
    hnp.arrays(np.float32, st.integers(0, 200), elements=st.floats(width=32)),
)
def test_any_numbers_are_read_or_refused(values):
    try:
        joints = read_joints(values, HAND_21, "hand")
    except InvalidPose:
        return
    assert joints.shape == (21, 4)
    seen = np.isfinite(joints[:, 0])
    assert np.isfinite(joints[seen, 1]).all()
    assert np.isnan(joints[~seen, :3]).all()
    assert not (np.abs(joints) > LARGEST_COORDINATE).any()
