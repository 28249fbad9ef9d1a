"""The ensemble loss: each expert must answer, and so must both together.

L = CE(body) + CE(hand) + weight * CE(body + hand), the three losses of BHaRNet's graphical
abstract (paper.md 6.1). An expert that saw nothing is not punished for its silence.
"""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from bharnet.network import Scores


def ensemble_loss(
    scores: Scores,
    target: torch.Tensor,
    experts: tuple[str, ...],
    ensemble: float,
    label_smoothing: float,
) -> torch.Tensor:
    """Scores and class indices (B,) -> a scalar."""
    total = scores.fused.new_zeros(())
    present = {"body": scores.body_present, "hand": scores.hand_present}
    logits = {"body": scores.body, "hand": scores.hand}
    for name in experts:
        each = cross_entropy(
            logits[name], target, reduction="none", label_smoothing=label_smoothing
        )
        total = total + (each * present[name]).sum() / present[name].sum().clamp(min=1.0)
    if len(experts) == 2 and ensemble > 0:
        fused = cross_entropy(scores.fused, target, label_smoothing=label_smoothing)
        total = total + ensemble * fused
    return total
