# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Several networks, one answer: the weighted sum of their scores, weights from validation people.

The field's ensembles of streams (joint, bone, joint motion, bone motion) are made so; their usual
weights, e.g. 2:2:1:1 of PYSKL, were chosen on test people. Ours never see them.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from itertools import product
from math import inf
from pathlib import Path

import torch

from bharnet.checkpoint import Checkpoint, load_checkpoint
from bharnet_train.config import InvalidConfig, TrainConfig
from bharnet_train.datasets.overlap import learnt_by, overlap
from bharnet_train.datasets.recordings import Sequence, UnreadableData
from bharnet_train.datasets.select import load_split, refuse_unknown, tested
from bharnet_train.evaluation import Result, calibration_error, predict, score_logits, tell, top5

STEPS = (0.0, 0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Fused:
    """Scores of an ensemble: ``weights`` and ``top1`` by member, and what they reach together.

    ``chosen_on``: how many validation sequences chose the weights; 0 = given or equal.
    ``known``: how many of these a member was trained on.
    """

    weights: dict[str, float]
    top1: dict[str, float]
    chosen_on: int
    known: int
    together: Result


def names_of(models: Many[Path]) -> list[str]:
    """What to call checkpoints: their files, with folders where two have the same name.

    Raises InvalidConfig for one that is given twice.
    """
    if len(set(models)) < len(models):
        raise InvalidConfig("a checkpoint is given twice; give each once")
    stems = [path.stem for path in models]
    return [
        stem if stems.count(stem) == 1 else str(path)
        for stem, path in zip(stems, models, strict=True)
    ]


def log_scores(
    member: Checkpoint, sequences: Many[Sequence], labels: Many[str], device: str
) -> torch.Tensor:
    """Calibrated log probabilities (N, labels) of what one network tells, ordered so."""
    info = member.info
    logits, _ = predict(member.network, info.features, sequences, info.classes, device)
    return tell(logits[0], info)[:, [info.labels.index(label) for label in labels]]


def choose_weights(scores: torch.Tensor, target: torch.Tensor) -> tuple[float, ...]:
    """Weights of members' log scores (M, N, classes) that answer most of (N,) right.

    All combinations of five steps, up to scale; of equals the one with the least cross entropy.
    Raises InvalidConfig for more than 6 members.
    """
    if len(scores) > 6:
        raise InvalidConfig(
            f"{len(scores)} networks are too many to try all weights; give --weights"
        )
    best, chosen = (-1.0, 0.0), (1.0,) * len(scores)
    for weights in product(STEPS, repeat=len(scores)):
        if max(weights) != STEPS[-1]:  # the same answers at another scale
            continue
        fused = torch.einsum("m,mnc->nc", torch.tensor(weights), scores)
        right = (fused.argmax(-1) == target).float().mean().item()
        loss = torch.nn.functional.cross_entropy(fused / sum(weights), target).item()
        if (right, -loss) > best:
            best, chosen = (right, -loss), weights
    return chosen


def fuse(
    models: Many[Path],
    config: TrainConfig,
    data: Path,
    folder: Path,
    weights: Many[float] | None = None,
    device: str = "cpu",
) -> Fused:
    """Score an ensemble of checkpoints on the test part of a configuration.

    Without ``weights`` they are chosen on its validation part, or equal if it has none. Raises
    UnreadableData if the checkpoints do not know the same classes and synonyms or nobody is held
    out, InvalidConfig for weights that do not match them.
    """
    names = names_of(models)
    fit = weights is None or (
        len(weights) == len(models) and any(weights) and all(0 <= each < inf for each in weights)
    )
    if weights is not None and not fit:
        raise InvalidConfig(
            f"--weights {', '.join(f'{each:g}' for each in weights)}: {len(models)} networks need "
            "as many, none negative, none endless and not all 0"
        )
    members = [load_checkpoint(path) for path in models]
    first = members[0].info
    _refuse_unlike(models, members)
    classes = first.classes
    parts = [
        load_split(
            config.model_copy(update={"features": each.info.features}), data, folder, classes
        )
        for each in members
    ]
    chosen = [tested(each, classes, models[0]) for each in parts]
    own = config.model_copy(update={"features": first.features})
    learnt = learnt_by([each.info for each in members], own, data)
    chosen_on = known = 0
    if weights is None:
        refuse_unknown(parts[0].validation, classes, models[0])
        weights = (1.0,) * len(members)
        if parts[0].validation:
            chosen_on = len(parts[0].validation)
            known = overlap(parts[0].validation, parts[0].train, learnt)
            scores, target = _scores(members, [each.validation for each in parts], device)
            weights = choose_weights(scores, target)
    scores, target = _scores(members, chosen, device)
    right = (scores.argmax(-1) == target).float().mean(1)
    together = _score_together(scores, target, weights, parts[0].test, first.labels)
    return Fused(
        dict(zip(names, map(float, weights), strict=True)),
        {name: round(100 * each, 2) for name, each in zip(names, right.tolist(), strict=True)},
        chosen_on,
        known,
        replace(together, trained_on=overlap(parts[0].test, parts[0].train, learnt)),
    )


def _score_together(
    scores: torch.Tensor,
    target: torch.Tensor,
    weights: Many[float],
    sequences: Many[Sequence],
    labels: tuple[str, ...],
) -> Result:
    """Log scores (M, N, labels) of the members, weighted, against the true label (N,)."""
    fused = torch.einsum("m,mnc->nc", torch.tensor(weights, dtype=scores.dtype), scores)
    return replace(
        score_logits(fused[None], target, sequences, labels, ()),
        top5=top5(fused, target),
        # Of the weighted geometric mean, which is a probability again.
        calibration_error=calibration_error(torch.log_softmax(fused / sum(weights), -1), target),
    )


def _refuse_unlike(models: Many[Path], members: Many[Checkpoint]) -> None:
    """Raise UnreadableData for a member that tells other things than the first."""
    first = members[0].info
    for path, member in zip(models, members, strict=True):
        if set(member.info.classes) != set(first.classes):
            raise UnreadableData(f"{path} does not know the same classes as {models[0]}")
        if member.info.synonyms != first.synonyms:
            raise UnreadableData(
                f"{path} tells other classes as one label than {models[0]} does; train both with "
                "the same synonyms"
            )


def _scores(
    members: Many[Checkpoint], parts: Many[Many[Sequence]], device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """(M, N, labels) of the members, and the true label (N,)."""
    first = members[0].info
    scores = [
        log_scores(member, part, first.labels, device)
        for member, part in zip(members, parts, strict=True)
    ]
    names = [sequence.label for sequence in parts[0]]
    target = torch.tensor([first.label_ids[first.classes.index(name)] for name in names])
    return torch.stack(scores), target
