# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the recogniser is doing, once a second on /diagnostics."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticStatus

from bharnet_ros.levels import Finding, Hysteresis, Level
from bharnet_ros.status import Rises, make_status, milliseconds
from bharnet_ros.worker import Worker

# Kinds of reports that mean: somebody's joints were not used.
LEFT_OUT = (
    *("bad_message", "bad_person", "old_stamp", "no_id", "same_id", "too_many"),
    "two_sources",
)
REMEMBERED = 300  # ticks that percentiles are taken over: a minute at the default stride


class Statistics(Rises):
    """Counts and recent durations (seconds). Only the executor's thread touches it."""

    def __init__(self, reported: Mapping[str, int]) -> None:
        """``reported``: how often each kind of trouble was until now, as in ``status``."""
        super().__init__()
        self.messages = self.results = self.lost = self.times_stopped = 0
        self._reported, self._before = reported, dict(reported)
        self.levels = Hysteresis()
        self.ages: deque[float] = deque(maxlen=REMEMBERED)
        self.network: deque[float] = deque(maxlen=REMEMBERED)

    def status(
        self,
        name: str,
        seconds: float,
        worker: Worker,
        waiting: int,
        outside: Finding | None,
        beside: Finding | None = None,
    ) -> DiagnosticStatus:
        """``seconds`` since the last status; ``waiting``: frames, before what is counted here.

        ``outside``: what makes all that is found here unimportant; ``beside``: what is told
        unless something as bad is found here.
        """
        dropped = worker.dropped_frames + sum(map(self._times, LEFT_OUT))
        rose = self.since_told(
            messages=self.messages,
            frames=worker.used_frames,
            skipped=worker.skipped_ticks,
            dropped=dropped,
            failed=self._times("recognise"),
        )
        found = _find(rose)
        if beside is not None and beside.level > found.level:
            found = beside
        told = self.levels.tell(outside or found)
        values = {
            "input rate (Hz)": f"{rose['messages'] / max(seconds, 1e-3):.1f}",
            "messages received": str(self.messages),
            "frames used": str(worker.used_frames),
            "messages lost on the way": str(self.lost),
            "frames or people left out": str(dropped),
            "results": str(self.results),
            "results skipped": str(worker.skipped_ticks),
            "times the input stopped": str(self.times_stopped),
            "frames waiting": str(waiting),
            "people": str(worker.people),
            "tick p50 (ms)": milliseconds(self.network, 50),
            "tick p95 (ms)": milliseconds(self.network, 95),
            "result age p50 (ms)": milliseconds(self.ages, 50),
            "result age p95 (ms)": milliseconds(self.ages, 95),
        }
        return make_status(name, told, values)

    def _times(self, kind: str) -> int:
        """How often there was this kind of trouble since the node is active."""
        return self._reported[kind] - self._before.get(kind, 0)


def _find(rose: Mapping[str, int]) -> Finding:
    """How it is, by what came since the last status."""
    if rose["failed"]:
        return Finding(Level.ERROR, f"recognition failed {rose['failed']} times, see the log")
    if rose["dropped"] and not rose["frames"]:
        return Finding(Level.ERROR, "nothing that arrives can be used, see the log")
    if rose["skipped"]:
        return Finding(Level.WARN, f"overloaded: {rose['skipped']} results skipped")
    if rose["dropped"]:
        return Finding(Level.WARN, f"{rose['dropped']} frames or people left out, see the log")
    return Finding(Level.OK, "recognising")
