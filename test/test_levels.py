# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Levels of diagnostics on a clock that the test turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bharnet_ros.levels import LOWER_SECONDS, RAISE_SECONDS, Finding, Hysteresis, Level

OK, WARN, ERROR = Level


class Teller:
    """Something that is looked at once a second."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.levels = Hysteresis(lambda: self.now)

    def tell(self, level: Level, message: str = "", after: float = 1.0) -> Finding:
        self.now += after
        return self.levels.tell(Finding(level, message))

    def row(self, *found: Level) -> list[Level]:
        return [self.tell(level, level.name).level for level in found]


def test_raised_once_it_has_held():
    teller = Teller()
    assert teller.row(OK, OK, WARN, WARN, WARN) == [OK, OK, OK, OK, WARN]
    assert teller.row(ERROR, ERROR, ERROR) == [WARN, WARN, ERROR]


def test_what_is_bad_from_the_first_look_on_takes_as_long():
    assert Teller().row(ERROR, ERROR, ERROR) == [OK, OK, ERROR]


def test_lowered_once_nothing_as_bad_was_seen_for_long():
    teller = Teller()
    teller.row(*[ERROR] * 3)
    assert teller.row(*[OK] * 6) == [ERROR] * 5 + [OK]


def test_lowered_to_the_worst_that_was_seen_since():
    teller = Teller()
    teller.row(*[ERROR] * 3)
    assert teller.row(OK, WARN, OK, OK, OK, OK, OK, OK) == [ERROR] * 5 + [WARN] * 2 + [OK]


def test_one_late_frame_alarms_nobody():
    assert set(Teller().row(*[OK, OK, WARN] * 20)) == {OK}


def test_a_relapse_keeps_the_alarm():
    teller = Teller()
    teller.row(*[WARN] * 3)
    assert set(teller.row(*[OK, OK, OK, WARN] * 20)) == {WARN}


def test_the_message_is_the_newest_that_was_as_bad():
    teller = Teller()
    assert teller.tell(OK, "recognising").message == "recognising"
    assert teller.tell(WARN, "3 skipped") == Finding(OK, "3 skipped")
    teller.tell(WARN, "4 skipped")
    assert teller.tell(WARN, "5 skipped") == Finding(WARN, "5 skipped")
    assert teller.tell(OK, "recognising") == Finding(WARN, "5 skipped")
    teller.row(*[OK] * 4)
    assert teller.tell(OK, "disabled") == Finding(OK, "disabled")
    # Lowered to a level of before: its newest message, not that of the first time.
    for _ in range(3):
        teller.tell(ERROR, "silent")
    teller.tell(WARN, "6 skipped")
    teller.row(*[OK] * 3)
    assert teller.tell(OK, "recognising").level == ERROR
    assert teller.tell(OK, "recognising") == Finding(WARN, "6 skipped")


@given(st.lists(st.tuples(st.sampled_from(Level), st.floats(0.05, 3.0)), max_size=80))
def test_whatever_is_found_it_never_flaps(found):
    """Between a rise and a fall lie LOWER_SECONDS, between a fall and a rise RAISE_SECONDS."""
    teller, told = Teller(), OK
    rose = fell = -1e9
    for level, after in found:
        now = teller.tell(level, after=after).level
        if now > told:
            assert teller.now - fell >= RAISE_SECONDS
            rose = teller.now
        elif now < told:
            assert teller.now - rose >= LOWER_SECONDS
            fell = teller.now
        told = now


@pytest.mark.parametrize("level", Level)
def test_a_level_that_stays_is_told_in_the_end(level):
    assert Teller().row(*[level] * 10)[-1] == level
