# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures in, people with ids out: stamps, counters, what is handed on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walkers import walker

from bharnet.estimation.choose import EstimatorConfig, open_estimator
from bharnet.estimation.estimator import Detection, EstimatorUnavailable, InvalidFrame
from bharnet.estimation.people import PeopleEstimator, PeopleFrame
from bharnet.skeleton import UPPER_BODY_11

IMAGE = np.zeros((48, 64, 3), np.uint8)
SECOND = 1_000_000_000


class FakeEstimator:
    """Finds whoever is put before it."""

    name, body_layout = "fake", UPPER_BODY_11.name
    smooths = True

    def __init__(self, *found: Detection) -> None:
        self.found = list(found)
        self.resets = 0
        self.closed = False
        self.stamps: list[int] = []

    @property
    def network_ms(self) -> dict[str, float]:
        return {"fake": 0.001}

    def estimate(self, image: np.ndarray, stamp: int) -> list[Detection]:
        assert not self.stamps or stamp > self.stamps[-1], "an old stamp came through"
        self.stamps.append(stamp)
        return self.found

    def reset(self) -> None:
        self.resets += 1
        self.stamps.clear()

    def close(self) -> None:
        self.closed = True


def test_a_frame_says_all_that_a_message_needs() -> None:
    hand = np.full((21, 4), 0.4, np.float32)
    found = replace(walker(0.5), left_hand=hand, left_hand_confidence=0.9)
    people = PeopleEstimator(FakeEstimator(found, walker(1.0)))
    frame = people.estimate(IMAGE, 5 * SECOND)
    assert (frame.stamp, frame.width, frame.height) == (5 * SECOND, 64, 48)
    assert (frame.estimator, frame.body_layout, frame.hand_layout) == (
        "fake",
        "upper_body_11",
        "hand_21",
    )
    assert [person.left_hand is hand for _, person in frame.people] == [True, False]
    assert len({body_id for body_id, _ in frame.people}) == 2
    took = frame.milliseconds
    assert set(took) == {"fake", "estimate", "track", "own", "total"}
    assert took["total"] == pytest.approx(took["estimate"] + took["track"], abs=1e-6)
    assert took["own"] == pytest.approx(took["total"] - took["fake"])


def test_a_frame_goes_straight_into_the_core() -> None:
    hand = np.full((21, 4), 0.4, np.float32)
    people = PeopleEstimator(FakeEstimator(replace(walker(0.5), right_hand=hand)))
    frame = people.estimate(IMAGE, SECOND)
    core = frame.to_frame(UPPER_BODY_11)
    (seen,) = core.people
    assert core.stamp == SECOND
    assert seen.body_id == frame.people[0][0]
    # Isotropic: x in picture heights.
    assert seen.body[0, 0] == pytest.approx(frame.people[0][1].body[0, 0] * 64 / 48)
    assert np.isnan(seen.hands[0, :, 0]).all()
    assert seen.hands[1, 0, 0] == pytest.approx(0.4 * 64 / 48)


def test_a_person_with_absurd_joints_is_reported_and_costs_nobody_else() -> None:
    mad = walker(0.5)
    mad.body[3, 0] = np.inf
    people = PeopleEstimator(FakeEstimator(mad, walker(1.2)))
    told: list[tuple[str, str]] = []
    frame = people.estimate(IMAGE, SECOND)
    core = frame.to_frame(UPPER_BODY_11, lambda key, text: told.append((key, text)))
    assert len(core.people) == 1
    assert told[0][0] == "bad_person"
    assert "infinity" in told[0][1]


def test_nobody_is_read_in_a_strip_of_a_picture() -> None:
    """As the node refuses its message; without ROS it had been a traceback."""
    told: list[tuple[str, str]] = []
    strip = PeopleFrame(5, 400, 16, "test", "mediapipe_33", (), {})
    core = strip.to_frame(UPPER_BODY_11, lambda key, text: told.append((key, text)))
    assert (core.stamp, core.people) == (5, ())
    ((key, text),) = told
    assert key == "image"
    assert "width / height of 25 is no picture" in text


@pytest.mark.parametrize("stamp", [0, -1])
def test_a_stamp_of_zero_is_refused(stamp: int) -> None:
    people = PeopleEstimator(FakeEstimator())
    with pytest.raises(InvalidFrame, match="time of capture") as raised:
        people.estimate(IMAGE, stamp)
    assert raised.value.key == "no_stamp"
    assert people.counters.refused == 1


def test_what_is_no_picture_is_refused_and_leaves_no_trace() -> None:
    people = PeopleEstimator(FakeEstimator(walker(0.5)))
    with pytest.raises(InvalidFrame) as raised:
        people.estimate(IMAGE[:0], 9 * SECOND)
    assert raised.value.key == "image"
    assert people.estimate(IMAGE, SECOND).people
    assert (people.counters.frames, people.counters.refused) == (1, 1)


def test_a_stamp_a_little_back_is_dropped_and_ids_go_on() -> None:
    people = PeopleEstimator(FakeEstimator(walker(0.5)))
    before = people.estimate(IMAGE, 10 * SECOND)
    for stamp in (10 * SECOND, 10 * SECOND - SECOND // 2):
        with pytest.raises(InvalidFrame, match="two cameras") as raised:
            people.estimate(IMAGE, stamp)
        assert raised.value.key == "old_stamp"
    after = people.estimate(IMAGE, 10 * SECOND + 1)
    assert [each for each, _ in before.people] == [each for each, _ in after.people]
    assert (people.counters.old, people.counters.resets) == (2, 0)


def test_time_that_begins_anew_forgets_everybody() -> None:
    fake = FakeEstimator(walker(0.5))
    people = PeopleEstimator(fake)
    before = people.estimate(IMAGE, 10 * SECOND)
    after = people.estimate(IMAGE, 2 * SECOND)
    assert fake.resets == people.counters.resets == 1
    assert [each for each, _ in before.people] != [each for each, _ in after.people]


def test_ids_survive_a_change_of_the_picture_size() -> None:
    people = PeopleEstimator(FakeEstimator(walker(0.5)))
    sizes = [(480, 640), (960, 1280), (2160, 2880), (120, 160)]
    seen = {
        people.estimate(np.zeros((*size, 3), np.uint8), (i + 1) * SECOND // 10).people[0][0]
        for i, size in enumerate(sizes)
    }
    assert len(seen) == 1


def test_counters_count() -> None:
    hand = np.full((21, 4), 0.4, np.float32)
    found = replace(walker(0.5), right_hand=hand)
    people = PeopleEstimator(FakeEstimator(found, replace(walker(1.2), left_hand=hand)))
    for i in range(3):
        people.estimate(IMAGE, SECOND + i)
    counted = people.counters
    assert (counted.frames, counted.people) == (3, 6)
    assert (counted.left_hands, counted.right_hands) == (3, 3)


def test_the_estimator_is_closed_on_the_way_out() -> None:
    fake = FakeEstimator()
    with pytest.raises(RuntimeError, match="on the way"), PeopleEstimator(fake):
        raise RuntimeError("on the way")
    assert fake.closed


@given(st.lists(st.integers(-5 * SECOND, 100 * SECOND), max_size=20))
def test_whatever_the_stamps_the_estimator_sees_them_rise(stamps: list[int]) -> None:
    people = PeopleEstimator(FakeEstimator())  # the fake asserts it
    refused = 0
    for stamp in stamps:
        try:
            people.estimate(IMAGE, stamp)
        except InvalidFrame:
            refused += 1
    counted = people.counters
    assert counted.frames + refused == len(stamps)
    assert counted.refused + counted.old == refused


# --- choosing


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"estimator": "kinect"}, "known: mediapipe, wholebody"),
        ({"max_people": 0}, "1..50"),
        ({"min_confidence": 1.5}, "0..1"),
        ({"min_confidence": float("nan")}, "0..1"),
        ({"delegate": "tpu"}, "cpu nor gpu"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        EstimatorConfig(**settings)


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mediapipe", None)
    with pytest.raises(EstimatorUnavailable, match="pip install"):
        open_estimator(EstimatorConfig())
