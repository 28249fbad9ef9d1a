# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The words of judging: who did what from when to when, and what was told of it.

All times are stamps in nanoseconds, all spans half open: [start, end).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of time. Raises ValueError if it ends before it starts."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a span from {self.start} cannot end at {self.end}")

    @property
    def length(self) -> int:
        """Nanoseconds."""
        return self.end - self.start


@dataclass(frozen=True, order=True)
class Segment(Span):
    """Truth: one person does one thing. ``person`` "" = whoever is there."""

    label: str
    person: str = ""


@dataclass(frozen=True)
class Event:
    """One action as it was told.

    onset, offset  when it began and ended, as estimated; equal = it was over at once
    decided        stamp of the result that told its onset: from here on a robot knew
    confidence     the highest that was told of it, 0..1
    """

    body_id: str
    label: str
    onset: int
    offset: int
    decided: int
    confidence: float
    person_id: str = ""

    @property
    def span(self) -> Span:
        """From onset to offset; never empty, so that it always lies somewhere."""
        return Span(self.onset, max(self.offset, self.onset + 1))


@dataclass(frozen=True, order=True)
class Sighting(Span):
    """One body was in view, without a pause in which it was lost."""

    body_id: str
    person_id: str = ""


def overlap(a: Span, b: Span) -> int:
    """Nanoseconds that two spans share."""
    return max(0, min(a.end, b.end) - max(a.start, b.start))


def iou(a: Span, b: Span) -> float:
    """Intersection over union, 0..1."""
    shared = overlap(a, b)
    return shared / (a.length + b.length - shared) if shared else 0.0


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time as disjoint spans in order, empty ones left out."""
    joined: list[Span] = []
    for span in sorted((Span(each.start, each.end) for each in spans), key=lambda s: s.start):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        elif span.length:
            joined.append(span)
    return joined


def intersection(a: Sequence[Span], b: Sequence[Span]) -> list[Span]:
    """The time in both; each is disjoint and in order, as ``union`` gives it."""
    shared: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i].start, b[j].start), min(a[i].end, b[j].end)
        if start < end:
            shared.append(Span(start, end))
        if a[i].end <= b[j].end:
            i += 1
        else:
            j += 1
    return shared


def difference(a: Sequence[Span], b: Sequence[Span]) -> list[Span]:
    """The time in a and not in b; each is disjoint and in order."""
    left: list[Span] = []
    j = 0
    for span in a:
        start = span.start
        while j < len(b) and b[j].end <= start:
            j += 1
        k = j
        while k < len(b) and b[k].start < span.end:
            if start < b[k].start:
                left.append(Span(start, b[k].start))
            start = max(start, b[k].end)
            k += 1
        if start < span.end:
            left.append(Span(start, span.end))
    return left


def total(spans: Iterable[Span]) -> int:
    """Nanoseconds of disjoint spans."""
    return sum(each.length for each in spans)
