# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Say what is wrong, but not thirty times a second."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable


class Reporter:
    """Passes the first message of each kind on, then one in ``seconds`` with a count.

    Called from the executor's thread and from the worker's.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self.seconds, self._clock = say, seconds, clock
        self._lock = threading.Lock()
        self._said: dict[str, float] = {}
        self._held_back: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def __call__(self, key: str, message: str) -> None:
        """``key`` names the kind of trouble; messages of one key stand for each other."""
        with self._lock:
            self.counts[key] += 1
            now = self._clock()
            if key in self._said and now - self._said[key] < self.seconds:
                self._held_back[key] += 1
                return
            self._said[key] = now
            more = self._held_back.pop(key, 0)
        self._say(f"{message} (and {more} like it)" if more else message)
