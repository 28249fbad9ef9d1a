# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The graph network of one expert: input normalisation and a row of blocks.

The same code is ten blocks of 64 to 256 channels in DeGCN's manner, or four of 32 to 96 for two
CPU cores; ``NetworkConfig`` says which.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from bharnet.network.graph import GRAPHS, GROUPS, SLOPE, pointwise
from bharnet.network.temporal import TEMPORAL
from bharnet.skeleton import Layout


class Block(nn.Module):
    """Graph, then time, around both a residual: (N, C, T, V) -> (N, C', T / stride, V).

    The first block of a network has no residual: coordinates are no features.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        layout: Layout,
        *,
        stride: int = 1,
        residual: bool = True,
        graph: str = "decoupled",
        time: str = "dilated",
    ) -> None:
        super().__init__()
        self.graph = GRAPHS[graph](inputs, outputs, layout)
        self.time = TEMPORAL[time](outputs, stride)
        self.skip: nn.Module | None = None
        if residual:
            self.skip = nn.Identity()
            if inputs != outputs or stride != 1:
                self.skip = nn.Sequential(
                    pointwise(inputs, outputs, stride, GROUPS), nn.BatchNorm2d(outputs)
                )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        moved = self.time(self.graph(x))
        return leaky_relu(moved if self.skip is None else moved + self.skip(x), SLOPE)


class InputNorm(nn.Module):
    """Batch normalisation of every joint's every channel: (N, C, T, V) -> the same."""

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        self.joints = joints
        self.norm = nn.BatchNorm1d(channels * joints)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, channels, frames, joints = x.shape
        x = self.norm(x.permute(0, 3, 1, 2).reshape(count, joints * channels, frames))
        return x.reshape(count, joints, channels, frames).permute(0, 2, 3, 1)


def make_blocks(
    inputs: int,
    blocks: tuple[tuple[int, int], ...],
    layout: Layout,
    *,
    first: bool,
    graph: str,
    time: str,
) -> nn.Sequential:
    """A row of blocks, ``blocks`` lists (channels, temporal stride) of each.

    ``first``: the row reads coordinates, not features.
    """
    widths = [inputs, *(channels for channels, _ in blocks)]
    return nn.Sequential(
        *(
            Block(
                widths[i],
                channels,
                layout,
                stride=stride,
                residual=not (first and i == 0),
                graph=graph,
                time=time,
            )
            for i, (channels, stride) in enumerate(blocks)
        )
    )
