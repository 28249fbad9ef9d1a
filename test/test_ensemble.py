# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fused networks, disturbed people, and what a network costs."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bharnet.checkpoint import load_checkpoint
from bharnet.features import FeatureConfig
from bharnet.network import NetworkConfig
from bharnet.skeleton import UPPER_BODY_11
from bharnet_train.complexity import cost
from bharnet_train.config import read_config
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.datasets.select import load_split
from bharnet_train.fusion import choose_weights, fuse
from bharnet_train.robustness import DISTURBANCES, draw_robustness, robustness
from bharnet_train.run import train_and_score


@pytest.fixture(scope="module")
def streams(takes, tmp_path_factory):
    """Two checkpoints of one configuration, which read joints and bones."""
    out = tmp_path_factory.mktemp("streams")
    for stream in ("joint", "bone"):
        train_and_score(
            takes / "tiny.yaml",
            takes,
            out,
            [f"name={stream}", f"features.streams=[{stream}]"],
            "test",
            progress=False,
            accelerator="cpu",
        )
    return [out / "joint.safetensors", out / "bone.safetensors"]


def tiny(takes, *overrides):
    return read_config(takes / "tiny.yaml", list(overrides))


def test_weights_come_from_validation_people(takes, streams):
    fused = fuse(streams, tiny(takes), takes, takes)
    assert set(fused.weights) == set(fused.top1) == {"joint", "bone"}
    assert fused.chosen_on == 12
    assert fused.together.sequences == 12
    assert fused.together.top1 >= min(fused.top1.values())


def test_weights_chosen_by_people_trained_on_are_told(takes, streams):
    fused = fuse(streams, tiny(takes), takes, takes)
    assert (fused.known, fused.together.trained_on) == (0, 0)
    other = tiny(takes, "sources.0.validation={person: [p1, p8]}")
    fused = fuse(streams, other, takes, takes)
    assert (fused.chosen_on, fused.known) == (24, 12)
    assert fuse(streams, other, takes, takes, weights=(1.0, 1.0)).known == 0


def test_one_member_alone_answers_as_it_does(takes, streams):
    fused = fuse(streams, tiny(takes), takes, takes, weights=(0.0, 1.0))
    assert fused.together.top1 == pytest.approx(fused.top1["bone"], abs=0.01)
    assert fused.chosen_on == 0


def test_without_validation_weights_are_equal(takes, streams):
    config = tiny(takes)
    source = config.sources[0].model_copy(update={"validation": {}})
    fused = fuse(streams, config.model_copy(update={"sources": [source]}), takes, takes)
    assert set(fused.weights.values()) == {1.0}


def test_other_classes_and_wrong_weights_are_refused(takes, streams, tmp_path):
    train_and_score(
        takes / "tiny.yaml",
        takes,
        tmp_path,
        ["name=less", "sources.0.drop=[fist]", "optimiser.epochs=1"],
        "test",
        progress=False,
        accelerator="cpu",
    )
    with pytest.raises(UnreadableData, match="same classes"):
        fuse([streams[0], tmp_path / "less.safetensors"], tiny(takes), takes, takes)
    with pytest.raises(ValueError, match="2 networks need as many"):
        fuse(streams, tiny(takes), takes, takes, weights=(1, 1, 1))


@given(st.integers(0, 1000), st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_chosen_weights_are_never_worse_than_any_member(seed, members):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(members, 30, 4, generator=generator).log_softmax(-1)
    target = torch.randint(4, (30,), generator=generator)
    weights = torch.tensor(choose_weights(scores, target))
    fused = torch.einsum("m,mnc->nc", weights, scores)
    right = (fused.argmax(-1) == target).float().mean()
    assert right >= (scores.argmax(-1) == target).float().mean(1).max()


def test_a_member_that_guesses_gets_no_weight():
    target = torch.arange(4).repeat(10)
    knows = torch.nn.functional.one_hot(target, 4).float() * 3
    generator = torch.Generator().manual_seed(0)
    guesses = torch.randn(40, 4, generator=generator) * 9
    weights = choose_weights(torch.stack((knows, guesses)).log_softmax(-1), target)
    assert weights == (2.0, 0.0)


def joints(people=5):
    generator = torch.Generator().manual_seed(0)
    position = torch.randn(people, 16, 53, 3, generator=generator)
    return position, torch.ones(people, 16, 53, dtype=torch.bool)


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_a_disturbance_of_strength_zero_changes_nothing(kind):
    disturb, strengths = DISTURBANCES[kind]
    dice = torch.Generator().manual_seed(0)
    assert strengths[0] == 0
    position, seen = disturb(joints(), 0.0, UPPER_BODY_11, dice)
    assert torch.equal(position, joints()[0])
    assert torch.equal(seen, joints()[1])


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_a_disturbance_changes_what_it_says(kind):
    disturb, strengths = DISTURBANCES[kind]
    dice = torch.Generator().manual_seed(0)
    before, (position, seen) = joints(), disturb(joints(), strengths[-1], UPPER_BODY_11, dice)
    moved = (position - before[0]).abs().sum((0, 1, 3)) > 0
    lost = (~seen).any(1).any(0)
    if kind == "noise on one hand":
        assert moved.tolist() == [False] * 32 + [True] * 21
    if kind == "hands missing":
        assert not moved.any()
        assert lost.tolist() == [False] * 11 + [True] * 42
    if kind == "noise on all joints":
        assert moved.all()
    if kind == "dropped frames":
        assert lost.all()
        assert 0.7 < 1 - seen.float().mean() < 0.9


def test_curves_begin_at_the_plain_accuracy_and_are_drawn(takes, streams, tmp_path):
    checkpoint = load_checkpoint(streams[0])
    split = load_split(tiny(takes), takes)
    curves = robustness(checkpoint, split.test)
    plain = {each[0.0] for each in curves.values()}
    assert len(plain) == 1
    # Without hands nobody can tell fist from open.
    assert curves["hands missing"][1.0] < plain.pop()
    draw_robustness({"joint": curves}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_cost_is_counted_as_by_hand():
    features = FeatureConfig(frames=16, streams=("joint",))
    config = NetworkConfig(variant="B", experts=("body",), blocks=((8, 1),), dropout=0.0)
    found = cost(config, features, classes=5, repeats=1)
    joints, frames, channels, graphs = 11, 16, 8, 8
    cells = joints * frames
    macs = cells * (3 * channels + channels * joints)  # features, then graphs
    macs += cells * (channels * channels + 2 * 5 * 2 * 2) + channels * 5
    assert found.gmacs == pytest.approx(macs / 1e9, rel=1e-6)
    weights = 3 * joints * 2 + graphs * joints**2 + 3 * channels + 2 * channels
    weights += channels**2 + 2 * channels + 2 * 5 * 4 + 2 * channels + 5 * channels + 5
    assert found.parameters == weights
    assert math.isfinite(found.milliseconds)
