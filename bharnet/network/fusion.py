# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One answer of two experts: the sum of their logits, or a Noisy-OR of their probabilities."""

from __future__ import annotations

import torch

FUSIONS = ("sum", "noisy_or")


def noisy_or(
    body: torch.Tensor, hand: torch.Tensor, body_present: torch.Tensor, hand_present: torch.Tensor
) -> torch.Tensor:
    """Log of p_k = 1 - prod over experts (1 - softmax(logits)_k): logits (B, C) -> (B, C) <= 0.

    The Noisy-OR of arXiv 2601.00369, whose exact form could not be read; this is the standard
    one, in log space and float32. An expert that saw nothing (present (B,) = 0) gives no cause. p
    is no distribution over classes: softmax of the result divides it by its sum.
    """
    missed = torch.zeros_like(body, dtype=torch.float32)
    for logits, present in ((body, body_present), (hand, hand_present)):
        probability = torch.softmax(logits.float(), -1) * present[:, None]
        # A sure expert must not make the logarithm infinite.
        missed = missed + torch.log1p(-probability.clamp(max=1 - 1e-6))
    return torch.log(-torch.expm1(missed) + 1e-9)
