# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One run of M from configuration to checkpoint and scores."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track

from bharnet.checkpoint import Checkpoint, load_checkpoint
from bharnet.models import SHIPPED
from bharnet.rgb.checkpoint import RGBInfo, load_rgb_checkpoint, save_rgb_checkpoint
from bharnet_train.config import read_as
from bharnet_train.console import say_written
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.evaluation import file_name
from bharnet_train.rgb.clips import Clip, read_clip, read_table
from bharnet_train.rgb.config import RGBTrainConfig
from bharnet_train.rgb.evaluation import RGBResult, evaluate
from bharnet_train.rgb.training import train
from bharnet_train.trainer import refuse_diverged

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RGBSplit:
    """Clips by use, what was rejected and why, and how the test clips were held out."""

    train: list[Clip]
    test: list[Clip]
    rejected: dict[str, str]
    what: str


def train_rgb(
    config_path: Path,
    data: Path,
    out: Path,
    overrides: list[str],
    command: str,
    **options: Any,
) -> RGBResult | None:
    """Prepare the clips, train, score those held out, write NAME.safetensors and NAME.json.

    ``options`` go to ``make_trainer``. Returns None if nothing is held out.
    """
    config = read_as(RGBTrainConfig, config_path, overrides)
    folder = config_path.parent
    skeleton = load_checkpoint(folder / config.skeleton if config.skeleton else SHIPPED)
    progress = options.get("progress", True)
    split = load_rgb_split(config, data, folder, out / "prepared", skeleton.info.classes, progress)
    if not split.train:
        raise UnreadableData("no clip is left to train on; look at the table, test and halves")
    info = RGBInfo(
        config.name, config.version, skeleton.info, config.image, config.crops, config.fusion
    )
    weights = config.weights
    if weights not in ("auto", "random"):
        weights = str(folder / weights)
    began = time.monotonic()
    network, first = train(
        config, info, skeleton.network, split.train, out / config.name, weights, **options
    )
    refuse_diverged(network)
    minutes = (time.monotonic() - began) / 60
    provenance = _provenance(config, command, split, skeleton, first, minutes)
    result = None
    if split.test:
        result = evaluate(network, info, split.test, split.what)
        result.write(out / f"{config.name}.json")
        provenance["scores"] = {
            "held_out": split.what,
            "fused": result.fused,
            "rgb": result.rgb,
            "skeleton": result.skeleton,
        }
    path = out / f"{config.name}.safetensors"
    save_rgb_checkpoint(path, network, replace(info, provenance=provenance))
    say_written(path, result is not None)
    return result


def score_rgb(
    model: Path, config_path: Path, data: Path, out: Path, overrides: list[str], device: str
) -> RGBResult:
    """Score a checkpoint of M on the clips that a configuration holds out.

    Writes ``out``/MODEL-on-NAME.json: what training wrote there stays as it is. Raises
    UnreadableData.
    """
    loaded = load_rgb_checkpoint(model)
    config = read_as(RGBTrainConfig, config_path, overrides)
    config = config.model_copy(update={"crops": loaded.info.crops})
    split = load_rgb_split(config, data, config_path.parent, out / "prepared", loaded.info.classes)
    if not split.test:
        raise UnreadableData(f"{config_path} holds no clip out; set test or halves")
    what = split.what
    if _held_out(config) != {key: loaded.info.provenance.get(key) for key in _held_out(config)}:
        what = "held out here; the model was trained with others held out, and may know these"
    result = evaluate(loaded.network, loaded.info, split.test, what, device)
    path = out / f"{file_name(model, config.name)}.json"
    result.write(path)
    say_written(path, scored=True)
    return result


def load_rgb_split(
    config: RGBTrainConfig,
    data: Path,
    folder: Path,
    cache: Path,
    classes: tuple[str, ...],
    progress: bool = True,
) -> RGBSplit:
    """Read all clips of a configuration's table, from ``data``. Raises UnreadableData.

    A clip that cannot be used is left out and named, unless none is left.
    """
    rows = read_table(folder / config.table)
    if unknown := sorted({row.label for row in rows} - set(classes)):
        raise UnreadableData(
            f"{config.table}: the skeleton model does not know {', '.join(unknown[:5])}; "
            "labels are its class names (`bharnet info`)"
        )
    people = {row.person for row in rows}
    if strangers := sorted(set(config.test) - people):
        raise UnreadableData(
            f"test names {', '.join(strangers)}, but {config.table} has no such person; "
            f"it has {', '.join(sorted(people - {''}))[:200] or 'none'}"
        )
    clips, rejected = [], {}
    for row in track(rows, "Preparing clips", disable=not progress, transient=True):
        try:
            clips.append(
                read_clip(data / row.file, row, config.crops, cache, config.rate, config.pose)
            )
        except UnreadableData as error:
            rejected[row.file] = str(error)
            log.warning("left out: %s", error)
    if not clips:
        raise UnreadableData(f"no clip can be used: {next(iter(rejected.values()))}")
    if config.halves:
        halves = [_halve(clip, config.halves) for clip in clips]
        what = f"the other half ({config.halves}) of the clips trained on; shows no new person"
        return RGBSplit([a for a, _ in halves], [b for _, b in halves], rejected, what)
    return RGBSplit(
        [clip for clip in clips if clip.row.person not in config.test],
        [clip for clip in clips if clip.row.person in config.test],
        rejected,
        "people whom the pictures' network never saw; the skeleton model may know them",
    )


def _halve(clip: Clip, how: str) -> tuple[Clip, Clip]:
    numbers = np.arange(len(clip.stamps))
    if how == "alternate":
        return clip.only(numbers[::2]), clip.only(numbers[1::2])
    middle = len(numbers) // 2
    return clip.only(numbers[:middle]), clip.only(numbers[middle:])


def _held_out(config: RGBTrainConfig) -> dict[str, Any]:
    """What says which clips are held out."""
    return {"table": config.table, "test": list(config.test), "halves": config.halves}


def _provenance(
    config: RGBTrainConfig,
    command: str,
    split: RGBSplit,
    skeleton: Checkpoint,
    first_weights: str,
    minutes: float,
) -> dict[str, Any]:
    return {
        "command": command,
        "seed": config.seed,
        "torch": torch.__version__,
        "minutes": round(minutes, 1),
        "first_weights": first_weights,
        "skeleton_digest": skeleton.digest,
        **_held_out(config),
        "clips": {"train": len(split.train), "test": len(split.test)},
        "rejected": sorted(split.rejected),  # the reasons name folders; they were logged
    }
