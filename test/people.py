# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Synthetic people with known places, for tests."""

from __future__ import annotations

import numpy as np

from bharnet.observation import Frame, Observation
from bharnet.skeleton import UPPER_BODY_11
from bharnet.window import NANOSECONDS

START = 1_700_000_000 * NANOSECONDS


def standing(seed: int = 0, hands: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """A plausible upper body (11, 4) and hands (2, 21, 4) in picture heights."""
    rng = np.random.default_rng(seed)
    places = {
        "nose": (0.66, 0.3),
        "left_ear": (0.72, 0.3),
        "right_ear": (0.6, 0.3),
        "left_shoulder": (0.8, 0.5),
        "right_shoulder": (0.5, 0.5),
        "left_elbow": (0.85, 0.7),
        "right_elbow": (0.45, 0.7),
        "left_wrist": (0.8, 0.85),
        "right_wrist": (0.5, 0.85),
        "left_hip": (0.75, 0.95),
        "right_hip": (0.55, 0.95),
    }
    body = np.ones((11, 4), np.float32)
    for i, joint in enumerate(UPPER_BODY_11.joints):
        body[i, :3] = (*places[joint], 0.0)
    hand = rng.normal(0, 0.03, (2, 21, 4)).astype(np.float32)
    hand[..., 3] = np.nan
    for side, joint in enumerate(("left_wrist", "right_wrist")):
        hand[side, :, :3] += body[UPPER_BODY_11.index(joint), :3] - hand[side, :1, :3]
    if not hands:
        hand[..., :3], hand[..., 3] = np.nan, 0.0
    return body, hand


def person(body_id: str = "ab12c", seed: int = 0, hands: bool = True) -> Observation:
    """An observation of somebody standing."""
    return Observation(body_id, *standing(seed, hands))


def frame(seconds: float, *people: Observation) -> Frame:
    """A frame at START + seconds."""
    return Frame(START + round(seconds * NANOSECONDS), people)
