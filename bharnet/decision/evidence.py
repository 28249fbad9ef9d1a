# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the scores of a body's last ticks amount to, and since when they do.

When a class is accepted, its evidence began earlier. The moment is estimated as the change point
of Page's cumulative sum (Biometrika 41, 1954): log odds of each tick against ``level``, summed
over time and never below zero; the change is where the sum last left zero. One odd tick does
not move it. Between two ticks the crossing of ``level`` is interpolated, so that the estimate does
not hang on the stride. The end of an action is found in the same way from the odds against it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bharnet.window import NANOSECONDS

# One tick may not outweigh all others: odds beyond e^3 = 20 to 1 count as that.
MOST_ODDS = 3.0
# Seconds of full evidence that are remembered at most: what lasted long must not take as long
# to be forgotten.
MEMORY = 0.3
# For a class, and against it.
SIGNS = np.array([[1.0], [-1.0]])


class Evidence:
    """Scores of one body, smoothed and summed up."""

    def __init__(self, classes: int) -> None:
        self.smoothed: NDArray[np.float32] = np.zeros(classes, np.float32)
        self.stamp = 0
        self._last: NDArray[np.float64] = np.zeros(classes)  # scores of the tick before
        # (2, C): for the class, against it; and since when.
        self._sums: NDArray[np.float64] = np.zeros((2, classes))
        self._since: NDArray[np.int64] = np.zeros((2, classes), np.int64)

    def add(self, stamp: int, scores: NDArray[np.float32], level: float, smoothing: float) -> None:
        """Scores (C,) at ``stamp``.

        ``level``: probability that speaks neither for nor against; ``smoothing``: time constant
        of the mean, seconds.
        """
        scores = np.asarray(scores, np.float32)
        first, elapsed = not self.stamp, (stamp - self.stamp) / NANOSECONDS
        if first:
            self.smoothed = scores
            self._since[:] = stamp
        else:
            keep = math.exp(-elapsed / max(smoothing, 1e-6))
            self.smoothed = (self.smoothed * keep + scores * (1 - keep)).astype(np.float32)
            self._sum_up(stamp, scores.astype(np.float64), min(max(level, 0.01), 0.99), elapsed)
        self._last, self.stamp = scores.astype(np.float64), stamp

    def rose(self, class_id: int) -> int:
        """Stamp at which the evidence for a class began; the newest one without any."""
        return int(self._since[0, class_id]) if self._sums[0, class_id] > 0 else self.stamp

    def fell(self, class_id: int) -> int:
        """Stamp at which it ceased; the newest one while it has not."""
        return int(self._since[1, class_id]) if self._sums[1, class_id] > 0 else self.stamp

    def forget(self, class_id: int) -> None:
        """Let the evidence for a class begin anew."""
        self._sums[0, class_id] = 0.0

    @property
    def entropy(self) -> float:
        """Of the smoothed scores, as share of the largest possible, 0..1."""
        if len(self.smoothed) < 2:
            return 0.0
        scores = np.clip(self.smoothed.astype(np.float64), 1e-12, 1.0)
        return float(-(scores * np.log(scores)).sum() / math.log(len(scores)))

    def _sum_up(
        self, stamp: int, scores: NDArray[np.float64], level: float, elapsed: float
    ) -> None:
        bounded = np.minimum(np.maximum(scores, 1e-4), 1 - 1e-4)
        odds = np.log(bounded / (1 - bounded)) - math.log(level / (1 - level))
        odds = np.minimum(np.maximum(odds, -MOST_ODDS), MOST_ODDS) * elapsed
        was = self._sums
        self._sums = np.minimum(np.maximum(was + odds * SIGNS, 0.0), MOST_ODDS * MEMORY)
        begins = (was <= 0) & (self._sums > 0)
        if begins.any():
            crossed = self._crossing(stamp, scores, level)
            self._since = np.where(begins, crossed, self._since)

    def _crossing(
        self, stamp: int, scores: NDArray[np.float64], level: float
    ) -> NDArray[np.int64]:
        """When each class passed ``level`` between the tick before and this one."""
        change = scores - self._last
        share = (level - self._last) / np.where(np.abs(change) > 1e-9, change, 1e-9)
        return self.stamp + np.round(
            np.minimum(np.maximum(share, 0), 1) * (stamp - self.stamp)
        ).astype(np.int64)
