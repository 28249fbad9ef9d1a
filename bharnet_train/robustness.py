# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How accuracy falls as sight gets worse: noise, dropped frames, hands out of sight.

Disturbs held-out people at growing strength, always with the same random numbers, and scores a
checkpoint on them. The kinds are those of arXiv 2601.00369; their strengths could not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Many
from functools import partial
from pathlib import Path

import torch

from bharnet.checkpoint import Checkpoint
from bharnet.skeleton import HAND_21, Layout, get_layout
from bharnet_train.augmentation import shoulder_width
from bharnet_train.datasets.recordings import Sequence
from bharnet_train.evaluation import answer, read, told_right
from bharnet_train.lettering import as_written

Joints = tuple[torch.Tensor, torch.Tensor]  # position (B, T, J, 3), seen (B, T, J)
PALM = 0.25  # palm length in shoulder widths, roughly


def jitter_all(joints: Joints, strength: float, layout: Layout, dice: torch.Generator) -> Joints:
    """Gaussian noise on every joint: strength in shoulder widths (body), palm lengths (hands)."""
    return _jitter(joints, strength, slice(0, None), layout, dice)


def jitter_one_hand(
    joints: Joints, strength: float, layout: Layout, dice: torch.Generator
) -> Joints:
    """The same on the right hand alone."""
    return _jitter(joints, strength, slice(-len(HAND_21), None), layout, dice)


def _jitter(
    joints: Joints, strength: float, part: slice, layout: Layout, dice: torch.Generator
) -> Joints:
    position, seen = joints
    amount = torch.zeros(position.shape[2])
    amount[part] = PALM * strength
    if part.start == 0:
        amount[: len(layout)] = strength
    width = shoulder_width(position, seen, layout)[:, None, None, None]
    noise = torch.randn(position.shape, generator=dice) * amount[:, None] * width
    return (position + noise) * seen[..., None], seen


def drop_frames(joints: Joints, strength: float, layout: Layout, dice: torch.Generator) -> Joints:
    """That share of instants shows nothing of the person."""
    position, seen = joints
    return position, seen & (torch.rand(seen.shape[:2], generator=dice) >= strength)[..., None]


def lose_hands(joints: Joints, strength: float, layout: Layout, dice: torch.Generator) -> Joints:
    """That share of people never shows a hand."""
    position, seen = joints
    kept = torch.ones_like(seen)
    kept[:, :, len(layout) :] = (torch.rand(len(seen), 1, 1, generator=dice) >= strength).expand(
        -1, seen.shape[1], seen.shape[2] - len(layout)
    )
    return position, seen & kept


DISTURBANCES: Mapping[str, tuple[Callable[..., Joints], tuple[float, ...]]] = {
    "noise on all joints": (jitter_all, (0.0, 0.02, 0.05, 0.1, 0.2)),
    "noise on one hand": (jitter_one_hand, (0.0, 0.05, 0.1, 0.2, 0.4)),
    "dropped frames": (drop_frames, (0.0, 0.2, 0.4, 0.6, 0.8)),
    "hands missing": (lose_hands, (0.0, 0.25, 0.5, 0.75, 1.0)),
}


# What strengths are counted in.
UNITS = {
    "noise on all joints": "shoulder widths, palms",
    "noise on one hand": "palms",
    "dropped frames": "share",
    "hands missing": "share of people",
}


def robustness(
    checkpoint: Checkpoint, sequences: Many[Sequence], device: str = "cpu", seed: int = 0
) -> dict[str, dict[float, float]]:
    """Top-1 % of labels by kind of disturbance and strength."""
    info = checkpoint.info
    layout = get_layout(info.features.body_layout)
    batches = list(read(info.features, sequences, info.classes))  # once, not once a strength
    curves: dict[str, dict[float, float]] = {}
    for name, (disturb, strengths) in DISTURBANCES.items():
        curves[name] = {}
        for strength in strengths:
            dice = torch.Generator().manual_seed(seed)
            logits, target = answer(
                checkpoint.network,
                info.features,
                batches,
                device,
                partial(disturb, strength=strength, layout=layout, dice=dice),
            )
            curves[name][strength] = round(told_right(logits[0], target, info), 2)
    return curves


@as_written()
def draw_robustness(curves: Mapping[str, dict[str, dict[float, float]]], path: Path) -> None:
    """Picture of the curves of several models: {model: {disturbance: {strength: top-1 %}}}."""
    from matplotlib.figure import Figure

    kinds = list(DISTURBANCES)
    figure = Figure(figsize=(3.2 * len(kinds), 3.2), layout="constrained")
    grid = figure.subplots(1, len(kinds), sharey=True)
    for axes, kind in zip(grid, kinds, strict=True):
        for model, each in curves.items():
            axes.plot(list(each[kind]), list(each[kind].values()), marker="o", label=model)
        axes.set_xlabel(f"{kind} ({UNITS[kind]})")
        axes.grid(alpha=0.3)
        axes.set_ylim(0, 102)
    grid[0].set_ylabel("top-1 %")
    grid[0].legend(fontsize=8, loc="lower left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
