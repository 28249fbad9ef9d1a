# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Deformable kernels whose offsets are known: (N, 2 C, V, T) -> (N, 2 C, V, T').

All frames, joints and channels of a kernel share its offsets. So what a tap reads between two
frames is the window, moved by whole frames, and mixed with itself moved by one more; or, of few
frames, the product with a matrix that reads at all instants. Both are exact; which takes less time
is a question of how many frames there are. Beyond the ends they are held.

Measured for both hands of one person in a full-size network, microseconds of one kernel: with 64
frames moving takes 220 and the matrix 370, with 32 frames 210 and 300, with 16 frames 440 and 330.
The third way, a product with all distinct moves of the taps, takes 240, 320 and 540 for the eight
that offsets between frames come to; the fourth, torch's own convolution, 230, 320 and 550.
"""

from __future__ import annotations

import torch
from torch import nn

from bharnet.network.folding.products import grouped
from bharnet.network.temporal import DeformableConv, DeformablePaths

# Up to so many frames, a product with all of them takes less time than moving windows.
SHORT = 16


class Reading(nn.Module):
    """Two kernels, each for half of the channels; how ``sampled`` reads is left open."""

    weight: torch.Tensor

    def __init__(self, kernels: tuple[DeformableConv, DeformableConv]) -> None:
        super().__init__()
        taps = len(kernels[0].offsets)
        weights = [each.mix.weight[..., 0, 0].unflatten(1, (-1, taps)) for each in kernels]
        self.register_buffer("weight", torch.stack([w.mT.flatten(1) for w in weights]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return grouped(self.weight, self.sampled(x))

    def sampled(self, x: torch.Tensor) -> torch.Tensor:
        """What is read, (N, 2 taps C, V, T'): kernel by kernel, tap by tap."""
        raise NotImplementedError


class MatrixReading(Reading):
    """``matrix`` (2, taps, T, T') weighs what frame T gives to instant T'."""

    matrix: torch.Tensor

    def __init__(self, kernels: tuple[DeformableConv, DeformableConv], frames: int) -> None:
        super().__init__(kernels)
        instants = torch.arange(frames, device=self.weight.device)
        matrices = []
        for kernel in kernels:
            at = instants[:: kernel.stride] + kernel.offsets[:, None]  # (taps, T')
            apart = at.clamp(0, frames - 1)[:, None] - instants[:, None]
            matrices.append((1 - apart.abs()).clamp(min=0))
        self.register_buffer("matrix", torch.stack(matrices))

    def sampled(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, joints, frames = x.shape
        taps, instants = self.matrix.shape[1], self.matrix.shape[3]
        rows = x.reshape(batch, 2, 1, -1, frames)
        if torch.compiler.is_compiling():
            read = (rows @ self.matrix).flatten(1, 2)
        else:  # matmul would repeat what is read
            read = x.new_empty(batch, 2, taps, rows.shape[3], instants)
            for each, into in zip(rows.unbind(), read.unbind(), strict=True):
                for half, matrix, part in zip(each, self.matrix, into, strict=True):
                    torch.bmm(half.expand(taps, -1, -1), matrix, out=part)
        return read.view(batch, taps * channels, joints, instants)


class MovedReading(Reading):
    """Of each tap, ``moves`` in whole frames, and ``shares`` (2 taps,) of one frame more."""

    shares: torch.Tensor

    def __init__(self, kernels: tuple[DeformableConv, DeformableConv], frames: int) -> None:
        super().__init__(kernels)
        self.frames, self.stride = frames, kernels[0].stride
        offsets = torch.cat([each.offsets.detach() for each in kernels])
        whole = offsets.floor()
        self.register_buffer("shares", offsets - whole)
        # Moved by the whole window, nothing but its end is left.
        self.moves = whole.long().clamp(-frames, frames - 1).tolist()
        self.before, self.behind = max(0, -min(self.moves)), max(0, max(self.moves) + 1)

    def sampled(self, x: torch.Tensor) -> torch.Tensor:
        first = x[..., :1].expand(-1, -1, -1, self.before)
        last = x[..., -1:].expand(-1, -1, -1, self.behind)
        halves = torch.cat((first, x, last), 3).chunk(2, 1)
        taps = len(self.moves) // 2
        pairs = [self._neighbours(halves[i // taps], move) for i, move in enumerate(self.moves)]
        shares = self.shares.unbind()
        if torch.compiler.is_compiling():
            read = [torch.lerp(*pair, share) for pair, share in zip(pairs, shares, strict=True)]
            return torch.cat(read, 1)
        sampled = x.new_empty(len(x), len(pairs), *pairs[0][0].shape[1:])
        for pair, share, into in zip(pairs, shares, sampled.unbind(1), strict=True):
            torch.lerp(*pair, share, out=into)
        return sampled.flatten(1, 2)

    def _neighbours(self, held: torch.Tensor, move: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The window, moved, and moved by one frame more."""
        start = self.before + move
        end = start + self.frames
        return held[..., start : end : self.stride], held[..., start + 1 : end + 1 : self.stride]


def fold_kernels(module: DeformablePaths, frames: int) -> Reading:
    """Both kernels, for windows of so many frames."""
    assert isinstance(module.near, DeformableConv)
    assert isinstance(module.far, DeformableConv)
    kind = MatrixReading if frames <= SHORT else MovedReading
    return kind((module.near, module.far), frames)
