# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The figures: by hand where they can be counted by hand, by their laws where not."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bharnet.decision import Reason, State
from bharnet.judging.figures import NOTHING
from bharnet.judging.hearing import Listener, Told
from bharnet.judging.matching import Verdict
from bharnet.judging.metrics import THRESHOLDS, judge
from bharnet.judging.segments import (
    Event,
    Segment,
    Sighting,
    Span,
    difference,
    intersection,
    iou,
    overlap,
    total,
    union,
)
from bharnet.window import NANOSECONDS

MINUTE = Span(0, 60 * NANOSECONDS)
LABELS = ("wave", "yes", "no")


def ns(seconds: float) -> int:
    return round(seconds * NANOSECONDS)


def did(label: str, start: float, end: float, person: str = "") -> Segment:
    return Segment(ns(start), ns(end), label, person)


def told(
    label: str,
    onset: float,
    offset: float,
    decided: float = 0.0,
    body: str = "a",
    sure: float = 0.9,
) -> Event:
    return Event(body, label, ns(onset), ns(offset), ns(decided or onset + 0.5), sure)


TRUTH = [did("wave", 10, 14), did("yes", 20, 22), did("wave", 30, 32)]
TOLD = [
    told("wave", 11, 14, 11.5),  # 3 s of 4
    told("wave", 20, 22, 20.4, sure=0.5),  # for a yes
    told("wave", 31, 35, 31.4),  # 1 s of 5
    told("yes", 40, 42),  # for nothing
]


def test_figures_counted_by_hand():
    found = judge(TRUTH, TOLD, MINUTE)
    scores = {t: (s.true, s.told, s.happened) for t, s in found.overall.scores.items()}
    assert scores == {0.1: (2, 4, 3), 0.25: (1, 4, 3), 0.5: (1, 4, 3)}
    assert found.overall.scores[0.1].precision == 0.5
    assert found.overall.scores[0.1].recall == pytest.approx(2 / 3)
    assert found.overall.scores[0.1].f1 == pytest.approx(4 / 7)
    assert found.classes["wave"].scores[0.1].f1 == pytest.approx(4 / 5)
    assert found.classes["yes"].scores[0.1].f1 == 0.0
    assert found.macro_f1[0.1] == pytest.approx(2 / 5)
    assert (found.overall.missed, found.classes["yes"].missed) == (1, 1)
    assert (found.overall.false_alarms, found.classes["yes"].false_alarms) == (1, 1)
    assert found.idle_minutes == pytest.approx(52 / 60)
    assert found.false_alarms_per_minute == pytest.approx(60 / 52)
    # Delays 1.5 and 1.4 s; onsets both 1 s late; ends right and 3 s late.
    assert found.overall.delay.median == pytest.approx(1.45)
    assert found.overall.delay.p90 == pytest.approx(1.49)
    assert found.overall.onset_error.median == found.overall.onset_bias == pytest.approx(1.0)
    assert found.overall.offset_error.median == pytest.approx(1.5)
    # 47 s of rightly nothing, 3 and 1 s of waving.
    assert found.accuracy == pytest.approx(51 / 60)
    assert (found.rows, found.columns) == (("wave", "yes", NOTHING), ("wave", "yes", NOTHING))
    assert found.confusion == ((2, 0, 0), (1, 0, 0), (0, 1, 0))
    worst = [(m.kind, m.happened, m.told, m.cost) for m in found.mistakes]
    assert worst == [
        ("false alarm", NOTHING, "yes", pytest.approx(1.8)),
        ("wrong", "yes", "wave", pytest.approx(1.0)),
    ]


def verdicts(truth, events, **options) -> list[str]:
    people = judge(truth, events, MINUTE, **options).people
    return [o.verdict.value for each in people for o in each.outcomes]


def test_an_action_told_in_pieces_is_one_right_and_the_others_repeated():
    pieces = [told("wave", 10, 11), told("wave", 11.5, 14), told("wave", 14.5, 20)]
    assert verdicts([did("wave", 10, 20)], pieces) == ["repeated", "repeated", "right"]


def test_a_right_label_that_hardly_overlaps_is_misplaced():
    short = [told("wave", 12, 12.5)]
    assert verdicts([did("wave", 10, 20)], short) == ["misplaced"]
    found = judge([did("wave", 10, 20)], short, MINUTE)
    assert (found.overall.missed, found.overall.false_alarms) == (1, 0)
    assert [m.kind for m in found.mistakes] == ["missed", "misplaced"]


def test_what_only_touches_an_action_is_a_false_alarm():
    assert verdicts([did("wave", 10, 14)], [told("yes", 13, 20)]) == ["false alarm"]


def test_one_event_tells_of_one_segment_only():
    truth = [did("wave", 10, 12), did("wave", 13, 15)]
    found = judge(truth, [told("wave", 10, 15)], MINUTE)
    assert found.overall.scores[0.1].true == 1
    assert found.overall.missed == 1


def test_time_that_nobody_labelled_may_be_ignored():
    truth = [did("wave", 10, 14), did("idle", 20, 40)]
    events = [told("wave", 10, 14), told("yes", 25, 27), told("yes", 50, 52)]
    assert verdicts(truth, events) == ["right", "false alarm", "false alarm"]
    ignored = judge(truth, events, MINUTE, unlabelled="ignored")
    assert verdicts(truth, events, unlabelled="ignored") == ["right", "false alarm", "unjudged"]
    assert ignored.idle_minutes == pytest.approx(20 / 60)
    assert ignored.overall.scores[0.5].told == 2
    assert ignored.accuracy == pytest.approx(22 / 24)
    with pytest.raises(ValueError, match="idle or ignored"):
        judge(truth, events, MINUTE, unlabelled="perhaps")


def test_a_class_that_the_model_lacks_should_be_refused():
    truth = [did("dance", 10, 14), did("dance", 20, 24), did("wave", 30, 34)]
    found = judge(truth, [told("yes", 20, 24)], MINUTE, classes=("idle", "wave", "yes"))
    assert (found.unknown_segments, found.unknown_refused) == (2, 1)
    assert found.overall.scores[0.1].happened == found.overall.missed == 1
    assert found.confusion[found.rows.index("dance")] == (1, 1)  # yes, nothing
    # Wrong are the yes to a dance, and the wave that nobody told of.
    assert found.accuracy == pytest.approx(52 / 60)
    assert found.idle_minutes == pytest.approx(48 / 60)


def test_idle_counts_only_while_somebody_is_in_view():
    seen = [Sighting(ns(0), ns(15), "a"), Sighting(ns(30), ns(36), "b")]
    found = judge([did("wave", 10, 14)], [told("wave", 10, 14)], MINUTE, seen)
    assert found.idle_minutes == pytest.approx((11 + 6) / 60)
    assert found.accuracy == 1.0
    assert found.false_alarms_per_minute == 0.0
    assert judge([did("wave", 20, 24)], [], MINUTE, seen).unseen == 1
    assert judge([], [], MINUTE, []).false_alarms_per_minute is None


def test_people_are_judged_by_their_own_labels():
    truth = [did("wave", 10, 14, "ann"), did("yes", 10, 14, "bob")]
    events = [told("wave", 10, 14, body="x1"), told("yes", 10, 14, body="bob")]
    events[0] = replace(events[0], person_id="ann")
    swapped = [
        replace(each, label=other) for each, other in zip(events, ("yes", "wave"), strict=True)
    ]
    assert verdicts(truth, events) == ["right", "right"]
    assert verdicts(truth, swapped) == ["wrong", "wrong"]
    # A stranger does nothing that anybody labelled.
    assert verdicts(truth, [told("wave", 10, 14, body="eve")]) == ["false alarm"]
    with pytest.raises(ValueError, match="name one in all or in none"):
        judge([*truth, did("no", 20, 21)], [], MINUTE)


def test_id_switches():
    truth = [did("wave", 10, 20), did("yes", 30, 40)]
    seen = [
        Sighting(ns(0), ns(14), "a"),
        Sighting(ns(15), ns(25), "b"),  # a came back as b inside the wave
        Sighting(ns(26), ns(45), "c"),  # between two labels: perhaps somebody else
        Sighting(ns(32), ns(45), "d"),  # beside c, who did not leave
    ]
    assert judge(truth, [], MINUTE, seen).id_switches == 1


def test_an_event_that_ended_at_once_is_judged_too():
    assert verdicts([did("wave", 10, 14)], [told("yes", 12, 12)]) == ["wrong"]
    assert verdicts([], [told("yes", 12, 12)]) == ["false alarm"]


# Hearing: what was told, tick after tick.


def said(state: State, event_id: int = 0, body: str = "a", at: float = 0.0, **more) -> Told:
    given = {"onset": ns(1), "offset": 0, "confidence": 0.8, "reason": Reason.NONE, **more}
    label = "wave" if event_id else ""
    return Told(
        body_id=body, person_id="", state=state, event_id=event_id, label=label,
        last_seen=ns(at), **given,
    )  # fmt: skip


def heard(*results: tuple[float, list[Told]]) -> Listener:
    listener = Listener()
    for at, told_then in results:
        listener.hear(ns(at), told_then)
    return listener


def test_an_event_is_heard_from_onset_to_offset():
    listener = heard(
        (1.5, [said(State.ONSET, 1, at=1.5)]),
        (2.0, [said(State.ONGOING, 1, at=2.0, confidence=0.9)]),
    )
    assert listener.running
    listener.hear(ns(3), [said(State.OFFSET, 1, at=3.0, offset=ns(2.5), confidence=0.1)])
    assert not listener.running
    assert listener.events == [Event("a", "wave", ns(1), ns(2.5), ns(1.5), 0.9)]
    assert listener.sightings == [Sighting(ns(1.5), ns(3), "a")]
    assert (listener.first, listener.newest, listener.results) == (ns(1.5), ns(3), 3)


def test_a_recording_may_begin_and_end_in_the_middle():
    listener = heard(
        (5.0, [said(State.ONGOING, 9, at=5.0)]), (6.0, [said(State.ONGOING, 9, at=6.0)])
    )
    assert listener.events == [Event("a", "wave", ns(1), ns(6), ns(5), 0.8)]


def test_a_node_that_was_started_again_counts_from_one_again():
    end = said(State.OFFSET, 1, at=2.0, offset=ns(2), reason=Reason.INPUT_STOPPED)
    again = said(State.ONSET, 1, at=8.0, onset=ns(7))
    listener = heard((1.5, [said(State.ONSET, 1, at=1.5)]), (2.0, [end]), (8.0, [again]))
    assert [(each.onset, each.offset) for each in listener.events] == [
        (ns(1), ns(2)),
        (ns(7), ns(8)),
    ]


def test_who_was_lost_comes_anew():
    here, lost = said(State.IDLE, at=1.0), said(State.OFFSET, 1, at=1.0, reason=Reason.LOST)
    later = said(State.IDLE, at=4.0)
    assert len(heard((1.0, [here]), (2.5, [lost]), (4.0, [later])).sightings) == 2
    # Listed all the time: results were only rare.
    assert len(heard((1.0, [here]), (4.0, [later])).sightings) == 1


def test_confidence_that_is_none_costs_nothing():
    listener = heard((1.0, [said(State.ONSET, 1, at=1.0, confidence=float("nan"))]))
    assert listener.events[0].confidence == 0.0


# Laws.

times = st.integers(0, 600)


@st.composite
def spans(draw) -> list[Span]:
    return [Span(*sorted((draw(times), draw(times)))) for _ in range(draw(st.integers(0, 8)))]


@st.composite
def truths(draw, people: tuple[str, ...] = ("ann", "bob")) -> list[Segment]:
    """Segments of a minute in tenths of a second; those of a person do not overlap."""
    found = []
    for person in people:
        cuts = sorted(draw(st.sets(times, max_size=12)))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False):
            label = draw(st.sampled_from((*LABELS, "idle")))
            found.append(
                Segment(start * NANOSECONDS // 10, end * NANOSECONDS // 10, label, person)
            )
    return found


@st.composite
def events_of(draw, people: tuple[str, ...] = ("ann", "bob")) -> list[Event]:
    found = []
    for _ in range(draw(st.integers(0, 10))):
        onset, offset = sorted((draw(times), draw(times)))
        found.append(
            told(
                draw(st.sampled_from(LABELS)),
                onset / 10,
                offset / 10,
                (onset + draw(st.integers(0, 30))) / 10 or 0.1,
                draw(st.sampled_from(people)),
                draw(st.floats(0, 1)),
            )
        )
    return found


def as_set(found: list[Span]) -> set[int]:
    return {t for each in found for t in range(each.start, each.end)}


@settings(deadline=None)
@given(spans(), spans())
def test_spans_are_sets_of_time(a, b):
    a, b = union(a), union(b)
    assert as_set(intersection(a, b)) == as_set(a) & as_set(b)
    assert as_set(difference(a, b)) == as_set(a) - as_set(b)
    assert as_set(union([*a, *b])) == as_set(a) | as_set(b)
    assert total(a) == len(as_set(a))


@settings(deadline=None)
@given(spans(), spans())
def test_overlap_is_symmetric(a, b):
    for one in a:
        for other in b:
            assert iou(one, other) == iou(other, one)
            assert (
                overlap(one, other) == overlap(other, one) == len(as_set([one]) & as_set([other]))
            )
            assert 0.0 <= iou(one, other) <= 1.0
            assert (iou(one, other) == 1.0) == (one == other and one.length > 0)


def figures(found) -> dict:
    """Everything but who and when."""
    plain = asdict(replace(found, people=(), mistakes=()))
    costs = [(m.kind, m.happened, m.told, m.cost) for m in found.mistakes]
    return {**plain, "mistakes": sorted(costs)}


@settings(deadline=None)
@given(truths())
def test_telling_all_as_it_was_is_perfect(truth):
    events = [
        Event(each.person, each.label, each.start, each.end, each.start, 1.0)
        for each in truth
        if each.label != "idle"
    ]
    found = judge(truth, events, MINUTE)
    assert found.mistakes == ()
    assert (found.overall.missed, found.overall.false_alarms) == (0, 0)
    assert {s.f1 for s in found.overall.scores.values()} == ({1.0} if events else {None})
    assert found.accuracy == (1.0 if truth else None)
    if events:
        assert found.overall.delay.p90 == found.overall.onset_error.p90 == 0.0


@settings(deadline=None)
@given(truths(), events_of(), st.integers(0, 10**18))
def test_when_it_was_makes_no_difference(truth, events, later):
    moved = judge(
        [replace(s, start=s.start + later, end=s.end + later) for s in truth],
        [
            replace(e, onset=e.onset + later, offset=e.offset + later, decided=e.decided + later)
            for e in events
        ],
        Span(MINUTE.start + later, MINUTE.end + later),
    )
    assert figures(moved) == figures(judge(truth, events, MINUTE))


@settings(deadline=None)
@given(truths(), events_of())
def test_what_people_are_called_makes_no_difference(truth, events):
    other = {"ann": "zoe", "bob": "abe"}
    renamed = judge(
        [replace(s, person=other[s.person]) for s in truth],
        [replace(e, body_id=other[e.body_id]) for e in events],
        MINUTE,
    )
    assert figures(renamed) == figures(judge(truth, events, MINUTE))


@settings(deadline=None)
@given(truths(), events_of(), st.sampled_from(("idle", "ignored")))
def test_figures_fit_together(truth, events, unlabelled):
    found = judge(truth, events, MINUTE, unlabelled=unlabelled)
    outcomes = [o for each in found.people for o in each.outcomes]
    assert sorted(map(str, (o.event for o in outcomes))) == sorted(map(str, events))
    scores = [found.overall.scores[t] for t in THRESHOLDS]
    assert scores[0].true >= scores[1].true >= scores[2].true
    for t in THRESHOLDS:
        summed = [each.scores[t] for each in found.classes.values()]
        assert sum(s.true for s in summed) == found.overall.scores[t].true
        assert sum(s.told for s in summed) == found.overall.scores[t].told
        assert sum(s.happened for s in summed) == found.overall.scores[t].happened
    assert scores[0].true + found.overall.missed == scores[0].happened
    count = [o.verdict for o in outcomes].count
    assert scores[0].true == count(Verdict.RIGHT)
    assert sum(map(sum, found.confusion)) == scores[0].happened + count(Verdict.FALSE_ALARM)
    assert found.accuracy is None or 0.0 <= found.accuracy <= 1.0


def test_a_class_that_was_told_counts_as_known():
    """A live node may change its model; the classes recorded first are not all then."""
    truth, events = [did("wave", 10, 12)], [told("wave", 10, 12)]
    scores = judge(truth, events, MINUTE, classes=("yes",)).overall.scores
    assert all(each.f1 == each.recall == 1.0 for each in scores.values())
