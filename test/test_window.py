# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each person's last seconds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from people import START, frame, person

from bharnet.window import NANOSECONDS, ROOM, PersonWindows


def test_window_spans_its_seconds_whatever_the_rate():
    windows = PersonWindows(2.0)
    for i in range(100):
        windows.push(frame(i * 0.1, person()))
    stamps = windows.window("ab12c").stamps
    assert len(stamps) == 21
    assert stamps[-1] - stamps[0] == 2 * NANOSECONDS


def test_a_flood_is_thinned_and_still_spans_the_window():
    windows = PersonWindows(2.0, max_frames=50)
    for i in range(4000):
        windows.push(frame(i * 0.001, person()))
    stamps = windows.window("ab12c").stamps
    assert len(stamps) <= 52
    assert stamps[-1] == frame(3.999).stamp
    assert stamps[-1] - stamps[0] > 1.9 * NANOSECONDS


def test_people_never_mix():
    windows = PersonWindows(2.0)
    for i in range(10):
        windows.push(frame(i * 0.1, person("a", 1), person("b", 2)))
    np.testing.assert_array_equal(windows.window("a").hands[-1], person("a", 1).hands)
    np.testing.assert_array_equal(windows.window("b").hands[-1], person("b", 2).hands)


def test_a_short_loss_keeps_the_window_a_long_one_forgets():
    windows = PersonWindows(2.0, lost_seconds=1.0)
    windows.push(frame(0.0, person("a")))
    assert windows.push(frame(0.9)) == []
    windows.push(frame(1.0, person("a")))
    assert len(windows.window("a").stamps) == 2
    assert windows.push(frame(2.1)) == ["a"]
    assert "a" not in windows


def test_back_after_a_long_loss_is_a_new_window():
    windows = PersonWindows(2.0, lost_seconds=1.0)
    windows.push(frame(0.0, person("a")))
    assert windows.push(frame(1.5, person("a"))) == ["a"]
    assert len(windows.window("a").stamps) == 1


@given(st.lists(st.tuples(st.floats(0, 0.5), st.sets(st.sampled_from("abc"))), max_size=60))
def test_windows_hold_exactly_the_recent_frames_of_each(steps):
    windows, seen, now = PersonWindows(1.0, lost_seconds=0.6, max_frames=10_000), {}, 0
    for step, ids in steps:
        now += round(step * NANOSECONDS)
        stamp = START + now
        for key in [k for k, past in seen.items() if stamp - past[-1] > 0.6 * NANOSECONDS]:
            del seen[key]
        for key in ids:
            past = seen.setdefault(key, [])
            if len(past) > 1 and stamp - past[-2] < NANOSECONDS // 10_000:
                past.pop()
            past.append(stamp)
        windows.push(frame(0).__class__(stamp, tuple(person(key) for key in sorted(ids))))
    assert set(windows) == set(seen)
    for key, past in seen.items():
        kept = [each for each in past if past[-1] - each <= NANOSECONDS]
        assert windows.window(key).stamps.tolist() == kept


def test_a_window_stays_as_it_was():
    """What was handed out is nobody else's, however many frames follow."""
    windows = PersonWindows(2.0)
    for i in range(30):
        windows.push(frame(i * 0.1, person("a", i)))
    given_out = windows.window("a")
    stamps, hands = given_out.stamps.copy(), given_out.hands.copy()
    for i in range(30, 10 * ROOM):
        windows.push(frame(i * 0.1, person("a", i)))
    np.testing.assert_array_equal(given_out.stamps, stamps)
    np.testing.assert_array_equal(given_out.hands, hands)
    assert len(windows.window("a").stamps) == 21
