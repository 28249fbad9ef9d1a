# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One run from configuration to checkpoint, scores and picture."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.markup import escape

from bharnet.checkpoint import ModelInfo, load_checkpoint, save_checkpoint
from bharnet_train.cluster import find_cluster, is_first
from bharnet_train.config import TrainConfig, read_config
from bharnet_train.console import say
from bharnet_train.datasets.select import Split, load_split, tested, trained_on
from bharnet_train.evaluation import Result, draw_confusion, evaluate, fit_temperature, predict
from bharnet_train.training import train


def train_and_score(
    config_path: Path,
    data: Path,
    out: Path,
    overrides: list[str],
    command: str,
    **options: Any,
) -> Result | None:
    """Train, calibrate on validation people, score on test people, write the checkpoint.

    ``options`` go to ``training.train``. Returns None if nobody is held out for testing, and in
    all but the first of several processes, which alone scores and writes.
    """
    config = read_config(config_path, overrides)
    split = load_split(config, data, config_path.parent)
    began = time.monotonic()
    network = train(config, split, out / config.name, **options)
    if not is_first():
        return None
    minutes = (time.monotonic() - began) / 60
    temperature = 1.0
    if split.validation:
        logits, target = predict(network, config.features, split.validation, split.classes)
        temperature = fit_temperature(logits[0], target)
    result = None
    scores: dict[str, Any] = {"minutes": round(minutes, 1)}
    if split.test:
        result = _score_and_write(network, config, split, out)
        scores |= {"test_top1": result.top1, "test_groups": result.groups}
        if result.trained_on:
            scores["test_trained_on"] = result.trained_on
    if split.validation:
        checked = evaluate(network, config.features, split.validation, split.classes)
        scores |= {"validation_top1": checked.top1, "validation_groups": checked.groups}
    info = ModelInfo(
        name=config.name,
        version=config.version,
        classes=split.classes,
        idle=config.idle if config.idle in split.classes else "",
        temperature=temperature,
        network=config.network,
        features=config.features,
        decision=config.decision,
        provenance={
            "command": command,
            "seed": config.seed,
            "torch": torch.__version__,
            "processes": find_cluster(options.get("devices"), options.get("nodes")).world,
            "sources": [source.model_dump() for source in config.sources],
            "sequences": {
                part: len(getattr(split, part)) for part in ("train", "validation", "test")
            },
            "scores": scores,
        },
    )
    path = out / f"{config.name}.safetensors"
    save_checkpoint(path, network, info)
    held_out = "" if result else "; nobody is held out, so nothing was scored"
    say(escape(f"{path} written{held_out}"))
    return result


def score(
    model: Path, config_path: Path, data: Path, out: Path, overrides: list[str], device: str
) -> Result:
    """Score a checkpoint on the test part of a configuration. Raises UnreadableData."""
    checkpoint = load_checkpoint(model)
    values = read_config(config_path, overrides)
    config = values.model_copy(update={"features": checkpoint.info.features})
    split = load_split(config, data, config_path.parent)
    tested(split, checkpoint.info.classes, model)
    known = replace(split, classes=checkpoint.info.classes)
    return _score_and_write(checkpoint.network, config, known, out, device)


def _score_and_write(
    network: Any, config: TrainConfig, split: Split, out: Path, device: str = "cpu"
) -> Result:
    result = evaluate(network, config.features, split.test, split.classes, device)
    result = replace(result, trained_on=trained_on(split))
    result.write(out / f"{config.name}.json")
    draw_confusion(result, out / f"{config.name}.png", config.name)
    return result
