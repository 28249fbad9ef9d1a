# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Top-1 of a model of robot_words, among its classes and by what they mean.

    python tools/measure_meaning.py [MODEL ...]

`hello_asl` and `hello_isl` mean the same: for a robot, and by meaning, either is right. Tested and
validation people of config/train/robot_words.yaml, each sequence read whole.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from pathlib import Path

import torch

from bharnet.checkpoint import load_checkpoint
from bharnet.models import SHIPPED
from bharnet_train.config import read_config
from bharnet_train.datasets.select import load_split
from bharnet_train.evaluation import predict

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "config" / "train" / "robot_words.yaml"


def meaning(name: str) -> str:
    """A class without its language."""
    return re.sub("_(asl|isl|ksl)$", "", name)


def measure(model: Path, data: Path) -> dict[str, list[tuple[bool, bool]]]:
    """By group of people: whether each sequence is right as a class, and by meaning."""
    checkpoint = load_checkpoint(model)
    features, classes = checkpoint.info.features, checkpoint.info.classes
    config = read_config(CONFIG).model_copy(update={"features": features})
    split = load_split(config, data, CONFIG.parent)
    found = defaultdict(list)
    for part in ("test", "validation"):
        sequences = getattr(split, part)
        logits, _ = predict(checkpoint.network, features, sequences, classes)
        for each, answer in zip(sequences, logits[0].argmax(-1).tolist(), strict=True):
            told = classes[answer]
            group = f"{part}, {each.source} {each.person}"
            found[group].append((told == each.label, meaning(told) == meaning(each.label)))
    return found


def main() -> None:
    """Print a table of each model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", type=Path, nargs="*", default=[SHIPPED])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for model in given.models:
        print(f"{model.name}\n| | sequences | top-1 % | by meaning % |\n|---|---|---|---|")
        for group, right in measure(model, given.data).items():
            shares = (100 * sum(each) / len(right) for each in zip(*right, strict=True))
            print(f"| {group} | {len(right)} | " + " | ".join(f"{s:.1f}" for s in shares) + " |")


if __name__ == "__main__":
    main()
