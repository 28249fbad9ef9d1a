# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One video's hands, hung on the bodies that the Kinect saw in it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bharnet.skeleton import HAND_21, MEDIAPIPE_33, Layout
from bharnet_train.datasets.prepared import Prepared
from bharnet_train.extract.video import pictures
from bharnet_train.prepare.kinect import project

# What the search for hands reads of a body, by MediaPipe's names, and the Kinect's for it.
ARM = {
    "shoulder": "shoulder",
    "elbow": "elbow",
    "wrist": "wrist",
    "index": "hand",
    "pinky": "hand",
}

Hand = NDArray[np.float32]


class HandFinder(Protocol):
    """What is needed of an estimator; MediaPipeEstimator has it."""

    def hands_of(
        self, bodies: list[NDArray[np.float32]], image_rgb: NDArray[np.uint8]
    ) -> list[tuple[Hand | None, Hand | None]]:
        """Left and right hand of each body, in shares of the picture."""
        ...


def hands_in_video(
    prepared: Prepared, clips: list[int], video: Path, finder: HandFinder, mirrored: bool
) -> list[NDArray[np.float32]]:
    """For each clip its (bodies x frames, 2, 21, 3), in the order of its rows.

    Each picture is looked at around the wrists of everybody in it, by frame time; a hand goes to
    the nearest wrist. ``mirrored``: the video shows people as a mirror does. Raises Rejected.
    """
    made, arms = [], []
    for clip in clips:
        bodies, frames = (int(prepared.clips[key][clip]) for key in ("bodies", "frames"))
        made.append(np.full((bodies, frames, 2, len(HAND_21), 3), np.nan, np.float32))
        arms.append(arms_in_picture(prepared, clip))
    first = [int(prepared.clips["first_frame"][clip]) for clip in clips]
    wanted: set[int] = set()
    for arm, start in zip(arms, first, strict=True):
        wanted.update(range(start, start + arm.shape[1]))
    for frame, picture in pictures(video, sorted(wanted), prepared.manifest["fps"]):
        if mirrored:
            picture = picture[:, ::-1]
        for hands, arm, start in zip(made, arms, first, strict=True):
            if 0 <= frame - start < arm.shape[1]:
                found = finder.hands_of(list(arm[:, frame - start]), picture)
                for body, sides in enumerate(found):
                    for side, hand in enumerate(sides):
                        if hand is not None:
                            hands[body, frame - start, side] = hand[:, :3]
    return [hands.reshape(-1, *hands.shape[2:]) for hands in made]


def arms_in_picture(prepared: Prepared, clip: int) -> NDArray[np.float32]:
    """(bodies, frames, 33, 4): shoulders, arms and hands as a camera sees them, else NaN.

    From the colour coordinates of the file; without them, projected by the usual Kinect.
    """
    start, bodies, frames = (
        int(prepared.clips[key][clip]) for key in ("start", "bodies", "frames")
    )
    rows = slice(start, start + bodies * frames)
    if prepared.colour is not None:
        places = prepared.colour[rows].astype(np.float32)
    else:
        places = project(prepared.joints[rows].astype(np.float32))
    places[..., 0] = 1 - places[..., 0]  # the Kinect's columns run the other way
    arms = np.full((len(places), len(MEDIAPIPE_33), 4), np.nan, np.float32)
    targets, sources = _arm_joints(prepared.layout)
    arms[:, targets, :2] = places[:, sources]
    return arms.reshape(bodies, frames, *arms.shape[1:])


def _arm_joints(layout: Layout) -> tuple[list[int], list[int]]:
    """Rows in MediaPipe's layout and where they come from."""
    pairs = [
        (MEDIAPIPE_33.index(f"{side}_{joint}"), layout.index(f"{side}_{source}"))
        for side in ("left", "right")
        for joint, source in ARM.items()
    ]
    return [target for target, _ in pairs], [source for _, source in pairs]
