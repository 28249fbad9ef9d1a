# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Layouts and conversions between them."""

import numpy as np
import pytest

from bharnet.skeleton import (
    BODY_LAYOUTS,
    HAND_21,
    LAYOUTS,
    MEDIAPIPE_33,
    UPPER_BODY_11,
    conversion,
    convert,
    get_layout,
)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_is_one_tree(name):
    layout = get_layout(name)
    roots = [i for i, parent in enumerate(layout.parents) if i == parent]
    assert len(roots) == 1
    for joint in range(len(layout)):
        for _ in range(len(layout)):
            joint = layout.parents[joint]
        assert joint == roots[0]


@pytest.mark.parametrize("name", LAYOUTS)
def test_mirror_twice_is_no_change(name):
    mirror = get_layout(name).mirror
    assert [mirror[i] for i in mirror] == list(range(len(mirror)))


def test_mirror_swaps_wrists():
    left, right = MEDIAPIPE_33.index("left_wrist"), MEDIAPIPE_33.index("right_wrist")
    assert (left, right) == (15, 16)  # MediaPipe's own numbers
    assert MEDIAPIPE_33.mirror[left] == right


def test_hand_has_the_20_bones_of_the_paper():
    assert len(HAND_21.bones) == 20
    palm = {(9, 5), (13, 9), (17, 0)}
    assert palm <= set(HAND_21.bones)


@pytest.mark.parametrize("source", BODY_LAYOUTS)
@pytest.mark.parametrize("target", BODY_LAYOUTS)
def test_conversion_rows_are_means_or_nothing(source, target):
    sums = conversion(get_layout(source), get_layout(target)).sum(1)
    assert np.all(np.isclose(sums, 1.0) | (sums == 0.0))


@pytest.mark.parametrize("source", BODY_LAYOUTS)
def test_every_layout_gives_the_arms_of_the_model(source):
    weights = conversion(get_layout(source), UPPER_BODY_11)
    for joint in ("left_shoulder", "right_elbow", "left_wrist", "right_hip"):
        assert weights[UPPER_BODY_11.index(joint)].sum() == 1.0


def test_convert_takes_the_named_joint_and_marks_the_missing():
    kinect = get_layout("kinect_20")
    joints = np.arange(20 * 4, dtype=np.float32).reshape(20, 4)
    converted = convert(joints, kinect, UPPER_BODY_11)
    wrist = converted[UPPER_BODY_11.index("left_wrist")]
    np.testing.assert_array_equal(wrist, joints[kinect.index("left_wrist")])
    ear = converted[UPPER_BODY_11.index("left_ear")]
    assert np.isnan(ear[:3]).all()
    assert ear[3] == 0.0


def test_mean_over_an_unseen_joint_is_unseen():
    coco = get_layout("coco_17")
    joints = np.ones((17, 4), np.float32)
    joints[coco.index("left_hip"), :3] = np.nan
    joints[coco.index("left_hip"), 3] = 0
    base = convert(joints, coco, get_layout("kinect_20"))[0]
    assert np.isnan(base[:3]).all()
    assert base[3] == 0


def test_unknown_layout_names_the_known():
    with pytest.raises(ValueError, match="coco_17"):
        get_layout("coco_18")
