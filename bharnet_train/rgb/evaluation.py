# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Scores M on clips: picture, skeleton, and both together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from bharnet.features import make_streams
from bharnet.rgb.checkpoint import RGBInfo
from bharnet.rgb.guided import BHaRNetM
from bharnet_train.rgb.clips import Clip
from bharnet_train.rgb.pictures import Pictures


@dataclass(frozen=True)
class Answer:
    """What each says of one clip."""

    file: str
    label: str
    fused: str
    rgb: str
    skeleton: str


@dataclass(frozen=True)
class RGBResult:
    """Accuracies in percent, and every answer. ``what``: how the clips were held out."""

    what: str
    clips: int
    fused: float
    rgb: float
    skeleton: float
    answers: tuple[Answer, ...]

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def evaluate(
    network: BHaRNetM, info: RGBInfo, clips: Sequence[Clip], what: str, device: str = "cpu"
) -> RGBResult:
    """Every clip read whole. Raises ValueError without clips."""
    if not clips:
        raise ValueError("no clip to evaluate; does the configuration hold anybody out?")
    features = info.skeleton.features
    pictures = Pictures(clips, info.classes, features, info.crops.moments)
    network = network.to(device).eval()
    said, targets = [], []
    with torch.inference_mode():
        for picture, shown, position, seen, target in DataLoader(pictures, 32):
            streams = make_streams(position.to(device), seen.to(device), features)
            scores = network(picture.to(device), shown.to(device), streams)
            said.append(torch.stack((scores.fused, scores.rgb, scores.skeleton)).argmax(-1).cpu())
            targets.append(target)
    answers, truth = torch.cat(said, 1), torch.cat(targets)
    fused, rgb, skeleton = (
        round(100.0 * (row == truth).float().mean().item(), 2) for row in answers
    )
    names = [[info.classes[i] for i in column] for column in answers.T.tolist()]
    return RGBResult(
        what,
        len(clips),
        fused,
        rgb,
        skeleton,
        tuple(
            Answer(clip.row.file, clip.row.label, *each)
            for clip, each in zip(clips, names, strict=True)
        ),
    )
