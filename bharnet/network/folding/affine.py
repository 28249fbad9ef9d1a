# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Normalisations that no longer learn: a scale and a shift, if possible in a convolution."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bharnet.network.backbone import InputNorm


def affine(norm: nn.modules.batchnorm._BatchNorm) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and shift (C,) of a batch normalisation."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def joined(skip: nn.Sequential) -> nn.Conv2d:
    """A convolution and the normalisation behind it, as one convolution with a bias."""
    convolution, norm = skip
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(convolution, norm)


class FoldedInputNorm(nn.Module):
    """Every joint's every channel, scaled and shifted: (N, C, T, V) -> the same."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, module: InputNorm) -> None:
        super().__init__()
        for name, values in zip(("scale", "shift"), affine(module.norm), strict=True):
            self.register_buffer(
                name, values.view(module.joints, -1).T.contiguous()[None, :, None]
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(self.shift, x, self.scale)
