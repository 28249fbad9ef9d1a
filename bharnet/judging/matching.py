# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One person's events sorted to the segments they tell of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from bharnet.judging.segments import Event, Segment, Span, intersection, iou, overlap, total


class Verdict(Enum):
    """What became of an event.

    An event *belongs* to a segment if they share at least half of the shorter of the two.
    """

    RIGHT = "right"  # the one event that tells of a segment of its label
    REPEATED = "repeated"  # belongs to a segment of its label that another event tells of
    MISPLACED = "misplaced"  # belongs to a segment of its label, but overlaps it too little
    WRONG = "wrong"  # belongs to a segment of another label
    FALSE_ALARM = "false alarm"  # belongs to none; at least half of it lies in judged time
    UNJUDGED = "unjudged"  # belongs to none, and most of it lies where nobody knows the truth


@dataclass(frozen=True)
class Outcome:
    """An event, its verdict, and the segment that it tells of or belongs to."""

    event: Event
    verdict: Verdict
    segment: Segment | None = None
    iou: float = 0.0


def match(
    actions: Sequence[Segment], events: Sequence[Event], judged: Sequence[Span], lowest: float
) -> list[Outcome]:
    """Every event with its verdict, in the order given.

    Segments and events of one label are paired one to one, the largest overlap first, down to an
    intersection over union of ``lowest``. So raising the threshold only ever takes pairs away.
    """
    pairs = [
        (-share, segment.start, event.onset, i, j)
        for i, event in enumerate(events)
        for j, segment in enumerate(actions)
        if event.label == segment.label and (share := iou(event.span, segment)) >= lowest
    ]
    told_by: dict[int, tuple[int, float]] = {}
    taken: set[int] = set()
    for share, _, _, i, j in sorted(pairs):
        if i not in told_by and j not in taken:
            told_by[i] = (j, -share)
            taken.add(j)
    outcomes = []
    for i, event in enumerate(events):
        if i in told_by:
            j, share = told_by[i]
            outcomes.append(Outcome(event, Verdict.RIGHT, actions[j], share))
        else:
            outcomes.append(_unmatched(event, actions, taken, judged))
    return outcomes


def _unmatched(
    event: Event, actions: Sequence[Segment], taken: set[int], judged: Sequence[Span]
) -> Outcome:
    span = event.span
    near = [j for j, segment in enumerate(actions) if _belongs(span, segment)]
    # Of its own label if possible, then the one it shares most with.
    near.sort(key=lambda j: (actions[j].label != event.label, -overlap(span, actions[j]), j))
    if near:
        segment = actions[near[0]]
        verdict = Verdict.WRONG
        if segment.label == event.label:
            verdict = Verdict.REPEATED if near[0] in taken else Verdict.MISPLACED
        return Outcome(event, verdict, segment, iou(span, segment))
    known = 2 * total(intersection([span], judged)) >= span.length
    return Outcome(event, Verdict.FALSE_ALARM if known else Verdict.UNJUDGED)


def _belongs(span: Span, segment: Segment) -> bool:
    return 2 * overlap(span, segment) >= min(span.length, segment.length)
