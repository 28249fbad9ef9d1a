# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is a picture, and which side of it is up."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from bharnet.estimation.estimator import InvalidFrame
from bharnet.estimation.picture import check_picture, upright


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (np.zeros((0, 64, 3), np.uint8), "64 x 0 pixels"),
        (np.zeros((64, 0, 3), np.uint8), "0 x 64 pixels"),
        (np.zeros((4, 64, 3), np.uint8), "64 x 4 pixels"),
        (np.broadcast_to(np.zeros(3, np.uint8), (20000, 20, 3)), "20 x 20000 pixels"),
        (np.zeros((48, 64), np.uint8), r"RGB.*\(48, 64\)"),
        (np.zeros((48, 64, 4), np.uint8), r"RGB.*\(48, 64, 4\)"),
        (np.zeros((48, 64, 3), np.float32), "float32"),
        (np.zeros((48, 64, 3), np.uint16), "uint16"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_picture_is_named(image: Any, told: str) -> None:
    with pytest.raises(InvalidFrame, match=told) as raised:
        check_picture(image)
    assert raised.value.key == "image"


def test_usual_pictures_pass() -> None:
    for height, width in ((16, 16), (480, 640), (2160, 3840)):
        image = np.zeros((height, width, 3), np.uint8)
        assert check_picture(image) is image


def test_upright_turns_clockwise() -> None:
    # A marked corner goes from the left top to the right top.
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0] = 255
    turned = upright(image, 90)
    assert turned.shape == (3, 2, 3)
    assert turned[0, -1].all()
    assert upright(image, 180)[-1, -1].all()
    assert upright(image, 270)[-1, 0].all()
    assert upright(image) is image


def test_a_mirror_is_undone_after_turning() -> None:
    image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    np.testing.assert_array_equal(upright(image, mirrored=True), image[:, ::-1])
    turned = upright(image, 90, mirrored=True)
    np.testing.assert_array_equal(turned, upright(image, 90)[:, ::-1])
    assert turned.flags.c_contiguous


def test_other_angles_are_refused() -> None:
    with pytest.raises(ValueError, match="90, 180 or 270"):
        upright(np.zeros((16, 16, 3), np.uint8), 45)


def test_its_refusal_passes_from_process_to_process() -> None:
    """A pool waits for ever for an exception that it cannot unpickle."""
    told = pickle.loads(pickle.dumps(InvalidFrame("old_stamp", "it is older")))
    assert (type(told), told.key, str(told)) == (InvalidFrame, "old_stamp", "it is older")
