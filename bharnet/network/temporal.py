# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Temporal convolutions: four paths, a quarter of the channels each.

Two kinds behind one signature, (N, C, T, V) -> (N, C, T / stride, V). Both have a short and a long
kernel, max-pool 3 and a straight path, after one 1x1 convolution. They differ in where the kernels
look: ``DilatedPaths`` at fixed frames, ``DeformablePaths`` at learned instants between frames.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from bharnet.network.graph import SLOPE, pointwise


class DeformableConv(nn.Module):
    """A temporal kernel that learns where to look: (N, C, T, V) -> (N, C, T / stride, V).

    ``taps`` offsets in frames, shared by all channels and joints, start evenly over +-``reach``;
    features are read there by linear interpolation, the first and last frame held beyond the ends.
    DeGCN's deformable temporal convolution (Myung et al., TIP 2024).
    """

    def __init__(self, channels: int, reach: float, stride: int = 1, taps: int = 4) -> None:
        super().__init__()
        self.stride = stride
        self.offsets = nn.Parameter(torch.linspace(-reach, reach, taps))
        self.mix = nn.Conv2d(channels * taps, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        frames = x.shape[2]
        instants = torch.arange(0, frames, self.stride, device=x.device)
        at = instants + self.offsets[:, None]  # (taps, T / stride)
        before = at.detach().floor()
        share = (at - before).flatten()[:, None].to(x.dtype)
        before = before.long().flatten()
        first = x.index_select(2, before.clamp(0, frames - 1))
        second = x.index_select(2, (before + 1).clamp(0, frames - 1))
        sampled = first + (second - first) * share  # (N, C, taps * T', V)
        sampled = sampled.unflatten(2, (len(self.offsets), -1)).flatten(1, 2)
        return self.mix(sampled)


class _Paths(nn.Module):
    def __init__(self, channels: int, stride: int, near: nn.Module, far: nn.Module) -> None:
        super().__init__()
        self.stride = stride
        self.split = pointwise(channels, channels)
        self.split_norm = nn.BatchNorm2d(channels)
        self.near, self.far = near, far
        self.pool = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        paths = leaky_relu(self.split_norm(self.split(x)), SLOPE)
        near, far, peak, plain = paths.chunk(4, 1)
        straight = plain[:, :, :: self.stride]
        return self.norm(torch.cat((self.near(near), self.far(far), self.pool(peak), straight), 1))


class DilatedPaths(_Paths):
    """Kernel 5, and kernel 5 dilated by 2."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        quarter, pace = channels // 4, (stride, 1)
        super().__init__(
            channels,
            stride,
            nn.Conv2d(quarter, quarter, (5, 1), pace, (2, 0), bias=False),
            nn.Conv2d(quarter, quarter, (5, 1), pace, (4, 0), (2, 1), bias=False),
        )


class DeformablePaths(_Paths):
    """Four learned offsets that start within +-2 frames, and four within +-4."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        quarter = channels // 4
        near, far = (DeformableConv(quarter, reach, stride) for reach in (2.0, 4.0))
        super().__init__(channels, stride, near, far)


TEMPORAL: dict[str, type[DilatedPaths] | type[DeformablePaths]] = {
    "dilated": DilatedPaths,
    "deformable": DeformablePaths,
}
