# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How far from its own takes a gesture may be: what is farther is refused, as idle.

Two things are asked of the takes themselves: how far copies of a take lie from a head that knows
none of them (they should be taken), and how far those of a gesture lie from a head that does not
know that gesture at all (they should not). On another day takes lie farther off than copies of
takes left out do, so that the limit between the two is drawn generously.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from bharnet_train.evaluation import fit_temperature

# Chosen on isl_words, and on ksl_words' s3 and s4, which no table reports: docs/own-gestures.md.
TAKEN = 0.7  # share of strangers' copies that the limit lets pass, unless that were
LEAST_LOST = 0.01  # more generous than to refuse this share of copies of takes left out,
MOST_LOST = 0.1  # or less than to refuse this one
TEMPERATURES = 0.5, 30.0  # within which it is believed: there are few takes


@dataclass(frozen=True)
class Refusal:
    """``offset`` is added to the last class's logit; ``temperature`` divides all logits."""

    offset: float
    temperature: float


def fit_refusal(
    left_out: torch.Tensor, target: torch.Tensor, strangers: torch.Tensor, sure: float
) -> Refusal:
    """The limit at which a gesture is ``sure``, from logits (N, C), their class (N,), and (M, C).

    The last class is the one that refuses.
    """
    refusing = left_out.shape[1] - 1
    own = margin(left_out)[target != refusing]
    passing = _quantile(margin(strangers), 1 - TAKEN)
    limit = min(max(passing, _quantile(own, LEAST_LOST)), _quantile(own, MOST_LOST))
    shifted = left_out.clone()
    shifted[:, refusing] += limit
    low, high = TEMPERATURES
    # The sweep ends at 10; discriminants of so many features are surer of themselves than that.
    fitted = high / 10 * fit_temperature(shifted * 10 / high, target)
    temperature = min(max(fitted, low), high)
    sure = min(max(sure, 0.05), 0.95)
    # At the limit the best gesture is as likely as enter_threshold asks for.
    return Refusal(limit - temperature * math.log(sure / (1 - sure)), temperature)


def margin(logits: torch.Tensor) -> torch.Tensor:
    """(N,): by how much the best gesture exceeds the last class."""
    return logits[:, :-1].amax(1) - logits[:, -1]


def _quantile(values: torch.Tensor, share: float) -> float:
    return float(values.sort().values[int(share * len(values))])
