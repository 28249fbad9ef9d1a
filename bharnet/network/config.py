# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The shape of the network: everything that decides its parameters."""

from __future__ import annotations

from dataclasses import dataclass

from bharnet.network.fusion import FUSIONS
from bharnet.network.graph import GRAPHS
from bharnet.network.temporal import TEMPORAL

EXPERTS = ("body", "hand")
VARIANTS = ("B", "P", "E")
BASELINES = (EXPERTS[:1], EXPERTS[1:], ("whole",))
ATTENTION = ("pooling", "feature")

# DeGCN's ten blocks (paper.md 5); with graph "refined" and time "deformable", the full size.
FULL_BLOCKS = ((64, 1),) * 4 + ((128, 2),) + ((128, 1),) * 2 + ((256, 2),) + ((256, 1),) * 2


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network; kept in the checkpoint. Defaults are for two CPU cores.

    variant          B, P or E: see bharnet.py
    experts          ("body", "hand"); as baselines one of them, or ("whole",): one unified graph
    early_pooling    the unified graph joins fingers, then hands, to one joint on the way
    blocks           (channels, temporal stride) of each block of an expert
    graph            decoupled (light) or refined (DeGCN's manner)
    time             dilated (light) or deformable (DeGCN's manner)
    split            E: how many of the last blocks each of the two branches has to itself
    attention        how interactive branches look at each other: pooling (P), feature, of E
    attention_width  width of the cross-attention
    alone            the body expert has a second classifier, for people whose hands are not seen
    fusion           the answer of two experts: sum of logits, or noisy_or of probabilities
    dropout          before the classifiers
    wide_class       the class that wins far from all others (classifier.py); -1: none
    """

    variant: str = "P"
    experts: tuple[str, ...] = EXPERTS
    early_pooling: bool = False
    blocks: tuple[tuple[int, int], ...] = ((32, 2), (48, 1), (64, 2), (96, 1))
    graph: str = "decoupled"
    time: str = "dilated"
    split: int = 1
    attention: str = "pooling"
    attention_width: int = 24
    alone: bool = True
    fusion: str = "sum"
    dropout: float = 0.2
    wide_class: int = -1

    def __post_init__(self) -> None:
        if not isinstance(self.experts, str):  # ("body") is a text
            object.__setattr__(self, "experts", tuple(self.experts))
        object.__setattr__(self, "blocks", tuple(tuple(block) for block in self.blocks))
        _known("variant", self.variant, VARIANTS)
        _known("graph", self.graph, tuple(GRAPHS))
        _known("time", self.time, tuple(TEMPORAL))
        _known("attention", self.attention, ATTENTION)
        _known("fusion", self.fusion, FUSIONS)
        if self.experts not in (EXPERTS, *BASELINES):
            raise ValueError(
                f"experts {self.experts} must be body, hand or both, in this order, or whole"
            )
        sizes = [channels for channels, _ in self.blocks]
        # Bounded, because a checkpoint may come from anywhere.
        if not 1 <= len(sizes) <= 32 or any(size % 8 or not 8 <= size <= 2048 for size in sizes):
            raise ValueError(
                f"blocks {str(self.blocks)[:80]}: 1 to 32 of them, channels 8 to 2048 in eights "
                "(a block has 8 graphs and 4 temporal paths)"
            )
        if self.graph == "refined" and any(size % 32 for size in sizes):
            raise ValueError("blocks: graph 'refined' needs channels in multiples of 32")
        if any(not 1 <= stride <= 4 for _, stride in self.blocks):
            raise ValueError("blocks: a temporal stride is 1 to 4")
        if self.variant == "E" and not 1 <= self.split < len(self.blocks):
            raise ValueError("split: a branch has at least one block, and so has the trunk")
        if self.early_pooling and (self.experts != ("whole",) or len(self.blocks) < 3):
            raise ValueError("early_pooling needs experts (whole,) and 3 blocks or more")
        if self.early_pooling and self.variant == "E":
            raise ValueError("early_pooling joins joints along one trunk: variant B or P, not E")
        if not 1 <= self.attention_width <= 2048 or not 0 <= self.dropout < 1:
            raise ValueError("attention_width is 1 to 2048, dropout 0 to below 1")

    @property
    def both(self) -> bool:
        """Whether two experts answer together."""
        return self.experts == EXPERTS


def _known(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{what} '{value}' must be one of {', '.join(known)}")
