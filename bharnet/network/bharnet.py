"""BHaRNet: two experts, what passes between them, and the ensemble of their scores.

Variants (names of the paper; what is stated and what is inferred: docs/network.md)
  B  a body expert and a hand expert; their logits are added
  P  the same with pooling attention in place of average pooling
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from bharnet.features import FeatureConfig, Streams
from bharnet.network.backbone import Backbone
from bharnet.network.interaction import PoolingAttention
from bharnet.skeleton import HAND_21, get_layout

EXPERTS = ("body", "hand")
VARIANTS = ("B", "P")


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network; kept in the checkpoint.

    variant          B or P
    experts          ("body", "hand"), or one of them as a baseline
    blocks           (channels, temporal stride) of each block of an expert
    attention_width  width of the cross-attention of P
    dropout          before the classifiers
    """

    variant: str = "P"
    experts: tuple[str, ...] = EXPERTS
    blocks: tuple[tuple[int, int], ...] = ((32, 2), (48, 1), (64, 2), (96, 1))
    attention_width: int = 32
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"variant '{self.variant}' must be one of {', '.join(VARIANTS)}")
        if self.experts not in (EXPERTS, EXPERTS[:1], EXPERTS[1:]):
            raise ValueError(f"experts {self.experts} must be body, hand or both, in this order")
        sizes = [channels for channels, _ in self.blocks]
        # Bounded, because a checkpoint may come from anywhere.
        if not 1 <= len(sizes) <= 32 or any(size % 8 or not 8 <= size <= 2048 for size in sizes):
            raise ValueError(
                f"blocks {str(self.blocks)[:80]}: 1 to 32 of them, channels 8 to 2048 in eights "
                "(a block has 8 graphs and 4 temporal paths)"
            )
        if any(not 1 <= stride <= 4 for _, stride in self.blocks):
            raise ValueError("blocks: a temporal stride is 1 to 4")
        if not 1 <= self.attention_width <= 2048 or not 0 <= self.dropout < 1:
            raise ValueError("attention_width is 1 to 2048, dropout 0 to below 1")


class Scores(NamedTuple):
    """Logits (B, classes) of each expert and of their ensemble.

    body_present, hand_present (B,): 1.0 where that expert saw anything; its logits are zero
    where it did not, so an absent hand neither votes nor dilutes.
    """

    body: torch.Tensor
    hand: torch.Tensor
    fused: torch.Tensor
    body_present: torch.Tensor
    hand_present: torch.Tensor


class BHaRNet(nn.Module):
    """Streams of a batch of windows -> Scores.

    >>> network = BHaRNet(NetworkConfig(), FeatureConfig(), classes=10)
    >>> scores = network(make_streams(position, seen, FeatureConfig()))
    >>> scores.fused.shape
    torch.Size([batch, 10])
    """

    def __init__(self, config: NetworkConfig, features: FeatureConfig, classes: int) -> None:
        super().__init__()
        self.config, self.classes = config, classes
        self.time_stride = 1
        for _, stride in config.blocks:
            self.time_stride *= stride
        layouts = {"body": get_layout(features.body_layout), "hand": HAND_21}
        inputs = {"body": features.body_channels, "hand": features.hand_channels}
        self.backbone = nn.ModuleDict(
            {name: Backbone(inputs[name], layouts[name], config.blocks) for name in config.experts}
        )
        width = config.blocks[-1][0]
        self.attend = config.variant == "P" and len(config.experts) == 2
        self.pool = nn.ModuleDict()
        if self.attend:
            self.pool.update(
                {name: PoolingAttention(width, config.attention_width) for name in config.experts}
            )
        self.dropout = nn.Dropout(config.dropout)
        self.classify = nn.ModuleDict({name: nn.Linear(width, classes) for name in config.experts})

    def maps(self, streams: Streams) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Each expert's features (B, I, C, T', V), and where it saw something (B, I, T', V)."""
        inputs = {
            "body": (streams.body[:, None], streams.body_seen[:, None]),
            "hand": (streams.hands, streams.hands_seen),
        }
        return {name: self._expert(name, *inputs[name]) for name in self.config.experts}

    def forward(self, streams: Streams) -> Scores:
        maps = self.maps(streams)
        present = {
            "body": (streams.body_seen.amax((1, 2)) > 0).to(streams.body.dtype),
            "hand": (streams.hands_seen.amax((1, 2, 3)) > 0).to(streams.body.dtype),
        }
        logits = {
            name: streams.body.new_zeros(len(streams.body), self.classes) for name in EXPERTS
        }
        for name in self.config.experts:
            pooled = self._pool(name, maps)
            logits[name] = self.classify[name](self.dropout(pooled)) * present[name][:, None]
        fused = logits["body"] + logits["hand"]
        return Scores(logits["body"], logits["hand"], fused, present["body"], present["hand"])

    def _expert(
        self, name: str, x: torch.Tensor, seen: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, I, C, T, V), seen (B, I, T, V) -> the expert's map and where it saw anything."""
        batch, instances = x.shape[:2]
        features = self.backbone[name](x.flatten(0, 1)).unflatten(0, (batch, instances))
        if self.time_stride > 1:
            seen = nn.functional.max_pool2d(
                seen.flatten(0, 1), (self.time_stride, 1), (self.time_stride, 1), ceil_mode=True
            ).unflatten(0, (batch, instances))
        return features, seen[..., : features.shape[-2], :]

    def _pool(self, name: str, maps: dict[str, tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
        if self.attend:
            other = "hand" if name == "body" else "body"
            return self.pool[name](*maps[name], *maps[other])
        features, seen = maps[name]
        weight = seen[:, :, None]
        total = weight.sum((1, 3, 4)).clamp(min=1e-6)
        return (features * weight).sum((1, 3, 4)) / total
