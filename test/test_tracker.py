# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ids: the same for the same person, never one for two people, never one twice."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walkers import ASPECT, marked, walker

from bharnet.estimation.assignment import pair
from bharnet.estimation.estimator import Detection
from bharnet.estimation.ids import body_ids
from bharnet.estimation.tracker import Tracker
from bharnet.skeleton import MEDIAPIPE_33, UPPER_BODY_11

SECOND = 1_000_000_000


def assign(tracker: Tracker, seconds: float, *people: Detection) -> list[tuple[str, Detection]]:
    stamp = SECOND + round(seconds * SECOND)
    return tracker.assign(people, stamp, UPPER_BODY_11, ASPECT)


def ids(tracker: Tracker, seconds: float, *people: Detection) -> list[str]:
    return [body_id for body_id, _ in assign(tracker, seconds, *people)]


# --- words


def test_ids_are_five_letters_and_all_differ() -> None:
    drawn = list(itertools.islice(body_ids(1), 50_000))
    assert len(set(drawn)) == len(drawn)
    assert all(re.fullmatch("[a-z]{5}", word) for word in drawn)


def test_processes_begin_elsewhere_and_a_seed_repeats() -> None:
    first = [next(body_ids()) for _ in range(20)]
    assert len(set(first)) == 20
    assert next(body_ids(7)) == next(body_ids(7))


def test_when_all_words_are_used_up_longer_ones_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bharnet.estimation.ids.LETTERS", "ab")
    drawn = list(itertools.islice(body_ids(3), 2**5 + 2**6))
    assert [len(word) for word in drawn] == [5] * 2**5 + [6] * 2**6
    assert len(set(drawn)) == len(drawn)


# --- pairing


@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0, np.nan]), min_size=3, max_size=3),
        min_size=1,
        max_size=4,
    )
)
def test_pairs_are_the_best_there_are(rows: list[list[float]]) -> None:
    gain = np.array(rows)
    pairs = pair(gain, 0.3)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(gain[row, column] >= 0.3 for row, column in pairs)
    usable = np.nan_to_num(np.where(gain >= 0.3, gain, 0.0))
    if len(usable) > 3:
        usable = usable.T
    best = max(
        sum(usable[row, column] for row, column in enumerate(order))
        for order in itertools.permutations(range(usable.shape[1]), len(usable))
    )
    assert sum(gain[row, column] for row, column in pairs) == pytest.approx(best)


def test_pairing_nobody() -> None:
    assert pair([], 0.3) == []
    assert pair(np.empty((3, 0)), 0.3) == []


# --- people


def test_two_people_keep_their_ids_whatever_order_they_come_in() -> None:
    tracker = Tracker()
    left, right = ids(tracker, 0, walker(0.3), walker(1.0))
    assert left != right
    assert ids(tracker, 0.1, walker(1.0, seed=1), walker(0.3, seed=2)) == [right, left]


@pytest.mark.parametrize("rate", [6, 10, 30])
@pytest.mark.parametrize("size", [1.0, 0.3])
def test_somebody_who_walks_in_fast_stays_the_same(rate: int, size: float) -> None:
    tracker = Tracker()
    people = (walker(0.2 + 0.6 * i / rate, size=size, seed=i) for i in range(rate))
    seen = {ids(tracker, i / rate, person)[0] for i, person in enumerate(people)}
    assert len(seen) == 1


@pytest.mark.parametrize("gone", [0.3, 0.6, 1.0])
def test_a_loss_of_up_to_a_second_is_survived(gone: float) -> None:
    tracker = Tracker()
    before = {ids(tracker, i / 10, walker(0.3 + 0.02 * i, seed=i))[0] for i in range(11)}
    for i in range(1, round(gone * 10)):
        assert ids(tracker, 1 + i / 10) == []
    after = ids(tracker, 1 + gone, walker(0.5 + 0.2 * gone, seed=99))
    assert {*after} == before


def test_who_comes_back_too_late_or_elsewhere_is_somebody_new() -> None:
    tracker = Tracker(keep_seconds=1.5)
    (first,) = ids(tracker, 0, walker(0.3))
    assert ids(tracker, 1.6, walker(0.3)) != [first]
    tracker = Tracker()
    (first,) = ids(tracker, 0, walker(0.2, size=0.3))
    assert ids(tracker, 0.1, walker(1.1, size=0.3)) != [first]


def test_who_comes_does_not_take_the_id_of_who_stands_there() -> None:
    tracker = Tracker()
    (first,) = ids(tracker, 0, walker(0.6))
    # The newcomer is listed first.
    newcomer, stayed = ids(tracker, 0.1, walker(0.8), walker(0.6, seed=1))
    assert stayed == first
    assert newcomer != first


def test_somebody_found_twice_is_one_person() -> None:
    tracker = Tracker()
    assert len(ids(tracker, 0, walker(0.6, seed=1), walker(0.602, seed=2))) == 1
    assert len(ids(tracker, 0.1, walker(0.6), walker(0.85))) == 2


@pytest.mark.parametrize("speed", [0.2, 0.4, 0.8])
@pytest.mark.parametrize("rate", [8, 15, 30])
def test_people_who_cross_keep_their_ids(speed: float, rate: int) -> None:
    """One walks to the right, one to the left, as near as 0.05 heights; each hides the other."""
    tracker = Tracker()
    owners: dict[str, set[float]] = {}
    for i in range(round(1.0 / speed * rate)):
        seconds = i / rate
        a, b = 0.3 + speed * seconds, 1.1 - speed * seconds
        near = abs(a - b) < 0.1
        people = [marked(walker(a, seed=2 * i), 0)]
        if not near:  # the one behind is not seen
            people.append(marked(walker(b, y=0.35, seed=2 * i + 1), 1))
        for body_id, person in assign(tracker, seconds, *people):
            owners.setdefault(body_id, set()).add(person.confidence)
    assert sorted(map(tuple, owners.values())) == [(0.0,), (1.0,)]


def test_after_a_reset_nobody_gets_an_old_id() -> None:
    tracker = Tracker()
    before = ids(tracker, 0, walker(0.6))
    tracker.reset()
    assert ids(tracker, 0, walker(0.6)) != before


def test_a_detection_without_joints_is_left_out() -> None:
    nothing = np.full((11, 4), np.nan, np.float32)
    nothing[:, 3] = 0
    tracker = Tracker()
    assert assign(tracker, 0, Detection(nothing), walker(0.5)) != []
    assert len(assign(tracker, 0.1, Detection(nothing))) == 0


def test_layouts_and_unknown_scores() -> None:
    body = np.zeros((33, 4), np.float32)
    body[:, :2] = np.random.default_rng(0).random((33, 2))
    body[:, 3] = np.nan
    tracker = Tracker()
    (first,) = tracker.assign([Detection(body)], SECOND, MEDIAPIPE_33, ASPECT)
    (again,) = tracker.assign([Detection(body)], 2 * SECOND, MEDIAPIPE_33, ASPECT)
    assert first[0] == again[0]


places = st.tuples(st.floats(-0.5, 2), st.floats(-0.5, 1.5), st.floats(0.01, 1.5))
pictures = st.lists(
    st.tuples(st.floats(0, 2), st.lists(places, max_size=5)), min_size=1, max_size=12
)


@settings(max_examples=60)
@given(pictures)
def test_whatever_comes_no_id_is_given_twice_nor_comes_back(
    wild: list[tuple[float, list[tuple[float, float, float]]]],
) -> None:
    tracker, now = Tracker(keep_seconds=1.5), 0.0
    last: dict[str, float] = {}
    for step, people in wild:
        now += step
        given_ids = ids(tracker, now, *(walker(*place) for place in people))
        assert len(set(given_ids)) == len(given_ids) <= len(people)
        for body_id in given_ids:
            # Known ids belong to people who were seen lately; the others were never seen.
            assert now - last.get(body_id, now) <= 1.5 + 1e-6
            last[body_id] = now
