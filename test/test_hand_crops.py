# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where to look for a hand: the square around a wrist."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bharnet.estimation import hands
from bharnet.estimation.hands import Crop, arm_unit, wrist_crop

WIDTH, HEIGHT = 640, 480


def standing_person() -> np.ndarray:
    """(33, 4) in shares of a 640 x 480 picture, both hands lifted beside the shoulders."""
    body = np.full((33, 4), 0.5, np.float32)
    body[11, :2], body[12, :2] = (0.6, 0.4), (0.4, 0.4)
    body[13, :2], body[14, :2] = (0.65, 0.6), (0.35, 0.6)
    body[15, :2], body[16, :2] = (0.7, 0.45), (0.3, 0.45)
    body[[17, 19], :2], body[[18, 20], :2] = (0.71, 0.4), (0.29, 0.4)
    return body


def test_a_crop_lies_around_the_hand_in_pixels() -> None:
    body = standing_person()
    crop = wrist_crop(body, 0, WIDTH, HEIGHT)
    assert crop is not None
    middle = np.array((crop.left, crop.top)) + crop.size / 2
    np.testing.assert_allclose(middle, (0.705 * WIDTH, 0.425 * HEIGHT), atol=1.5)
    # The unit is measured in pixels: the shoulders are 128 of them apart.
    assert crop.size == round(hands.CROP_SIZE * 128)


def test_arm_unit_holds_when_the_forearm_points_at_the_camera() -> None:
    body = standing_person()[:, :2] * (WIDTH, HEIGHT)
    before = arm_unit(body, 0)
    body[15] = body[13]
    assert arm_unit(body, 0) == pytest.approx(before)


@pytest.mark.parametrize("place", [(1.3, 0.5), (0.5, 1.2), (-0.1, 0.5), (np.nan, 0.5)], ids=str)
def test_no_crop_where_no_hand_can_be(place: tuple[float, float]) -> None:
    body = standing_person()
    body[[15, 17, 19], :2] = place
    assert wrist_crop(body, 0, WIDTH, HEIGHT) is None
    assert wrist_crop(body, 1, WIDTH, HEIGHT) is not None


def test_no_crop_for_a_speck_of_a_person() -> None:
    body = standing_person()
    body[:, :2] = 0.5 + (body[:, :2] - 0.5) * 0.01
    assert wrist_crop(body, 0, WIDTH, HEIGHT) is None


@given(
    left=st.integers(-100, 700),
    top=st.integers(-100, 500),
    size=st.integers(1, 300),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1)),
)
def test_what_is_seen_in_a_crop_is_where_it_was(
    left: int, top: int, size: int, share: tuple[float, float, float]
) -> None:
    crop = Crop(left, top, size)
    x, y, z = crop.to_image([share], WIDTH, HEIGHT)[0]
    assert x * WIDTH == pytest.approx(left + share[0] * size, abs=1e-2)
    assert y * HEIGHT == pytest.approx(top + share[1] * size, abs=1e-2)
    assert z * WIDTH == pytest.approx(share[2] * size, abs=1e-2)  # z in picture widths


@given(left=st.integers(-40, 40), top=st.integers(-40, 40), size=st.integers(1, 40))
def test_a_crop_over_the_border_is_black_outside(left: int, top: int, size: int) -> None:
    image = np.arange(1, 20 * 30 * 3 + 1).reshape(20, 30, 3).astype(np.uint8) | 1
    square = Crop(left, top, size).cut(image)
    assert square.flags.c_contiguous
    surrounded = np.pad(image, ((80, 80), (80, 80), (0, 0)))
    expected = surrounded[top + 80 : top + 80 + size, left + 80 : left + 80 + size]
    np.testing.assert_array_equal(square, expected)
