# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who is alone is left to the landmarker of one; others are looked for, and found soon."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from bharnet.estimation.crowd import ALONE_SECONDS, LOOK_SECONDS, OneOrMany

SECOND = 1_000_000_000
TICK = SECOND // 10


class Landmarker:
    """Finds as many of those who are there as it looks for; keeps when it was asked."""

    def __init__(self, there: list[int], most: int) -> None:
        self.there, self.most = there, most
        self.asked: list[int] = []
        self.closed = False

    def detect_for_video(self, picture: Any, milliseconds: int) -> SimpleNamespace:
        assert not self.asked or milliseconds > self.asked[-1]
        self.asked.append(milliseconds)
        people = min(self.there[0], self.most)
        return SimpleNamespace(pose_landmarks=[f"of {self.most}"] * people)

    def close(self) -> None:
        self.closed = True


def watched(counts: Sequence[int]) -> tuple[list[tuple[int, bool]], Landmarker, Landmarker]:
    """How many people were found and whether somebody was alone, for each of the pictures."""
    there = [0]
    one, many = Landmarker(there, 1), Landmarker(there, 5)
    both, told = OneOrMany(one, many), []
    for i, count in enumerate(counts, 1):
        there[0] = count
        told.append((len(both.detect(None, 100 * i, i * TICK)), both.alone))
    return told, one, many


def test_somebody_alone_is_seen_by_the_landmarker_of_one() -> None:
    told, one, many = watched([1] * 21)
    assert set(told) == {(1, True)}
    assert len(one.asked) == 21
    assert len(many.asked) == 5  # a look every half a second


@pytest.mark.parametrize("people", [2, 3])
def test_who_joins_is_seen_within_a_look(people: int) -> None:
    told, _, _ = watched([1] * 12 + [people] * 12)
    late = round(LOOK_SECONDS * SECOND / TICK)
    assert told[12 + late :] == [(people, False)] * (12 - late)


def test_two_from_the_start_are_seen_at_once() -> None:
    assert watched([2] * 3)[0] == [(2, False)] * 3


def test_two_who_come_at_once_are_seen_at_once() -> None:
    told, _, _ = watched([0] * 3 + [2] * 3)
    assert told[3:] == [(2, False)] * 3


def test_who_is_left_is_alone_only_after_a_while() -> None:
    """Somebody hidden for a moment must not make the other's joints jump."""
    told, _, _ = watched([2] * 3 + [1] * 30)
    until = 3 + round(ALONE_SECONDS * SECOND / TICK)
    assert told[3:until] == [(1, False)] * (until - 3)
    assert set(told[until:]) == {(1, True)}


def test_an_empty_room_is_looked_at_too() -> None:
    told, _, many = watched([0] * 20 + [2] * 6)
    assert told[0] == (0, True)
    assert told[-1] == (2, False)
    assert len(many.asked) < 12


def test_both_are_closed() -> None:
    one, many = Landmarker([0], 1), Landmarker([0], 2)
    OneOrMany(one, many).close()
    assert one.closed
    assert many.closed
