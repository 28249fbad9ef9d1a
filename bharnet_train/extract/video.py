# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a video at the frames of a skeleton file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bharnet_train.prepare.clip import Rejected

SUFFIXES = (".avi", ".mp4", ".mkv", ".mov", ".webm")
# A rate that differs by less is the same: containers say 29.97 for 30.
SAME_RATE = 0.01


def find_videos(folder: Path) -> dict[str, Path]:
    """Name without ending, and without NTU's ``_rgb`` -> path, anywhere below the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return {path.stem.removesuffix("_rgb"): path for path in paths}


def pictures(path: Path, frames: list[int], fps: float) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(frame, RGB picture) for those of the rising ``frames`` (``fps`` a second) that it shows.

    Raises Rejected for a video that cannot be opened or shows nothing.
    """
    video = cv2.VideoCapture(str(path))
    try:
        if not video.isOpened():
            raise Rejected("cannot be opened: damaged, or of an unknown kind")
        rate = video.get(cv2.CAP_PROP_FPS)
        same = not rate > 0 or abs(rate / fps - 1) < SAME_RATE
        read = -1  # number of the newest picture
        picture: NDArray[np.uint8] | None = None
        for frame in frames:
            wanted = frame if same else round(frame / fps * rate)
            while read < wanted:
                if not video.grab():
                    if picture is None:
                        raise Rejected(f"shows no picture {wanted}: cut short, or another video")
                    return
                read += 1
                if read == wanted:
                    ok, decoded = video.retrieve()
                    if not ok:
                        return
                    picture = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
            if picture is not None:
                yield frame, picture
    finally:
        video.release()
