# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Temporal convolutions that no longer learn: (N, C, T, V) -> (N, C, T / stride, V)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import leaky_relu_
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bharnet.network.folding.affine import affine
from bharnet.network.folding.products import Dense
from bharnet.network.graph import SLOPE
from bharnet.network.temporal import DeformableConv, DeformablePaths, DilatedPaths

# Of more frames, a matrix that reads all at all instants costs more than looking them up.
LONGEST = 128


class FoldedPaths(nn.Module):
    """Four paths without normalisations; ``near`` and ``far`` have theirs in them."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(
        self, module: DilatedPaths | DeformablePaths, near: nn.Module, far: nn.Module
    ) -> None:
        super().__init__()
        self.stride, self.near, self.far = module.stride, near, far
        split = fuse_conv_bn_eval(module.split, module.split_norm)
        self.split = Dense(split.weight, split.bias)
        quarter = module.norm.num_features // 4
        for name, values in zip(("scale", "shift"), affine(module.norm), strict=True):
            self.register_buffer(name, values[2 * quarter :, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        near, far, peak, plain = leaky_relu_(self.split(x), SLOPE).chunk(4, 1)
        rest = torch.cat((max3(peak)[:, :, :: self.stride], plain[:, :, :: self.stride]), 1)
        rest = torch.addcmul(self.shift, rest, self.scale)
        return torch.cat((self.near(near), self.far(far), rest), 1)


class Sampling(nn.Module):
    """A deformable convolution whose offsets are known: two products.

    ``reading`` (taps * T', T) interpolates between frames, ends held; ``mix`` (C, C * taps).
    """

    reading: torch.Tensor
    mix: torch.Tensor
    shift: torch.Tensor

    def __init__(
        self, module: DeformableConv, scale: torch.Tensor, shift: torch.Tensor, frames: int
    ) -> None:
        super().__init__()
        instants = torch.arange(frames, device=module.offsets.device)
        at = instants[:: module.stride] + module.offsets[:, None]  # (taps, T')
        apart = (at.clamp(0, frames - 1).flatten()[:, None] - instants).abs()
        self.register_buffer("reading", (1 - apart).clamp(min=0))
        self.taps = len(module.offsets)
        mix = module.mix.weight.flatten(1)  # a channel's taps side by side
        self.register_buffer("mix", mix * scale[:, None])
        self.register_buffer("shift", shift[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, frames, joints = x.shape
        rows = x.reshape(-1, frames, joints)
        sampled = torch.bmm(self.reading.expand(len(rows), -1, -1), rows)
        sampled = sampled.view(batch, channels * self.taps, -1)
        mixed = torch.matmul(self.mix, sampled).view(batch, channels, -1, joints)
        return mixed.add_(self.shift)


def fold_dilated(module: DilatedPaths) -> FoldedPaths:
    """Both kernels stay convolutions."""
    scales, shifts = _of_kernels(module)
    near, far = (
        _scaled(path, scale, shift)
        for path, scale, shift in zip((module.near, module.far), scales, shifts, strict=True)
    )
    return FoldedPaths(module, near, far)


def fold_deformable(module: DeformablePaths, frames: int) -> FoldedPaths:
    """Both kernels become products with what they read of ``frames`` frames."""
    folded: list[nn.Module] = []
    kernels = zip((module.near, module.far), *_of_kernels(module), strict=True)
    for path, scale, shift in kernels:
        assert isinstance(path, DeformableConv)
        if frames <= LONGEST:
            folded.append(Sampling(path, scale, shift, frames))
        else:
            _scaled(path.mix, scale, shift)
            folded.append(path)
    return FoldedPaths(module, *folded)


def _of_kernels(
    module: DilatedPaths | DeformablePaths,
) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
    """Scale and shift of the near path's channels and of the far path's."""
    scale, shift = affine(module.norm)
    quarter = scale.numel() // 4
    return scale.split(quarter)[:2], shift.split(quarter)[:2]


def _scaled(convolution: nn.Module, scale: torch.Tensor, shift: torch.Tensor) -> nn.Module:
    assert isinstance(convolution, nn.Conv2d)
    convolution.weight = nn.Parameter(convolution.weight * scale[:, None, None, None])
    convolution.bias = nn.Parameter(shift.clone())
    return convolution


def max3(x: torch.Tensor) -> torch.Tensor:
    """The largest of an instant and its two neighbours: (N, C, T, V) -> the same."""
    if x.shape[2] == 1:
        return x
    pairs = torch.maximum(x[:, :, :-1], x[:, :, 1:])
    inner = torch.maximum(pairs[:, :, :-1], pairs[:, :, 1:])
    return torch.cat((pairs[:, :, :1], inner, pairs[:, :, -1:]), 2)
