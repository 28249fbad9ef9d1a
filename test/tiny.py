# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A model that is quickly made and whose answer is known."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import torch

from bharnet.checkpoint import ModelInfo, save_checkpoint
from bharnet.features import FeatureConfig
from bharnet.network import BHaRNet, NetworkConfig

CLASSES = ("idle", "wave", "yes")
QUICK = {"smoothing_seconds": 0.0, "enter_seconds": 0.2, "leave_seconds": 0.2}


def save_model(path: Path, sure: str = "wave", name: str = "tiny", **features: Any) -> Path:
    """A tiny network that sees ``sure`` in whoever it looks at."""
    torch.manual_seed(0)
    network = NetworkConfig(blocks=((8, 2), (8, 1)), attention_width=8)
    config = FeatureConfig(window_seconds=1.0, frames=16, **features)
    info = ModelInfo(
        name, "1", CLASSES, idle="idle", network=network, features=config, decision=QUICK
    )
    model = BHaRNet(network, config, len(CLASSES))
    with torch.no_grad():
        for classifier in (expert.classify for expert in model.expert.values()):
            classifier.weight.zero_()
            classifier.bias.zero_()
            classifier.bias[CLASSES.index(sure)] = 5.0
    save_checkpoint(path, model, info)
    return path


def rewrite(path: Path, **changes: Any) -> None:
    """Let a model's file say something else of itself; its weights stay."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    ((entry, described),) = header["__metadata__"].items()
    header["__metadata__"][entry] = json.dumps({**json.loads(described), **changes})
    head = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + content[8 + length :])
