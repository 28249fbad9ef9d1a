# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small network of random weights: what a soak may put in the model's place."""

from __future__ import annotations

from pathlib import Path

import torch

from bharnet.checkpoint import ModelInfo, save_checkpoint
from bharnet.features import FeatureConfig
from bharnet.network import BHaRNet, NetworkConfig

CLASSES = ("nothing", "first", "second", "third", "fourth", "fifth")
# So sure that events begin, and other ones when somebody does something else.
SURE = 60.0
DECISION = {"enter_threshold": 0.6, "leave_threshold": 0.3, "enter_seconds": 0.2}


def save_light(path: Path, seed: int = 0) -> Path:
    """Write it; windows are as long as those of the model that ships, but of fewer instants."""
    torch.manual_seed(seed)
    config = NetworkConfig(blocks=((8, 2),), attention_width=8)
    info = ModelInfo(
        "light",
        "1",
        CLASSES,
        CLASSES[0],
        network=config,
        features=FeatureConfig(frames=8),
        decision=DECISION,
    )
    network = BHaRNet(config, info.features, len(CLASSES))
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if name.endswith("classify.weight"):
                weights.mul_(SURE)
    save_checkpoint(path, network, info)
    return path
