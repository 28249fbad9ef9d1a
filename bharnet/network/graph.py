# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Graph convolutions: how joints of one instant exchange features.

Two kinds behind one signature, (N, C, T, V) -> (N, C', T, V), both with learnable graphs:
``DecoupledGraphConv`` for two CPU cores, ``RefinedGraphConv`` for full-size networks.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from bharnet.skeleton import Layout

SLOPE = 0.1  # of LeakyReLU, as in DeGCN
GROUPS = 4  # of the 1x1 convolutions of RefinedGraphConv
HEADS = 8  # of DecoupledGraphConv


def neighbourhood(layout: Layout) -> torch.Tensor:
    """Each joint, its parent and its children: (V, V), columns sum to 1."""
    return _normalised((subsets(layout) > 0).sum(0).float())


def subsets(layout: Layout) -> torch.Tensor:
    """The joint itself, inward (child to parent), outward: (3, V, V), columns sum to 1 or 0.

    ``[k, u, v]`` weighs what joint v receives from joint u. The spatial partition of ST-GCN (Yan
    et al., AAAI 2018).
    """
    own, inward = torch.eye(len(layout)), torch.zeros(len(layout), len(layout))
    for child, parent in layout.bones:
        inward[child, parent] = 1.0
    return torch.stack([_normalised(each) for each in (own, inward, inward.T)])


def _normalised(adjacency: torch.Tensor) -> torch.Tensor:
    return adjacency / adjacency.sum(0, keepdim=True).clamp(min=1.0)


def pointwise(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A 1x1 convolution without bias: (N, C, T, V) -> (N, C', T / stride, V)."""
    return nn.Conv2d(inputs, outputs, 1, (stride, 1), groups=groups, bias=False)


class DecoupledGraphConv(nn.Module):
    """A learnable graph for each of 8 groups of channels, which begins as the skeleton.

    The decoupled aggregation of DecoupleGCN (Cheng et al., ECCV 2020): a third of the products of
    three subsets that share all channels.
    """

    def __init__(self, inputs: int, outputs: int, layout: Layout) -> None:
        super().__init__()
        self.adjacency = nn.Parameter(neighbourhood(layout).repeat(HEADS, 1, 1))
        self.mix = pointwise(inputs, outputs)
        self.norm = nn.BatchNorm2d(outputs)
        self.residual = inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = self.mix(x)
        rows = mixed.unflatten(1, (HEADS, -1)).flatten(2, 3)  # (N, heads, C' / heads * T, V)
        gathered = self.norm((rows @ self.adjacency).view_as(mixed))
        return leaky_relu(gathered + x if self.residual else gathered, SLOPE)


class RefinedGraphConv(nn.Module):
    """Three learnable subsets, refined for each channel by what the joints just did.

    Channel-wise topology refinement of CTR-GCN (Chen et al., ICCV 2021) with grouped 1x1
    convolutions, which DeGCN's public release (Myung et al., TIP 2024) has in place of its
    withheld deformable sampling. The refinement comes from features averaged over time; they are
    averaged before the convolution, not after, which is the same and cheaper. The first block,
    which reads coordinates, has the plain subsets.
    """

    def __init__(self, inputs: int, outputs: int, layout: Layout) -> None:
        super().__init__()
        first = inputs % (8 * GROUPS) != 0
        self.groups = 1 if first else GROUPS
        self.adjacency = nn.Parameter(subsets(layout))
        count = len(self.adjacency)
        self.value = pointwise(inputs, outputs * count, groups=self.groups)
        self.norm = nn.BatchNorm2d(outputs)
        self.relate: nn.Conv1d | None = None
        if not first:
            related = inputs // 8 * count
            self.relate = nn.Conv1d(inputs, 2 * related, 1, groups=self.groups)
            self.refine = nn.Conv2d(related, outputs * count, 1, groups=self.groups * count)
            self.strength = nn.Parameter(torch.zeros(()))
        self.skip: nn.Module = nn.Identity()
        if inputs != outputs:
            self.skip = nn.Sequential(
                pointwise(inputs, outputs, groups=self.groups), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count = len(self.adjacency)
        value = self.value(x).unflatten(1, (self.groups, count, -1))  # (N, g, 3, C'/g, T, V)
        if self.relate is None:
            gathered = torch.einsum("ngkctu,kuv->ngctv", value, self.adjacency)
        else:
            # (N, g, 2, 3 C/8g, V): what a joint asks and what it offers.
            related = self.relate(x.mean(2)).unflatten(1, (self.groups, 2, -1))
            asks, offers = related[:, :, 0].flatten(1, 2), related[:, :, 1].flatten(1, 2)
            apart = torch.tanh(offers[..., :, None] - asks[..., None, :])  # (N, 3 C/8, V, V)
            refined = self.refine(apart).unflatten(1, (self.groups, count, -1))
            graph = self.adjacency[:, None] + self.strength * refined
            gathered = torch.einsum("ngkctu,ngkcuv->ngctv", value, graph)
        return leaky_relu(self.norm(gathered.flatten(1, 2)) + self.skip(x), SLOPE)


GRAPHS: dict[str, type[nn.Module]] = {
    "decoupled": DecoupledGraphConv,
    "refined": RefinedGraphConv,
}
