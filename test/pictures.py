# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages with pictures, made up, for tests."""

from __future__ import annotations

import array
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

WIDTH, HEIGHT = 64, 48


def scene(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Smooth colours, (H, W, 3) RGB: red grows to the right, green downwards."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(40, 220, width, dtype=np.uint8)
    picture[..., 1] = np.linspace(40, 220, height, dtype=np.uint8)[:, None]
    picture[..., 2] = 120
    return picture


def to_bytes(rows: np.ndarray) -> array.array:
    return array.array("B", np.ascontiguousarray(rows).tobytes())


def image(
    rows: np.ndarray, encoding: str, padding: int = 0, height: int = 0, **fields: Any
) -> Image:
    """A message of (rows, ...) samples; ``padding`` bytes are put behind each row."""
    flat = np.ascontiguousarray(rows)
    width = fields.pop("width", flat.shape[1])
    flat = flat.reshape(len(flat), -1).view(np.uint8)
    flat = np.pad(flat, ((0, 0), (0, padding)), constant_values=77)
    message = Image(
        height=height or len(rows), width=width, encoding=encoding, step=flat.shape[1], **fields
    )
    message.data = to_bytes(flat)
    return message


def rgb(picture: np.ndarray | None = None, **fields: Any) -> Image:
    return image(scene() if picture is None else picture, "rgb8", **fields)


def compressed(kind: str = ".jpg", picture: np.ndarray | None = None, keep: float = 1.0) -> Any:
    """A CompressedImage, of which only a share of the bytes is kept."""
    bgr = cv2.cvtColor(scene() if picture is None else picture, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(kind, bgr)
    assert ok
    message = CompressedImage(format={".jpg": "jpeg", ".png": "png"}.get(kind, kind))
    message.data = array.array("B", data.tobytes()[: round(keep * data.size)])
    return message


def depth(metres: np.ndarray, encoding: str = "32FC1", **fields: Any) -> Image:
    """A depth picture of (H, W) metres."""
    samples = metres.astype("<f4") if encoding == "32FC1" else (1e3 * metres).astype("<u2")
    return image(samples, encoding, **fields)


def camera_info(width: int = WIDTH, height: int = HEIGHT, focal: float = 60.0) -> CameraInfo:
    """A pinhole camera without distortion, its axis through the middle."""
    message = CameraInfo(width=width, height=height, distortion_model="plumb_bob")
    message.d = [0.0] * 5
    message.k = [focal, 0.0, width / 2, 0.0, focal, height / 2, 0.0, 0.0, 1.0]
    return message


def set_stamp(message: Any, stamp: int, frame_id: str = "camera_optical_frame") -> Any:
    """The message, taken at so many nanoseconds."""
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 1_000_000_000)
    message.header.frame_id = frame_id
    return message
