# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Temporal convolutions that no longer learn: (N, C, T, V) -> (N, C, T', V).

Or (N, C, V, T) -> (N, C, V, T'): ``time`` is the axis of the frames, 2 or 3. The normalisation
behind the four paths is left to the block (blocks.py).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import leaky_relu_
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bharnet.network.folding.products import Dense, every
from bharnet.network.folding.reading import fold_kernels
from bharnet.network.graph import SLOPE
from bharnet.network.temporal import DeformablePaths, DilatedPaths


class FoldedPaths(nn.Module):
    """Four paths; ``kernels`` are the first two, for half of the channels."""

    def __init__(
        self, module: DilatedPaths | DeformablePaths, kernels: nn.Module, time: int
    ) -> None:
        super().__init__()
        self.stride, self.kernels, self.time = module.stride, kernels, time
        split = fuse_conv_bn_eval(module.split, module.split_norm)
        self.split = Dense(split.weight, split.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        read, straight = leaky_relu_(self.split(x), SLOPE).chunk(2, 1)
        peak, plain = straight.chunk(2, 1)
        peak = every(max3(peak, self.time), self.stride, self.time)
        return torch.cat((self.kernels(read), peak, every(plain, self.stride, self.time)), 1)


class Convolutions(nn.Module):
    """Two convolutions, each for half of the channels."""

    def __init__(self, near: nn.Module, far: nn.Module) -> None:
        super().__init__()
        self.near, self.far = near, far

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        near, far = x.chunk(2, 1)
        return torch.cat((self.near(near), self.far(far)), 1)


class FramesLast(nn.Module):
    """What reads (N, C, V, T), for (N, C, T, V)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.module(x.mT.contiguous())
        return made.mT


def fold_dilated(module: DilatedPaths, time: int) -> FoldedPaths:
    """Both kernels stay convolutions."""
    if time == 3:
        for kernel in (module.near, module.far):
            assert isinstance(kernel, nn.Conv2d)
            kernel.weight = nn.Parameter(kernel.weight.mT.contiguous(), requires_grad=False)
            for name in ("kernel_size", "stride", "padding", "dilation"):
                setattr(kernel, name, getattr(kernel, name)[::-1])
    return FoldedPaths(module, Convolutions(module.near, module.far), time)


def fold_deformable(module: DeformablePaths, frames: int, time: int) -> FoldedPaths:
    """Both kernels look where they have learned to in windows of so many frames."""
    kernels: nn.Module = fold_kernels(module, frames)
    return FoldedPaths(module, kernels if time == 3 else FramesLast(kernels), time)


def max3(x: torch.Tensor, axis: int) -> torch.Tensor:
    """The largest of an instant and its two neighbours along an axis: the same shape."""
    frames = x.shape[axis]
    if frames == 1:
        return x
    pairs = torch.maximum(x.narrow(axis, 0, frames - 1), x.narrow(axis, 1, frames - 1))
    first, last = pairs.narrow(axis, 0, frames - 2), pairs.narrow(axis, 1, frames - 2)
    ends = pairs.narrow(axis, 0, 1), pairs.narrow(axis, frames - 2, 1)
    return torch.cat((ends[0], torch.maximum(first, last), ends[1]), axis)
