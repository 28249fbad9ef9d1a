# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One run from configuration to checkpoint, scores and picture."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bharnet.checkpoint import ModelInfo, load_checkpoint, save_checkpoint
from bharnet.decision import decision_config
from bharnet_train.cluster import find_cluster, is_first
from bharnet_train.config import InvalidConfig, TrainConfig, read_config
from bharnet_train.console import say_written
from bharnet_train.datasets.overlap import Learnt, learnt_by, overlap
from bharnet_train.datasets.select import Split, load_split, shows_hand, tested
from bharnet_train.evaluation import (
    Result,
    draw_confusion,
    evaluate,
    file_name,
    fit_temperature,
    predict,
)
from bharnet_train.trainer import refuse_diverged
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

    ``options`` go to ``training.train``. Raises InvalidConfig, also if training diverged, and
    UnreadableData. Returns None if nobody is held out for testing, and in all but the first of
    several processes, which alone scores and writes.
    """
    config = read_config(config_path, overrides)
    split = load_split(config, data, config_path.parent)
    info = _describe(config, split)
    _refuse_blind(config, split)
    began = time.monotonic()
    network = train(config, split, out / config.name, **options)
    if not is_first():
        return None
    minutes = (time.monotonic() - began) / 60
    refuse_diverged(network)
    if split.validation:
        logits, target = predict(network, config.features, split.validation, split.classes)
        info = replace(info, temperature=fit_temperature(logits[0], target))
    result = None
    scores: dict[str, Any] = {"minutes": round(minutes, 1)}
    if split.test:
        result = _score_and_write(network, info, split, out)
        scores |= _figures("test", result)
        if result.trained_on:
            scores["test_trained_on"] = result.trained_on
    if split.validation:
        scores |= _figures("validation", evaluate(network, info, split.validation))
    info = replace(
        info,
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
    say_written(path, result is not None)
    return result


def _describe(config: TrainConfig, split: Split) -> ModelInfo:
    """The model to be trained. Raises InvalidConfig where its description contradicts itself."""
    named = {name for source in config.sources for name in (*source.labels.values(), *source.drop)}
    if strangers := set(config.synonyms) - named - set(split.classes):
        raise InvalidConfig(
            f"synonyms: '{min(strangers)}' is no class; the classes are {', '.join(split.classes)}"
        )
    if config.idle and config.idle not in split.classes:
        raise InvalidConfig(
            f"idle: '{config.idle}' is no class; the classes are {', '.join(split.classes)}. "
            'If none of them means that nothing is done: idle=""'
        )
    try:
        info = ModelInfo(
            name=config.name,
            version=config.version,
            classes=split.classes,
            idle=config.idle,
            network=config.network,
            features=config.features,
            decision=config.decision,
            # Only of classes that are trained on: a source may have been held out whole.
            synonyms={c: told for c, told in config.synonyms.items() if c in split.classes},
        )
        decision_config(info)  # not only when a robot decides by it
    except ValueError as error:
        raise InvalidConfig(str(error)) from None
    if len(info.labels) < 2:
        raise InvalidConfig(f"'{info.labels[0]}' is all there is to tell; two classes are needed")
    return info


def _refuse_blind(config: TrainConfig, split: Split) -> None:
    """An expert of what nobody shows would learn nothing, for hours. Raises InvalidConfig."""
    experts = config.network.experts
    if "hand" in experts and not any(map(shows_hand, split.train)):
        other = ", or let bharnet extract find hands in the videos"
        prepared = any(source.format == "prepared" for source in config.sources)
        raise InvalidConfig(
            "network.experts has hand, but no sequence trained on shows one; "
            f"--set 'network.experts=[body]'{other if prepared else ''}"
        )


def _figures(part: str, result: Result) -> dict[str, Any]:
    """What the provenance says of people held out."""
    figures: dict[str, Any] = {f"{part}_top1": result.top1, f"{part}_groups": result.groups}
    if result.by_class is not None:
        figures[f"{part}_top1_by_class"] = result.by_class
    return figures


def score(
    model: Path, config_path: Path, data: Path, out: Path, overrides: list[str], device: str
) -> Result:
    """Score a checkpoint on the test part of a configuration. Raises UnreadableData.

    Writes ``out``/MODEL-on-NAME.json and .png: what training wrote there stays as it is.
    """
    checkpoint = load_checkpoint(model)
    values = read_config(config_path, overrides)
    config = values.model_copy(update={"features": checkpoint.info.features})
    split = load_split(config, data, config_path.parent, checkpoint.info.classes)
    tested(split, checkpoint.info.classes, model)
    learnt = learnt_by([checkpoint.info], config, data)
    info = replace(checkpoint.info, name=file_name(model, config.name))
    result = _score_and_write(checkpoint.network, info, split, out, device, learnt)
    say_written(out / f"{info.name}.json", scored=True)
    return result


def _score_and_write(
    network: Any,
    info: ModelInfo,
    split: Split,
    out: Path,
    device: str = "cpu",
    learnt: Learnt | None = None,
) -> Result:
    result = evaluate(network, info, split.test, device)
    result = replace(result, trained_on=overlap(split.test, split.train, learnt))
    result.write(out / f"{info.name}.json")
    draw_confusion(result, out / f"{info.name}.png", info.name)
    return result
