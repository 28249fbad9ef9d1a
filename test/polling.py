# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Waiting for what other processes and threads do, where nothing can be spun that tells of it."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE, PAUSE = 20.0, 0.01  # seconds: in all, and between two looks


def until(
    condition: Callable[[], object], seconds: float = DEADLINE, pause: float = PAUSE
) -> None:
    """Look again and again until it holds; fails if it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s"
        time.sleep(pause)
