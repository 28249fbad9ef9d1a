# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report's timeline: times as players write them, long recordings in strips."""

import pytest

from bharnet.judging.timeline import clock, strips


@pytest.mark.parametrize(
    ("seconds", "digits", "shown"),
    [
        (0, 0, "0:00"),
        (7.26, 1, "0:07.3"),
        (59.96, 1, "1:00.0"),
        (3723, 0, "1:02:03"),
        (-3, 0, "-0:03"),
    ],
)
def test_times_are_written_as_players_do(seconds, digits, shown):
    assert clock(seconds, digits) == shown


def test_a_long_recording_is_cut_into_strips():
    event = {"label": "wave", "confidence": 0.9, "result": "right", "decided": 55.0}
    person = {
        "in_view": [[10.0, 3000.0, "ann"]],
        "segments": [{"start": 50.0, "end": 70.0, "label": "wave", "result": "found"}],
        "events": [{**event, "onset": 52.0, "offset": 650.0}],
    }
    parts = strips(person, {"wave": 10})
    assert [(each.start, each.end) for each in parts[:2]] == [(10.0, 310.0), (310.0, 610.0)]
    assert len(parts) == 10
    # Cut where a strip ends, gone where it is over, and told once.
    assert [len(each.told) for each in parts] == [1, 1, 1] + [0] * 7
    assert parts[0].told[0].x == pytest.approx(42 / 300 * 1000, abs=0.01)
    assert parts[1].told[0].width == 1000.0
    assert [each.told[0].mark is None for each in parts[:3]] == [False, True, True]
    for part in parts:
        for box in (*part.truth, *part.told, *part.in_view):
            assert 0 <= box.x <= box.x + box.width <= 1001.5
    nobody = {"in_view": [], "segments": [], "events": []}
    assert strips(nobody, {}) == []
