# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The same answers for less work: a trained network, rewritten for inference alone.

``fold`` makes a copy whose modules do the same arithmetic in fewer passes over memory. What is
known once training has ended is worked into weights; nothing is approximated, so that scores agree
to rounding (test/test_folding.py: 1e-5). The modules that learn stay as readable as they are.

- Batch normalisation becomes part of the convolution before it, or one multiply-add (affine.py).
- 1x1 convolutions become batched products (products.py). The refined graph's matrices are one
  product as well, and its subsets add up in place (graphs.py).
- A deformable temporal convolution has the same offsets for all channels and joints. Once they are
  learned, reading at all of them is a product with one matrix (paths.py).
- Max-pool 3 is two maxima of shifted tensors; torch's own is twenty times slower on a CPU.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import nn

from bharnet.network.backbone import Block, InputNorm
from bharnet.network.bharnet import BHaRNet
from bharnet.network.folding.affine import FoldedInputNorm
from bharnet.network.folding.graphs import FoldedDecoupled, FoldedSkip, fold_refined
from bharnet.network.folding.paths import fold_deformable, fold_dilated
from bharnet.network.graph import DecoupledGraphConv, RefinedGraphConv
from bharnet.network.temporal import DeformablePaths, DilatedPaths

__all__ = ["fold"]

# A module, and of how many frames its input will be -> what replaces it.
FOLDED: dict[type[nn.Module], Callable[[Any, int], nn.Module]] = {
    InputNorm: lambda module, frames: FoldedInputNorm(module),
    DecoupledGraphConv: lambda module, frames: FoldedDecoupled(module),
    RefinedGraphConv: lambda module, frames: fold_refined(module),
    DilatedPaths: lambda module, frames: fold_dilated(module),
    DeformablePaths: fold_deformable,
}


def fold(network: BHaRNet) -> BHaRNet:
    """A copy for inference, in evaluation mode; ``network`` stays as it is.

    It reads windows of ``network.features.frames`` instants, as the network was trained to.
    """
    folded = copy.deepcopy(network).eval().requires_grad_(False)
    for expert in folded.expert.values():
        assert isinstance(expert.trunk, nn.Module)
        _replace(expert, "norm", expert.norm, 0)
        frames = _fold_row(expert.trunk, network.features.frames)
        for branch in (expert.interactive, expert.expertized):
            if isinstance(branch, nn.Module):
                _fold_row(branch, frames)
    return folded


def _fold_row(row: nn.Module, frames: int) -> int:
    """Fold blocks in their order; returns how many of ``frames`` are left behind them."""
    for block in [module for module in row.modules() if isinstance(module, Block)]:
        _replace(block, "graph", block.graph, frames)
        stride = block.time.stride
        assert isinstance(stride, int)
        _replace(block, "time", block.time, frames)
        if isinstance(block.skip, nn.Sequential):
            block.skip = FoldedSkip(block.skip)
        frames = -(-frames // stride)
    return frames


def _replace(parent: nn.Module, name: str, module: Any, frames: int) -> None:
    setattr(parent, name, FOLDED[type(module)](module, frames))
