# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The same answers for less work: a trained network, rewritten for inference alone.

``fold`` makes a copy whose modules do the same arithmetic in fewer passes over memory. What is
known once training has ended is worked into weights; nothing is approximated, so that scores agree
to rounding (test/test_folding.py: 1e-5). The modules that learn stay as readable as they are.

- Batch normalisation becomes part of the convolution before it, or one multiply-add (affine.py).
- 1x1 convolutions become batched products (products.py). The refined graph's matrices are one
  product as well, and its subsets add up in place (graphs.py).
- A deformable temporal convolution has the same offsets for all channels, joints and frames. Once
  they are learned, a tap reads the window moved by whole frames, and by one more (reading.py).
- Where graphs are refined, frames are last in memory, which fill a CPU's registers (blocks.py).
- Max-pool 3 is two maxima of shifted tensors; torch's own is twenty times slower on a CPU.
"""

from __future__ import annotations

import copy

from torch import nn

from bharnet.network.backbone import Block, InputNorm
from bharnet.network.bharnet import BHaRNet
from bharnet.network.folding.affine import FoldedInputNorm
from bharnet.network.folding.blocks import FoldedBlock

__all__ = ["fold"]


def fold(network: BHaRNet) -> BHaRNet:
    """A copy for inference, in evaluation mode; ``network`` stays as it is.

    It reads windows of ``network.features.frames`` instants, as the network was trained to.
    """
    folded = copy.deepcopy(network).eval().requires_grad_(False)
    for expert in folded.expert.values():
        assert isinstance(expert.trunk, nn.Module)
        assert isinstance(expert.norm, InputNorm)
        expert.norm = FoldedInputNorm(expert.norm)
        frames = _fold_row(expert.trunk, network.features.frames)
        for branch in (expert.interactive, expert.expertized):
            if isinstance(branch, nn.Module):
                _fold_row(branch, frames)
    return folded


def _fold_row(row: nn.Module, frames: int) -> int:
    """Fold blocks in their order; returns how many of ``frames`` are left behind them."""
    for name, module in list(row.named_children()):
        if isinstance(module, Block):
            setattr(row, name, FoldedBlock(module, frames))
            frames = -(-frames // int(module.time.stride))
        else:
            frames = _fold_row(module, frames)
    return frames
