"""The graph network of one expert: ten lines of block list, three kinds of layer.

Four temporal paths as in DeGCN / CTR-GCN (public code), a learnable graph for each group of
channels; small enough for two CPU cores.
"""

from __future__ import annotations

import torch
from torch import nn

from bharnet.skeleton import Layout


def neighbourhood(layout: Layout) -> torch.Tensor:
    """Each joint, its parent and its children: adjacency (V, V), columns sum to 1."""
    near = torch.eye(len(layout))
    for child, parent in layout.bones:
        near[child, parent] = near[parent, child] = 1.0
    return near / near.sum(0, keepdim=True)


def pointwise(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution without bias: (N, C, T, V) -> (N, C', T / stride, V)."""
    return nn.Conv2d(inputs, outputs, 1, (stride, 1), bias=False)


class GraphConv(nn.Module):
    """Joints exchange features along learnable graphs: (N, C, T, V) -> (N, C', T, V).

    Each of ``heads`` groups of channels has a graph of its own, which begins as the skeleton:
    the decoupled aggregation of DecoupleGCN (Cheng et al., ECCV 2020), a third of the products of
    three subsets that share all channels.
    """

    def __init__(self, inputs: int, outputs: int, layout: Layout, heads: int = 8) -> None:
        super().__init__()
        self.adjacency = nn.Parameter(neighbourhood(layout).repeat(heads, 1, 1))
        self.mix = pointwise(inputs, outputs)
        self.norm = nn.BatchNorm2d(outputs)
        self.residual = inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads, joints = self.adjacency.shape[:2]
        mixed = self.mix(x)
        rows = mixed.view(len(x), heads, -1, joints)  # a head's channels and times are rows
        gathered = self.norm((rows @ self.adjacency).view_as(mixed))
        return torch.relu(gathered + x if self.residual else gathered)


class TemporalConv(nn.Module):
    """Four paths over time, a quarter of the channels each: (N, C, T, V) -> (N, C, T/s, V).

    Kernel 5, kernel 5 dilated by 2, max-pool 3, and straight through.
    """

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        quarter, pace = channels // 4, (stride, 1)
        self.stride = stride
        self.split = pointwise(channels, channels)
        self.split_norm = nn.BatchNorm2d(channels)
        self.near = nn.Conv2d(quarter, quarter, (5, 1), pace, (2, 0), bias=False)
        self.far = nn.Conv2d(quarter, quarter, (5, 1), pace, (4, 0), (2, 1), bias=False)
        self.pool = nn.MaxPool2d((3, 1), pace, (1, 0))
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        near, far, peak, plain = torch.relu(self.split_norm(self.split(x))).chunk(4, 1)
        paths = (self.near(near), self.far(far), self.pool(peak), plain[:, :, :: self.stride])
        return self.norm(torch.cat(paths, 1))


class Block(nn.Module):
    """Graph, then time, around both a residual: (N, C, T, V) -> (N, C', T/s, V)."""

    def __init__(self, inputs: int, outputs: int, layout: Layout, stride: int = 1) -> None:
        super().__init__()
        self.graph = GraphConv(inputs, outputs, layout)
        self.time = TemporalConv(outputs, stride)
        self.skip: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            self.skip = nn.Sequential(pointwise(inputs, outputs, stride), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.time(self.graph(x)) + self.skip(x))


class Backbone(nn.Module):
    """Input normalisation and a row of blocks: (N, C, T, V) -> (N, width, T', V).

    ``blocks`` lists (channels, stride). T' = T / product of the strides.
    """

    def __init__(self, inputs: int, layout: Layout, blocks: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(inputs * len(layout))
        widths = [inputs, *(channels for channels, _ in blocks)]
        self.blocks = nn.Sequential(
            *(
                Block(before, channels, layout, stride)
                for before, (channels, stride) in zip(widths, blocks, strict=False)
            )
        )
        self.width = widths[-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, channels, frames, joints = x.shape
        x = self.norm(x.permute(0, 3, 1, 2).reshape(count, joints * channels, frames))
        x = x.reshape(count, joints, channels, frames).permute(0, 2, 3, 1)
        return self.blocks(x)
