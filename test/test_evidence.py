# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where an action began and ended, as estimated from the scores of ticks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bharnet.decision.evidence import Evidence
from bharnet.window import NANOSECONDS

START = 1_700_000_000 * NANOSECONDS


def fed(scores, step=0.1, level=0.4, smoothing=0.2):
    evidence = Evidence(2)
    for i, score in enumerate(scores):
        stamp = START + round(i * step * NANOSECONDS)
        evidence.add(stamp, np.array([score, 1 - score], np.float32), level, smoothing)
    return evidence


def seconds(stamp):
    return (stamp - START) / NANOSECONDS


def test_evidence_begins_where_the_score_passes_the_level():
    assert seconds(fed([0.0] * 5 + [0.8] * 4).rose(0)) == pytest.approx(0.45, abs=1e-3)


def test_one_odd_tick_does_not_move_the_beginning():
    with_gap = fed([0.0] * 5 + [0.9] * 4 + [0.1] + [0.9] * 3)
    assert seconds(with_gap.rose(0)) == pytest.approx(0.444, abs=1e-2)


def test_a_long_pause_does():
    after = fed([0.9] * 20 + [0.0] * 20 + [0.9] * 3)
    assert seconds(after.rose(0)) == pytest.approx(3.944, abs=1e-2)


def test_what_ends_is_seen_to_fall():
    assert seconds(fed([0.8] * 5 + [0.0] * 4).fell(0)) == pytest.approx(0.45, abs=1e-3)


def test_without_evidence_there_is_only_now():
    evidence = fed([0.0] * 5)
    assert evidence.rose(0) == evidence.stamp
    evidence = fed([1.0] * 5)
    assert evidence.fell(0) == evidence.stamp


@pytest.mark.parametrize("step", [0.05, 0.1, 0.2])
def test_the_estimate_does_not_hang_on_the_stride(step):
    # A score that climbs from 0 to 1 between 1.0 s and 2.0 s passes 0.4 at 1.4 s.
    times = np.arange(0, 3, step)
    assert seconds(fed(np.clip(times - 1.0, 0, 1), step).rose(0)) == pytest.approx(1.4, abs=0.01)


def test_entropy_is_a_share_of_the_largest():
    assert fed([0.5] * 3).entropy == pytest.approx(1.0)
    assert fed([1.0] * 3).entropy == pytest.approx(0.0, abs=1e-6)


@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60),
    st.floats(0, 1),
    st.floats(0, 10),
)
def test_estimates_lie_in_what_was_seen(scores, level, smoothing):
    evidence = fed(scores, level=level, smoothing=smoothing)
    for stamp in (evidence.rose(0), evidence.fell(0), evidence.rose(1), evidence.fell(1)):
        assert START <= stamp <= evidence.stamp
    assert 0 <= evidence.entropy <= 1 + 1e-6
    assert np.isfinite(evidence.smoothed).all()
