# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Clips of M made here: each network sees one of two things, the body's or the hand's."""

import numpy as np
import torch

from bharnet.checkpoint import ModelInfo
from bharnet.features import FeatureConfig, make_streams
from bharnet.network import BHaRNet, NetworkConfig
from bharnet.rgb.backbone import ResNetConfig
from bharnet.rgb.checkpoint import RGBInfo
from bharnet.rgb.crops import PARTS, CropConfig
from bharnet.rgb.guided import FusionConfig
from bharnet.skeleton import MEDIAPIPE_33
from bharnet.window import NANOSECONDS
from bharnet_train.rgb.clips import Cells, Clip, Row
from bharnet_train.rgb.config import RGBOptimiser, RGBTrainConfig
from bharnet_train.rgb.pictures import Pictures

FRAMES, CELL = 12, 9
FEATURES = FeatureConfig(frames=8)
# (what the body does, what the hand holds): each network sees one of the two.
CLASSES = ("low_red", "low_blue", "high_red", "high_blue")
RED, BLUE = (220, 40, 40), (40, 40, 220)
OPTIONS = {"accelerator": "cpu", "progress": False}


def body_of(high, rng):
    """(FRAMES, 33, 4): a person whose right wrist is low or high."""
    body = np.full((FRAMES, 33, 4), 0.0, np.float32)
    body[..., :2] = rng.normal((0.66, 0.5), 0.003, (FRAMES, 33, 2))
    body[..., 3] = 1.0
    for joint, place in {
        "nose": (0.66, 0.2),
        "left_shoulder": (0.78, 0.35),
        "right_shoulder": (0.54, 0.35),
        "right_elbow": (0.5, 0.45),
        "right_wrist": (0.45, 0.2 if high else 0.7),
    }.items():
        body[:, MEDIAPIPE_33.index(joint), :2] = rng.normal(place, 0.003, (FRAMES, 2))
    return body


def clip(label, seed, person="p1"):
    rng = np.random.default_rng(seed)
    body = body_of("high" in label, rng)
    cells = rng.integers(100, 156, (FRAMES, 5, CELL, CELL, 3)).astype(np.uint8)
    cells[:, PARTS.index("right_hand"), 2:7, 2:7] = RED if "red" in label else BLUE
    shown = np.ones((FRAMES, 5), np.bool_)
    hands = np.full((FRAMES, 2, 21, 4), np.nan, np.float32)
    hands[..., 3] = 0.0
    seconds = np.arange(FRAMES) / 10.0
    stamps = (seconds * NANOSECONDS).astype(np.int64)
    row = Row(f"{label}_{seed}.avi", label, person)
    return Clip(row, seconds, stamps, body, hands, Cells(cells, np.arange(FRAMES)), shown)


def clips(count, first=0):
    return [clip(label, first + i) for i in range(count) for label in CLASSES]


def train_skeleton():
    """A network that has learned what the body does; what a hand holds it cannot see."""
    torch.manual_seed(0)
    network = BHaRNet(NetworkConfig(blocks=((16, 2),), experts=("body",)), FEATURES, 4).train()
    data = [Pictures(clips(8), CLASSES, FEATURES, 3)[i] for i in range(32)]
    position, seen = (torch.stack([getattr(d, k) for d in data]) for k in ("position", "seen"))
    target = torch.tensor([each.target for each in data])
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(40):
        optimiser.zero_grad()
        scores = network(make_streams(position, seen, FEATURES))
        torch.nn.functional.cross_entropy(scores.fused, target).backward()
        optimiser.step()
    return network.eval()


def info(skeleton, **fusion):
    return RGBInfo(
        "tiny",
        "1.0",
        ModelInfo("bones", "1.0", CLASSES, network=skeleton.config, features=FEATURES),
        ResNetConfig(width=8),
        CropConfig(moments=3, cell=CELL),
        FusionConfig(**fusion),
    )


def config(**changes):
    chosen = {"epochs": 20, "batch": 16, "rate": 0.03, "steps": [15]} | changes.pop(
        "optimiser", {}
    )
    return RGBTrainConfig(name="tiny", table="t.csv", optimiser=RGBOptimiser(**chosen), **changes)
