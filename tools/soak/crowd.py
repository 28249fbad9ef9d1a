# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Made-up people who come, do one thing after another, and leave."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bharnet.observation import unseen
from bharnet.window import NANOSECONDS

RATE = 10  # frames a second
MOST = 4  # people at once
STAYS = (1, 5, 20, 60)  # seconds
COME, CHANGE = 0.04, 0.2  # chances in a second
POSTURES = 12
HAND = 21


@dataclass
class Crowd:
    """Who is in view. ``joints``: of a body; ``come``: how many a second.

    What somebody does is one of some postures with noise in it, and another every five seconds.
    """

    rng: random.Random
    joints: int
    counts: Counter[str] = field(default_factory=Counter)
    come: float = COME
    until: dict[str, int] = field(default_factory=dict)  # stamp to which each stays
    _posture: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = np.random.default_rng(self.rng.getrandbits(32))
        shape = (POSTURES, self.joints + 2 * HAND, 4)
        self._postures = self._numbers.random(shape, np.float32)

    def step(self, now: int) -> None:
        """Let people leave and come, and some begin something else."""
        for body_id in [each for each, until in self.until.items() if until < now]:
            del self.until[body_id]
            self._posture.pop(body_id, None)
            self.counts["left"] += 1
        if len(self.until) < MOST and self.rng.random() < self.come / RATE:
            self.counts["came"] += 1
            stay = self.rng.choice(STAYS) * NANOSECONDS
            self.until[f"body{self.counts['came']}"] = now + stay
        for body_id in self.until:
            if body_id not in self._posture or self.rng.random() < CHANGE / RATE:
                self._posture[body_id] = self.rng.randrange(POSTURES)

    def leave(self) -> None:
        """Nobody is in view any more."""
        self.until.clear()
        self._posture.clear()

    def look(self, body_id: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Body (joints, 4) and hands (2, 21, 4) now; sometimes nothing of them is seen."""
        posture = self._postures[self._posture[body_id]]
        noise = self._numbers.random(posture.shape, np.float32)
        values = (posture + np.float32(0.1) * noise) / np.float32(1.1)
        body, hands = values[: self.joints], values[self.joints :].reshape(2, HAND, 4)
        chance = self.rng.random()
        if chance < 0.02:
            body[:] = unseen(self.joints)
        if chance < 0.1:
            hands[:] = unseen(HAND)
        return body, hands
