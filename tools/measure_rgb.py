#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What M costs beside its skeleton model: parameters, GMACs, CPU milliseconds here.

    source tools/ros_env.sh
    python tools/measure_rgb.py

GMACs are half of what torch's FlopCounterMode counts (convolutions and matrix products), for one
person. Weights are random: they cost the same. The model that ships is the skeleton's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from bharnet.backends.interface import example
from bharnet.checkpoint import load_checkpoint
from bharnet.features import make_streams
from bharnet.models import SHIPPED
from bharnet.rgb.backbone import ResNetConfig
from bharnet.rgb.checkpoint import RGBInfo, build
from bharnet.rgb.crops import PARTS, CropConfig
from bharnet_train.complexity import count_gmacs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    loaded = load_checkpoint(SHIPPED)
    features = loaded.info.features
    streams = make_streams(*example(features, 1), features)
    alone = _bound(loaded.network, streams)
    rows = [(f"skeleton alone ({loaded.info.name})", _millions(loaded.network), alone)]
    crops = CropConfig()
    picture = torch.randint(
        0, 256, (1, 3, len(PARTS) * crops.cell, crops.moments * crops.cell), dtype=torch.uint8
    )
    shown = torch.ones(1, len(PARTS), crops.moments, dtype=torch.bool)
    for depth in (18, 34):
        info = RGBInfo("m", "0", loaded.info, ResNetConfig(depth), crops)
        network = build(info, loaded.network).eval()
        run = _bound(network, picture, shown, streams)
        rows.append((f"M with ResNet-{depth}, skeleton included", _millions(network), run))
    table = Table("", "parameters M", "GMACs", "CPU ms", "times", title="one person, one thread")
    first = 0.0
    for name, parameters, run in rows:
        gmacs, spent = count_gmacs(run), _milliseconds(run, given.repeats)
        first = first or spent
        table.add_row(
            name, f"{parameters:.2f}", f"{gmacs:.3f}", f"{spent:.1f}", f"{spent / first:.1f}"
        )
    Console().print(table)


def _millions(network: torch.nn.Module) -> float:
    return sum(each.numel() for each in network.parameters()) / 1e6


def _bound(network: torch.nn.Module, *inputs: Any) -> Callable[[], Any]:
    return lambda: network(*inputs)


def _milliseconds(run: Callable[[], Any], repeats: int) -> float:
    """CPU time, the least of all: whatever shares the machine only ever adds."""
    spent = []
    with torch.inference_mode():
        for _ in range(repeats):
            begun = time.process_time()
            run()
            spent.append(1e3 * (time.process_time() - begun))
    return min(spent)


if __name__ == "__main__":
    main()
