# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ensemble loss: each expert must answer, and so must both together.

L = CE(body) + CE(hand) + ensemble * CE(sum) + noisy_or * NLL(Noisy-OR) + alone * CE(body alone):
the first three are those of BHaRNet's graphical abstract (L_B, L_H, L_cpl; paper.md 6.1), the
next of arXiv 2601.00369, the last ours. An expert that saw nothing is not punished for saying
nothing.
"""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy, nll_loss

from bharnet.network import Scores
from bharnet.network.fusion import noisy_or
from bharnet_train.config import Optimiser


def ensemble_loss(
    scores: Scores, target: torch.Tensor, experts: tuple[str, ...], weights: Optimiser
) -> torch.Tensor:
    """Scores and class indices (B,) -> a scalar."""
    smoothing = weights.label_smoothing
    if len(experts) == 1:
        return cross_entropy(scores.summed, target, label_smoothing=smoothing)
    total = scores.summed.new_zeros(())
    heard = [(1.0, scores.body, scores.body_present), (1.0, scores.hand, scores.hand_present)]
    if scores.alone is not None:
        heard.append((weights.alone, scores.alone, scores.body_present))
    for weight, logits, present in heard:
        each = cross_entropy(logits, target, reduction="none", label_smoothing=smoothing)
        total = total + weight * (each * present).sum() / present.sum().clamp(min=1.0)
    if weights.ensemble > 0:
        fused = cross_entropy(scores.summed, target, label_smoothing=smoothing)
        total = total + weights.ensemble * fused
    if weights.noisy_or > 0:
        either = noisy_or(scores.body, scores.hand, scores.body_present, scores.hand_present)
        anybody = (scores.body_present + scores.hand_present).clamp(max=1.0)
        each = nll_loss(either, target, reduction="none") * anybody
        total = total + weights.noisy_or * each.sum() / anybody.sum().clamp(min=1.0)
    return total
