# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who goes with whom: the one-to-one pairing whose similarities add up to the most."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def pair(similarity: ArrayLike, lowest: float) -> list[tuple[int, int]]:
    """Rows and columns of an (R, C) matrix paired one to one, rows in order.

    The sum of the pairs' similarities is the greatest that pairs of at least ``lowest`` (> 0) can
    have; NaN pairs nobody. The Hungarian method with potentials, O(R^2 C): scipy, which has it
    too, would be a package of 35 MB for matrices of a few people.
    """
    gain = np.asarray(similarity, float)
    if not gain.size:
        return []
    gain = np.where(gain >= lowest, gain, 0.0)
    if len(gain) > gain.shape[1]:
        return sorted((row, column) for column, row in _pair(gain.T))
    return sorted(_pair(gain))


def _pair(gain: np.ndarray) -> list[tuple[int, int]]:
    """For no more rows than columns. Rows are added one at a time by a cheapest path."""
    rows, columns = gain.shape
    of_row, of_column = np.zeros(rows + 1), np.zeros(columns + 1)  # potentials
    # Column 0 and row 0 stand for "none", so that a path has a beginning.
    partner = np.zeros(columns + 1, int)
    for row in range(1, rows + 1):
        partner[0], here = row, 0
        least = np.full(columns + 1, np.inf)
        came_from = np.zeros(columns + 1, int)
        done = np.zeros(columns + 1, bool)
        while partner[here]:
            done[here] = True
            cost = -gain[partner[here] - 1] - of_row[partner[here]] - of_column[1:]
            better = ~done[1:] & (cost < least[1:])
            least[1:][better], came_from[1:][better] = cost[better], here
            reach = np.where(done, np.inf, least)
            reach[0] = np.inf
            following = int(np.argmin(reach))
            step = reach[following]
            of_row[partner[done]] += step
            of_column[done] -= step
            least[~done] -= step
            here = following
        while here:
            partner[here], here = partner[came_from[here]], came_from[here]
    return [
        (int(row) - 1, column)
        for column, row in enumerate(partner[1:])
        if row and gain[row - 1, column] > 0
    ]
