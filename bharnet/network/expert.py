# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One expert: a trunk of graph blocks, its branches, its classifiers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import max_pool2d

from bharnet.network.backbone import InputNorm, make_blocks
from bharnet.network.classifier import Classifier
from bharnet.network.config import NetworkConfig
from bharnet.network.interaction import FeatureAttention, Map, PoolingAttention, mean_seen
from bharnet.network.whole import JointPooling, coarser
from bharnet.skeleton import HAND_21, Layout


class Answer(NamedTuple):
    """Logits (B, classes) of one expert.

    own       of its interactive branch; where the other saw nothing, ``alone`` if there is one
    together  of all its branches
    alone     from its own map only, whatever the other saw; None without a classifier for it
    """

    own: torch.Tensor
    together: torch.Tensor
    alone: torch.Tensor | None


class Expert(nn.Module):
    """Looks at one skeleton, of as many instances as there are (a person has two hands).

    ``trunk`` and ``interactive`` make the map that the other expert may look at; ``expertized``
    (variant E) is a branch that nobody looks into and that learns from the sum alone.

    A classifier that always had the other's answer to lean on is at a loss without it. So the body
    has one more, which never has it: hands go out of sight, and who has hands has a body. It is
    ours, not the paper's (docs/results.md says what it gains).
    """

    def __init__(self, config: NetworkConfig, channels: int, layout: Layout, classes: int) -> None:
        super().__init__()
        blocks, kinds = config.blocks, {"graph": config.graph, "time": config.time}
        width, branch = blocks[-1][0], config.split if config.variant == "E" else 0
        trunk = len(blocks) - branch
        self.norm = InputNorm(channels, len(layout))
        self.trunk = make_blocks(channels, blocks[:trunk], layout, first=True, **kinds)
        before = blocks[trunk - 1][0]
        self.interactive = make_blocks(before, blocks[trunk:], layout, first=False, **kinds)
        self.expertized: nn.Sequential | None = None
        if config.variant == "E":
            self.expertized = make_blocks(before, blocks[trunk:], layout, first=False, **kinds)
            self.classify_expertized = Classifier(width, classes, config.wide_class)
        attends = config.both and config.variant != "B"
        self.look: FeatureAttention | None = None
        self.pool: PoolingAttention | None = None
        if attends and config.attention == "feature":
            self.look = FeatureAttention(before, config.attention_width)
        elif attends:
            self.pool = PoolingAttention(width, config.attention_width)
        self.dropout = nn.Dropout(config.dropout)
        self.classify = Classifier(width, classes, config.wide_class)
        self.classify_alone: nn.Linear | None = None
        if attends and config.alone and layout is not HAND_21:
            self.classify_alone = nn.Linear(width, classes)

    def see(self, x: torch.Tensor, seen: torch.Tensor) -> Map:
        """Through the trunk: (B, I, C, T, V), seen (B, I, T, V) -> the map so far."""
        return self._through(self.trunk, (self.norm(x.flatten(0, 1)).view_as(x), seen))

    def interact(self, own: Map, other: Map | None) -> Map:
        """Through the interactive branch, having looked at the other's map if this one does."""
        if self.look is not None and other is not None:
            own = self.look(own, other), own[1]
        return self._through(self.interactive, own)

    def answer(self, trunk: Map, own: Map, other: Map | None) -> Answer:
        """What the maps of this expert and of the other say."""
        looks = self.pool is not None and other is not None
        pooled = self.pool(own, other) if looks else mean_seen(*own)  # type: ignore[misc]
        logits, alone = self.classify(self.dropout(pooled)), None
        if self.classify_alone is not None and other is not None:
            alone = self.classify_alone(self.dropout(mean_seen(*own)))
            accompanied = other[1].amax((1, 2, 3))[:, None] > 0
            logits = torch.where(accompanied, logits, alone)
        if self.expertized is None:
            return Answer(logits, logits, alone)
        apart = mean_seen(*self._through(self.expertized, trunk))
        return Answer(logits, logits + self.classify_expertized(self.dropout(apart)), alone)

    @staticmethod
    def _through(blocks: nn.Sequential, x: Map) -> Map:
        features, seen = x
        if not len(blocks):
            return x
        batch, instances = features.shape[:2]
        made = blocks(features.flatten(0, 1)).unflatten(0, (batch, instances))
        pace = -(-seen.shape[2] // made.shape[3])
        if pace > 1:  # an instant of the map is seen if any of its frames is
            seen = max_pool2d(seen, (pace, 1), (pace, 1), ceil_mode=True)
        return made, seen[:, :, : made.shape[3]]


class EarlyPooling(Expert):
    """The unified graph whose fingers, then hands, become one joint each on the way."""

    def __init__(self, config: NetworkConfig, channels: int, body: Layout, classes: int) -> None:
        steps, last = coarser(body)
        super().__init__(config, channels, steps[0][0], classes)
        third = max(1, len(config.blocks) // 3)
        rows, inputs = nn.Sequential(), channels
        kinds = {"graph": config.graph, "time": config.time}
        for i, layout in enumerate([step[0] for step in steps] + [last]):
            until = len(config.blocks) if i == len(steps) else third * (i + 1)
            chosen = config.blocks[third * i : until]
            rows.append(make_blocks(inputs, chosen, layout, first=i == 0, **kinds))
            inputs = chosen[-1][0]
            if i < len(steps):
                rows.append(JointPooling(steps[i][1]))
        self.trunk = rows
        self._coarse: torch.Tensor
        seen = steps[0][1] @ steps[1][1]
        self.register_buffer("_coarse", (seen > 0).float(), persistent=False)

    def see(self, x: torch.Tensor, seen: torch.Tensor) -> Map:
        features, _ = super().see(x, seen)
        # A pooled joint is seen if any of its joints is.
        coarse = ((seen @ self._coarse) > 0).to(seen.dtype)
        pace = -(-coarse.shape[2] // features.shape[3])
        coarse = max_pool2d(coarse, (pace, 1), (pace, 1), ceil_mode=True)
        return features, coarse[:, :, : features.shape[3]]
