# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Synthetic people who walk through a picture, for tests of ids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from people import standing

from bharnet.estimation.estimator import Detection

ASPECT = 640 / 480


def walker(x: float, y: float = 0.3, size: float = 1.0, seed: int = 0) -> Detection:
    """Somebody whose nose is at x, y in picture heights; upper_body_11, noise of a pixel."""
    body, _ = standing()
    body[:, :2] = (body[:, :2] - body[0, :2]) * size + (x, y)
    body[:, :2] += np.random.default_rng(seed).normal(0, 0.002, (11, 2))
    body[:, 0] /= ASPECT
    return Detection(body)


def marked(detection: Detection, who: int) -> Detection:
    """The same with its true owner noted where no tracker looks."""
    return replace(detection, confidence=float(who))
