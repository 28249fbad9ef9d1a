# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Windows cut from recordings as the node will meet them: any part, any speed."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Many

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from bharnet.features import FeatureConfig, resample
from bharnet.window import NANOSECONDS
from bharnet_train.config import Augmentation
from bharnet_train.datasets.recordings import Sequence

Item = tuple[torch.Tensor, torch.Tensor, int]


class Windows(Dataset[Item]):
    """position (T, J, 3), seen (T, J), class index of each sequence.

    With ``augmentation`` a random stretch of the sequence fills the window, which is also a
    random speed; without, the whole sequence does. The same seed, epoch and index give the same
    window, so that a resumed run equals an uninterrupted one.
    """

    def __init__(
        self,
        sequences: Many[Sequence],
        classes: Many[str],
        features: FeatureConfig,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self._sequences, self._features = sequences, features
        self._augmentation, self._seed = augmentation, seed
        self.targets = [classes.index(sequence.label) for sequence in sequences]

    def __len__(self) -> int:
        return len(self._sequences)

    def __getitem__(self, place: int | tuple[int, int]) -> Item:
        epoch, index = place if isinstance(place, tuple) else (0, place)
        sequence = self._sequences[index]
        end, seconds, instants = int(sequence.window.stamps[-1]), sequence.seconds, None
        if self._augmentation is not None:
            rng = np.random.default_rng((self._seed, epoch, index))
            share = rng.uniform(self._augmentation.shortest, 1.05)
            end -= round(rng.uniform(0, max(0.0, 1 - share)) * seconds * NANOSECONDS)
            seconds *= share
            if self._augmentation.warp > 0:
                instants = _warped(self._features.frames, self._augmentation.warp, rng)
        joints = resample(sequence.window, self._features, end, seconds, instants)
        return (
            torch.from_numpy(joints.position),
            torch.from_numpy(joints.seen),
            self.targets[index],
        )


def _warped(frames: int, strength: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Shares 0..1 of a span at uneven steps: here faster, there slower."""
    steps = np.exp(rng.normal(0.0, strength, frames - 1))
    return np.concatenate(([0.0], np.cumsum(steps) / steps.sum()))


class Shard(Dataset[Item]):
    """Every ``world``-th item from ``rank`` on.

    All shards are equally long, so that no process waits for another for ever; what fills the
    last place of some is of class -1, which counts for nothing.
    """

    def __init__(self, items: Windows, rank: int, world: int) -> None:
        self._items, self._rank, self._world = items, rank, world

    def __len__(self) -> int:
        return -(-len(self._items) // self._world)

    def __getitem__(self, index: int) -> Item:
        place = index * self._world + self._rank
        if place < len(self._items):
            return self._items[place]
        position, seen, _ = self._items[0]
        return position, seen, -1


class BalancedOrder(Sampler[tuple[int, int]]):
    """(epoch, index) in the order of an epoch; rare classes are drawn more often.

    A class of n sequences comes as n^(1 - balance). The order follows from seed and epoch alone,
    so that a resumed run goes on as it would have. Of ``world`` processes each takes every
    world-th place from its ``rank`` on: together they see in each batch what one process alone
    would. What is left over after the last whole batch, of all processes, is left out.
    """

    def __init__(
        self,
        targets: Many[int],
        balance: float,
        seed: int,
        batch: int = 1,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        counts = torch.bincount(torch.tensor(targets)).double()
        self._weights = counts[torch.tensor(targets)] ** -balance
        self._seed, self._epoch = seed, 0
        self._places = range(rank, len(targets) // batch * batch, world)

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(self._seed * 100_003 + self._epoch)
        drawn = torch.multinomial(self._weights, len(self._weights), True, generator=generator)
        order = drawn.tolist()
        return iter([(self._epoch, order[place]) for place in self._places])
