# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures from a webcam or a video file, and back into a window or a file, by OpenCV."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
# Where a video's stamps begin: any time will do that is not zero.
BEGIN = 1_000_000_000
FALLBACK_RATE = 30.0


class VideoUnavailable(RuntimeError):
    """A camera, video file or window that cannot be used; the message names cause and cure."""


@dataclass(frozen=True)
class Source:
    """An opened camera or file.

    rate  pictures a second as the file or driver says
    live  whether a picture that is not taken in time is lost
    """

    video: cv2.VideoCapture
    rate: float
    live: bool

    def __iter__(self) -> Iterator[tuple[Image, int]]:
        """RGB pictures (H, W, 3) and their stamps in nanoseconds, rising; closes at the end.

        A file's stamps follow its rate, a camera's the clock when the picture arrived.
        """
        number = 0
        try:
            while True:
                ok, picture = self.video.read()
                if not ok:
                    return
                stamp = time.time_ns() if self.live else BEGIN + round(number * 1e9 / self.rate)
                yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), stamp
                number += 1
        finally:
            self.video.release()


def open_camera(number: int) -> Source:
    """A webcam by its number. Raises VideoUnavailable."""
    video = cv2.VideoCapture(number)
    if not video.isOpened():
        raise VideoUnavailable(
            f"camera {number} cannot be opened; is it plugged in, free, and may you read "
            f"/dev/video{number}? A file is played with --video"
        )
    # The newest picture, not the oldest that the driver still keeps.
    video.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return Source(video, _rate(video), live=True)


def open_video(path: Path) -> Source:
    """A video file. Raises VideoUnavailable."""
    if not path.is_file():
        raise VideoUnavailable(f"there is no file {path}")
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise VideoUnavailable(f"{path} is no video that OpenCV can read")
    return Source(video, _rate(video), live=False)


def distinct(pictures: Iterable[tuple[Image, int]]) -> Iterator[tuple[Image, int]]:
    """Without those that equal the one before, as recorders faster than their camera write."""
    last: Image | None = None
    for image, stamp in pictures:
        if last is None or not np.array_equal(image, last):
            yield image, stamp
        last = image


def _rate(video: cv2.VideoCapture) -> float:
    rate = float(video.get(cv2.CAP_PROP_FPS))
    return rate if 0.5 <= rate <= 1000 else FALLBACK_RATE


class Film:
    """An MP4 file that grows picture by picture; all are brought to the size of the first.

    ``rate``: pictures a second. Raises VideoUnavailable for another kind of file.
    """

    def __init__(self, path: Path, rate: float) -> None:
        if path.suffix.lower() != ".mp4":
            raise VideoUnavailable(f"{path} must end in .mp4")
        self._path, self._rate = path, rate
        self._size = (0, 0)
        self._writer: cv2.VideoWriter | None = None

    def show(self, image: Image) -> bool:
        """Add an RGB picture (H, W, 3); always True. Raises VideoUnavailable."""
        if self._writer is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise VideoUnavailable(
                    f"{self._path} cannot be written: {error.strerror}"
                ) from None
            # The codec wants even sides.
            self._size = image.shape[1] // 2 * 2, image.shape[0] // 2 * 2
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._path), code, self._rate, self._size)
            if not self._writer.isOpened():
                raise VideoUnavailable(f"{self._path} cannot be written")
        if image.shape[1::-1] != self._size:
            image = np.asarray(cv2.resize(image, self._size), np.uint8)
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        return True

    def close(self) -> None:
        """Finish the file; may be called twice."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None


class Window:
    """A window on the screen, until Q, Escape or its cross.

    ``instead``: what to do where there can be none. Raises VideoUnavailable.
    """

    def __init__(self, title: str, instead: str) -> None:
        if not has_display():
            raise VideoUnavailable(f"there is no display to open a window on; {instead}")
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:
            raise VideoUnavailable(f"this OpenCV was built without windows; {instead}") from error
        self._title = title
        self.key = -1  # what was pressed while the last picture was shown; -1 = nothing

    def show(self, image: Image) -> bool:
        """Show an RGB picture (H, W, 3). False once the user wants no more."""
        cv2.imshow(self._title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        self.key = cv2.waitKey(1) & 0xFF
        wants_end = self.key in (ord("q"), 27)
        return not wants_end and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        """Close the window; may be called twice."""
        cv2.destroyAllWindows()


def has_display() -> bool:
    """Whether a window can be opened. Asked beforehand: Qt without a display ends the process."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
