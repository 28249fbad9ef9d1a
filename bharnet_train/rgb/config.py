# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a training run of M is, in one validated YAML file (config/rgb/*.yaml)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bharnet.rgb.backbone import ResNetConfig
from bharnet.rgb.crops import CropConfig
from bharnet.rgb.guided import FusionConfig
from bharnet_train.config import Name, Seed, Share, Strength


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RGBOptimiser(_Strict):
    """SGD with steps. The defaults are MMNet's, for tens of thousands of clips."""

    epochs: int = Field(default=80, ge=1)
    batch: int = Field(default=64, ge=2)
    rate: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: Strength = 1e-4
    steps: list[int] = Field(default=[10, 50], description="epochs after which rate / 10")
    repeat: int = Field(default=1, ge=1, description="how often an epoch shows each clip")
    balance: Share = Field(
        default=1.0, description="0: classes as often as recorded, 1: equally often"
    )


class RGBTrainConfig(_Strict):
    """One training run of M.

    table       CSV beside this file: file,label,person,start_s,end_s; see clips.py
    skeleton    the trained skeleton model that guides and is added to; empty = the one that
                ships, else a path seen from this file. Its classes are M's
    test        people that the picture's network never sees, scored at the end; ``skeleton``
                may know them
    halves      for who has too few people to hold one out: one half of the pictures of each clip
                is trained on, the other scored. alternate: every second one; sequence: the
                first half trains. This shows that everything fits together, and nothing about
                new people
    weights     where the picture's network begins: auto, random, or a file seen from this one;
                see bharnet/rgb/weights.py
    rate        pictures a second that the camera took; 0 = as the files say
    pose        MediaPipe's pose network: lite, full or heavy
    shortest    least share of a clip that a training picture covers
    """

    name: Name
    version: str = "0.1.0"
    table: str
    skeleton: str = ""
    test: list[str] = []
    halves: Literal["", "alternate", "sequence"] = ""
    weights: str = "auto"
    rate: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    pose: Literal["lite", "full", "heavy"] = "full"
    shortest: float = Field(default=0.6, gt=0, le=1)
    seed: Seed = 0
    crops: CropConfig = CropConfig()
    image: ResNetConfig = ResNetConfig()
    fusion: FusionConfig = FusionConfig()
    optimiser: RGBOptimiser = RGBOptimiser()

    @model_validator(mode="after")
    def _one_way_to_hold_out(self) -> RGBTrainConfig:
        if self.test and self.halves:
            raise ValueError("test holds people out, halves holds pictures out: choose one")
        return self
