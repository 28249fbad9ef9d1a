# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Windows as the network reads them: by time, whatever was seen, wherever it was."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from people import START, standing

from bharnet import features
from bharnet.features import STREAMS, FeatureConfig, make_streams, resample, resample_all
from bharnet.skeleton import UPPER_BODY_11, get_layout
from bharnet.window import NANOSECONDS, Window
from bharnet_train.augmentation import mirror_order

CONFIG = FeatureConfig(frames=16, window_seconds=1.5)


def window(seconds, body=None, hands=None):
    """A window with frames at the given seconds; the body moves right by 0.1 a second."""
    stamps = np.array([START + round(each * NANOSECONDS) for each in seconds], np.int64)
    still_body, still_hands = standing()
    body = np.repeat(still_body[None], len(stamps), 0) if body is None else body
    hands = np.repeat(still_hands[None], len(stamps), 0) if hands is None else hands
    body = body.copy()
    body[..., 0] += 0.1 * np.asarray(seconds, np.float32)[:, None]
    return Window(stamps, body, hands)


def streams(joints, config=CONFIG):
    return make_streams(
        torch.from_numpy(joints.position)[None], torch.from_numpy(joints.seen)[None], config
    )


@pytest.mark.parametrize("rate", [10, 20, 30, 60])
def test_features_do_not_depend_on_the_frame_rate(rate):
    expected = resample(window(np.arange(0, 1.5001, 0.1)), CONFIG)
    got = resample(window(np.arange(0, 1.5001, 1 / rate)), CONFIG, START + 1_500_000_000)
    np.testing.assert_allclose(got.position, expected.position, atol=2e-3)
    assert got.seen.all()


SECONDS = st.sets(st.integers(0, 45), min_size=1, max_size=30)


@settings(deadline=None)
@given(
    people=st.lists(SECONDS, min_size=1, max_size=5), together=st.booleans(), seed=st.integers(0)
)
def test_all_at_once_are_each_by_himself(people, together, seed):
    """People seen in the same frames, or each in frames of his own."""
    rng = np.random.default_rng(seed)
    windows = []
    for frames in people[:1] * len(people) if together else people:
        body = rng.normal(size=(len(frames), 11, 4)).astype(np.float32)
        hands = rng.normal(size=(len(frames), 2, 21, 4)).astype(np.float32)
        hands[rng.random(hands.shape[:3]) < 0.3] = np.nan
        windows.append(window(sorted(each / 30 for each in frames), body, hands))
    end = START + 1_500_000_000
    position, seen = resample_all(windows, CONFIG, end)
    for i, each in enumerate(windows):
        alone = resample(each, CONFIG, end)
        np.testing.assert_array_equal(position[i], alone.position)
        np.testing.assert_array_equal(seen[i], alone.seen)


def test_people_with_stamps_of_their_own_are_not_laid_side_by_side(monkeypatch):
    """Fifty would take fifty times the memory: bodies of ROS4HRI each have a topic."""
    windows = [window(np.arange(0, 1.5, 0.1) + 0.001 * i) for i in range(12)]
    end, longest = START + 1_500_000_000, len(windows[0].stamps)
    expected = [resample(each, CONFIG, end) for each in windows]
    frames = []

    def counted(when, *arguments):
        frames.append(len(when))
        return interpolate(when, *arguments)

    interpolate = features._interpolate
    monkeypatch.setattr(features, "_interpolate", counted)
    position, seen = resample_all(windows, CONFIG, end)
    assert max(frames) <= 2 * longest
    np.testing.assert_array_equal(position, [each.position for each in expected])
    np.testing.assert_array_equal(seen, [each.seen for each in expected])


def test_uneven_stamps_are_read_by_time_not_by_index():
    rng = np.random.default_rng(3)
    uneven = np.sort(np.concatenate(([0, 1.5], rng.uniform(0, 1.5, 40))))
    got = resample(window(uneven), CONFIG).position[:, 0, 0]
    np.testing.assert_allclose(np.diff(got), 0.1 * 1.5 / 15, atol=1e-5)


def test_unseen_is_marked_and_zero_never_invented():
    hands = np.repeat(standing()[1][None], 16, 0)
    hands[4:12, 0] = np.nan
    joints = resample(window(np.arange(16) * 0.1, hands=hands), CONFIG)
    left = joints.seen[:, 11:32]
    assert left[0].all()
    assert not left[8].any()
    assert not joints.position[8, 11:32].any()
    assert joints.seen[:, :11].all()


def test_a_hand_without_its_wrist_is_not_seen():
    """Its shape is read from the wrist; fingers alone had kept their place in the picture."""
    times = np.arange(0, 1.5001, 0.1)
    hands = np.repeat(standing()[1][None], len(times), 0)
    hands[:, 1, 0] = np.nan
    joints = resample(window(times, hands=hands), CONFIG)
    assert joints.seen[:, -42:-21].all()
    assert not joints.seen[:, -21:].any()
    hands[:, 1] = np.nan
    without = resample(window(times, hands=hands), CONFIG)
    np.testing.assert_array_equal(joints.position, without.position)


def test_a_short_gap_is_bridged():
    body = np.repeat(standing()[0][None], 16, 0)
    body[5:7, 7, :3], body[5:7, 7, 3] = np.nan, 0
    joints = resample(window(np.arange(16) * 0.1, body=body), CONFIG)
    assert joints.seen.all()


def test_low_score_is_unseen_and_no_score_is_seen():
    body = np.repeat(standing()[0][None], 16, 0)
    body[:, 9, 3], body[:, 10, 3] = 0.05, np.nan
    seen = resample(window(np.arange(16) * 0.1, body=body), CONFIG).seen
    assert not seen[:, 9].any()
    assert seen[:, 10].all()


def test_before_the_person_came_nothing_is_seen():
    joints = resample(window([1.3, 1.4, 1.5]), CONFIG)
    assert not joints.seen[0].any()
    assert joints.seen[-1].all()
    assert 0.1 < joints.coverage < 0.4


def test_canonical_features_ignore_place_and_distance():
    near = resample(window(np.arange(16) * 0.1), CONFIG)
    far = near.position * 0.35 + np.float32([0.2, -0.4, 0.0])
    far = np.where(near.seen[..., None], far, 0).astype(np.float32)
    moved = make_streams(torch.from_numpy(far)[None], torch.from_numpy(near.seen)[None], CONFIG)
    torch.testing.assert_close(moved.body, streams(near).body, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(moved.hands, streams(near).hands, atol=1e-3, rtol=1e-3)


def test_a_mirrored_person_gives_the_same_hands_swapped():
    joints = resample(window(np.arange(16) * 0.1), CONFIG)
    order = mirror_order(UPPER_BODY_11)
    mirrored = joints.position[:, order] * np.float32([-1, 1, 1])
    got = make_streams(
        torch.from_numpy(mirrored)[None], torch.from_numpy(joints.seen[:, order])[None], CONFIG
    )
    torch.testing.assert_close(got.hands, streams(joints).hands.flip(1))


def test_channels_are_as_the_configuration_counts_them():
    for depth in (False, True):
        config = FeatureConfig(frames=8, streams=STREAMS, body_depth=depth, hand_depth=depth)
        made = streams(resample(window(np.arange(16) * 0.1), config), config)
        assert made.body.shape == (1, config.body_channels, 8, 11)
        assert made.hands.shape == (1, 2, config.hand_channels, 8, 21)


def test_bone_is_joint_minus_parent_and_motion_the_next_minus_this():
    config = FeatureConfig(
        frames=8,
        window_seconds=1.5,
        streams=("joint", "bone", "joint_motion"),
        preprocessing="native",
        hand_depth=False,
    )
    joints = resample(window(np.arange(16) * 0.1), config)
    body = streams(joints, config).body[0]
    parents = list(get_layout("upper_body_11").parents)
    torch.testing.assert_close(body[2:4], body[:2] - body[:2][..., parents])
    torch.testing.assert_close(body[4:6, :-1], body[:2, 1:] - body[:2, :-1])
    assert not body[4:6, -1].any()


def test_nobody_seen_gives_zeros_not_nan():
    position, seen = torch.zeros(2, 16, 53, 3), torch.zeros(2, 16, 53, dtype=torch.bool)
    made = make_streams(position, seen, CONFIG)
    for each in (made.body, made.hands):
        assert not each.any()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 3), min_size=1, max_size=12, unique=True),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
)
def test_any_window_gives_finite_features(seconds, seed, missing):
    rng = np.random.default_rng(seed)
    count = len(seconds)
    body = rng.normal(0, 100, (count, 11, 4)).astype(np.float32)
    hands = rng.normal(0, 100, (count, 2, 21, 4)).astype(np.float32)
    for part in (body, hands):
        part[rng.random(part.shape[:-1]) < missing, :3] = np.nan
        part[..., 3] = rng.random(part.shape[:-1])
        part[rng.random(part.shape[:-1]) < 0.2, 2] = np.nan
    joints = resample(window(sorted(seconds), body, hands), CONFIG)
    assert np.isfinite(joints.position).all()
    made = streams(joints)
    assert torch.isfinite(made.body).all()
    assert torch.isfinite(made.hands).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"streams": ()},
        {"streams": ("joints",)},
        {"frames": 1},
        {"window_seconds": 0},
        {"body_layout": "x"},
    ],
)
def test_nonsense_configuration_is_refused(wrong):
    with pytest.raises(ValueError, match=r"streams|window|layout"):
        FeatureConfig(**wrong)
