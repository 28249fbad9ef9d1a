# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The temperature that makes answers honest, fitted on every tick of labelled streams."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import replace

import numpy as np
import torch

from bharnet.checkpoint import ModelInfo
from bharnet_train.evaluation import fit_temperature
from bharnet_train.streams.run import Answers


def fit_on_ticks(answers: Many[Answers], info: ModelInfo) -> float:
    """What to multiply the model's temperature with (Guo et al., ICML 2017); 1 = it is honest.

    Ticks at which something is done that the model does not know are left out, and time in which
    nothing is done counts for the idle class, if there is one. Raises ValueError without ticks.
    """
    known = {name: i for i, name in enumerate(info.classes)}
    scores, targets = [], []
    for each in answers:
        for stamp, prediction in each.ticks:
            label = each.stream.label_at(stamp) or info.idle
            if label in known:
                scores.append(prediction.probabilities)
                targets.append(known[label])
    if not targets:
        raise ValueError("no tick of these streams shows anything that the model knows")
    logits = torch.from_numpy(np.log(np.clip(np.stack(scores), 1e-12, 1.0)))
    return fit_temperature(logits, torch.tensor(targets))


def retemper(answers: Many[Answers], factor: float) -> list[Answers]:
    """What the network would have said with its temperature times ``factor``."""
    return [
        replace(
            each,
            ticks=tuple(
                (stamp, replace(p, probabilities=_soften(p.probabilities, factor)))
                for stamp, p in each.ticks
            ),
        )
        for each in answers
    ]


def as_told(answers: Many[Answers], info: ModelInfo) -> list[Answers]:
    """Answers of classes, on streams labelled with classes, as answers of ``info``'s labels."""
    return [
        Answers(
            each.stream.renamed(info.synonyms),
            tuple(
                (stamp, replace(p, probabilities=info.sum_up(p.probabilities)))
                for stamp, p in each.ticks
            ),
        )
        for each in answers
    ]


def _soften(probabilities: np.ndarray, factor: float) -> np.ndarray:
    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1.0)) / factor
    powers = np.exp(logits - logits.max())
    return (powers / powers.sum()).astype(np.float32)
