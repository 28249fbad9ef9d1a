# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command for the core: `python -m tools.soak`."""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
import time
from pathlib import Path

import torch

import tools.soak
from bharnet.checkpoint import Checkpoint, load_checkpoint
from bharnet.models import SHIPPED
from bharnet.recognizer import Recognizer
from bharnet.stream import ActionStream
from tools.soak.core import Soak
from tools.soak.crowd import RATE
from tools.soak.footprint import footprint, row
from tools.soak.light import save_light

MOST_GROWTH = 16  # MiB of resident memory after the first tenth
MOST_SLOWER = 2.0  # times the CPU of the first tenth


def main() -> int:
    """Run, print what happened and what it cost; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=(tools.soak.__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0, help="of stream")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--light", action="store_true", help="a small random network instead")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = save_light(Path(folder, "light.safetensors")) if given.light else given.model
        checkpoint = load_checkpoint(model)
    return soak(checkpoint, "onnx" if given.light else "auto", given.hours, given.seed)


def soak(checkpoint: Checkpoint, backend: str, hours: float, seed: int) -> int:
    """Ten tenths of it."""
    world = Soak(lambda: ActionStream(Recognizer(checkpoint, "cpu", backend)), random.Random(seed))
    began, sizes, paces = time.monotonic(), [], []
    for _ in range(10):
        before, told = time.thread_time(), world.ledger.counts["people told of"]
        world.run(round(hours * 3600 * RATE / 10))
        told = world.ledger.counts["people told of"] - told
        spent = time.thread_time() - before
        gc.collect()
        sizes.append(footprint().memory)
        paces.append(1e3 * spent / max(1, told))
    world.end()
    wrong: dict[str, float] = {key: count for key, count in world.wrong.items() if count}
    if sizes[-1] - sizes[0] > MOST_GROWTH:
        wrong["memory grew by MiB"] = round(sizes[-1] - sizes[0])
    if paces[-1] > MOST_SLOWER * paces[0]:
        wrong["CPU of a person and tick rose to the times"] = round(paces[-1] / paces[0], 1)
    print(
        f"{hours:g} h of stream in {(time.monotonic() - began) / 60:.1f} min, "
        f"{footprint().cpu / 60:.1f} of CPU, seed {seed}, {checkpoint.info.name} by "
        f"{world.stream.recognizer.backend}"
    )
    counts = world.counts + world.ledger.counts
    print(", ".join(f"{key} {count}" for key, count in sorted(counts.items())))
    print(f"memory after each tenth, MiB: {row(sizes)}")
    print(f"CPU ms a person and tick in each tenth: {row(paces, 2)}")
    print(f"wrong: {wrong or 'nothing'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
