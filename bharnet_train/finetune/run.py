# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""From a folder of takes to a checkpoint: look, copy, cross-validate, fit, write."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from bharnet.checkpoint import Checkpoint, ModelInfo, load_checkpoint, save_checkpoint
from bharnet.decision.config import DecisionConfig
from bharnet.features import FeatureConfig
from bharnet.models import SHIPPED
from bharnet.recording import IDLE
from bharnet.skeleton import get_layout
from bharnet.window import NANOSECONDS, Window
from bharnet_train.datasets.overlap import sources_of
from bharnet_train.datasets.own import Rejected, nothing_of_use, read_own
from bharnet_train.datasets.recordings import Sequence, UnreadableData, read_recordings
from bharnet_train.evaluation import draw_confusion
from bharnet_train.finetune.card import write_card
from bharnet_train.finetune.copies import STRONG, plain, rounds
from bharnet_train.finetune.crossval import Checked, Copies, cross_validate, make_folds
from bharnet_train.finetune.experts import only, seeing, shows
from bharnet_train.finetune.head import Pooled, fit_head
from bharnet_train.finetune.inspect import (
    Finding,
    look_alike,
    look_at_joints,
    mirror_twins,
    unusable,
)

NOTHING = ("idle", "null")  # labels of somebody who does nothing to be recognised
MOST_NULLS = 100  # foreign takes of nothing; more would outweigh one's own
MOST_TAKES = 5000


class UnfitRecordings(UnreadableData):
    """Recordings from which nothing can be learnt; the message names causes and cures."""


@dataclass(frozen=True)
class Plan:
    """What a user may choose.

    base     "shipped", or the path of a checkpoint whose trunk is used
    copies   disturbed copies of each take
    mirror   None: unless two gestures are each other's mirror image
    nulls    a file of recordings whose takes of `null` are idle too
    """

    name: str
    base: str = "shipped"
    copies: int = 40
    mirror: bool | None = None
    nulls: Path | None = None
    seed: int = 0


@dataclass(frozen=True)
class Told:
    """What is said on the way; the default says nothing.

    findings  before training; step(what, done, of)  while it runs
    """

    findings: Callable[[Many[Finding], Many[Rejected]], None] = lambda found, rejected: None
    step: Callable[[str, int, int], None] = lambda what, done, of: None


@dataclass(frozen=True)
class Taught:
    """What came of it."""

    path: Path
    info: ModelInfo
    checked: Checked
    takes: dict[str, int]
    findings: list[Finding]
    seconds: float


@dataclass(frozen=True, eq=False)
class Takes:
    """Sequences to learn from, cut where they are long; ``origin`` is the take of each."""

    sequences: list[Sequence] = field(default_factory=list)
    origin: list[int] = field(default_factory=list)


def finetune(
    folder: Path, plan: Plan, out: Path, command: str, told: Told | None = None
) -> Taught:
    """Teach the base network a folder's gestures; writes OUT/NAME.safetensors, md, json, png.

    Raises UnreadableData, UnfitRecordings, InvalidCheckpoint.
    """
    told = told or Told()
    began = time.monotonic()
    base = load_checkpoint(SHIPPED if plan.base == "shipped" else Path(plan.base))
    features = base.info.features
    sequences, rejected = _usable(folder, base.info)
    findings = look_at_joints(sequences, IDLE, features)
    if any(each.fatal for each in findings):
        told.findings(findings, rejected)
        causes = "; ".join(each.text for each in findings if each.fatal)
        raise UnfitRecordings(f"{folder} cannot be learnt from: {causes}")
    base = only(base, seeing([e for e in sequences if e.label != IDLE], features))
    takes = cut(sequences, features)
    labels = [each.label for each in takes.sequences]
    pooled = plain(base.network, features, takes.sequences)
    findings += look_alike(labels, pooled, IDLE)
    twins = _mirror_twins(base, takes, pooled) if plan.mirror is None else []
    mirror = not twins if plan.mirror is None else plan.mirror
    for one, other in twins:
        findings.append(
            Finding(
                f"'{one}' is '{other}' in a mirror: takes are not mirrored, so the other hand "
                "must be recorded too where it is to count"
            )
        )
    told.findings(findings, rejected)
    classes = (*sorted(set(labels) - {IDLE}), IDLE)
    nulls = _nulls(plan.nulls, base) if plan.nulls else []
    copies = _copy(base, takes, nulls, classes, plan, mirror, told)
    experts = base.info.network.experts
    folds = make_folds(takes.sequences, takes.origin)
    number = len(set(folds[0]) - {-1})
    steps = iter(range(1, number + 1))
    checked = cross_validate(
        takes.sequences,
        folds,
        pooled,
        copies,
        classes,
        experts,
        DecisionConfig().enter_threshold,
        lambda: told.step("checking", next(steps), number),
    )
    head = fit_head(copies.pooled, copies.target, len(classes)).refusing(checked.refusal.offset)
    seconds = time.monotonic() - began
    info = _describe(base, plan, classes, checked, sequences, nulls, command, mirror, seconds)
    path = out / f"{plan.name}.safetensors"
    save_checkpoint(path, head.give_to(base.network), info)
    checked.result.write(path.with_suffix(".json"))
    draw_confusion(checked.result, path.with_suffix(".png"), f"{plan.name}, takes left out")
    write_card(path.with_suffix(".md"), load_checkpoint(path), checked, findings)
    return Taught(
        path, info, checked, dict(Counter(e.label for e in sequences)), findings, seconds
    )


def _mirror_twins(base: Checkpoint, takes: Takes, pooled: Pooled) -> list[tuple[str, str]]:
    """Pairs of gestures of which one is the other in a mirror."""
    flipped = plain(base.network, base.info.features, takes.sequences, mirrored=True)
    labels = [each.label for each in takes.sequences]
    return [pair for pair in mirror_twins(labels, pooled, flipped) if IDLE not in pair]


def _usable(folder: Path, info: ModelInfo) -> tuple[list[Sequence], list[Rejected]]:
    """The takes of a folder, whatever their idle is called, and those left out."""
    features = info.features
    read, rejected = read_own(folder, get_layout(features.body_layout))
    if len(read) > MOST_TAKES:
        raise UnfitRecordings(
            f"{folder} has {len(read)} takes; for more than {MOST_TAKES} train with --config"
        )
    sequences = []
    for each in read:
        if why := unusable(each, features, "hand" in info.network.experts):
            rejected.append(Rejected(each.take, why))
        else:
            sequences.append(replace(each, label=IDLE) if each.label in NOTHING else each)
    sequences = _of_one_kind(sequences, features, rejected)
    if not sequences:
        raise UnfitRecordings(nothing_of_use(folder, rejected))
    return sequences, rejected


def _of_one_kind(
    sequences: list[Sequence], features: FeatureConfig, rejected: list[Rejected]
) -> list[Sequence]:
    """Without the takes of hands alone, if other takes of gestures show bodies."""
    whole = [each for each in sequences if shows("body", each, features)]
    if all(each.label == IDLE for each in whole):
        return sequences
    why = "no body is seen in it, but in other takes; put takes of hands alone in another folder"
    left = {id(each) for each in whole}
    rejected += [Rejected(each.take, why) for each in sequences if id(each) not in left]
    return whole


def cut(sequences: Many[Sequence], features: FeatureConfig) -> Takes:
    """Long takes of nothing as several of the window's length; gestures stay whole."""
    takes = Takes()
    length = round(features.window_seconds * NANOSECONDS)
    for number, each in enumerate(sequences):
        w = each.window
        starts = [int(w.stamps[0])]
        if each.label == IDLE:
            last = max(starts[0] + 1, int(w.stamps[-1]) - length + 1)
            starts = list(range(starts[0], last, length // 2))
        for start in starts:
            inside = slice(None)
            if each.label == IDLE:
                begin, end = np.searchsorted(w.stamps, (start, start + length + 1))
                inside = slice(int(begin), int(end))
            part = Window(w.stamps[inside], w.body[inside], w.hands[inside])
            if len(part.stamps) > 1:
                takes.sequences.append(replace(each, window=part))
                takes.origin.append(number)
    return takes


def _nulls(path: Path, base: Checkpoint) -> list[Sequence]:
    """Foreign takes of people who do nothing. Raises UnreadableData."""
    if not path.exists():
        raise UnreadableData(f"there is no file {path} of takes to be idle (--nulls)")
    layout = get_layout(base.info.features.body_layout)
    found = [each for each in read_recordings(path, layout) if each.label in NOTHING]
    if not found:
        raise UnreadableData(f"{path} holds no take of {' or '.join(NOTHING)}")
    step = -(-len(found) // MOST_NULLS)
    return [replace(each, label=IDLE) for each in found[::step]]


def _copy(
    base: Checkpoint,
    takes: Takes,
    nulls: Many[Sequence],
    classes: tuple[str, ...],
    plan: Plan,
    mirror: bool,
    told: Told,
) -> Copies:
    strength = STRONG.model_copy(update={"mirror": STRONG.mirror if mirror else 0.0})
    made: list[tuple[Pooled, torch.Tensor, torch.Tensor]] = []
    everything = [*takes.sequences, *nulls]
    for one in rounds(
        base.network,
        base.info.features,
        everything,
        classes,
        IDLE,
        strength,
        plan.copies,
        plan.seed,
    ):
        made.append(one)
        told.step("learning", len(made), plan.copies)
    pooled, target, take = zip(*made, strict=True)
    return Copies(Pooled.join(list(pooled)), torch.cat(target), torch.cat(take))


def _describe(
    base: Checkpoint,
    plan: Plan,
    classes: tuple[str, ...],
    checked: Checked,
    sequences: Many[Sequence],
    nulls: Many[Sequence],
    command: str,
    mirror: bool,
    seconds: float,
) -> ModelInfo:
    result = checked.result
    return ModelInfo(
        name=plan.name,
        version="0.1.0",
        classes=classes,
        idle=IDLE,
        temperature=round(checked.refusal.temperature, 3),
        network=replace(base.info.network, wide_class=len(classes) - 1, alone=False),
        features=base.info.features,
        provenance={
            "command": command,
            "seed": plan.seed,
            "torch": torch.__version__,
            "base": {
                "name": base.info.name,
                "version": base.info.version,
                "digest": base.digest,
                "sources": sources_of(base.info.provenance) or [],
            },
            # So that a later evaluation can tell which takes are no news to it.
            "fingerprints": " ".join(
                sorted({each.fingerprint() for each in (*sequences, *nulls)})
            ),
            "takes": dict(Counter(each.label for each in sequences)),
            "people": len({each.person for each in sequences}),
            "sittings": len({(each.person, each.session) for each in sequences}),
            "foreign_nulls": len(nulls),
            "copies": plan.copies,
            "mirrored": mirror,
            "scores": {
                "how": checked.how,
                "left_out_top1": result.top1,
                "left_out": result.sequences,
                "recall": result.recall,
                "strangers_taken": round(checked.strangers, 1),
                "seconds": round(seconds, 1),
            },
        },
    )
