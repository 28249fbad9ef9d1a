# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What turns pooled features into logits: linear, but for one class around all others.

Classes that share a covariance S are told apart by linear functions of the features. A class with
a covariance W of its own, wider than S, adds a quadratic one: far from the centres of all others
it wins. That is what a head of a few gestures needs in order to refuse what it was never taught
(bharnet_train/finetune/head.py makes it); a network that learns from thousands of takes has -1.
"""

from __future__ import annotations

import torch
from torch import nn


class Classifier(nn.Linear):
    """(N, width) -> logits (N, classes).

    ``wide``, if not -1, is the class whose logit gains z' F z, where z = (x - centre) * scale.
    """

    centre: torch.Tensor
    scale: torch.Tensor
    form: torch.Tensor
    chosen: torch.Tensor

    def __init__(self, width: int, classes: int, wide: int = -1) -> None:
        super().__init__(width, classes)
        if not -1 <= wide < classes:
            raise ValueError(f"wide_class {wide} is none of {classes} classes, nor -1")
        self.wide = wide
        if wide >= 0:
            self.register_buffer("centre", torch.zeros(width))
            self.register_buffer("scale", torch.ones(width))
            self.register_buffer("form", torch.zeros(width, width))
            chosen = torch.zeros(classes)
            chosen[wide] = 1.0
            self.register_buffer("chosen", chosen, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = super().forward(x)
        if self.wide < 0:
            return logits
        z = (x - self.centre) * self.scale
        return logits + ((z @ self.form) * z).sum(-1, keepdim=True) * self.chosen
