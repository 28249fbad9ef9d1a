# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Batches for one of the processes that train: its part of every batch, read in time."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from bharnet_train.config import InvalidConfig, Optimiser
from bharnet_train.sampling import Item

BATCHES_AHEAD = 4  # of each worker; a batch of 48 windows of 16 frames is half a megabyte


def part_of_batch(chosen: Optimiser, sequences: int, world: int) -> int:
    """Windows that one of ``world`` processes sees at once.

    ``chosen.batch`` is what one step of the optimiser sees in all: each process takes an equal
    share of it, in ``chosen.accumulate`` passes. So neither changes the steps, the learning rate
    or the running mean of weights. Raises InvalidConfig if it cannot be shared equally.
    """
    parts = world * chosen.accumulate
    if chosen.batch % parts:
        raise InvalidConfig(
            f"optimiser.batch {chosen.batch} cannot be shared equally by {world} process(es) in "
            f"{chosen.accumulate} pass(es) each; make it a multiple of {parts}"
        )
    part = min(chosen.batch, sequences) // parts
    if part == 0:
        raise InvalidConfig(
            f"{sequences} sequences are too few for {world} process(es) in {chosen.accumulate} "
            "pass(es) each; take fewer devices or a lower optimiser.accumulate"
        )
    return part


def choose_workers(device: torch.device, processes: int) -> int:
    """How many worker processes load for one of the ``processes`` of this machine.

    On a CPU they take cores from training, which needs most of them; a GPU leaves them free.
    """
    cores = len(os.sched_getaffinity(0)) // processes
    return min(4, cores // 4) if device.type == "cpu" else max(1, min(8, cores - 1))


def make_loader(
    items: Dataset[Item],
    batch: int,
    device: torch.device,
    workers: int,
    order: Sampler[Any] | None = None,
) -> DataLoader[Item]:
    """Batches of ``items`` in ``order``; the same ones for any number of ``workers``.

    Workers live as long as the loader does, and stay ahead of training; for a GPU batches lie in
    pinned memory, from which they are copied while it computes.
    """
    return DataLoader(
        items,
        batch,
        sampler=order,
        num_workers=workers,
        persistent_workers=workers > 0,
        prefetch_factor=BATCHES_AHEAD if workers > 0 else None,
        pin_memory=device.type == "cuda",
    )
