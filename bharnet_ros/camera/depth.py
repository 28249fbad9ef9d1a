# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joints in a picture and the depth behind them -> joints in metres in the optical frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bharnet.estimation.estimator import Detection, InvalidFrame

# Half the side, in pixels at 640 of width, of the square whose median is a joint's depth: one
# pixel alone is often a hole or on the background.
NEIGHBOURHOOD = 2
# m. A joint whose depth is farther from the middle of its person, or of its hand, is that of the
# background or of somebody in front: fingers are thin.
BODY_RADIUS, HAND_RADIUS = 1.2, 0.2
# So many does OpenCV know what to do with.
COEFFICIENTS = (0, 4, 5, 8, 12, 14)


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera: matrix (3, 3), distortion coefficients as OpenCV's, size in pixels."""

    matrix: NDArray[np.float64]
    distortion: NDArray[np.float64]
    width: int
    height: int

    def rays(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 2) pixels -> (N, 2) x / z and y / z in the optical frame."""
        if not len(pixels):
            return pixels
        points = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        found = cv2.undistortPoints(points, self.matrix, self.distortion)
        return np.asarray(found, np.float32).reshape(-1, 2)


def read_camera(message: Any) -> Camera:
    """A sensor_msgs/CameraInfo. Raises InvalidFrame."""
    matrix = np.array(message.k, np.float64).reshape(3, 3)
    distortion = np.array(message.d, np.float64)
    usable = np.isfinite(matrix).all() and np.isfinite(distortion).all()
    if not (usable and matrix[0, 0] > 0 and matrix[1, 1] > 0):
        raise InvalidFrame(
            "camera_info",
            "camera_info has no focal length; calibrate the camera, or use the "
            "topic of one that is",
        )
    model = message.distortion_model
    if len(distortion) not in COEFFICIENTS:
        raise InvalidFrame(
            "camera_info",
            f"camera_info has {len(distortion)} distortion coefficients, of '{model[:40]}'; "
            "there are 4, 5, 8, 12 or 14, or none where pictures are rectified",
        )
    if distortion.any() and model not in ("plumb_bob", "rational_polynomial"):
        raise InvalidFrame(
            "camera_info",
            f"camera_info has distortion model '{model[:40]}'; use rectified pictures and the "
            "camera_info that belongs to them",
        )
    return Camera(matrix, distortion, message.width, message.height)


def check_sizes(camera: Camera, depth: NDArray[np.float32], width: int, height: int) -> None:
    """Raise InvalidFrame unless picture, depth and camera_info are of one size."""
    sizes = {
        "depth": (depth.shape[1], depth.shape[0]),
        "camera_info": (camera.width, camera.height),
    }
    for name, size in sizes.items():
        if size != (width, height):
            raise InvalidFrame(
                "depth",
                f"{name} is {size[0]} x {size[1]} pixels, the picture {width} x {height}; depth "
                "must be aligned to the colour picture (depth_image_proc/register, "
                "align_depth.enable:=true)",
            )


def lift(person: Detection, depth: NDArray[np.float32], camera: Camera) -> Detection:
    """The person in metres in the optical frame. A joint without depth is not seen: NaN, score 0.

    ``depth`` is (H, W) in metres, NaN = not measured, of the picture's size.
    """
    body, middle = _lift(person.body, depth, camera, np.nan, BODY_RADIUS)
    hands = [
        None if hand is None else _lift(hand, depth, camera, middle, HAND_RADIUS)[0]
        for hand in (person.left_hand, person.right_hand)
    ]
    return replace(person, body=body, left_hand=hands[0], right_hand=hands[1])


def _lift(
    joints: NDArray[np.float32],
    depth: NDArray[np.float32],
    camera: Camera,
    person: float,
    radius: float,
) -> tuple[NDArray[np.float32], float]:
    """Joints in metres, and the distance of their middle; ``person`` is that of whom they are."""
    height, width = depth.shape
    pixels = joints[:, :2] * np.array((width, height), np.float32)
    distances = _distances(pixels, depth)
    if np.isfinite(person):
        distances[~(np.abs(distances - person) <= BODY_RADIUS)] = np.nan
    measured = distances[np.isfinite(distances)]
    middle = float(np.median(measured)) if len(measured) else np.nan
    seen = np.abs(distances - middle) <= radius  # False for NaN
    metres = np.full_like(joints, np.nan)
    metres[seen, :2] = camera.rays(pixels[seen]) * distances[seen, None]
    metres[seen, 2] = distances[seen]
    metres[:, 3] = np.where(seen, joints[:, 3], 0.0)
    return metres, middle


def _distances(pixels: NDArray[np.float32], depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """(V,) metres behind (V, 2) pixels: the median around each, NaN where nothing is measured."""
    height, width = depth.shape
    reach = max(1, round(NEIGHBOURHOOD * width / 640))
    found = np.full(len(pixels), np.nan, np.float32)
    for i, (x, y) in enumerate(pixels):
        if not (0 <= x < width and 0 <= y < height):  # NaN is neither
            continue
        column, row = int(x), int(y)
        around = depth[
            max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1
        ]
        if np.isfinite(around).any():
            found[i] = np.nanmedian(around)
    return found
