# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bodies that do not tremble: the 1-euro filter, for each person and joint.

MediaPipe steadies its bodies only where it looks for one person. Recordings are made so, and so is
what a network is trained on; with two or more people the trembling alone makes signs unknown. So
people are steadied here, with the parameters that MediaPipe's pose graph has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bharnet.window import NANOSECONDS

# Of MediaPipe's pose landmarks: Hz; Hz per person size a second; Hz. A joint at rest is averaged
# over seconds, a moving one hardly at all.
MIN_CUTOFF, BETA, SPEED_CUTOFF = 0.05, 80.0, 1.0
# Share of the newest score in the running mean.
SCORE_SHARE = 0.1
# Somebody unseen for as long begins anew.
FORGET_SECONDS = 0.5


@dataclass
class _Person:
    stamp: int
    raw: NDArray[np.float64]  # (V, 4) as last seen, NaN = not yet
    smooth: NDArray[np.float64]  # (V, 4)
    speed: NDArray[np.float64]  # (V, 3) in person sizes a second


@dataclass
class Smoother:
    """The 1-euro filter (Casiez, Roussel and Vogel, CHI 2012) over each person's joints."""

    _people: dict[str, _Person] = field(default_factory=dict, init=False)

    def smooth(
        self, body_id: str, body: NDArray[np.float32], stamp: int, aspect: float
    ) -> NDArray[np.float32]:
        """A body (V, 4) as an estimator gives it -> the same, steadied; unseen joints stay unseen.

        ``stamp`` in nanoseconds, rising; ``aspect`` is width / height.
        """
        raw = body.astype(np.float64)
        scale = np.array((aspect, 1.0, aspect))  # to picture heights
        last = self._people.get(body_id)
        if last is None or not 0 < stamp - last.stamp <= FORGET_SECONDS * NANOSECONDS:
            last = _Person(stamp - 1, raw, raw, np.zeros((len(raw), 3)))
        seconds = (stamp - last.stamp) / NANOSECONDS
        moved = (raw[:, :3] - last.raw[:, :3]) * scale / (_size(raw, aspect) * seconds)
        share = _share(np.array(SPEED_CUTOFF), seconds)
        speed = share * np.nan_to_num(moved) + (1 - share) * last.speed
        share = _share(MIN_CUTOFF + BETA * np.abs(speed), seconds)
        share = np.concatenate((share, np.full((len(raw), 1), SCORE_SHARE)), 1)
        smooth = share * raw + (1 - share) * last.smooth
        # A value that was not seen before, or is not now, has nothing to be averaged with.
        smooth = np.where(np.isfinite(smooth), smooth, raw)
        self._people[body_id] = _Person(stamp, raw, smooth, speed)
        return smooth.astype(np.float32)

    def forget(self, stamp: int) -> None:
        """Let go of those unseen for long."""
        self._people = {
            name: each
            for name, each in self._people.items()
            if stamp - each.stamp <= FORGET_SECONDS * NANOSECONDS
        }

    def reset(self) -> None:
        """Forget everybody."""
        self._people.clear()


def _share(cutoff: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """What the newest value counts, of a low-pass filter with a cut-off in Hz."""
    share: NDArray[np.float64] = 1 / (1 + 1 / (2 * math.pi * cutoff * seconds))
    return share


def _size(body: NDArray[np.float64], aspect: float) -> float:
    """The mean side of the box around all joints, in picture heights; never 0."""
    seen = body[np.isfinite(body[:, :2]).all(1), :2] * (aspect, 1.0)
    return max(float(np.ptp(seen, axis=0).mean()), 1e-3) if len(seen) else 1e-3
