# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A source's joints in one form, or refused with cause and cure."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bharnet.observation import (
    LARGEST_COORDINATE,
    Coordinates,
    Frame,
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
        # As many numbers, but in another order, or of one person among several.
        (np.zeros((4, 33)), r"\(4, 33\)"),
        (np.zeros((1, 33, 4)), r"\(1, 33, 4\)"),
        (["x"] * 132, "no array of numbers"),
        ([[1.0, 2.0], [3.0]], "no array of numbers"),
        (torch.zeros(33, 4, requires_grad=True), "detach"),
        # Pixels, where IMAGE says fractions.
        (np.full((33, 4), 240.0), "240 pictures away.*divide pixels"),
    ],
)
def test_unusable_joints_name_cause_and_cure(values, message):
    with pytest.raises(InvalidPose, match=message):
        observe("a", values, [], [], IMAGE, UPPER_BODY_11)


@pytest.mark.parametrize(
    "turned",
    [
        np.asfortranarray,
        np.ndarray.tolist,
        lambda joints: joints[::-1].copy()[::-1],
        torch.from_numpy,
        lambda joints: torch.from_numpy(joints).double(),
    ],
)
def test_any_kind_of_array_is_read_alike(turned):
    joints = np.random.default_rng(0).random((33, 4))
    plain = observe("a", joints, None, None, IMAGE, UPPER_BODY_11)
    np.testing.assert_allclose(
        observe("a", turned(joints), None, None, IMAGE, UPPER_BODY_11).body, plain.body, rtol=1e-6
    )


def test_masked_joints_are_not_seen():
    joints = np.ma.masked_array(body(), mask=False)
    joints[3] = np.ma.masked
    joints[4, 2] = np.ma.masked
    read = read_joints(joints, MEDIAPIPE_33, "body")
    assert np.isnan(read[3, :3]).all()
    assert read[3, 3] == 0
    assert np.isnan(read[4, 2])
    assert np.isfinite(read[4, :2]).all()


def test_none_is_a_part_that_is_not_seen():
    none, empty = (observe("a", body(), no, no, IMAGE, UPPER_BODY_11) for no in (None, []))
    np.testing.assert_array_equal(none.hands, empty.hands)


def test_metres_may_be_far():
    assert observe("a", body(240.0, 17), [], [], CAMERA, UPPER_BODY_11).position[0] == 240.0


@pytest.mark.parametrize("body_id", [0, 7, None])
def test_an_id_is_a_string(body_id):
    """0 would be nobody, and 7 another than "7"."""
    with pytest.raises(InvalidPose, match="no string"):
        observe(body_id, body(), [], [], IMAGE, UPPER_BODY_11)


@pytest.mark.parametrize(
    ("layout", "coordinates", "message"),
    [
        ("coco_17", Coordinates.IMAGE, r"get_layout\('coco_17'\)"),
        (COCO_17, "image", "Coordinates.IMAGE"),
        (COCO_17, 9, "Coordinates.IMAGE"),
    ],
)
def test_a_format_of_wrong_things_is_refused(layout, coordinates, message):
    with pytest.raises(InvalidPose, match=message):
        PoseFormat(layout, coordinates, 4 / 3)


@pytest.mark.parametrize("stamp", [1.7e9, np.float64(1.7e18), "1", None])
def test_a_stamp_that_is_no_whole_number_is_refused(stamp):
    with pytest.raises(TypeError, match="nanoseconds"):
        Frame(stamp, ())


def test_a_stamp_of_numpy_becomes_a_plain_one():
    """The difference of two unsigned ones would be none: time never goes back."""
    stamp = Frame(np.uint64(5), ()).stamp
    assert (stamp, type(stamp)) == (5, int)


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
