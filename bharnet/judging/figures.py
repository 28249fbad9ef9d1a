# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What judging finds, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bharnet.judging.matching import Outcome
from bharnet.judging.people import Person
from bharnet.judging.segments import Segment

NOTHING = "(nothing)"


@dataclass(frozen=True)
class Score:
    """Counts at one overlap. A share is None where nothing could be counted."""

    true: int = 0  # segments found
    told: int = 0  # events judged
    happened: int = 0  # segments of classes that the model knows

    @property
    def precision(self) -> float | None:
        """Share of events that were right."""
        return self.true / self.told if self.told else None

    @property
    def recall(self) -> float | None:
        """Share of segments that were found."""
        return self.true / self.happened if self.happened else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two."""
        both = self.told + self.happened
        return 2 * self.true / both if both else None


@dataclass(frozen=True)
class Spread:
    """Seconds, over the segments found. None without any."""

    median: float | None
    p90: float | None

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        """Percentiles, interpolated linearly."""
        if not values:
            return Spread(None, None)
        middle, high = np.percentile(np.asarray(values, np.float64), (50, 90))
        return Spread(float(middle), float(high))


@dataclass(frozen=True)
class Figures:
    """One class, or all of them together. Seconds; found = matched at the lowest threshold."""

    scores: dict[float, Score]  # by threshold
    missed: int
    false_alarms: int
    delay: Spread  # from the true onset to the result that told of it
    onset_error: Spread  # of abs(estimated - true)
    onset_bias: float | None  # median of estimated - true
    offset_error: Spread


@dataclass(frozen=True)
class Mistake:
    """One thing that went wrong. ``cost``: seconds it lasted, times how sure it was told."""

    kind: str  # a Verdict, or "missed"
    person: str
    happened: str
    told: str
    start: int
    end: int
    confidence: float
    cost: float


@dataclass(frozen=True)
class PersonResult:
    """One person: truth, and every event with its verdict."""

    person: Person
    segments: tuple[tuple[Segment, str], ...]  # "found", "missed", "unknown" or "idle"
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Judgement:
    """Everything that ``judge`` finds.

    confusion[i][j]  how often rows[i] was told as columns[j], each segment and false alarm once
    idle_minutes     person-minutes in view in which nothing was done
    accuracy         share of the judged time in view at which the right thing was told, or rightly
                     nothing
    """

    classes: dict[str, Figures]
    overall: Figures
    macro_f1: dict[float, float | None]
    people: tuple[PersonResult, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    mistakes: tuple[Mistake, ...]
    idle_minutes: float
    false_alarms_per_minute: float | None
    accuracy: float | None
    id_switches: int
    unseen: int  # missed segments during which the person was never in view
    unknown_segments: int  # of classes that the model does not know
    unknown_refused: int  # of those, rightly told as nothing
