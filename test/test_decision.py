import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import START

from bharnet.decision import Decider, DecisionConfig, Reason, State
from bharnet.recognizer import Prediction
from bharnet.window import NANOSECONDS

WAVE, STOP, IDLE = 0, 1, 2


def prediction(wave=0.0, stop=0.0, idle=None, coverage=1.0):
    idle = 1.0 - wave - stop if idle is None else idle
    scores = np.array([wave, stop, idle], np.float32)
    return Prediction(scores, scores, None, coverage, 20, START)


def run(decider, *predictions, step=0.2, start=0, body="a"):
    """Decisions of each tick."""
    return [
        decider.decide(body, START + round((start + i) * step * NANOSECONDS), each)
        for i, each in enumerate(predictions)
    ]


def states(ticks):
    return [[each.state.name for each in tick] for tick in ticks]


def decider(**changes):
    values = {"smoothing_seconds": 0.0, "enter_seconds": 0.4, "leave_seconds": 0.4, **changes}
    return Decider(DecisionConfig(**values), IDLE)


def test_an_action_begins_goes_on_and_ends_once():
    ticks = run(decider(), *[prediction()] * 2, *[prediction(wave=0.9)] * 5, *[prediction()] * 4)
    assert states(ticks) == [
        ["IDLE"],
        ["IDLE"],
        ["UNKNOWN"],
        ["UNKNOWN"],
        ["ONSET"],
        ["ONGOING"],
        ["ONGOING"],
        ["ONGOING"],
        ["OFFSET", "IDLE"],
        ["IDLE"],
        ["IDLE"],
    ]
    onset, offset = ticks[4][0], ticks[8][0]
    assert onset.event_id == offset.event_id == 1
    assert onset.onset == START + round(0.4 * NANOSECONDS)
    assert offset.offset == START + round(1.2 * NANOSECONDS)
    assert offset.reason == Reason.FINISHED


def test_a_flicker_is_never_an_action():
    ticks = run(decider(), *[prediction(wave=0.95), prediction(), prediction()] * 10)
    assert not any("ONSET" in tick for tick in states(ticks))


def test_hysteresis_keeps_an_action_through_a_dip():
    dip = prediction(wave=0.45, stop=0.3)
    ticks = run(decider(), *[prediction(wave=0.9)] * 3, *[dip] * 5)
    assert states(ticks)[2:] == [["ONSET"], *[["ONGOING"]] * 5]


def test_undecided_is_unknown_with_no_label():
    ticks = run(decider(), *[prediction(wave=0.5, stop=0.4)] * 10)
    assert states(ticks) == [["UNKNOWN"]] * 10
    assert all(
        each.class_id == -1 and np.isnan(each.confidence) for tick in ticks for each in tick
    )


def test_one_action_follows_another_with_an_offset_between():
    ticks = run(decider(), *[prediction(wave=0.9)] * 4, *[prediction(stop=0.9)] * 4)
    flat = [(each.state.name, each.class_id, each.event_id) for tick in ticks for each in tick]
    assert ("OFFSET", WAVE, 1) in flat
    assert ("ONSET", STOP, 2) in flat
    assert flat.index(("OFFSET", WAVE, 1)) < flat.index(("ONSET", STOP, 2))


def test_too_little_seen_is_unknown():
    ticks = run(decider(), *[prediction(wave=0.99, coverage=0.2)] * 6)
    assert states(ticks) == [["UNKNOWN"]] * 6


def test_allow_list_makes_others_unknown():
    only_stop = Decider(decider().config, IDLE, frozenset({STOP}))
    assert states(run(only_stop, *[prediction(wave=0.99)] * 6)) == [["UNKNOWN"]] * 6
    assert "ONSET" in states(run(only_stop, *[prediction(stop=0.99)] * 6, start=6))[2]


def test_losing_a_person_ends_the_action_with_the_reason():
    made = decider()
    run(made, *[prediction(wave=0.9)] * 4)
    (ended,) = made.finish("a", START, Reason.LOST)
    assert (ended.state, ended.reason, ended.event_id) == (State.OFFSET, Reason.LOST, 1)
    assert made.finish("a", START, Reason.LOST) == []


def test_event_ids_are_never_reused():
    made = decider()
    run(made, *[prediction(wave=0.9)] * 4)
    made.finish_all(Reason.RESET)
    ticks = run(made, *[prediction(wave=0.9)] * 4)
    assert ticks[2][0].event_id == 2


def test_smoothing_does_not_depend_on_the_stride():
    def value(step):
        made = decider(smoothing_seconds=0.5)
        count = round(2 / step)
        ticks = run(made, prediction(), *[prediction(wave=1.0)] * count, step=step)
        return float(ticks[-1][-1].smoothed[WAVE])

    assert value(0.1) == pytest.approx(value(0.5), abs=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"enter_threshold": 1.2},
        {"leave_threshold": 0.9},
        {"enter_seconds": -1},
        {"smoothing_seconds": float("nan")},
    ],
)
def test_nonsense_thresholds_are_refused(wrong):
    with pytest.raises(ValueError, match=r"out of|above"):
        DecisionConfig(**wrong)


shares = st.floats(0, 1, width=32)


@given(st.lists(st.tuples(shares, shares, shares, st.sampled_from("ab")), max_size=80))
def test_whatever_comes_events_are_well_formed(steps):
    """At most one OFFSET and one other a tick; ONSET, ONGOING ..., OFFSET; ids of one body."""
    made, running, owner = decider(), {}, {}
    for i, (wave, stop, coverage, body) in enumerate(steps):
        total = max(1.0, wave + stop)
        each = prediction(wave / total, stop / total, coverage=coverage)
        (tick,) = run(made, each, start=i, body=body)
        assert 1 <= len(tick) <= 2
        assert tick[-1].state != State.OFFSET
        for decided in tick:
            if decided.state in (State.UNKNOWN, State.IDLE):
                assert decided.event_id == 0
                assert body not in running
                continue
            assert owner.setdefault(decided.event_id, body) == body
            if decided.state == State.ONSET:
                assert body not in running
                running[body] = decided.event_id
                assert decided.confidence >= made.config.enter_threshold
            else:
                assert running[body] == decided.event_id
            if decided.state == State.OFFSET:
                assert decided.onset <= decided.offset
                del running[body]
