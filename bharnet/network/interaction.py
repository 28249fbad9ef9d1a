# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the experts look at each other: cross-attention, in two forms.

``PoolingAttention`` replaces average pooling: the module of BHaRNet's graphical abstract
(paper.md 6.3) with three parallel paths, one for each axis - time, joints, instances. Each pools
the map to a row of tokens along its axis, lets them attend to the other expert's tokens, and pools
to a vector; the three vectors are added. The paths share one set of projections.

``FeatureAttention`` links the interactive branches of variant E before their last blocks. Its
place and form are stated nowhere; tokens over time are the cheapest that keep when things happen.
"""

from __future__ import annotations

import torch
from torch import nn

# Features (B, I, C, T, V) of an expert and seen (B, I, T, V), 1.0 where it saw something.
Map = tuple[torch.Tensor, torch.Tensor]


def mean_seen(features: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Mean over what was seen: (B, I, C, T, V), (B, I, T, V) -> (B, C).

    What was not seen does not count, so that an absent hand never dilutes the mean.
    """
    weight = seen[:, :, None]
    return (features * weight).sum((1, 3, 4)) / weight.sum((1, 3, 4)).clamp(min=1e-6)


def pool_axes(
    features: torch.Tensor, seen: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Means over the two other axes, for each of time, joints, instances.

    features (B, I, C, T, V), seen (B, I, T, V) -> three times tokens (B, L, C), seen (B, L).
    """
    weight = seen[:, :, None]
    pooled = []
    for total, count in zip(_sums(features * weight), _sums(weight), strict=True):
        mean = (total / count.clamp(min=1e-6)).transpose(1, 2)  # (B, L, C)
        pooled.append((mean, (count[:, 0] > 0).to(features.dtype)))
    return pooled


def _sums(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(B, I, C, T, V) -> sums (B, C, L) over all but time, joints, instances.

    Joints first, which lie side by side in memory: a third of the time.
    """
    rows = x.sum(4)
    return rows.sum(1), x.sum(3).sum(1), rows.sum(3).transpose(1, 2)


class CrossAttention(nn.Module):
    """Tokens of one expert ask the other's: (B, L, C), (B, M, C) -> (B, L, C).

    A narrow single head. Where the other expert saw nothing the answer is zero, not noise.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, width, bias=False)
        self.key = nn.Linear(channels, width, bias=False)
        self.value = nn.Linear(channels, width, bias=False)
        self.out = nn.Linear(width, channels, bias=False)

    def forward(
        self, tokens: torch.Tensor, others: torch.Tensor, others_seen: torch.Tensor
    ) -> torch.Tensor:
        scores = self.query(tokens) @ self.key(others).transpose(1, 2)
        scores = scores * self.key.out_features**-0.5 + (others_seen[:, None] - 1.0) * 1e4
        attended = torch.softmax(scores, -1) @ self.value(others)
        anything = others_seen.amax(1)[:, None, None]
        return self.out(attended) * anything


class PoolingAttention(nn.Module):
    """Pools one expert's map to a vector (B, C) while looking at the other's."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = CrossAttention(channels, width)

    def forward(self, own: Map, other: Map) -> torch.Tensor:
        result = torch.zeros_like(own[0][:, 0, :, 0, 0])
        paths = zip(pool_axes(*own), pool_axes(*other), strict=True)
        for (tokens, seen), (others, others_seen) in paths:
            answer = self.attention(self.norm(tokens), self.norm(others), others_seen)
            answered = tokens + answer
            weight = seen[..., None]
            result = result + (answered * weight).sum(1) / weight.sum(1).clamp(min=1.0)
        return result / 3.0


class FeatureAttention(nn.Module):
    """Adds to one expert's features (B, I, C, T, V) what the other's instants answer."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = CrossAttention(channels, width)

    def forward(self, own: Map, other: Map) -> torch.Tensor:
        tokens, others = pool_axes(*own)[0][0], pool_axes(*other)[0]
        answer = self.attention(self.norm(tokens), self.norm(others[0]), others[1])  # (B, T, C)
        return own[0] + answer.transpose(1, 2)[:, None, :, :, None] * own[1][:, :, None]
