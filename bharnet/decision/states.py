# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is told of a body at a tick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from bharnet.recognizer import Prediction


class State(IntEnum):
    """What a body does (constants of Action)."""

    UNKNOWN = 0
    IDLE = 1
    ONSET = 2
    ONGOING = 3
    OFFSET = 4


class Reason(IntEnum):
    """Why an action ended (constants of Action)."""

    NONE = 0
    FINISHED = 1
    LOST = 2
    INPUT_STOPPED = 3
    RESET = 4


@dataclass(frozen=True, eq=False)
class Decided:
    """One entry of a tick. Stamps in nanoseconds, 0 = none; class_id -1 = none.

    onset, offset: when the action began and ended, as estimated, not when that was decided.
    """

    body_id: str
    state: State
    reason: Reason = Reason.NONE
    event_id: int = 0
    class_id: int = -1
    confidence: float = math.nan
    onset: int = 0
    offset: int = 0
    smoothed: NDArray[np.float32] | None = None
    prediction: Prediction | None = None


def best_classes(scores: NDArray[np.float32], count: int) -> Sequence[int]:
    """Indices of the ``count`` highest of the scores (C,), best first."""
    return [int(i) for i in np.argsort(-scores, kind="stable")[:count]]
