"""Where the experts look at each other: the pooling-attention module of variant P.

Read from the graphical abstract of BHaRNet (paper.md 6.3): three parallel paths, one for each
axis - time, joints, instances. Each pools the map to a row of tokens along its axis, lets them
attend to the other expert's tokens, and pools to a vector; the three vectors are added.
"""

from __future__ import annotations

import torch
from torch import nn


def pool_axes(
    features: torch.Tensor, seen: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Means over the two other axes, for each of time, joints, instances.

    features (B, I, C, T, V), seen (B, I, T, V) -> three times tokens (B, L, C), seen (B, L).
    What was not seen does not count, so that an absent hand never dilutes the mean.
    """
    weight = seen[:, :, None]
    weighted = features * weight
    pooled = []
    for axes in ((1, 4), (1, 3), (3, 4)):
        total = weight.sum(axes)  # (B, 1, L) or (B, L, 1)
        mean = weighted.sum(axes) / total.clamp(min=1e-6)
        if axes != (3, 4):  # (B, C, L) -> (B, L, C)
            mean, total = mean.transpose(1, 2), total.transpose(1, 2)
        pooled.append((mean, (total[..., 0] > 0).to(features.dtype)))
    return pooled


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
    """Pools one expert's map to a vector while looking at the other's.

    Own and other maps (B, I, C, T, V), seen (B, I, T, V) -> (B, C).
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = nn.ModuleList(CrossAttention(channels, width) for _ in range(3))

    def forward(
        self,
        own: torch.Tensor,
        own_seen: torch.Tensor,
        other: torch.Tensor,
        other_seen: torch.Tensor,
    ) -> torch.Tensor:
        result = torch.zeros_like(own[:, 0, :, 0, 0])
        paths = zip(
            self.attention, pool_axes(own, own_seen), pool_axes(other, other_seen), strict=True
        )
        for attention, (tokens, seen), (others, others_seen) in paths:
            answered = tokens + attention(self.norm(tokens), self.norm(others), others_seen)
            weight = seen[..., None]
            result = result + (answered * weight).sum(1) / weight.sum(1).clamp(min=1.0)
        return result / 3.0
