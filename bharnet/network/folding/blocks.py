# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A block whose parts no longer learn: (N, C, T, V) -> (N, C', T', V).

With refined graphs it computes with frames last in memory, (N, C, V, T): a channel's matrix of
graphs, V x V, then meets rows of T = 64, 32 or 16 frames, which fill the registers of a CPU, and
not of 25 or 21 joints, which do not (docs/speed.md). What comes out is a view, so that nothing is
copied between two such blocks.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import leaky_relu_

from bharnet.network.backbone import Block
from bharnet.network.folding.affine import affine
from bharnet.network.folding.graphs import FoldedDecoupled, FoldedSkip, fold_refined
from bharnet.network.folding.paths import FoldedPaths, fold_deformable, fold_dilated
from bharnet.network.graph import SLOPE, DecoupledGraphConv, RefinedGraphConv
from bharnet.network.temporal import DeformablePaths, DilatedPaths


class FoldedBlock(nn.Module):
    """Graph, time, the normalisation behind it, the residual."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, block: Block, frames: int) -> None:
        super().__init__()
        self.frames_last = isinstance(block.graph, RefinedGraphConv)
        time = 3 if self.frames_last else 2
        self.graph = fold_graph(block.graph)
        self.time = fold_time(block.time, frames, time)
        self.residual, self.skip = block.skip is not None, None
        scale, shift = affine(block.time.norm)
        if isinstance(block.skip, nn.Sequential):
            self.skip = FoldedSkip(block.skip, time)
            shift = shift + self.skip.shift[:, 0, 0]
            self.skip.shift = shift[:, None, None]
        self.register_buffer("scale", scale[:, None, None])
        self.register_buffer("shift", shift[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.frames_last:
            x = x.mT.contiguous()
        moved = self.time(self.graph(x))
        if self.skip is not None:
            result = torch.addcmul(self.skip(x), moved, self.scale)
        elif self.residual:
            result = torch.addcmul(x, moved, self.scale).add_(self.shift)
        else:
            result = (moved * self.scale).add_(self.shift)
        result = leaky_relu_(result, SLOPE)
        return result.mT if self.frames_last else result


def fold_graph(module: nn.Module) -> nn.Module:
    """A graph convolution for inference; of refined ones frames are last."""
    if isinstance(module, DecoupledGraphConv):
        return FoldedDecoupled(module)
    assert isinstance(module, RefinedGraphConv)
    return fold_refined(module)


def fold_time(module: nn.Module, frames: int, time: int) -> FoldedPaths:
    """A temporal convolution for inference, of windows of so many frames along axis ``time``."""
    if isinstance(module, DilatedPaths):
        return fold_dilated(module, time)
    assert isinstance(module, DeformablePaths)
    return fold_deformable(module, frames, time)
