# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""1x1 convolutions as matrix products: (N, C, T, V) -> (N, C', T, V).

torch computes a grouped one a group at a time, and a dense one of twenty people four to six times
as slowly on a CPU as the product that it is (docs/speed.md).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import conv2d

# Of so few instances, a product for each takes less time than repeating the weight.
FEW = 4


class Dense(nn.Module):
    """A 1x1 convolution without groups or stride."""

    weight: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        """Weight (C', C, 1, 1), bias (C',)."""
        super().__init__()
        self.register_buffer("weight", weight.detach().flatten(1).contiguous())
        self.register_buffer("bias", None if bias is None else bias.detach()[:, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.compiler.is_compiling():
            # Compilers know what to do; of ONNX graphs only convolutions are quantised.
            bias = None if self.bias is None else self.bias[:, 0]
            return conv2d(x, self.weight[..., None, None], bias)
        mixed = torch.matmul(self.weight, x.flatten(2))
        if self.bias is not None:
            mixed = mixed.add_(self.bias)
        return mixed.unflatten(2, x.shape[2:])


def grouped(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """A grouped one; weight (G, C' / G, C / G)."""
    batch, groups = x.shape[0], len(weight)
    # A graph is made for any number of instances: len(x) would be a constant of it.
    if not torch.compiler.is_compiling() and 1 < batch <= FEW:
        rows = x.reshape(batch, groups, weight.shape[2], -1)
        made = x.new_empty(batch, groups, weight.shape[1], rows.shape[3])
        for each, into in zip(rows.unbind(), made.unbind(), strict=True):
            torch.bmm(weight, each, out=into)
    else:
        rows = x.reshape(batch * groups, weight.shape[2], -1)
        made = torch.bmm(weight if batch == 1 else weight.repeat(batch, 1, 1), rows)
    return made.view(batch, -1, *x.shape[2:])


def by_group(weight: torch.Tensor, groups: int) -> torch.Tensor:
    """A convolution's weight (C', C / G, 1, 1) -> (G, C' / G, C / G)."""
    return weight.detach().view(groups, -1, weight.shape[1]).contiguous()


def every(x: torch.Tensor, stride: int, axis: int) -> torch.Tensor:
    """Every ``stride``-th frame."""
    if stride == 1:
        return x
    return x[:, :, ::stride] if axis == 2 else x[..., ::stride]
