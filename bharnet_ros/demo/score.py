# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What was recorded against what was recognised, as the demo tells it. Pure: no ROS, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bharnet.judging.matching import Verdict
from bharnet.judging.metrics import judge
from bharnet.judging.segments import Event, Segment, Span


@dataclass(frozen=True)
class Score:
    """Segments and events, sorted by how it went. ``refused``: signs that are no class of the
    model, and rightly nothing was said.
    """

    recognised: list[Segment]
    missed: list[Segment]
    refused: list[Segment]
    wrong: list[tuple[Event, Segment]]
    invented: list[Event]


def score(segments: Sequence[Segment], events: Sequence[Event], labels: Sequence[str]) -> Score:
    """Judge. ``labels``: what the model can tell."""
    span = Span(min(each.start for each in segments), max(each.end for each in segments))
    people = judge(segments, events, span, classes=labels).people
    states = sorted((s, state) for each in people for s, state in each.segments)
    outcomes = [outcome for each in people for outcome in each.outcomes]
    answered = {o.segment for o in outcomes if o.segment}
    return Score(
        recognised=[s for s, state in states if state == "found"],
        missed=[s for s, state in states if state == "missed"],
        refused=[s for s, state in states if state == "unknown" and s not in answered],
        wrong=[(o.event, o.segment) for o in outcomes if o.segment and o.verdict == Verdict.WRONG],
        invented=[o.event for o in outcomes if o.verdict == Verdict.FALSE_ALARM],
    )
