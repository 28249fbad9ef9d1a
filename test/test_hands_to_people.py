# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whose hand it is that was found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bharnet.estimation.hands import assign_hands


def hand_at(x: float, y: float, palm: float = 30.0) -> np.ndarray:
    """(21, 2) pixels: the wrist at x, y, the fingers up."""
    hand = np.zeros((21, 2), np.float32)
    hand[:, 0] = np.linspace(-0.4, 0.4, 21)
    hand[1:, 1] = -np.linspace(0.5, 1.5, 20)
    hand[9] = (0.0, -1.0)
    hand[0] = 0.0
    return hand * palm + np.array((x, y), np.float32)


def assign(
    wrists: list[tuple[float, float]],
    found: list[np.ndarray],
    left: list[float] | None = None,
    reach: float = 60,
) -> list[int | None]:
    """Wrists left, right, left, ... of people; ``left`` is each hand's share of being left."""
    return assign_hands(
        np.array(wrists, np.float32).reshape(-1, 2),
        np.full(len(wrists), reach, np.float32),
        np.array(found, np.float32).reshape(-1, 21, 2),
        np.full(len(found), np.nan, np.float32) if left is None else np.array(left, np.float32),
    )


def test_each_wrist_gets_its_nearest_hand() -> None:
    assert assign([(400, 200), (200, 200)], [hand_at(205, 202), hand_at(396, 199)]) == [1, 0]


def test_one_hand_is_never_given_to_two_wrists() -> None:
    # Found in both wrists' squares, a little apart.
    found = [hand_at(318, 201), hand_at(316, 202)]
    assert assign([(300, 200), (320, 200)], found) == [None, 0]


def test_hands_pressed_together_are_two() -> None:
    found = [hand_at(311, 200, palm=40), hand_at(329, 200, palm=40)]
    assert assign([(330, 200), (310, 200)], found) == [1, 0]


def test_a_hand_near_nobody_is_dropped() -> None:
    assert assign([(400, 200), (200, 200)], [hand_at(300, 400), hand_at(395, 205)]) == [1, None]


def test_nothing_found_and_nobody_there() -> None:
    assert assign([(400, 200), (200, 200)], []) == [None, None]
    assert assign([], []) == []
    assert assign([], [hand_at(200, 200)]) == []


def test_a_wrist_without_place_gets_no_hand() -> None:
    assert assign([(np.nan, np.nan), (200, 200)], [hand_at(200, 200)]) == [None, 0]


def test_a_person_without_size_gets_no_hand() -> None:
    assert assign([(200, 200), (200, 200)], [hand_at(205, 200)], reach=0) == [None, None]


def test_crossed_hands_stay_with_their_arms() -> None:
    # The left wrist is on the picture's left, over the right one: the places decide.
    found = [hand_at(290, 200), hand_at(350, 210)]
    assert assign([(288, 200), (352, 208)], found, left=[0.9, 0.1]) == [0, 1]
    # Even where both hands were taken for left ones.
    assert assign([(288, 200), (352, 208)], found, left=[0.9, 0.9]) == [0, 1]


@pytest.mark.parametrize("left", [[0.95, 0.05], [0.05, 0.95]], ids=["left first", "right first"])
def test_handedness_decides_where_hands_are_as_near(left: list[float]) -> None:
    # Both wrists at the same place, as where arms cross: only the handedness can tell.
    found = [hand_at(300, 180), hand_at(300, 220)]
    expected = [0, 1] if left[0] > 0.5 else [1, 0]
    assert assign([(300, 200), (300, 200)], found, left) == expected


def test_handedness_does_not_outweigh_the_place() -> None:
    found = [hand_at(205, 200), hand_at(245, 200)]
    assert assign([(200, 200), (250, 200)], found, left=[0.0, 1.0]) == [0, 1]


def test_two_people_close_together_keep_their_hands() -> None:
    # One's left wrist lies beside the other's right one; each of the four hands is a bit off.
    wrists = [(300, 200), (200, 200), (430, 210), (330, 210)]
    found = [hand_at(336, 214), hand_at(294, 204), hand_at(206, 196), hand_at(424, 214)]
    left = [0.1, 0.9, 0.1, 0.9]
    assert assign(wrists, found, left) == [1, 2, 3, 0]
    # A hand that was overlooked leaves its own wrist empty, not the neighbour's.
    assert assign(wrists, found[1:], left[1:]) == [0, 1, 2, None]


@given(
    places=st.lists(st.tuples(st.integers(0, 640), st.integers(0, 480)), max_size=5),
    wrists=st.lists(st.tuples(st.integers(0, 640), st.integers(0, 480)), max_size=4),
    left=st.floats(0, 1),
)
def test_hands_are_given_once_and_within_reach(
    places: list[tuple[int, int]], wrists: list[tuple[int, int]], left: float
) -> None:
    found = [hand_at(x, y) for x, y in places]
    chosen = assign(wrists, found, [left] * len(found), reach=50)
    assert len(chosen) == len(wrists)
    given_away = [hand for hand in chosen if hand is not None]
    assert len(set(given_away)) == len(given_away)
    for wrist, hand in zip(wrists, chosen, strict=True):
        if hand is not None:
            assert np.linalg.norm(found[hand][0] - wrist) <= 50 + 1e-3
