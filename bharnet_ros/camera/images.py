# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages with pictures -> RGB arrays, depth pictures -> metres.

`cv_bridge` converts where the distribution has one that works, else `rosbags-image`: never a
decoder of our own. Both trust the message; so what it says of itself is checked here first.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bharnet.estimation.estimator import InvalidFrame
from bharnet.estimation.picture import LARGEST_SIDE, SMALLEST_SIDE

# Bytes a pixel. Names that both libraries know: those of sensor_msgs/image_encodings.hpp.
PIXEL_BYTES = {
    "mono8": 1,
    "mono16": 2,
    "rgb8": 3,
    "bgr8": 3,
    "rgba8": 4,
    "bgra8": 4,
    "rgb16": 6,
    "bgr16": 6,
    "rgba16": 8,
    "bgra16": 8,
    "yuv422": 2,
    "yuv422_yuy2": 2,
    **{f"bayer_{order}8": 1 for order in ("rggb", "bggr", "gbrg", "grbg")},
    **{f"bayer_{order}16": 2 for order in ("rggb", "bggr", "gbrg", "grbg")},
}
ALIASES = {
    "uyvy": "yuv422",
    "yuyv": "yuv422_yuy2",
    # OpenCV's plain arrays are in OpenCV's order.
    "8uc1": "mono8",
    "8uc3": "bgr8",
    "8uc4": "bgra8",
}
# One plane of brightness over a plane half as high of colour. ROS gives `height` to the first
# alone or to both, driver by driver.
TWO_PLANES = {"nv12": cv2.COLOR_YUV2RGB_NV12, "nv21": cv2.COLOR_YUV2RGB_NV21}
# Depth, by REP 118: whole millimetres or metres.
DEPTH = {"16uc1": ("u2", 1e-3), "mono16": ("u2", 1e-3), "32fc1": ("f4", 1.0)}
# How compressed pictures begin and end.
COMPRESSED = {"JPEG": (b"\xff\xd8\xff", b"\xff\xd9"), "PNG": (b"\x89PNG", b"IEND")}
# Cameras fill up the last block of a JPEG; its end is looked for in so many last bytes.
TAIL_BYTES = 4096
# Of a compressed picture: twice 8K.
MOST_PIXELS = 2 * 7680 * 4320

Library = Callable[[Any, str], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class _Image:
    """What the libraries read of a sensor_msgs/Image, its rows without gaps between them."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: NDArray[np.uint8]


def check_image(message: Any) -> None:
    """Raise InvalidFrame if an Image or CompressedImage cannot be a picture.

    Cheap, so that a bad message takes nobody's place: pixels are not looked at.
    """
    if is_compressed(message):
        _kind(message)
    else:
        encoding = _encoding(message)
        if encoding in TWO_PLANES:
            _check_planes(message)
        else:
            _check_size(message, PIXEL_BYTES[encoding])


def to_rgb(message: Any, library: Library | None = None) -> NDArray[np.uint8]:
    """The (H, W, 3) RGB picture of a sensor_msgs Image or CompressedImage.

    It may share the message's memory: read it, do not write into it.
    Raises InvalidFrame with the cause and the cure. ``library`` stands in for the one found.
    """
    check_image(message)
    if is_compressed(message):
        return _decode(message)
    encoding = _encoding(message)
    if encoding in TWO_PLANES:
        rows = np.ascontiguousarray(_rows(message, message.width, message.height * 3 // 2))
        return np.asarray(cv2.cvtColor(rows, TWO_PLANES[encoding]), np.uint8)
    pixel = PIXEL_BYTES[encoding]
    rows = np.ascontiguousarray(_rows(message, message.width * pixel, message.height))
    plain = _Image(
        message.height, message.width, encoding, message.is_bigendian, rows.shape[1], rows
    )
    try:
        picture = (library or image_library())(plain, "rgb8")
    except Exception as error:  # each library has its own
        raise InvalidFrame(
            "image", f"{message.encoding} could not be converted to RGB ({_short(error)})"
        ) from error
    return np.ascontiguousarray(picture, np.uint8)


def to_metres(message: Any) -> NDArray[np.float32]:
    """The (H, W) depth of a sensor_msgs/Image in metres, NaN = not measured.

    Raises InvalidFrame.
    """
    kind = None if is_compressed(message) else DEPTH.get(message.encoding.lower())
    if kind is None:
        told = "compressed" if is_compressed(message) else f"'{message.encoding[:40]}'"
        raise InvalidFrame(
            "depth",
            f"a depth picture is 16UC1 (mm) or 32FC1 (m), this one is {told}; name "
            "another topic as depth",
        )
    form = np.dtype(kind[0]).newbyteorder(">" if message.is_bigendian else "<")
    _check_size(message, form.itemsize, "depth")
    rows = np.ascontiguousarray(_rows(message, message.width * form.itemsize, message.height))
    metres = rows.view(form).astype(np.float32) * np.float32(kind[1])
    # REP 118: 0 or NaN = invalid, -inf = too near, +inf = too far.
    metres[~(np.isfinite(metres) & (metres > 0))] = np.nan
    return metres


def is_compressed(message: Any) -> bool:
    """Whether it is a CompressedImage rather than an Image."""
    return hasattr(message, "format")


@lru_cache(maxsize=1)
def image_library() -> Library:
    """The conversion of `cv_bridge`, if there is one that can be loaded, or of `rosbags-image`."""
    try:
        # Its compiled half breaks under another numpy or OpenCV than it was built for.
        import cv_bridge.boost.cv_bridge_boost  # noqa: F401
        from cv_bridge import CvBridge
    except Exception:
        from rosbags.image import image_to_cvimage

        return image_to_cvimage
    convert: Library = CvBridge().imgmsg_to_cv2
    return convert


def _encoding(message: Any) -> str:
    plain = str(message.encoding).strip().lower()
    plain = ALIASES.get(plain, plain)
    if plain in PIXEL_BYTES or plain in TWO_PLANES:
        return plain
    told = repr(str(message.encoding)[:40])
    if plain in DEPTH:
        raise InvalidFrame(
            "image", f"encoding {told} is a depth picture; give the colour picture's topic"
        )
    known = ", ".join((*PIXEL_BYTES, *TWO_PLANES))
    raise InvalidFrame("image", f"unknown encoding {told}; let the camera send one of {known}")


def _check_size(message: Any, pixel: int, key: str = "image") -> None:
    """Raise InvalidFrame unless width, height, step and the bytes there are fit."""
    width, height, step, size = message.width, message.height, message.step, len(message.data)
    if not (width and height and size):
        raise InvalidFrame(
            key, f"an empty picture: {width} x {height} pixels, {size} bytes; check the camera"
        )
    if step < width * pixel:
        raise InvalidFrame(
            key,
            f"step is {step}, but a row of {width} pixels in {message.encoding} takes "
            f"{width * pixel} bytes; the driver fills in step or encoding wrongly",
        )
    _check_sides(width, height, key)
    if size != step * height:
        raise InvalidFrame(
            key,
            f"{size} bytes, but {height} rows of step {step} are {step * height}; the driver "
            "fills in the size wrongly, or the message was cut",
        )


def _check_sides(width: int, height: int, key: str) -> None:
    if not SMALLEST_SIDE <= min(width, height) <= max(width, height) <= LARGEST_SIDE:
        raise InvalidFrame(
            key,
            f"a picture of {width} x {height} pixels shows nobody (sides from {SMALLEST_SIDE} to "
            f"{LARGEST_SIDE}); check the camera's settings",
        )


def _check_planes(message: Any) -> None:
    width, height, step, size = message.width, message.height, message.step, len(message.data)
    if not (width and height and size) or width % 2 or height % 2:
        raise InvalidFrame(
            "image",
            f"{message.encoding} of {width} x {height} pixels and {size} bytes is no picture; "
            "width and height must be even; check the camera",
        )
    if step < width or size != step * (height * 3 // 2):
        raise InvalidFrame(
            "image",
            f"{message.encoding} of {width} x {height} pixels and step {step} takes "
            f"{max(step, width) * (height * 3 // 2)} bytes, there are {size}; height must be "
            "that of the picture, without the colour plane",
        )


def _rows(message: Any, used: int, height: int) -> NDArray[np.uint8]:
    """(height, used) bytes, without what fills up each row."""
    every = np.frombuffer(message.data, np.uint8)
    return every.reshape(height, message.step)[:, :used]


def _kind(message: Any) -> str:
    """JPEG or PNG, by what is in it. Raises InvalidFrame where it is neither or was cut."""
    data, told = message.data, str(message.format)[:60]
    if "compressedDepth" in told:
        raise InvalidFrame(
            "image", f"'{told}' is a depth picture; give the colour picture's topic"
        )
    head, tail = bytes(data[:8]), bytes(data[-TAIL_BYTES:])
    for name, (begins, ends) in COMPRESSED.items():
        if head.startswith(begins):
            if ends not in tail:
                raise InvalidFrame(
                    "image",
                    f"a {name} of {len(data)} bytes without its end: it was cut on the way, or "
                    "by the driver; check the camera's cable and buffers",
                )
            return name
    raise InvalidFrame(
        "image",
        f"neither JPEG nor PNG ({len(data)} bytes, format '{told}'); let image_transport send "
        "one of these, or use the raw topic",
    )


def _decode(message: Any) -> NDArray[np.uint8]:
    damaged = InvalidFrame(
        "image",
        f"a {_kind(message)} of {len(message.data)} bytes that is damaged; check the camera's "
        "cable and buffers",
    )
    # A few bytes can claim a picture of gigabytes, which decoding would allocate at once.
    try:
        with Image.open(io.BytesIO(message.data)) as header:
            width, height = header.size
    except Exception as error:  # of each format its own kinds, and DecompressionBombError
        raise damaged from error
    if not _chunks_fit(message.data):
        raise damaged
    _check_sides(width, height, "image")
    if width * height > MOST_PIXELS:
        raise InvalidFrame(
            "image", f"claims {width} x {height} pixels; check the camera's cable and settings"
        )
    try:
        # As the camera sees it, whatever a tag in the file wants; camera_info knows no turning.
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        picture = cv2.imdecode(np.frombuffer(message.data, np.uint8), flags)
    except cv2.error as error:
        raise InvalidFrame("image", f"cannot be decoded ({_short(error)})") from error
    if picture is None:
        raise damaged
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def _chunks_fit(data: Any) -> bool:
    """Whether every chunk of a PNG is as long as it claims; OpenCV allocates what it claims."""
    begins, ends = COMPRESSED["PNG"]
    if not bytes(data[:8]).startswith(begins):
        return True
    at, kind = 8, b""
    while kind != ends:
        if at + 12 > len(data):
            return False
        length, kind = (
            int.from_bytes(bytes(data[at : at + 4]), "big"),
            bytes(data[at + 4 : at + 8]),
        )
        at += 12 + length
    return at <= len(data)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip()[:160]
