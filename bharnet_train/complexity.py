# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a network costs: parameters, multiply-accumulates, milliseconds on this CPU."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from bharnet.features import FeatureConfig, Streams, make_streams
from bharnet.network import BHaRNet, NetworkConfig
from bharnet.skeleton import HAND_21, get_layout


@dataclass(frozen=True)
class Cost:
    """One person's window, both hands in sight, features included in ``milliseconds`` only.

    ``gmacs`` counts every matrix product and convolution, products with graphs included
    (torch.utils.flop_counter; 1 MAC = 2 FLOP).
    """

    parameters: int
    gmacs: float
    milliseconds: float


def example(features: FeatureConfig, people: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Random joints (people, T, J, 3), all seen: something to measure and export with."""
    joints = len(get_layout(features.body_layout)) + 2 * len(HAND_21)
    generator = torch.Generator().manual_seed(0)
    position = torch.randn(people, features.frames, joints, 3, generator=generator)
    return position, torch.ones(people, features.frames, joints, dtype=torch.bool)


def cost(network: NetworkConfig, features: FeatureConfig, classes: int, repeats: int = 20) -> Cost:
    """Measure an untrained network of this shape; milliseconds are the median of ``repeats``."""
    net = BHaRNet(network, features, classes).eval()
    position, seen = example(features)
    streams: Streams = make_streams(position, seen, features)
    times = []
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            net(streams)
        for _ in range(repeats):
            began = time.perf_counter()
            net(make_streams(position, seen, features))
            times.append(time.perf_counter() - began)
    return Cost(
        sum(each.numel() for each in net.parameters()),
        counter.get_total_flops() / 2e9,
        1e3 * statistics.median(times),
    )
