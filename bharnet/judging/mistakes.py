# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What was taken for what, and what went wrong at the greatest cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bharnet.judging.figures import NOTHING, Mistake, PersonResult
from bharnet.judging.matching import Outcome, Verdict
from bharnet.judging.segments import Segment, overlap
from bharnet.window import NANOSECONDS


def told_instead(result: PersonResult, segment: Segment) -> Outcome | None:
    """The event that a segment without its own was taken for, the longest in it."""
    wrong = [o for o in result.outcomes if o.segment == segment and o.verdict == Verdict.WRONG]
    return max(wrong, key=lambda o: (overlap(o.event.span, segment), -o.event.onset), default=None)


def confuse(
    results: Sequence[PersonResult],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """What was told of each segment, and each false alarm: rows, columns, counts."""
    cells: list[tuple[str, str]] = []
    for result in results:
        for segment, state in result.segments:
            if state == "found":
                cells.append((segment.label, segment.label))
            elif state != "idle":
                instead = told_instead(result, segment)
                cells.append((segment.label, instead.event.label if instead else NOTHING))
        cells += [
            (NOTHING, o.event.label) for o in result.outcomes if o.verdict == Verdict.FALSE_ALARM
        ]
    counts = Counter(cells)
    rows, columns = (
        (*sorted({pair[side] for pair in cells} - {NOTHING}), NOTHING) for side in (0, 1)
    )
    return rows, columns, tuple(tuple(counts[r, c] for c in columns) for r in rows)


def list_mistakes(results: Sequence[PersonResult]) -> tuple[Mistake, ...]:
    """The costliest first."""
    mistakes = []
    for result in results:
        for o in result.outcomes:
            if o.verdict in (Verdict.RIGHT, Verdict.UNJUDGED):
                continue
            span, happened = o.event.span, o.segment.label if o.segment else NOTHING
            cost = span.length / NANOSECONDS * o.event.confidence
            mistakes.append(
                Mistake(
                    o.verdict.value,
                    o.event.body_id,
                    happened,
                    o.event.label,
                    span.start,
                    span.end,
                    o.event.confidence,
                    cost,
                )
            )
        for segment, state in result.segments:
            if state == "missed" and told_instead(result, segment) is None:
                mistakes.append(
                    Mistake(
                        "missed",
                        result.person.name,
                        segment.label,
                        NOTHING,
                        segment.start,
                        segment.end,
                        0.0,
                        segment.length / NANOSECONDS,
                    )
                )
    return tuple(sorted(mistakes, key=lambda m: (-m.cost, m.start, m.person, m.told)))
