# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Few takes made many: each is copied as a robot's camera might have seen it."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Many

import numpy as np
import torch

from bharnet.features import FeatureConfig, make_streams
from bharnet.network import BHaRNet
from bharnet.skeleton import get_layout
from bharnet_train.augmentation import augment
from bharnet_train.config import Augmentation
from bharnet_train.datasets.recordings import Sequence
from bharnet_train.finetune.head import Pooled, pool
from bharnet_train.idling import let_some_idle
from bharnet_train.sampling import Windows

# Stronger than in training: one person before one camera has to stand for all others.
STRONG = Augmentation(
    mirror=0.5,
    shortest=0.6,
    warp=0.3,
    rotate=15.0,
    rotate_hand=20.0,
    stretch=0.2,
    jitter_body=0.02,
    jitter_hand=0.03,
    lose_hand=0.1,
    lose_frames=0.15,
    partial=0.3,
    rest=0.04,
    fidget=0.02,
)


def plain(
    network: BHaRNet, features: FeatureConfig, sequences: Many[Sequence], mirrored: bool = False
) -> Pooled:
    """What the network's classifiers read of every take, undisturbed; or of its mirror image."""
    names = sorted({each.label for each in sequences})
    windows = Windows(sequences, names, features)
    items = [windows[i] for i in range(len(windows))]
    position = torch.stack([item[0] for item in items])
    seen = torch.stack([item[1] for item in items])
    if mirrored:
        still = Augmentation(**dict.fromkeys(Augmentation.model_fields, 0.0) | {"mirror": 1.0})
        layout = get_layout(features.body_layout)
        position, seen = augment(position, seen, layout, still, torch.Generator())
    return pool(network, make_streams(position, seen, features))


def rounds(
    network: BHaRNet,
    features: FeatureConfig,
    sequences: Many[Sequence],
    classes: Many[str],
    idle: str,
    strength: Augmentation,
    count: int,
    seed: int,
) -> Iterator[tuple[Pooled, torch.Tensor, torch.Tensor]]:
    """``count`` times a disturbed copy of the takes: what is read, class (N,), take (N,).

    In each round every class comes equally often, and a share of the copies is turned into
    somebody at rest, who is of the class ``idle``.
    """
    layout = get_layout(features.body_layout)
    windows = Windows(sequences, classes, features, strength, seed)
    targets = np.array(windows.targets)
    gestures = [np.flatnonzero(targets == i) for i, name in enumerate(classes) if name != idle]
    each = max(len(takes) for takes in gestures)
    of_class = [np.flatnonzero(targets == i) for i in range(len(classes))]
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        order = np.concatenate(
            [np.resize(rng.permutation(takes), each) for takes in of_class if len(takes)]
        )
        rng.shuffle(order)  # fidget mixes the hands of neighbours
        items = [windows[(number * 1000 + k, int(take))] for k, take in enumerate(order)]
        position = torch.stack([item[0] for item in items])
        seen = torch.stack([item[1] for item in items])
        target = torch.tensor([item[2] for item in items])
        generator = torch.Generator().manual_seed(seed * 100_003 + number)
        position, seen, target = let_some_idle(
            position, seen, target, classes.index(idle), layout, strength, generator
        )
        position, seen = augment(position, seen, layout, strength, generator)
        streams = make_streams(position, seen, features)
        yield pool(network, streams), target, torch.from_numpy(order)
