# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Scores over time: when an action begins, goes on and ends, and when nothing is said."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import START

from bharnet.checkpoint import ModelInfo
from bharnet.decision import Decider, DecisionConfig, Reason, State, decision_config
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


def seconds(stamp):
    return (stamp - START) / NANOSECONDS


def decider(**changes):
    values = {"smoothing_seconds": 0.0, "enter_seconds": 0.4, "leave_seconds": 0.4, **changes}
    return Decider(DecisionConfig(**values), IDLE)


def test_idle_need_only_lead_above_what_keeps_an_action_going():
    unsure, weak = prediction(wave=0.1, idle=0.5), prediction(wave=0.1, idle=0.35)
    behind = prediction(wave=0.55, idle=0.45)
    assert states(run(decider(), unsure, weak, behind)) == [["IDLE"], ["UNKNOWN"], ["UNKNOWN"]]


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
    # Between the last tick of one kind and the first of the other, by how far the score had come.
    assert seconds(onset.onset) == pytest.approx(0.2 + 0.2 * 0.4 / 0.9, abs=1e-3)
    assert seconds(offset.offset) == pytest.approx(1.2 + 0.2 * 0.5 / 0.9, abs=1e-3)
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


def test_what_is_allowed_no_longer_ends_at_once():
    made = decider(leave_seconds=2.0, shortest_seconds=5.0)
    run(made, *[prediction(wave=0.99)] * 6)
    made.allowed = frozenset({STOP})
    ((offset, now),) = run(made, prediction(wave=0.99), start=6)
    assert (offset.state, offset.reason, offset.event_id) == (State.OFFSET, Reason.FINISHED, 1)
    assert now.state == State.UNKNOWN
    assert seconds(offset.offset) <= 1.2


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


def onsets(ticks):
    return [d for tick in ticks for d in tick if d.state == State.ONSET]


def offsets(ticks):
    return [d for tick in ticks for d in tick if d.state == State.OFFSET]


def test_lags_move_what_is_told_not_when():
    plain, early = decider(), decider(onset_lag_seconds=0.3, offset_lag_seconds=0.5)
    sequence = [*[prediction()] * 5, *[prediction(wave=0.9)] * 10, *[prediction()] * 5]
    one, other = run(plain, *sequence), run(early, *sequence)
    assert states(one) == states(other)
    assert onsets(one)[0].onset - onsets(other)[0].onset == round(0.3 * NANOSECONDS)
    assert offsets(one)[0].offset - offsets(other)[0].offset == round(0.5 * NANOSECONDS)


def test_nothing_began_before_the_person_came_or_the_action_before_ended():
    made = decider(onset_lag_seconds=5.0)
    ticks = run(made, *[prediction(wave=0.9)] * 6, *[prediction(stop=0.9)] * 6)
    wave, stop = onsets(ticks)
    assert wave.onset == START
    assert stop.onset >= offsets(ticks)[0].offset


def test_an_action_that_begins_ends_the_one_before_without_waiting():
    made = decider(leave_seconds=5.0, enter_seconds=0.2)
    ticks = run(made, *[prediction(wave=0.9)] * 4, *[prediction(stop=0.9)] * 3)
    assert states(ticks)[4:] == [["ONGOING"], ["OFFSET", "ONSET"], ["ONGOING"]]


def test_a_weak_action_after_long_rest_did_not_end_before_it_began():
    # What spoke against it while it rested outweighs all that it says for itself.
    rest, weak = [prediction()] * 10, [prediction(wave=0.62)] * 3
    ticks = run(decider(enter_seconds=0.2), *rest, *weak, *[prediction(stop=0.9)] * 4)
    onset = next(each for tick in ticks for each in tick if each.state == State.ONSET)
    offset = next(each for tick in ticks for each in tick if each.state == State.OFFSET)
    assert offset.class_id == onset.class_id == WAVE
    assert seconds(onset.onset) < 2.0
    assert seconds(offset.offset) == pytest.approx(2.4)  # when it was last held


def test_an_action_is_not_over_before_its_shortest():
    made = decider(enter_seconds=0.0, leave_seconds=0.0, shortest_seconds=1.0)
    ticks = run(made, *[prediction()] * 2, prediction(wave=0.9), *[prediction()] * 8)
    (ended,) = offsets(ticks)
    assert ended.offset - ended.onset >= NANOSECONDS


def test_the_same_action_waits_for_the_refractory_time_others_do_not():
    twice = [*[prediction(wave=0.9)] * 3, *[prediction()] * 3] * 2
    assert len(onsets(run(decider(), *twice))) == 2
    assert len(onsets(run(decider(refractory_seconds=5.0), *twice))) == 1
    other = [*twice[:6], *[prediction(stop=0.9)] * 3]
    assert len(onsets(run(decider(refractory_seconds=5.0), *other))) == 2


def test_scores_spread_over_all_classes_are_unknown():
    half = [prediction(wave=0.62, stop=0.19, idle=0.19)] * 6
    assert len(onsets(run(decider(), *half))) == 1
    assert states(run(decider(highest_entropy=0.8), *half)) == [["UNKNOWN"]] * 6


def test_a_setting_that_does_not_exist_is_not_the_models_fault():
    info = ModelInfo("m", "1", ("a", "b"))
    with pytest.raises(ValueError, match="no setting threshold; there are smoothing_seconds"):
        decision_config(info, {"threshold": 0.8})
    with pytest.raises(ValueError, match="m decides by threshold"):
        decision_config(replace(info, decision={"threshold": 0.8}))
