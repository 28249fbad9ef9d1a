# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One file with both of M's networks and everything needed to use them.

As ``bharnet.checkpoint``: safetensors, checked before anything is built, never unpickled. The
metadata entry is ``bharnet_m``, so that neither kind of model is taken for the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bharnet.checkpoint import (
    ModelInfo,
    describe,
    digest,
    fill,
    read_info,
    read_model,
    write_model,
)
from bharnet.network import BHaRNet
from bharnet.rgb.backbone import ResNet, ResNetConfig
from bharnet.rgb.crops import CropConfig
from bharnet.rgb.guided import BHaRNetM, FusionConfig
from bharnet.skeleton import get_layout

ENTRY, FORMAT = "bharnet_m", 1


@dataclass(frozen=True)
class RGBInfo:
    """What a checkpoint of M says of itself.

    skeleton    the skeleton model inside; its classes are M's
    provenance  clips, split, seed, command, scores, and where the picture's network began
                (``first_weights``): for the reader, not the program
    """

    name: str
    version: str
    skeleton: ModelInfo
    image: ResNetConfig = field(default_factory=ResNetConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the scores."""
        return self.skeleton.classes


@dataclass(frozen=True)
class RGBCheckpoint:
    """M ready to run, and its description. ``digest`` names the file's content."""

    network: BHaRNetM
    info: RGBInfo
    digest: str


def build(info: RGBInfo, skeleton: BHaRNet | None = None) -> BHaRNetM:
    """The network described, with fresh weights but for those of a given ``skeleton``."""
    inner, classes = info.skeleton, len(info.classes)
    return BHaRNetM(
        skeleton or BHaRNet(inner.network, inner.features, classes),
        ResNet(info.image, classes),
        get_layout(inner.features.body_layout),
        info.fusion,
    )


def save_rgb_checkpoint(path: Path, network: BHaRNetM, info: RGBInfo) -> None:
    """Write a checkpoint; an interrupted write leaves the old file."""
    write_model(path, network, ENTRY, {"format": FORMAT, **asdict(info)})


def load_rgb_checkpoint(path: Path) -> RGBCheckpoint:
    """Read a checkpoint of M. Raises InvalidCheckpoint, as ``load_checkpoint`` does."""
    content = read_model(path)
    info = describe(path, content, ENTRY, FORMAT, _read_info, "bharnet train-rgb")
    network = fill(path, content, lambda: build(info))
    return RGBCheckpoint(network, info, digest(content))


def _read_info(values: dict[str, Any]) -> RGBInfo:
    return RGBInfo(
        name=str(values["name"]),
        version=str(values["version"]),
        skeleton=read_info(values["skeleton"]),
        image=ResNetConfig(**values["image"]),
        crops=CropConfig(**values["crops"]),
        fusion=FusionConfig(**values["fusion"]),
        provenance=dict(values["provenance"]),
    )
