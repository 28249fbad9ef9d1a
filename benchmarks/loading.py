# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Does loading keep up? Windows a second that 0, 1 and 2 workers give, and that training takes.

    python -m benchmarks.loading                                    # the light network
    python -m benchmarks.loading --config config/train/nucla_cross_view.yaml --device cuda

Invented people; features, network and batch of a configuration. Rounds take turns, so that a
busy machine disturbs all alike; a row is the median of its rounds. Compare rows of one run, not
runs. On a CPU workers take their cores from training: 0 is right where "given / taken" is large.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader

from bharnet.features import make_streams
from bharnet.skeleton import get_layout
from bharnet.window import NANOSECONDS, Window
from bharnet_train.config import TrainConfig, read_config
from bharnet_train.datasets.recordings import Sequence
from bharnet_train.loading import choose_workers, make_loader
from bharnet_train.loss import ensemble_loss
from bharnet_train.sampling import BalancedOrder, Item, Windows
from bharnet_train.training import Trainee

CLASSES = tuple(f"sign {i}" for i in range(40))


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, help="default: the light network")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--batches", type=int, default=10, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    device = torch.device(given.device)
    config = TrainConfig(name="light", sources=[])
    if given.config is not None:
        config = read_config(given.config)
    batch = config.optimiser.batch
    sequences = people(config, batch * given.batches)
    windows = Windows(sequences, CLASSES, config.features, config.augmentation)
    rows: dict[str, Callable[[], None]] = {}
    for workers in given.workers:
        order = BalancedOrder(windows.targets, 1.0, 0, batch)
        loader = make_loader(windows, batch, device, workers, order)
        rows[f"{workers} workers"] = draining(loader)
    ready = next(iter(make_loader(windows, batch, device, 0)))
    rows["training takes"] = training(config, ready, given.batches, device)
    for each in rows.values():
        each()  # workers start, caches fill
    took: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(given.rounds):
        for name, each in rows.items():
            began = time.perf_counter()
            each()
            took[name].append(time.perf_counter() - began)
    show({name: len(sequences) / median(each) for name, each in took.items()}, config)
    cores = len(os.sched_getaffinity(0))
    print(f"{device}, {cores} cores; default of --workers: {choose_workers(device, 1)}")


def people(config: TrainConfig, count: int) -> list[Sequence]:
    """``count`` people who move for 3 s at 30 Hz."""
    joints, rng = len(get_layout(config.features.body_layout)), np.random.default_rng(0)
    stamps = (np.arange(90) / 30 * NANOSECONDS).astype(np.int64)

    def person() -> Iterator[np.ndarray]:
        for shape in ((90, joints, 4), (90, 2, 21, 4)):
            values = rng.random(shape, np.float32)
            values[..., 3] = 1.0
            yield values

    return [
        Sequence(Window(stamps, *person()), CLASSES[i % len(CLASSES)], "", "", "")
        for i in range(count)
    ]


def draining(loader: DataLoader[Item]) -> Callable[[], None]:
    """An epoch in which nothing is done with what was loaded."""

    def run() -> None:
        for _ in loader:
            pass

    return run


def training(
    config: TrainConfig, batch: list[torch.Tensor], steps: int, device: torch.device
) -> Callable[[], None]:
    """Steps as in training, on a batch that is there already."""
    trainee = Trainee(config, CLASSES).to(device).train()
    optimiser = torch.optim.AdamW(trainee.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)

    def run() -> None:
        for _ in range(steps):
            position, seen, target = (each.to(device) for each in batch)
            position, seen, target = trainee.disturb(position, seen, target, generator)
            scores = trainee.network(make_streams(position, seen, config.features))
            loss = ensemble_loss(scores, target, config.network.experts, config.optimiser)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return run


def show(pace: dict[str, float], config: TrainConfig) -> None:
    """A row each, in windows a second and against what training takes."""
    frames, batch = config.features.frames, config.optimiser.batch
    title = f"{config.name}: {frames} frames, batches of {batch}"
    table = Table("", "windows / s", "given / taken", title=title)
    for name, each in pace.items():
        table.add_row(name, f"{each:.0f}", f"{each / pace['training takes']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
