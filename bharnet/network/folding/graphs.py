# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Graph convolutions that no longer learn.

``FoldedDecoupled``: (N, C, T, V) -> (N, C', T, V). The refined ones have frames last:
(N, C, V, T) -> (N, C', V, T).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import leaky_relu_

from bharnet.network.folding.affine import affine, joined
from bharnet.network.folding.products import Dense, by_group, every, grouped
from bharnet.network.graph import SLOPE, DecoupledGraphConv, RefinedGraphConv


class FoldedDecoupled(nn.Module):
    """``DecoupledGraphConv``; its normalisation's scale is in the weights."""

    shift: torch.Tensor

    def __init__(self, module: DecoupledGraphConv) -> None:
        super().__init__()
        scale, shift = affine(module.norm)
        self.adjacency, self.residual = module.adjacency, module.residual
        self.mix = Dense(module.mix.weight * scale[:, None, None, None])
        self.register_buffer("shift", shift[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = self.mix(x)
        rows = mixed.unflatten(1, (self.adjacency.shape[0], -1)).flatten(2, 3)
        gathered = (rows @ self.adjacency).view_as(mixed).add_(self.shift)
        return leaky_relu_(gathered.add_(x) if self.residual else gathered, SLOPE)


class FoldedFirst(nn.Module):
    """``RefinedGraphConv`` that reads coordinates: gather the few channels, then mix, in one."""

    adjacency: torch.Tensor

    def __init__(self, module: RefinedGraphConv) -> None:
        super().__init__()
        scale, shift = affine(module.norm)
        count, outputs = module.adjacency.shape[0], scale.numel()
        weight = module.value.weight.view(count, outputs, -1) * scale[:, None]  # (3, C', C)
        skip = module.skip
        assert isinstance(skip, nn.Sequential)
        residual = joined(skip)
        assert residual.bias is not None
        # The straight path is one more subset: everybody hears himself.
        straight = torch.eye(module.adjacency.shape[1], device=module.adjacency.device)[None]
        graphs = torch.cat((module.adjacency, straight))
        self.register_buffer("adjacency", graphs.mT.flatten(0, 1).contiguous())  # (4 V, V)
        mixing = torch.cat((weight, residual.weight[None, :, :, 0, 0]))  # (4, C', C)
        weight = mixing.permute(1, 2, 0).flatten(1)[:, :, None, None]
        self.mix = Dense(weight, shift + residual.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heard = (self.adjacency @ x).unflatten(2, (-1, x.shape[2]))  # (N, C, 4, V, T)
        return leaky_relu_(self.mix(heard.flatten(1, 2)), SLOPE)


class FoldedSkip(nn.Module):
    """A grouped 1x1 convolution and its normalisation; ``time`` is the axis of the frames."""

    weight: torch.Tensor
    shift: torch.Tensor

    def __init__(self, module: nn.Sequential, time: int) -> None:
        super().__init__()
        self.time, convolution = time, joined(module)
        assert convolution.bias is not None
        self.stride = int(convolution.stride[0])
        self.register_buffer("weight", by_group(convolution.weight, convolution.groups))
        self.register_buffer("shift", convolution.bias[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return grouped(self.weight, every(x, self.stride, self.time)).add_(self.shift)


class FoldedRefined(nn.Module):
    """``RefinedGraphConv`` as batched products, which add up in place, subset by subset.

    S subsets, G groups of channels, J = C / 8 G related features of each. A channel's graph is a
    weighted sum of what relates two joints, of 1 (the bias) and of the subset: (J + 2) rows of
    V x V. A subset's values are used while they are still in the cache.
    """

    value: torch.Tensor
    relate: torch.Tensor
    relate_bias: torch.Tensor
    refine: torch.Tensor
    constant: torch.Tensor
    shift: torch.Tensor

    def __init__(self, module: RefinedGraphConv) -> None:
        super().__init__()
        assert module.relate is not None
        assert module.relate.bias is not None
        assert module.refine.bias is not None
        scale, shift = affine(module.norm)
        groups, count = module.groups, module.adjacency.shape[0]
        self.outputs, self.skip = scale.numel(), None
        value = module.value.weight.view(groups, count, -1, module.value.weight.shape[1])
        value = value * scale.view(groups, 1, -1, 1)
        self.register_buffer("value", value.transpose(0, 1).contiguous())  # (S, G, C' / G, C / G)
        # What joints ask and offer, ordered by subset, (asked, offered), group; dense, for it is
        # applied to one instant only.
        blocks = torch.block_diag(*module.relate.weight[:, :, 0].chunk(groups))
        related = blocks.view(groups, 2, count, -1, module.relate.in_channels)
        related = related.permute(2, 1, 0, 3, 4).flatten(1, 3)[:, None]
        bias = module.relate.bias.view(groups, 2, count, -1).permute(2, 1, 0, 3).flatten(1)
        # tanh x is 2 sigmoid 2x - 1, of which torch computes six in the time of one.
        self.register_buffer("relate", 2 * related)
        self.register_buffer("relate_bias", 2 * bias[:, None, :, None])
        refine = (module.refine.weight[:, :, 0, 0] * module.strength).view(
            groups, count, self.outputs // groups, -1
        )
        bias = (module.refine.bias * module.strength).view(*refine.shape[:3], 1)
        bias = bias - refine.sum(3, keepdim=True)
        weights = torch.cat((2 * refine, bias, torch.ones_like(bias)), 3).transpose(0, 1)
        self.register_buffer("refine", weights[:, None].contiguous())  # (S, 1, G, C' / G, J + 2)
        graphs = module.adjacency.detach().mT.flatten(1)
        constant = torch.stack((torch.ones_like(graphs), graphs), 1)[:, None, None]
        self.register_buffer("constant", constant.contiguous())  # (S, 1, 1, 2, V V)
        if isinstance(module.skip, nn.Sequential):
            self.skip = FoldedSkip(module.skip, time=3)
            self.skip.shift = self.skip.shift + shift[:, None, None]
        self.register_buffer("shift", shift[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        joints, frames = x.shape[2:]
        graphs = self.graphs(x)
        result = x + self.shift if self.skip is None else self.skip(x)
        rows = result.view(-1, joints, frames)
        for weight, graph in zip(self.value, graphs, strict=True):
            rows.baddbmm_(graph, grouped(weight, x).view(-1, joints, frames))
        return leaky_relu_(result, SLOPE)

    def graphs(self, x: torch.Tensor) -> torch.Tensor:
        """What each channel gathers, to V from V: (N, C, V, T) -> (S, N C', V, V)."""
        batch, joints = x.shape[0], x.shape[2]
        count, _, groups, outputs, related = self.refine.shape
        mean = x @ x.new_full((x.shape[3],), 1 / x.shape[3])
        both = torch.matmul(self.relate, mean) + self.relate_bias  # (S, N, 2 G J, V)
        asks, offers = both.chunk(2, 2)
        apart = (offers[..., None, :] - asks[..., :, None]).sigmoid_()
        apart = apart.view(count, batch, groups, -1, joints * joints)
        constant = self.constant.expand(count, batch, groups, 2, joints * joints)
        rows = torch.cat((apart, constant), 3).flatten(0, 2)
        weights = self.refine.expand(count, batch, groups, outputs, related).flatten(0, 2)
        return torch.bmm(weights, rows).view(count, -1, joints, joints)


def fold_refined(module: RefinedGraphConv) -> nn.Module:
    """The first block of a network, which reads coordinates, has plain subsets."""
    return FoldedFirst(module) if module.relate is None else FoldedRefined(module)
