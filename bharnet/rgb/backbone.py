# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ResNet-18 and -34 (He et al., CVPR 2016), parameters named as in torchvision and timm.

Written here because torchvision, which timm needs too, has no CPU build on the package index:
its CUDA build does not import beside a CPU torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
# Of ImageNet's pictures, channels R, G, B in 0..1.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ResNetConfig:
    """Shape of the picture's network; kept in the checkpoint.

    depth  18 or 34 layers
    width  channels of the first stage, doubled at each of the next three; weights of others
           fit 64 only

    Raises ValueError.
    """

    depth: int = 18
    width: int = 64

    def __post_init__(self) -> None:
        if self.depth not in BLOCKS:
            raise ValueError(f"depth {self.depth} must be one of {', '.join(map(str, BLOCKS))}")
        if not 4 <= self.width <= 256:
            raise ValueError(f"width {self.width} is out of 4..256")


def convolution(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    """Keeps the size but for the stride."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a residual: (B, C, H, W) -> (B, C', H / s, W / s)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(inputs, outputs, 3, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = convolution(outputs, outputs, 3, 1)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        residual = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + residual)


class ResNet(nn.Module):
    """A normalised picture (B, 3, H, W) -> logits (B, classes)."""

    def __init__(self, config: ResNetConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.conv1 = convolution(3, width, 7, 2)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        one, two, three, four = BLOCKS[config.depth]
        self.layer1 = _stage(width, width, one, 1)
        self.layer2 = _stage(width, 2 * width, two, 2)
        self.layer3 = _stage(2 * width, 4 * width, three, 2)
        self.layer4 = _stage(4 * width, 8 * width, four, 2)
        self.fc = nn.Linear(8 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def _stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
    first = BasicBlock(inputs, outputs, stride)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs, 1) for _ in range(blocks - 1)))
