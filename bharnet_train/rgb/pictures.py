# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Clips -> what M reads: a picture, which of its cells show anything, and the joints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from bharnet.features import FeatureConfig, resample
from bharnet.rgb.crops import choose_moments, tile
from bharnet.skeleton import get_layout
from bharnet.window import NANOSECONDS
from bharnet_train.rgb.clips import Clip


class Item(NamedTuple):
    """One sample; of a batch each tensor has B in front.

    picture (3, H, W) uint8; shown (5, moments); position (T, J, 3); seen (T, J); target: class
    """

    picture: torch.Tensor
    shown: torch.Tensor
    position: torch.Tensor
    seen: torch.Tensor
    target: int


class Pictures(Dataset[Item]):
    """A sample of each clip, ``repeat`` times.

    With ``shortest`` a random stretch of at least that share, and random moments in it; without,
    the whole clip and the middles of its parts. The same seed, epoch and index give the same
    sample, so that a resumed run equals an uninterrupted one.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        classes: Sequence[str],
        features: FeatureConfig,
        moments: int,
        *,
        shortest: float | None = None,
        repeat: int = 1,
        seed: int = 0,
    ) -> None:
        self._clips, self._features, self._moments = clips, features, moments
        self._shortest, self._seed = shortest, seed
        layout = get_layout(features.body_layout)
        self._windows = [clip.window(layout) for clip in clips]
        self.targets = [classes.index(clip.row.label) for clip in clips] * repeat

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, place: int | tuple[int, int]) -> Item:
        epoch, index = place if isinstance(place, tuple) else (0, place)
        clip = self._clips[index % len(self._clips)]
        window = self._windows[index % len(self._clips)]
        stamps, rng = clip.stamps, None
        end, span = int(stamps[-1]), int(stamps[-1] - stamps[0])
        if self._shortest is not None:
            rng = np.random.default_rng((self._seed, epoch, index))
            share = rng.uniform(self._shortest, 1.0)
            end -= round(rng.uniform(0, 1 - share) * span)
            span = round(share * span)
        inside = np.flatnonzero((stamps >= end - span) & (stamps <= end))
        chosen = inside[choose_moments(len(inside), self._moments, rng)]
        joints = resample(window, self._features, end, span / NANOSECONDS)
        return Item(
            torch.from_numpy(tile(clip.cells.read(chosen))).movedim(-1, 0),
            torch.from_numpy(clip.shown[chosen].T.copy()),
            torch.from_numpy(joints.position),
            torch.from_numpy(joints.seen),
            self.targets[index],
        )
