# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a network costs: parameters, multiply-accumulates, milliseconds on this CPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch.utils.flop_counter import FlopCounterMode

from bharnet.backends.interface import example
from bharnet.features import FeatureConfig, make_streams
from bharnet.network import BHaRNet, NetworkConfig


@dataclass(frozen=True)
class Cost:
    """One person's window, both hands in sight, features included in ``milliseconds`` only."""

    parameters: int
    gmacs: float
    milliseconds: float


def count_gmacs(run: Callable[[], object]) -> float:
    """Billions of multiply-accumulates of every matrix product and convolution that ``run`` does.

    Products with graphs included (torch.utils.flop_counter; 1 MAC = 2 FLOP).
    """
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops()) / 2e9


def cost(network: NetworkConfig, features: FeatureConfig, classes: int, repeats: int = 20) -> Cost:
    """Measure an untrained network of this shape; milliseconds are the median of ``repeats``."""
    net = BHaRNet(network, features, classes).eval()
    position, seen = example(features, 1)
    gmacs = count_gmacs(partial(net, make_streams(position, seen, features)))
    times = []
    with torch.inference_mode():
        for _ in range(repeats):
            began = time.perf_counter()
            net(make_streams(position, seen, features))
            times.append(time.perf_counter() - began)
    return Cost(
        sum(each.numel() for each in net.parameters()),
        gmacs,
        1e3 * statistics.median(times),
    )
