# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the recogniser is doing, once a second on /diagnostics."""

from __future__ import annotations

from collections import deque

from diagnostic_msgs.msg import DiagnosticStatus

from bharnet_ros.status import Rises, make_status, milliseconds
from bharnet_ros.worker import Worker

REMEMBERED = 300  # ticks that percentiles are taken over: a minute at the default stride


class Statistics(Rises):
    """Counts and recent durations (seconds). Only the executor's thread touches it."""

    def __init__(self) -> None:
        super().__init__()
        self.messages = self.frames = self.results = self.lost = self.times_stopped = 0
        self.ages: deque[float] = deque(maxlen=REMEMBERED)
        self.network: deque[float] = deque(maxlen=REMEMBERED)

    def status(
        self, name: str, seconds: float, worker: Worker, left_out: int, trouble: str
    ) -> DiagnosticStatus:
        """``seconds`` since the last status; ``trouble`` comes before whatever is found here."""
        skipped, dropped = worker.skipped_ticks, left_out + worker.dropped_frames
        rose = self.since_told(messages=self.messages, skipped=skipped, dropped=dropped)
        if not trouble and rose["skipped"]:
            trouble = f"overloaded: {rose['skipped']} results skipped"
        if not trouble and rose["dropped"]:
            trouble = f"{rose['dropped']} frames or people left out, see the log"
        values = {
            "input rate (Hz)": f"{rose['messages'] / max(seconds, 1e-3):.1f}",
            "messages received": str(self.messages),
            "frames used": str(self.frames),
            "messages lost on the way": str(self.lost),
            "frames or people left out": str(dropped),
            "results": str(self.results),
            "results skipped": str(skipped),
            "times the input stopped": str(self.times_stopped),
            "frames waiting": str(worker.waiting),
            "people": str(worker.people),
            "tick p50 (ms)": milliseconds(self.network, 50),
            "tick p95 (ms)": milliseconds(self.network, 95),
            "result age p50 (ms)": milliseconds(self.ages, 50),
            "result age p95 (ms)": milliseconds(self.ages, 95),
        }
        return make_status(name, trouble, "recognising", values)
