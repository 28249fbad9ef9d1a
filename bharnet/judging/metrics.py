# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``judge``: what was told against what happened, in figures. Pure: no clock, no file, no ROS.

Segment F1 at several overlaps as in Lea et al., "Temporal Convolutional Networks for Action
Segmentation and Detection", CVPR 2017. docs/evaluation.md defines every figure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bharnet.judging.figures import Figures, Judgement, PersonResult, Score, Spread
from bharnet.judging.matching import Outcome, Verdict, match
from bharnet.judging.mistakes import confuse, list_mistakes
from bharnet.judging.people import Person, gather
from bharnet.judging.segments import (
    Event,
    Segment,
    Sighting,
    Span,
    difference,
    intersection,
    overlap,
    total,
    union,
)
from bharnet.window import NANOSECONDS

THRESHOLDS = (0.1, 0.25, 0.5)
IDLE_NAMES = frozenset(("", "idle", "null", "none"))


def judge(
    truth: Sequence[Segment],
    events: Sequence[Event],
    span: Span,
    sightings: Sequence[Sighting] | None = None,
    classes: Collection[str] | None = None,
    idle: Collection[str] = IDLE_NAMES,
    unlabelled: str = "idle",
) -> Judgement:
    """Judge what was told in ``span``.

    sightings   when each body was in view; None: everybody, all the time
    classes     what the model can say; None: every label. Segments of others should be refused
    idle        labels that mean: nothing is done
    unlabelled  what time without a label means: "idle" nothing is done, "ignored" nobody knows

    Raises ValueError for another ``unlabelled`` and if only some segments name a person.
    """
    if unlabelled not in ("idle", "ignored"):
        raise ValueError(f"unlabelled time is idle or ignored, not '{unlabelled}'")
    if sightings is None:
        sightings = _always_in_view(truth, events, span)
    known = {each.label for each in truth} if classes is None else set(classes)
    known |= {each.label for each in events}  # what was told can be told
    known -= set(idle)
    judged = [
        _judge_person(each, span, known, idle, unlabelled)
        for each in gather(truth, events, sightings)
    ]
    results = tuple(each.result for each in judged)
    found = [(s, o) for each in results for s, o in _found(each)]
    outcomes = [outcome for each in results for outcome in each.outcomes]
    segments = [pair for each in results for pair in each.segments]
    happened = {segment.label for segment, state in segments if state in ("found", "missed")}
    labels = sorted(happened | {o.event.label for o in outcomes if o.verdict != Verdict.UNJUDGED})
    figures = {name: _figures(segments, outcomes, found, name) for name in labels}
    overall = _figures(segments, outcomes, found, None)
    idle_minutes = sum(each.idle for each in judged) / NANOSECONDS / 60
    watched = sum(each.watched for each in judged)
    rows, columns, confusion = confuse(results)
    unknown = [(each, s) for each in results for s, state in each.segments if state == "unknown"]
    return Judgement(
        classes=figures,
        overall=overall,
        macro_f1={
            t: _mean([figures[name].scores[t].f1 for name in sorted(happened)]) for t in THRESHOLDS
        },
        people=results,
        rows=rows,
        columns=columns,
        confusion=confusion,
        mistakes=list_mistakes(results),
        idle_minutes=idle_minutes,
        false_alarms_per_minute=overall.false_alarms / idle_minutes if idle_minutes else None,
        accuracy=sum(each.right for each in judged) / watched if watched else None,
        id_switches=sum(each.person.switches() for each in results),
        unseen=sum(map(_unseen, results)),
        unknown_segments=len(unknown),
        unknown_refused=sum(all(o.segment != s for o in each.outcomes) for each, s in unknown),
    )


def _always_in_view(
    truth: Sequence[Segment], events: Sequence[Event], span: Span
) -> list[Sighting]:
    bodies = {(each.body_id, each.person_id) for each in events}
    bodies |= {(each.person, "") for each in truth}
    return [Sighting(span.start, span.end, *body) for body in sorted(bodies)]


@dataclass(frozen=True)
class _Judged:
    result: PersonResult
    idle: int  # nanoseconds in view with nothing done
    watched: int  # nanoseconds in view that are judged
    right: int  # nanoseconds of those at which the right thing was told


def _judge_person(
    person: Person, span: Span, known: Collection[str], idle: Collection[str], unlabelled: str
) -> _Judged:
    actions = [each for each in person.segments if each.label not in idle]
    judged = union([span]) if unlabelled == "idle" else union(person.segments)
    outcomes = match(actions, person.events, judged, THRESHOLDS[0])
    hit = {o.segment for o in outcomes if o.verdict == Verdict.RIGHT}

    def state(segment: Segment) -> str:
        if segment.label in idle:
            return "idle"
        return ("found" if segment in hit else "missed") if segment.label in known else "unknown"

    watched = intersection(judged, person.seen)
    resting = difference(watched, union(actions))
    # What the model does not know should be refused: to tell nothing then is right, as at rest.
    nothing_to_tell = difference(watched, union(each for each in actions if each.label in known))
    told = {
        label: union(e.span for e in person.events if e.label == label)
        for label in sorted({each.label for each in person.events})
    }
    right = total(difference(nothing_to_tell, union(s for each in told.values() for s in each)))
    for label, spans in told.items():
        done = intersection(watched, union(s for s in actions if s.label == label))
        right += total(intersection(done, spans))
    result = PersonResult(person, tuple((s, state(s)) for s in person.segments), tuple(outcomes))
    return _Judged(result, total(resting), total(watched), right)


def _unseen(result: PersonResult) -> int:
    """How many of the missed segments nobody could find: the person was never in view."""
    missed = (segment for segment, state in result.segments if state == "missed")
    return sum(not any(overlap(each, seen) for seen in result.person.seen) for each in missed)


def _found(result: PersonResult) -> list[tuple[Segment, Outcome]]:
    return [(o.segment, o) for o in result.outcomes if o.segment and o.verdict == Verdict.RIGHT]


def _figures(
    segments: Sequence[tuple[Segment, str]],
    outcomes: Sequence[Outcome],
    found: Sequence[tuple[Segment, Outcome]],
    label: str | None,
) -> Figures:
    """The figures of one class; None: of all."""
    mine = [o for o in outcomes if label in (None, o.event.label)]
    states = [state for s, state in segments if label in (None, s.label)]
    pairs = [(s, o) for s, o in found if label in (None, s.label)]
    told = sum(o.verdict != Verdict.UNJUDGED for o in mine)
    happened = states.count("found") + states.count("missed")
    early = [(o.event.onset - s.start) / NANOSECONDS for s, o in pairs]
    late = [abs(o.event.span.end - s.end) / NANOSECONDS for s, o in pairs]
    return Figures(
        scores={t: Score(sum(o.iou >= t for _, o in pairs), told, happened) for t in THRESHOLDS},
        missed=states.count("missed"),
        false_alarms=sum(o.verdict == Verdict.FALSE_ALARM for o in mine),
        delay=Spread.of([(o.event.decided - s.start) / NANOSECONDS for s, o in pairs]),
        onset_error=Spread.of([abs(each) for each in early]),
        onset_bias=Spread.of(early).median,
        offset_error=Spread.of(late),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    given = [each for each in values if each is not None]
    return sum(given) / len(given) if given else None
