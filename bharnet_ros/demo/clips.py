# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recorded clips as a camera would give them: its pictures in time, and what is seen in them.

Needs no ROS. `tools/make_demo_bag.py` makes the recording of keypoints from the same pictures.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bharnet.video import BEGIN, distinct, open_video

START_NS = 1_767_225_600 * 1_000_000_000  # 2026-01-01 00:00:00 UTC
GAP_SECONDS = 1.5  # nobody in view between two clips: the last person is lost, the next is new


@dataclass(frozen=True)
class Sign:
    """What is signed in a clip, in seconds as a video player shows them."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True, eq=False)
class Clip:
    """The pictures of one video, its place in the bag's time, and what is signed in it.

    The files hold every picture twice: the recorder read the camera faster than it took pictures,
    and its 10 frames a second are a fixed number, not measured. So a picture is kept once, and
    ``rate`` (pictures a second) is an estimate.
    """

    name: str
    pictures: tuple[NDArray[np.uint8], ...]  # RGB, (H, W, 3)
    shown_at: tuple[float, ...]  # seconds in the video
    start_ns: int
    rate: float
    segment: Sign | None = None  # None = the person does nothing

    @property
    def body_id(self) -> str:
        """Five letters that no other clip has: a REP-155 body id."""
        digest = hashlib.sha256(self.name.encode()).digest()
        return "".join(chr(ord("a") + byte % 26) for byte in digest[:5])

    def stamp(self, number: int) -> int:
        """When a picture was taken, in nanoseconds; beyond the last one lies the gap."""
        return self.start_ns + round(number * 1e9 / self.rate)

    @property
    def gap(self) -> range:
        """Numbers of the pictures of nobody that follow."""
        count = len(self.pictures)
        return range(count, count + round(GAP_SECONDS * self.rate))

    def truth(self) -> str:
        """What is recorded, as JSON; times in nanoseconds like the stamps, null = no sign."""
        start = end = None
        if self.segment:
            inside = [
                number
                for number, second in enumerate(self.shown_at)
                if self.segment.start_s <= second <= self.segment.end_s
            ]
            start, end = self.stamp(inside[0]), self.stamp(inside[-1])
        return json.dumps(
            {
                "clip": self.name,
                "body_id": self.body_id,
                "sign": self.segment.label if self.segment else "",
                "start": start,
                "end": end,
                "clip_start": self.stamp(0),
                "clip_end": self.stamp(len(self.pictures) - 1),
            }
        )


def read_signs(path: Path) -> dict[str, Sign]:
    """The table clip,start_s,end_s,label by clip. Raises OSError, KeyError."""
    with path.open(newline="") as file:
        return {
            row["clip"]: Sign(row["label"], float(row["start_s"]), float(row["end_s"]))
            for row in csv.DictReader(file)
        }


def read_clips(paths: list[Path], segments: dict[str, Sign], rate: float) -> Iterator[Clip]:
    """One clip after the other in time. Raises VideoUnavailable or OSError."""
    start_ns = START_NS
    for path in paths:
        pictures, shown_at = read_pictures(path)
        segment = segments.get(path.stem)
        clip = Clip(path.stem, pictures, shown_at, start_ns, rate, segment)
        yield clip
        start_ns = clip.stamp(clip.gap.stop)


def read_pictures(path: Path) -> tuple[tuple[NDArray[np.uint8], ...], tuple[float, ...]]:
    """The different RGB pictures (H, W, 3) of a video, and when a player shows each first."""
    found = list(distinct(open_video(path)))
    if not found:
        raise OSError(f"{path} has no pictures")
    pictures, stamps = zip(*found, strict=True)
    return pictures, tuple((stamp - BEGIN) / 1e9 for stamp in stamps)


@dataclass(frozen=True, eq=False)
class Shot:
    """Clips seen at once, beside each other, all from the same moment on."""

    clips: tuple[Clip, ...]

    @property
    def length(self) -> int:
        """Number of pictures, as many as the longest clip has."""
        return max(len(clip.pictures) for clip in self.clips)

    def stamp(self, number: int) -> int:
        """When a picture was taken, in nanoseconds."""
        return self.clips[0].stamp(number)

    def picture(self, number: int) -> NDArray[np.uint8]:
        """One picture; a clip that is over keeps its last one. Black before and after all."""
        if not 0 <= number < self.length:
            return np.hstack([np.zeros_like(clip.pictures[0]) for clip in self.clips])
        return np.hstack(
            [clip.pictures[min(number, len(clip.pictures) - 1)] for clip in self.clips]
        )

    def clip_at(self, x: float) -> Clip:
        """The clip at this share of the width."""
        place = int(x * len(self.clips))
        return self.clips[min(max(place, 0), len(self.clips) - 1)]


def beside(left: Clip, right: Clip, start_ns: int) -> Shot:
    """Both as two people at once, under names of their own."""
    placed = (
        replace(clip, name=f"{clip.name} ({side})", start_ns=start_ns)
        for clip, side in ((left, "left"), (right, "right"))
    )
    return Shot(tuple(placed))
