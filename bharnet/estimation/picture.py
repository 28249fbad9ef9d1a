# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures: what is one, and how it is turned upright."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bharnet.estimation.estimator import InvalidFrame

# Beyond this a picture is a mistake in the camera's description (8K is 7680 x 4320).
LARGEST_SIDE = 16384
SMALLEST_SIDE = 16


def check_picture(image: Any) -> NDArray[np.uint8]:
    """The image itself. Raises InvalidFrame for anything but a uint8 (H, W, 3) picture."""
    shape: tuple[int, ...] = getattr(image, "shape", ())
    dtype = getattr(image, "dtype", None)
    if len(shape) != 3 or shape[2] != 3 or dtype != np.uint8:
        raise InvalidFrame(
            "image",
            f"a picture is uint8 (H, W, 3) in RGB, this is {dtype or type(image).__name__} "
            f"{shape}; convert it first",
        )
    if not SMALLEST_SIDE <= min(shape[:2]) <= max(shape[:2]) <= LARGEST_SIDE:
        raise InvalidFrame(
            "image",
            f"a picture of {shape[1]} x {shape[0]} pixels shows nobody "
            f"(sides from {SMALLEST_SIDE} to {LARGEST_SIDE}); check the camera's settings",
        )
    picture: NDArray[np.uint8] = image
    return picture


def upright(
    image: NDArray[np.uint8], rotate: int = 0, mirrored: bool = False
) -> NDArray[np.uint8]:
    """An (H, W, C) picture as people see each other.

    rotate    clockwise degrees by which the camera's picture must be turned: 0, 90, 180, 270
    mirrored  the driver shows a mirror's picture; it is flipped back, else left and right hands
              would be swapped

    A contiguous picture, the same object where nothing is to do. Raises ValueError for other
    angles.
    """
    if rotate not in (0, 90, 180, 270):
        raise ValueError(f"rotate is {rotate}; it must be 0, 90, 180 or 270 degrees")
    turned = np.rot90(image, -(rotate // 90)) if rotate else image
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)
