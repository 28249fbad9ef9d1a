# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ST-ROI pictures: each part lands in its cell, whatever is missing stays black and is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bharnet.rgb.crops import (
    PARTS,
    CropConfig,
    choose_moments,
    crop_clip,
    cut_parts,
    part_centres,
    person_unit,
    tile,
)
from bharnet.skeleton import BODY_LAYOUTS, COCO_17, KINECT_25, MEDIAPIPE_33, get_layout

HEIGHT, WIDTH = 480, 640
COLOURS = {
    "head": (255, 0, 0),
    "right_hand": (0, 255, 0),
    "left_hand": (0, 0, 255),
    "right_foot": (255, 255, 0),
    "left_foot": (0, 255, 255),
}
# Picture heights; the person's right is at the picture's left.
PLACES = {
    "nose": (0.66, 0.15),
    "left_shoulder": (0.76, 0.3),
    "right_shoulder": (0.56, 0.3),
    "left_elbow": (0.84, 0.45),
    "right_elbow": (0.48, 0.45),
    "left_wrist": (0.95, 0.6),
    "right_wrist": (0.37, 0.6),
    "left_ankle": (0.75, 0.92),
    "right_ankle": (0.57, 0.92),
}
CENTRES = {
    "head": PLACES["nose"],
    "right_hand": PLACES["right_wrist"],
    "left_hand": PLACES["left_wrist"],
    "right_foot": PLACES["right_ankle"],
    "left_foot": PLACES["left_ankle"],
}
SIDE = 0.18  # of the square below, in picture heights: 0.9 of the shoulder width of 0.2


def pose(layout=COCO_17, **moved):
    """(1, V, 4) with the joints of PLACES that the layout has, the others unseen."""
    body = np.full((1, len(layout), 4), np.nan, np.float32)
    body[..., 3] = 0.0
    for joint, place in {**PLACES, **moved}.items():
        name = "head" if joint == "nose" and "nose" not in layout.joints else joint
        if name in layout.joints:
            body[0, layout.index(name)] = (*place, 0.0, 1.0)
    return body


def picture(**moved):
    """Grey, with a coloured disc of radius 12 px at each part."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for part, colour in COLOURS.items():
        centre = np.array({**CENTRES, **moved}[part]) * HEIGHT
        image[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= 144] = colour
    return image


def cells_of(body, image, layout=COCO_17, **config):
    cells, shown = crop_clip([image] * len(body), body, layout, CropConfig(**config))
    return cells[0], dict(zip(PARTS, shown[0].tolist(), strict=True))


@pytest.mark.parametrize("name", [n for n in BODY_LAYOUTS if n != "upper_body_11"])
def test_each_part_lands_in_the_middle_of_its_cell(name):
    layout = get_layout(name)
    body = pose(layout)
    for side in ("left", "right"):  # Kinect's hand, where it has one
        if f"{side}_hand" in layout.joints:
            place = PLACES[f"{side}_wrist"]
            body[0, layout.index(f"{side}_hand")] = (*place, 0.0, 1.0)
    cells, shown = cells_of(body, picture(), layout)
    assert all(shown.values())
    for cell, colour in zip(cells, COLOURS.values(), strict=True):
        np.testing.assert_array_equal(cell[22, 22], colour)
        np.testing.assert_allclose(cell[3, 3], 90, atol=1)


def test_rows_are_parts_and_columns_are_moments():
    body = np.repeat(pose(), 3, 0)
    images = [picture(), picture(head=(0.1, 0.9)), picture()]
    cells, _ = crop_clip(images, body, COCO_17, CropConfig(moments=3))
    image = tile(cells)
    assert image.shape == (5 * 45, 3 * 45, 3)
    for row, (part, colour) in enumerate(COLOURS.items()):
        for column in range(3):
            there = image[row * 45 + 22, column * 45 + 22]
            gone = part == "head" and column == 1
            np.testing.assert_array_equal(there, (90, 90, 90) if gone else colour)


def test_the_square_grows_with_the_person():
    """Twice as near: the disc of the same body part covers the same share of the cell."""
    body = pose()
    assert person_unit(body, COCO_17) == pytest.approx(0.2, abs=0.01)
    cells, _ = cells_of(body, picture())
    # A disc of 24 px in a square of about 0.9 * 0.2 * 480 px.
    across = (cells[0, 22] == COLOURS["head"]).all(-1).sum() / 45
    assert across == pytest.approx(24 / (0.9 * person_unit(body, COCO_17) * HEIGHT), abs=0.05)
    large = body.copy()
    large[..., :2] *= 2
    assert person_unit(large, COCO_17) == pytest.approx(2 * person_unit(body, COCO_17))


def test_a_turned_person_keeps_the_size():
    """Shoulders in line with the camera: arms tell the size."""
    side_on = pose(left_shoulder=(0.66, 0.3), right_shoulder=(0.65, 0.3))
    assert person_unit(side_on, COCO_17) == pytest.approx(0.2, rel=0.25)


def test_one_size_for_the_whole_clip():
    body = np.repeat(pose(), 5, 0)
    body[3, :, :2] *= 3  # an estimator's slip
    assert person_unit(body, COCO_17) == pytest.approx(person_unit(pose(), COCO_17))


def test_the_square_has_the_size_that_is_asked_for():
    body = pose(nose=(0.66, 0.5))
    unit = person_unit(body, COCO_17)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    x, y = round(0.66 * HEIGHT), round(0.5 * HEIGHT)
    half = round(2.0 * unit * HEIGHT / 2)
    image[y - half : y + half, x - half : x + half] = 255
    cells, _ = cells_of(body, image, size=2.0)
    assert (cells[0] > 200).mean() > 0.95
    cells, _ = cells_of(body, image, size=4.0)
    assert (cells[0] > 200).mean() == pytest.approx(0.25, abs=0.04)  # a cell is 45 px


@pytest.mark.parametrize("score", [0.0, 0.1, np.nan])
def test_a_missing_joint_leaves_its_cell_black(score):
    body = pose()
    if np.isnan(score):
        body[0, COCO_17.index("left_wrist"), :2] = np.nan
    else:
        body[0, COCO_17.index("left_wrist"), 3] = score
    cells, shown = cells_of(body, picture())
    assert shown == {part: part != "left_hand" for part in PARTS}
    assert not cells[PARTS.index("left_hand")].any()


def test_knees_stand_in_for_unseen_ankles():
    body = pose(left_knee=(0.75, 0.7), right_knee=(0.57, 0.7))
    body[0, COCO_17.index("left_ankle"), 3] = 0.05
    centres = part_centres(body, COCO_17)[0]
    np.testing.assert_allclose(centres[PARTS.index("left_foot")], (0.75, 0.7))
    np.testing.assert_allclose(centres[PARTS.index("right_foot")], PLACES["right_ankle"])


def test_a_hand_with_knuckles_is_centred_between_them_and_the_wrist():
    knuckles = {"left_index": (1.01, 0.6), "left_pinky": (1.01, 0.66)}
    body = pose(MEDIAPIPE_33, **knuckles)
    centres = part_centres(body, MEDIAPIPE_33)[0]
    np.testing.assert_allclose(centres[PARTS.index("left_hand")], (0.99, 0.62), atol=1e-6)
    np.testing.assert_allclose(centres[PARTS.index("right_hand")], PLACES["right_wrist"])


def test_kinect_has_a_hand_of_its_own():
    body = pose(KINECT_25, left_hand=(1.0, 0.65))
    centres = part_centres(body, KINECT_25)[0]
    np.testing.assert_allclose(centres[PARTS.index("left_hand")], (1.0, 0.65))


def test_an_upper_body_has_no_feet():
    layout = get_layout("upper_body_11")
    _, shown = cells_of(pose(layout), picture(), layout)
    assert shown == {part: "foot" not in part for part in PARTS}


def test_at_the_border_the_rest_of_the_square_is_black():
    place = (0.0, 0.6)
    cells, shown = cells_of(pose(right_wrist=place), picture(right_hand=place))
    assert shown["right_hand"]
    cell = cells[PARTS.index("right_hand")]
    assert not cell[:, :20].any()
    np.testing.assert_array_equal(cell[22, 23], COLOURS["right_hand"])


@pytest.mark.parametrize("place", [(-0.01, 0.5), (1.34, 0.5), (0.5, 1.01), (1e4, 1e4)], ids=str)
def test_a_joint_guessed_outside_the_picture_shows_nothing(place):
    cells, shown = cells_of(pose(left_wrist=place, left_shoulder=(0.76, 0.3)), picture())
    assert not shown["left_hand"]
    assert not cells[PARTS.index("left_hand")].any()


def test_without_any_limb_there_is_no_size_and_no_cell():
    body = np.full((2, 17, 4), np.nan, np.float32)
    body[:, 0] = (0.6, 0.5, 0.0, 1.0)
    assert np.isnan(person_unit(body, COCO_17))
    _, shown = crop_clip([picture()] * 2, body, COCO_17, CropConfig())
    assert not shown.any()


def test_pictures_and_poses_must_be_as_many():
    with pytest.raises(ValueError, match="2 pictures for 1 poses"):
        crop_clip([picture()] * 2, pose(), COCO_17, CropConfig())
    with pytest.raises(ValueError, match="0 pictures for 1 poses"):
        crop_clip([], pose(), COCO_17, CropConfig())


@settings(max_examples=60, deadline=None)
@given(
    centres=st.lists(
        st.tuples(*[st.floats(allow_nan=True, allow_infinity=True, width=32)] * 2),
        min_size=5,
        max_size=5,
    ),
    side=st.floats(allow_nan=True, allow_infinity=True),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
)
def test_any_pose_gives_cells(centres, side, height, width):
    image = np.full((height, width, 3), 200, np.uint8)
    # Squares of thousands of pixels are right but slow.
    side = side if not 100 < side < 1e4 else 100.0
    cells, shown = cut_parts(image, np.array(centres, np.float32), side, 9)
    assert cells.shape == (5, 9, 9, 3)
    assert not cells[~shown].any()


def test_moments_are_the_middles_of_equal_parts():
    assert choose_moments(50, 5).tolist() == [5, 15, 25, 35, 45]
    assert choose_moments(5, 5).tolist() == [0, 1, 2, 3, 4]
    assert choose_moments(1, 5).tolist() == [0] * 5
    with pytest.raises(ValueError, match="no frame"):
        choose_moments(0, 5)


@given(count=st.integers(1, 200), moments=st.integers(1, 9), seed=st.integers(0, 99))
def test_random_moments_rise_one_of_each_part(count, moments, seed):
    chosen = choose_moments(count, moments, np.random.default_rng(seed))
    assert (np.diff(chosen) >= 0).all()
    bounds = np.arange(moments + 1) * count / moments
    assert (chosen >= np.floor(bounds[:-1])).all()
    assert (chosen <= np.ceil(bounds[1:])).all()
    assert chosen.max() < count


@pytest.mark.parametrize("wrong", [{"moments": 0}, {"cell": 4}, {"size": 0.0}, {"size": np.nan}])
def test_a_picture_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"picture|size"):
        CropConfig(**wrong)
