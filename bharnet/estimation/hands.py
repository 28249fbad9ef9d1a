# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hands to people: where to look for a hand, and whose hand was found.

A hand detector on the whole picture fails where robots stand, because hands are too small there.
So it looks at a square around each wrist of the pose, enlarged to the detector's input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bharnet.estimation.assignment import pair

# Rows of MediaPipe's 33 joints, the person's left first.
SHOULDERS, ELBOWS, WRISTS = (11, 12), (13, 14), (15, 16)
LITTLE_FINGERS, INDEX_FINGERS = (17, 18), (19, 20)

# Side of the square in arm units (see arm_unit). Measured on webcam clips and two people farther
# off: 1.25 finds a quarter fewer hands (folded ones hardly ever), 2.4 adds mostly others' hands.
CROP_SIZE = 2.0
# A hand farther from the wrist than this, in arm units, is not this wrist's.
REACH = 0.45
# Two finds are one hand if their joints lie closer than this, in lengths of its palm: found twice
# they are up to 0.2 apart, two hands pressed together 0.2 to 0.4.
SAME_HAND = 0.2
# What being the right one of two hands is worth, in reaches: it turns near ties, no more.
HANDEDNESS = 0.25


@dataclass(frozen=True)
class Crop:
    """A square of the picture, in pixels; it may stand out over the border."""

    left: int
    top: int
    size: int

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The square as a contiguous (size, size, 3) picture, black outside of the image."""
        height, width = image.shape[:2]
        x0, y0 = max(self.left, 0), max(self.top, 0)
        x1, y1 = min(self.left + self.size, width), min(self.top + self.size, height)
        square = np.zeros((self.size, self.size, 3), np.uint8)
        if x0 < x1 and y0 < y1:
            top, left = y0 - self.top, x0 - self.left
            square[top : top + y1 - y0, left : left + x1 - x0] = image[y0:y1, x0:x1]
        return square

    def to_image(self, joints: ArrayLike, width: int, height: int) -> NDArray[np.float32]:
        """(..., 3) joints in shares of the square -> x / width, y / height, z / width."""
        x, y, z = np.moveaxis(np.asarray(joints, np.float32) * self.size, -1, 0)
        return np.stack(((self.left + x) / width, (self.top + y) / height, z / width), -1)


def arm_unit(body: NDArray[np.float32], side: int) -> float:
    """The person's size near one arm, in the units of ``body``'s x, y (isotropic): (33, 2+).

    The longest of what a turned body or a forearm that points at the camera leaves: shoulder
    width, forearm, upper arm.
    """
    joints = body[:, :2]
    shoulder, elbow, wrist = joints[SHOULDERS[side]], joints[ELBOWS[side]], joints[WRISTS[side]]
    across = joints[SHOULDERS[0]] - joints[SHOULDERS[1]]
    return float(max(np.hypot(*part) for part in (across, elbow - wrist, shoulder - elbow)))


def wrist_crop(body: NDArray[np.float32], side: int, width: int, height: int) -> Crop | None:
    """The square in which to look for one hand; None where no hand can be.

    ``body`` is (33, 4) in shares of the picture, ``side`` 0 = left, 1 = right.
    """
    pixels = body[:, :2] * np.array((width, height), np.float32)
    unit = arm_unit(pixels, side)
    wrist = pixels[WRISTS[side]]
    knuckles = (pixels[LITTLE_FINGERS[side]] + pixels[INDEX_FINGERS[side]]) / 2
    centre = (wrist + knuckles) / 2
    if not np.isfinite(centre).all() or not 8.0 <= unit * CROP_SIZE <= 4.0 * max(width, height):
        return None
    if not ((centre >= 0) & (centre < (width, height))).all():
        return None
    size = round(unit * CROP_SIZE)
    left, top = np.round(centre - size / 2).astype(int)
    return Crop(int(left), int(top), size)


def assign_hands(
    wrists: NDArray[np.float32],
    reach: NDArray[np.float32],
    hands: NDArray[np.float32],
    left_share: NDArray[np.float32],
) -> list[int | None]:
    """Which found hand belongs to which wrist, all of them weighed at once, no hand twice.

    wrists      (W, 2)  of all people, each one's left before its right
    reach       (W,)    how far from it a hand may begin
    hands       (N, 21, 2)  one that was found in several squares is given once
    left_share  (N,)    probability that it is a left hand, NaN = not known

    All in pixels. What counts is the distance in reaches; where two hands are about as near, as
    when they cross, the handedness decides. Returns one index into ``hands`` a wrist, None = no
    hand; a hand within nobody's reach is given to nobody.
    """
    chosen: list[int | None] = [None] * len(wrists)
    if not len(hands) or not len(wrists):
        return chosen
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.linalg.norm(wrists[:, None] - hands[None, :, 0], axis=-1) / reach[:, None]
    share = np.nan_to_num(left_share, nan=0.5)
    fits = np.where(np.arange(len(wrists))[:, None] % 2, 1 - share, share)
    near = np.where(apart <= 1, 2 - apart + HANDEDNESS * fits, np.nan)
    kept = _distinct(hands, near)
    for wrist, hand in pair(near[:, kept], lowest=1.0):
        chosen[wrist] = kept[hand]
    return chosen


def _distinct(hands: NDArray[np.float32], near: NDArray[np.float64]) -> list[int]:
    """Indices of the hands without those found twice; of two, the one nearer to some wrist."""
    best = np.nan_to_num(near).max(0)
    kept: list[int] = []
    for i in np.argsort(-best, kind="stable"):
        if best[i] > 0 and not same_hand(hands[kept], hands[i]).any():
            kept.append(int(i))
    return kept


def same_hand(hands: NDArray[np.float32], hand: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of ``hands`` (N, 21, 2) show the same hand as ``hand`` (21, 2)."""
    palm = np.linalg.norm(hand[9] - hand[0])
    apart = np.linalg.norm(hands - hand, axis=-1).mean(-1)
    return np.asarray(apart <= SAME_HAND * palm)
