# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What docs/network.md shows of experiments of one's own: it runs, and its figures are right."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from commands import ROOT, blocks
from people import standing

from bharnet.checkpoint import load_checkpoint
from bharnet.features import FeatureConfig, make_streams
from bharnet.network import FULL_BLOCKS, BHaRNet, NetworkConfig
from bharnet.window import NANOSECONDS
from bharnet_train.datasets.select import Split

PAGE = (ROOT / "docs" / "network.md").read_text(encoding="utf-8")
LOOP, DATA = blocks(PAGE, "python")
SMALL = "((32, 2), (32, 2), (64, 1), (64, 1))"


@pytest.mark.parametrize("variant", ["B", "P", "E"])
def test_a_loop_of_ones_own(variant):
    torch.manual_seed(0)
    changed = LOOP.replace("blocks=FULL_BLOCKS", f"blocks={SMALL}").replace(
        'NetworkConfig("P"', f'NetworkConfig("{variant}"'
    )
    names: dict[str, Any] = {}
    exec(changed, names)
    assert names["config"].variant == variant
    assert names["logits"].shape == (2, 120)
    position = names["position"].clone()
    position[~names["seen"]] = torch.nan  # as data sets have it
    clean = position.nan_to_num() * names["seen"][..., None]
    losses = [names["step"](clean, names["seen"], torch.tensor([3, 77]))[1] for _ in range(8)]
    assert torch.isfinite(torch.stack(losses)).all()
    assert losses[-1] < names["loss"]


def test_full_size_has_the_parameters_told():
    features = FeatureConfig("kinect_25", frames=64, streams=("joint",), body_depth=True)
    told = re.search(r"Full size has (\S+) \(B\), (\S+) \(P\) and (\S+) M parameters \(E", PAGE)
    assert told is not None
    for variant, millions in zip("BPE", told.groups(), strict=True):
        config = NetworkConfig(
            variant, blocks=FULL_BLOCKS, graph="refined", time="deformable", split=3
        )
        network = BHaRNet(config, features, 120)
        count = sum(each.numel() for each in network.parameters())
        assert f"{count / 1e6:.3f}" == millions


def test_data_of_ones_own_trains_and_is_a_model(tmp_path):
    names: dict[str, Any] = {}
    exec(DATA.replace("accelerator=", "progress=False, accelerator="), names)
    rng = np.random.default_rng(0)

    def take(label, person):
        body, hands = standing(0)
        hands = hands + 0.1 * (label == "open") * rng.random((2, 21, 1)) * [1, 1, 0, 0]
        stamps = [round(i * NANOSECONDS / 15) for i in range(20)]
        return names["sequence"](stamps, [body] * 20, [hands] * 20, label, person)

    parts = [[take(x, person) for x in ("fist", "open") * 8] for person in "abc"]
    config = names["config"].model_copy(
        update={
            "features": FeatureConfig(frames=8),
            "network": NetworkConfig("E", blocks=((16, 2), (16, 1))),
            "optimiser": names["config"].optimiser.model_copy(update={"epochs": 2, "batch": 8}),
        }
    )
    pytest.importorskip("tensorboard", reason="the page logs to it")
    top1 = names["run"](Split(*parts, ("fist", "open")), config, tmp_path)
    assert 0.0 <= top1 <= 100.0
    info = load_checkpoint(tmp_path / "mine.safetensors").info
    assert (info.classes, info.network.variant) == (("fist", "open"), "E")
    assert (tmp_path / "mine" / "last.ckpt").is_file()
    assert list((tmp_path / "logs").rglob("events.*"))


def test_lists_are_as_good_as_tuples():
    config = NetworkConfig(experts=["body", "hand"], blocks=[[16, 2], [16, 1]])
    assert config == NetworkConfig(blocks=((16, 2), (16, 1)))
    assert FeatureConfig(streams=["joint"]) == FeatureConfig(streams=("joint",))
    with pytest.raises(ValueError, match="experts body"):
        NetworkConfig(experts="body")
    with pytest.raises(ValueError, match="streams joint"):
        FeatureConfig(streams="joint")


def test_length_need_not_be_that_of_the_configuration():
    features = FeatureConfig(frames=16)
    network = BHaRNet(NetworkConfig(blocks=((16, 2), (16, 2))), features, 3).eval()
    for frames in (1, 7, 100):
        seen = torch.ones(2, frames, 53, dtype=torch.bool)
        scores = network(make_streams(torch.rand(2, frames, 53, 3), seen, features))
        assert torch.isfinite(scores.fused).all()
