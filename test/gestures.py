# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Takes of invented gestures: the right hand goes somewhere, with a shape of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from people import START, standing

from bharnet.recording import Recordings
from bharnet.skeleton import UPPER_BODY_11
from bharnet.take import Take
from bharnet.window import NANOSECONDS
from bharnet_train.datasets.recordings import Sequence

# Where the right wrist goes in picture heights, and the seed of the hand's shape.
GESTURES = {"wave": ((-0.1, -0.5), 1), "stop": ((0.15, -0.3), 2), "come": ((0.3, -0.1), 3)}


def make_take(
    label: str,
    seed: int = 0,
    seconds: float = 1.6,
    rate: float = 15.0,
    hands: bool = True,
    body: bool = True,
) -> Take:
    """One take; whatever is no key of GESTURES is somebody standing still."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate) + 1
    place, shape = GESTURES.get(label, ((0.0, 0.0), 0))
    joints, hand = standing(shape)
    bodies, both = np.repeat(joints[None], count, 0), np.repeat(hand[None], count, 0)
    moved = np.array(place) * np.sin(np.linspace(0.2, 3, count))[:, None]
    for joint, share in (("right_elbow", 0.5), ("right_wrist", 1.0)):
        bodies[:, UPPER_BODY_11.index(joint), :2] += share * moved
    both[:, 1, :, :2] += moved[:, None]
    bodies[..., :2] += rng.normal(0, 0.01, bodies[..., :2].shape)
    both[..., :3] += rng.normal(0, 0.005, both[..., :3].shape)
    if not hands or label not in GESTURES:
        both[..., :3], both[..., 3] = np.nan, 0.0
    if not body:
        bodies[..., :3], bodies[..., 3] = np.nan, 0.0
    stamps = START + (np.arange(count) / rate * NANOSECONDS).astype(np.int64)
    return Take(stamps, bodies.astype(np.float32), both.astype(np.float32), UPPER_BODY_11)


def sequences_of(takes: list[Take], label: str) -> list[Sequence]:
    """The takes as a reader of recordings gives them, all of one label."""
    return [Sequence(take.window(UPPER_BODY_11), label, "p1", "", "test") for take in takes]


def write_recordings(folder: Path, takes: int = 4, sessions: int = 1) -> Path:
    """``takes`` of every gesture and of idle at each of so many sessions."""
    recordings = Recordings(folder)
    for session in range(sessions):
        for number in range(takes):
            for i, label in enumerate((*GESTURES, "idle")):
                seed = 1000 * session + 10 * number + i
                recordings.add(make_take(label, seed), label, "p1", f"day{session}")
    return folder
