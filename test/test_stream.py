# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The whole core, driven by stamps: ticks, people who come and leave, time that jumps."""

from typing import ClassVar
from unittest import mock

import numpy as np
import pytest
from people import START, frame, person

from bharnet.decision import DecisionConfig, Reason, State
from bharnet.decision.config import LAG_OF_WHOLE_WINDOWS
from bharnet.observation import InvalidPose, Observation
from bharnet.recognizer import Prediction
from bharnet.stream import ActionStream, StreamConfig
from bharnet.window import NANOSECONDS


class Info:
    """What ActionStream asks of a model: here, a hand in sight means the action."""

    class features:  # noqa: N801
        body_layout = "upper_body_11"
        window_seconds = 1.0
        longest_gap = 0.4

    decision: ClassVar = {"smoothing_seconds": 0.0, "enter_seconds": 0.2, "leave_seconds": 0.2}
    classes = ("raised", "nothing")
    idle_id = 1


class Oracle:
    """A recogniser with a known answer."""

    info = Info

    def __init__(self):
        self.batches = []

    def recognize(self, windows, end, lengths=()):
        self.batches.append(len(windows))
        answers = []
        for window in windows:
            raised = float(np.isfinite(window.hands[-1, :, 0, 0]).any())
            scores = np.array([raised, 1 - raised], np.float32)
            start = int(window.stamps[0])
            answers.append(Prediction(scores, scores, None, 1.0, len(window.stamps), start))
        return answers


def stream(**changes):
    reports = []
    made = ActionStream(
        Oracle(),
        config=StreamConfig(**changes),
        report=lambda key, message: reports.append(key),
    )
    return made, reports


def play(made, frames):
    return [tick for each in frames for tick in made.advance(each)]


def raising(seconds, start=0.0, body="a", step=0.1):
    count = round(seconds / step)
    return [frame(start + i * step, person(body)) for i in range(count)]


def test_ticks_follow_stamps_and_carry_the_newest():
    made, _ = stream()
    ticks = play(made, raising(2.0))
    steps = np.diff([tick.stamp for tick in ticks]) / NANOSECONDS
    assert len(ticks) == 10
    assert (steps >= 0.2).all()
    assert ticks[0].stamp == START


def test_every_tracked_body_is_listed_and_batched_once():
    made, _ = stream()
    ticks = play(made, [frame(i * 0.1, person("a"), person("b", 1)) for i in range(9)])
    assert all({entry.decided.body_id for entry in tick.entries} == {"a", "b"} for tick in ticks)
    assert set(made.recognizer.batches) == {2}


def test_nobody_tracked_is_an_empty_tick():
    made, _ = stream()
    assert [tick.entries for tick in play(made, [frame(0.0), frame(0.3)])] == [(), ()]


def test_one_person_stays_while_another_leaves():
    made, _ = stream()
    both = [frame(i * 0.1, person("a"), person("b", 1)) for i in range(10)]
    ticks = play(made, [*both, *raising(3.0, 1.0)])
    ends = [e.decided for t in ticks for e in t.entries if e.decided.state == State.OFFSET]
    assert [(end.body_id, end.reason) for end in ends] == [("b", Reason.LOST)]
    assert [entry.decided.body_id for entry in ticks[-1].entries] == ["a"]
    assert ticks[-1].entries[0].decided.state == State.ONGOING
    # Told when they were missed for long enough, dated when they were last seen.
    assert ends[0].offset == frame(0.9).stamp


def test_who_left_is_told_though_a_tick_failed():
    made, _ = stream(lost_seconds=0.3)
    play(made, [frame(i * 0.1, person("a")) for i in range(10)])
    made.push(frame(1.3))
    failing = mock.patch.object(made.recognizer, "recognize", side_effect=RuntimeError)
    with failing, pytest.raises(RuntimeError):
        made.tick()
    (tick,) = made.advance(frame(1.5))
    ended = [each.decided for each in tick.entries if each.decided.state == State.OFFSET]
    assert [(each.body_id, each.reason) for each in ended] == [("a", Reason.LOST)]


def test_what_runs_ends_once_ticks_have_failed_for_too_long():
    made, _ = stream(lost_seconds=0.5)
    play(made, [frame(i * 0.1, person("a")) for i in range(10)])  # the last tick is at 0.8
    ended = []
    failing = mock.patch.object(made.recognizer, "recognize", side_effect=RuntimeError)
    with failing:
        for i in range(10, 20):
            made.push(frame(i * 0.1, person("a")))
            if made.due:
                with pytest.raises(RuntimeError):
                    made.tick()
                ended.append(made.give_up())
    # At 1.0 and 1.2 it may be a hiccup; after 1.4 there is nothing left to end.
    assert [tick is not None for tick in ended] == [False, False, True, False, False]
    (entry,) = ended[2].entries
    assert (entry.decided.state, entry.decided.reason) == (State.OFFSET, Reason.RESET)


def test_old_and_equal_stamps_are_dropped_and_said():
    made, reports = stream()
    play(made, raising(1.0))
    before = made.newest
    for late in (0.9, 0.7, 0.45):
        assert made.push(frame(late, person("a"))) is None
    assert made.newest == before
    assert reports == ["old_stamp"] * 3


def test_equal_stamps_have_a_cure_of_their_own():
    """As with stamp_source:=receive, where /clock ticks ten times a second."""
    told = []
    made = ActionStream(Oracle(), report=lambda key, text: told.append(text))
    for second in (1.0, 1.0, 0.9):
        made.push(frame(second, person("a")))
    equal, late = told
    assert "the stamp of the one before" in equal
    assert "/clock must tick more often" in equal
    assert "0.100 s older than the newest; if there are two publishers" in late


@pytest.mark.parametrize("back", [0.6, 3600.0, 86400.0 * 365])
def test_time_jumping_back_resets_and_ends_what_runs(back):
    made, reports = stream()
    play(made, raising(1.0))
    last = made.newest
    ended = made.push(frame(0.9 - back, person("a")))
    assert reports == ["time_jump"]
    assert ended.stamp == last
    assert [entry.decided.reason for entry in ended.entries] == [Reason.RESET]
    ticks = play(made, raising(1.0, 1.0 - back))
    assert ticks[-1].entries[0].decided.event_id == 2


def test_time_jumping_forward_loses_people_and_goes_on():
    made, _ = stream()
    ticks = play(made, [*raising(1.0), *raising(1.0, 7200.0)])
    reasons = [e.decided.reason for t in ticks for e in t.entries if e.decided.offset]
    assert reasons == [Reason.LOST]
    assert ticks[-1].entries[0].decided.prediction.window_start >= frame(7200.0).stamp


def test_input_stopped_gives_one_offset_with_the_last_stamp():
    made, _ = stream()
    play(made, raising(1.0))
    ended = made.input_stopped()
    assert ended.stamp == made.newest
    assert [entry.decided.reason for entry in ended.entries] == [Reason.INPUT_STOPPED]
    assert made.input_stopped() is None


def test_input_that_returns_after_a_stop_is_recognised_again():
    made, _ = stream()
    play(made, raising(1.0))
    made.input_stopped()
    ticks = play(made, raising(1.0, 5.0))
    assert [e.decided.event_id for t in ticks for e in t.entries][-1] == 2


def test_people_that_cannot_be_told_apart_are_refused_one_by_one():
    made, reports = stream()
    odd = [frame(i * 0.1, person("a"), person("", 1), person("a", 2)) for i in range(5)]
    ticks = play(made, odd)
    assert {entry.decided.body_id for entry in ticks[-1].entries} == {"a"}
    assert set(reports) == {"no_id", "same_id"}


def test_too_many_people_never_push_out_those_tracked():
    made, reports = stream(max_people=3)
    crowd = [person(f"p{i}", i) for i in range(50)]
    play(made, raising(0.5, body="p49"))
    ticks = play(made, [frame(0.5 + i * 0.1, *crowd) for i in range(5)])
    assert {entry.decided.body_id for entry in ticks[-1].entries} == {"p49", "p0", "p1"}
    assert set(reports) == {"too_many"}


def test_the_same_frames_give_the_same_ticks_whatever_the_pushing():
    frames = [*raising(2.0), *[frame(2.0 + i * 0.1, person("a", 0, False)) for i in range(20)]]
    first = play(stream()[0], frames)
    made, second = stream()[0], []
    for each in frames:
        made.push(each)
        if made.due:
            second.append(made.tick())
    assert [(t.stamp, [vars(e.decided)["state"] for e in t.entries]) for t in first] == [
        (t.stamp, [vars(e.decided)["state"] for e in t.entries]) for t in second
    ]


@pytest.mark.parametrize("wrong", [{"stride_seconds": 0}, {"max_people": 0}, {"lost_seconds": -1}])
def test_nonsense_stream_configuration_is_refused(wrong):
    with pytest.raises(ValueError, match="out of"):
        StreamConfig(**wrong)


def test_decision_defaults_are_the_models():
    chosen = stream()[0].decider.config
    # It says nothing of lags, so it was taught whole windows: some of each lies behind an onset.
    lag = LAG_OF_WHOLE_WINDOWS * Info.features.window_seconds
    assert chosen == DecisionConfig(**Info.decision, onset_lag_seconds=lag, offset_lag_seconds=lag)


def test_several_windows_come_from_one_buffer():
    asked = []

    class Noting(Oracle):
        def recognize(self, windows, end, lengths=()):
            asked.append((lengths, (end - int(windows[0].stamps[0])) / NANOSECONDS))
            return super().recognize(windows, end)

    made = ActionStream(Noting(), config=StreamConfig(window_seconds=(0.5, 3.0)))
    play(made, raising(5.0))
    assert asked[-1] == ((0.5, 3.0), pytest.approx(3.4, abs=0.11))
    made.config = StreamConfig(window_seconds=(0.5,))
    play(made, raising(1.0, 5.0))
    assert asked[-1] == ((0.5,), pytest.approx(0.9, abs=0.11))
    with pytest.raises(ValueError, match="window_seconds"):
        StreamConfig(window_seconds=(0.0,))


def test_an_entry_names_its_class():
    made, _ = stream()
    hidden = [frame(2.0 + i * 0.1, person(hands=False)) for i in range(15)]
    told = {
        (entry.decided.state, entry.label)
        for tick in play(made, [*raising(2.0), *hidden])
        for entry in tick.entries
    }
    assert told == {
        (State.UNKNOWN, ""),
        (State.ONSET, "raised"),
        (State.ONGOING, "raised"),
        (State.OFFSET, "raised"),
        (State.IDLE, "nothing"),
    }


def test_joints_of_another_layout_are_refused_and_nothing_is_taken():
    made, _ = stream()
    play(made, raising(1.0))
    before = made.newest
    other = Observation("b", np.zeros((17, 4), np.float32), person().hands)
    with pytest.raises(InvalidPose, match=r"\(17, 4\).*get_layout\('upper_body_11'\)"):
        made.push(frame(1.1, person("a"), other))
    assert made.newest == before
    assert len(made) == 1
