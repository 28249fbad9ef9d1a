# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training of M on clips made here: what a hand holds, what a body does."""

from dataclasses import replace

import pytest
import torch
from rgb_clips import (
    CELL,
    CLASSES,
    FEATURES,
    OPTIONS,
    clips,
    config,
    info,
    train_skeleton,
)

from bharnet.features import make_streams
from bharnet_train.config import InvalidConfig
from bharnet_train.rgb.evaluation import evaluate
from bharnet_train.rgb.pictures import Pictures
from bharnet_train.rgb.training import train


@pytest.fixture(scope="module")
def skeleton():
    return train_skeleton()


def test_the_sum_knows_what_neither_knows_alone(skeleton, tmp_path):
    """Guidance off: it would tell the picture's network where the hand is."""
    described = info(skeleton, guided=False)
    network, said = train(
        config(), described, skeleton, clips(8), tmp_path, weights="random", **OPTIONS
    )
    assert said == "random, as asked for"
    result = evaluate(network, described, clips(6, first=100), "other clips")
    assert result.clips == 24
    assert result.skeleton <= 65
    assert result.rgb <= 65
    assert result.fused >= 95
    # Each is right about what it sees.
    for answer in result.answers:
        assert answer.skeleton.partition("_")[0] == answer.label.partition("_")[0]
        assert answer.rgb.partition("_")[2] == answer.label.partition("_")[2]


def test_training_with_guidance_reduces_the_loss(skeleton, tmp_path):
    described = info(skeleton)
    colours = [
        replace(each, row=replace(each.row, label=f"low_{each.row.label.partition('_')[2]}"))
        for each in clips(6)
    ]
    data = Pictures(colours, CLASSES, FEATURES, 3)

    def loss(network):
        batch = torch.utils.data.default_collate([data[i] for i in range(len(data))])
        with torch.no_grad():
            streams = make_streams(batch.position, batch.seen, FEATURES)
            scores = network(batch.picture, batch.shown, streams)
        return torch.nn.functional.cross_entropy(scores.rgb, batch.target).item()

    def trained(epochs):
        chosen = config(optimiser={"epochs": epochs, "batch": 12, "rate": 0.03})
        return train(chosen, described, skeleton, colours, tmp_path, "random", **OPTIONS)[0]

    assert loss(trained(20)) < 0.3 * loss(trained(1))


def test_two_runs_are_equal_and_so_is_a_resumed_one(skeleton, tmp_path):
    described, data = info(skeleton), clips(2)

    class Killed(Exception):
        pass

    def stop(trainer, *_):
        if trainer.current_epoch == 1:
            raise Killed

    def run(folder, seed=0, **more):
        chosen = config(seed=seed, optimiser={"epochs": 2, "batch": 4, "repeat": 2})
        network, _ = train(
            chosen, described, skeleton, data, tmp_path / folder, "random", **OPTIONS, **more
        )
        return network.image.state_dict()

    whole, again, other = run("a"), run("b"), run("c", seed=1)
    with pytest.raises(Killed):
        run("d", on_epoch_start=stop)
    with pytest.raises(InvalidConfig, match=r"had another configuration \(seed\)"):
        run("d", seed=1, resume=True)
    resumed = run("d", resume=True)
    for key, value in whole.items():
        torch.testing.assert_close(again[key], value, rtol=0, atol=0)
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=0)
    assert not torch.equal(whole["conv1.weight"], other["conv1.weight"])


def test_a_sample_is_a_matter_of_seed_epoch_and_index():
    data = Pictures(clips(1), CLASSES, FEATURES, 3, shortest=0.5, repeat=2, seed=4)
    assert len(data) == 8
    first, again, later = data[(3, 5)], data[(3, 5)], data[(4, 5)]
    assert torch.equal(first.picture, again.picture)
    assert torch.equal(first.position, again.position)
    assert not torch.equal(first.picture, later.picture)
    assert first.picture.shape == (3, 5 * CELL, 3 * CELL)
    assert first.shown.shape == (5, 3)
    whole = Pictures(clips(1), CLASSES, FEATURES, 3)
    assert torch.equal(whole[2].picture, whole[(9, 2)].picture)


def test_evaluating_nobody_is_said(skeleton):
    with pytest.raises(ValueError, match="no clip"):
        evaluate(None, info(skeleton), [], "nobody")


# --- from videos
