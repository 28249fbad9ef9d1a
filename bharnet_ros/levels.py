# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Levels of diagnostics with hysteresis: what comes and goes at a limit tells one level, not two.

A level is raised once something as bad has held for RAISE_SECONDS, and lowered once nothing as
bad has been seen for LOWER_SECONDS. So a single late frame alarms nobody, and an alarm stays long
enough to be read. No ROS in here, but for the numbers that stand for levels.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

RAISE_SECONDS, LOWER_SECONDS = 2.0, 5.0


class Level(IntEnum):
    """As in diagnostic_msgs/DiagnosticStatus. WARN: results are lost; ERROR: there are none."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """How it is now, and why."""

    level: Level
    message: str


class Hysteresis:
    """What is told of a row of findings. ``clock``: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: float | None = None
        self._seen: deque[tuple[float, Finding]] = deque()
        self._level, self._message = Level.OK, ""

    def tell(self, finding: Finding) -> Finding:
        """The level that holds, and the newest message that was at least as bad."""
        now = self._clock()
        self._begun = now if self._begun is None else self._begun
        self._seen.append((now, finding))
        # The newest finding of before the span is what held when it began.
        while len(self._seen) > 1 and self._seen[1][0] <= now - max(RAISE_SECONDS, LOWER_SECONDS):
            self._seen.popleft()
        before, self._level = self._level, self._held(now)
        if finding.level >= self._level:
            self._message = finding.message
        elif self._level != before:
            self._message = self._newest(self._level)
        return Finding(self._level, self._message)

    def _held(self, now: float) -> Level:
        assert self._begun is not None
        level = self._level
        if now - self._begun >= RAISE_SECONDS:
            level = max(level, min(self._since(now - RAISE_SECONDS)))
        if now - self._begun >= LOWER_SECONDS:
            level = min(level, max(self._since(now - LOWER_SECONDS)))
        return level

    def _since(self, moment: float) -> list[Level]:
        """Every level that was found from a moment on, the one that held then included."""
        older = [finding.level for at, finding in self._seen if at <= moment]
        return older[-1:] + [finding.level for at, finding in self._seen if at > moment]

    def _newest(self, level: Level) -> str:
        return next((each.message for _, each in reversed(self._seen) if each.level == level), "")
