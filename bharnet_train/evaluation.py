# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Scores a model on sequences: top-1, per class, confusion, calibration; as JSON, as a picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Many
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
)

from bharnet.checkpoint import ModelInfo
from bharnet.features import FeatureConfig, make_streams
from bharnet.network import BHaRNet
from bharnet_train.datasets.recordings import Sequence
from bharnet_train.lettering import as_written, short
from bharnet_train.sampling import Windows

# Positions (B, T, J, 3), what is seen of them (B, T, J), the true classes (B,).
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
Disturb = Callable[[tuple[torch.Tensor, torch.Tensor]], tuple[torch.Tensor, torch.Tensor]]

CALIBRATION_BINS = 15  # as in Guo et al.


@dataclass(frozen=True)
class Result:
    """Accuracies in percent. ``confusion[i][j]``: true class i taken for j (counts).

    The classes are the model's labels: those that mean the same are one. ``by_class`` is top-1
    where each stands for itself, None where all do.

    body and hand are what each expert alone answers inside the joint network; NaN-free: an
    expert that the network lacks is None. A group (person, session) has its own top-1.
    ``trained_on``: how many of the sequences are also among those that a configuration trains on.

    mean_class         mean recall of the labels that occur, each counting the same
    top5               the true label is among the five likeliest; None for five labels or fewer
    calibration_error  expected calibration error (Guo et al., ICML 2017; 15 bins of equal width):
                       how far confidence, as the node tells it of one window, lies from the share
                       of right answers; None where scores are no probabilities
    """

    top1: float
    body: float | None
    hand: float | None
    sequences: int
    classes: tuple[str, ...]
    recall: dict[str, float]
    precision: dict[str, float]
    groups: dict[str, float]
    confusion: list[list[int]]
    trained_on: int = 0
    by_class: float | None = None
    mean_class: float = 0.0
    top5: float | None = None
    calibration_error: float | None = None

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def file_name(model: Path, config: str) -> str:
    """Of the files that a later evaluation writes, without suffix: not those of training."""
    return f"{model.stem}-on-{config}"


def predict(
    network: BHaRNet,
    features: FeatureConfig,
    sequences: Many[Sequence],
    classes: Many[str],
    device: str = "cpu",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (3, N, classes) of fused, body, hand; and the true class (N,)."""
    return answer(network, features, read(features, sequences, classes), device)


def read(
    features: FeatureConfig, sequences: Many[Sequence], classes: Many[str]
) -> Iterable[Batch]:
    """Every sequence whole, as one window; in batches."""
    return DataLoader(Windows(sequences, classes, features), 256)


def answer(
    network: BHaRNet,
    features: FeatureConfig,
    batches: Iterable[Batch],
    device: str = "cpu",
    disturb: Disturb | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """As ``predict``, of what was read.

    ``disturb`` changes positions and what is seen of them before the network sees them.
    """
    network = network.to(device).eval()
    logits, targets = [], []
    with torch.inference_mode():
        for position, seen, target in batches:
            if disturb is not None:
                position, seen = disturb((position, seen))
            scores = network(make_streams(position.to(device), seen.to(device), features))
            logits.append(torch.stack((scores.fused, scores.body, scores.hand)).cpu())
            targets.append(target)
    return torch.cat(logits, 1), torch.cat(targets)


def evaluate(
    network: BHaRNet, info: ModelInfo, sequences: Many[Sequence], device: str = "cpu"
) -> Result:
    """Every sequence read whole, as one window. Raises ValueError without sequences."""
    if not sequences:
        raise ValueError("no sequence to evaluate; does the configuration hold anybody out?")
    experts = network.config.experts
    logits, target = predict(network, info.features, sequences, info.classes, device)
    told, label = tell(logits, info), torch.tensor(info.label_ids)[target]
    result = score_logits(told, label, sequences, info.labels, experts)
    by_class = (logits[0].argmax(-1) == target).float().mean().item()
    return replace(
        result,
        by_class=round(100.0 * by_class, 2) if info.synonyms else None,
        top5=top5(told[0], label),
        calibration_error=calibration_error(told[0], label),
    )


def tell(logits: torch.Tensor, info: ModelInfo) -> torch.Tensor:
    """Logits (..., classes) -> calibrated log probabilities (..., labels), as the node tells them.

    Probabilities of classes that mean the same are summed.
    """
    scores, ids = torch.log_softmax(logits / info.temperature, -1), torch.tensor(info.label_ids)
    return torch.stack([scores[..., ids == i].logsumexp(-1) for i in range(len(info.labels))], -1)


def told_right(logits: torch.Tensor, target: torch.Tensor, info: ModelInfo) -> float:
    """Percent of (N, classes) whose likeliest label is that of the true class (N,)."""
    label = torch.tensor(info.label_ids)[target]
    return 100.0 * (tell(logits, info).argmax(-1) == label).float().mean().item()


def top5(scores: torch.Tensor, target: torch.Tensor) -> float | None:
    """Percent of (N, labels) whose true label (N,) is among the five largest; None if all are."""
    labels = scores.shape[-1]
    if labels <= 5:
        return None
    hits = multiclass_accuracy(scores, target, labels, average="micro", top_k=5)
    return round(100.0 * hits.item(), 2)


def calibration_error(told: torch.Tensor, target: torch.Tensor) -> float:
    """Expected calibration error in percent of log probabilities (N, labels), as of ``tell``."""
    # A sum over synonyms may round to above 1, for which torchmetrics would take all for logits.
    probabilities = told.exp().clamp(max=1.0)
    error = multiclass_calibration_error(
        probabilities, target, told.shape[-1], n_bins=CALIBRATION_BINS, norm="l1"
    )
    return round(100.0 * error.item(), 2)


def score_logits(
    logits: torch.Tensor,
    target: torch.Tensor,
    sequences: Many[Sequence],
    classes: Many[str],
    experts: tuple[str, ...],
) -> Result:
    """Logits (1 or 3, N, classes) of fused, body, hand and the true class (N,) -> Result.

    Or anything else that is largest for the answer.
    """
    answers = logits.argmax(-1)
    right = answers == target

    def percent(hits: torch.Tensor) -> float:
        return round(100.0 * hits.float().mean().item(), 2)

    matrix = multiclass_confusion_matrix(answers[0], target, len(classes))
    diagonal, truth, taken = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    names = [f"{each.source} {each.person} {each.session}".strip() for each in sequences]
    occur = truth > 0
    return Result(
        top1=percent(right[0]),
        body=percent(right[1]) if "body" in experts else None,
        hand=percent(right[2]) if "hand" in experts else None,
        sequences=len(sequences),
        classes=tuple(classes),
        recall=_shares(classes, diagonal, truth),
        precision=_shares(classes, diagonal, taken),
        groups={
            name: percent(right[0][[i for i, each in enumerate(names) if each == name]])
            for name in sorted(set(names))
        },
        confusion=matrix.tolist(),
        mean_class=percent(diagonal[occur] / truth[occur]),
    )


def _shares(classes: Many[str], hits: torch.Tensor, total: torch.Tensor) -> dict[str, float]:
    return {
        name: round(100.0 * hits[i].item() / total[i].item(), 1)
        for i, name in enumerate(classes)
        if total[i] > 0
    }


def fit_temperature(logits: torch.Tensor, target: torch.Tensor) -> float:
    """The temperature that makes (N, classes) logits honest: least cross entropy on (N,) targets.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017. A sweep: one number needs
    no optimiser.
    """
    candidates = torch.logspace(-1.0, 1.0, 201)
    losses = [
        torch.nn.functional.cross_entropy(logits / each, target).item() for each in candidates
    ]
    return round(float(candidates[losses.index(min(losses))]), 3)


@as_written()
def draw_confusion(result: Result, path: Path, title: str) -> None:
    """Picture of the confusion matrix, rows in percent of the true class."""
    from matplotlib.figure import Figure

    matrix = torch.tensor(result.confusion, dtype=torch.float)
    kept = [i for i in range(len(matrix)) if matrix[i].sum() > 0 or matrix[:, i].sum() > 0]
    matrix = matrix[kept][:, kept]
    shares = 100 * matrix / matrix.sum(1, keepdim=True).clamp(min=1)
    names = [short(result.classes[i]) for i in kept]
    side = max(5.0, 2.5 + 0.34 * len(names))  # wide enough for the title
    side += 0.1 * max(0, max(map(len, names)) - 14)  # and for names beside it
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("recognised")
    axes.set_ylabel("recorded")
    axes.set_title(f"{title}: {result.top1:.1f} % of {result.sequences}")
    for i, row in enumerate(shares.tolist()):
        for j, share in enumerate(row):
            if share >= 1:
                colour = "white" if share > 55 else "black"
                axes.text(j, i, f"{share:.0f}", ha="center", va="center", color=colour, size=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
