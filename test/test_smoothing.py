# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The 1-euro filter over bodies: steady at rest, prompt in motion, never in anybody's way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_people_estimator import IMAGE, FakeEstimator
from walkers import walker

from bharnet.estimation.people import PeopleEstimator
from bharnet.estimation.smoothing import FORGET_SECONDS, Smoother

SECOND = 1_000_000_000
TICK = SECOND // 10


def body(x: float = 0.5) -> np.ndarray:
    """Eleven joints in a box of half a picture, the last one at ``x``."""
    places = np.linspace(0.25, 0.75, 11, dtype=np.float32)
    made = np.stack((places, places, np.zeros_like(places), np.ones_like(places)), 1)
    made[-1, 0] = x
    return made


def steadied(bodies: list[np.ndarray], step: int = TICK) -> np.ndarray:
    smoother = Smoother()
    return np.stack([smoother.smooth("a", b, i * step, 4 / 3) for i, b in enumerate(bodies, 1)])


def test_trembling_goes() -> None:
    dice = np.random.default_rng(0)
    still = body()
    shaken = [still + np.float32(0.002) * dice.standard_normal(still.shape) for _ in range(50)]
    calm = steadied([each.astype(np.float32) for each in shaken])
    before, after = (
        np.abs(np.diff(np.stack(each)[10:, :, :2], axis=0)).mean() for each in (shaken, calm)
    )
    assert after < before / 2


def test_motion_is_followed_at_once() -> None:
    """Half a picture in half a second: a wave. It may lag by less than one picture."""
    waves = [body(0.25 + 0.1 * i) for i in range(6)]
    told = steadied(waves)[:, -1, 0]
    assert (np.abs(told - [each[-1, 0] for each in waves]) < 0.1 * 0.5).all()


def test_the_first_sight_is_taken_as_it_is() -> None:
    np.testing.assert_array_equal(steadied([body()])[0], body())


def test_a_joint_that_was_unseen_is_neither_invented_nor_lost() -> None:
    gone = body()
    gone[3] = (np.nan, np.nan, np.nan, 0.0)
    told = steadied([body(), gone, body(), body()])
    assert np.isnan(told[1, 3, :3]).all()
    np.testing.assert_allclose(told[2, 3, :3], body()[3, :3])
    assert np.isfinite(told[[0, 2, 3]]).all()


def test_two_people_do_not_mix() -> None:
    smoother = Smoother()
    for i in range(1, 20):
        one = smoother.smooth("a", body(0.2), i * TICK, 4 / 3)
        other = smoother.smooth("b", body(0.9), i * TICK, 4 / 3)
    assert one[-1, 0] == pytest.approx(0.2)
    assert other[-1, 0] == pytest.approx(0.9)


@pytest.mark.parametrize("later", [TICK + int((FORGET_SECONDS + 0.1) * SECOND), TICK - 1])
def test_after_a_gap_or_a_jump_back_it_begins_anew(later: int) -> None:
    smoother = Smoother()
    smoother.smooth("a", body(0.2), TICK, 4 / 3)
    told = smoother.smooth("a", body(0.9), later, 4 / 3)
    np.testing.assert_array_equal(told, body(0.9))


def test_who_left_is_forgotten() -> None:
    smoother = Smoother()
    smoother.smooth("a", body(), SECOND, 1.0)
    smoother.forget(2 * SECOND)
    assert not smoother._people


@given(
    st.lists(
        st.lists(st.floats(width=32, allow_subnormal=False), min_size=12, max_size=12),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_comes_what_was_seen_stays_seen(values: list[list[float]]) -> None:
    bodies = [np.array(each, np.float32).reshape(3, 4) for each in values]
    with np.errstate(all="ignore"):
        told = steadied(bodies)
    for before, after in zip(bodies, told, strict=True):
        assert (np.isfinite(after) | ~np.isfinite(before)).all()


@pytest.mark.parametrize("smooths", [False, True])
def test_people_are_steadied_unless_the_estimator_did_it(smooths: bool) -> None:
    estimator = FakeEstimator(walker(0.5))
    estimator.smooths = smooths
    people = PeopleEstimator(estimator)
    people.estimate(IMAGE, SECOND)
    estimator.found = [replace(walker(0.5), body=walker(0.5).body + np.float32(0.001))]
    ((_, told),) = people.estimate(IMAGE, SECOND + TICK).people
    assert np.array_equal(told.body, estimator.found[0].body) == smooths


def test_where_time_began_anew_nothing_is_carried_over() -> None:
    estimator = FakeEstimator(walker(0.5))
    estimator.smooths = False
    people = PeopleEstimator(estimator)
    people.estimate(IMAGE, 9 * SECOND)
    ((_, told),) = people.estimate(IMAGE, SECOND).people
    np.testing.assert_array_equal(told.body, walker(0.5).body)
