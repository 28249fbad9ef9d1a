"""How the node is doing, once a second on /diagnostics."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from bharnet_ros.worker import Worker

REMEMBERED = 300  # ticks that percentiles are taken over: a minute at the default stride


class Statistics:
    """Counts and recent durations (seconds). Only the executor's thread touches it."""

    def __init__(self) -> None:
        self.messages = self.frames = self.results = self.lost = self.times_stopped = 0
        self.ages: deque[float] = deque(maxlen=REMEMBERED)
        self.network: deque[float] = deque(maxlen=REMEMBERED)
        self._told: Counter[str] = Counter()

    def since_told(self, **counts: int) -> dict[str, int]:
        """How much each count rose since it was last asked for."""
        rose = {name: count - self._told[name] for name, count in counts.items()}
        self._told.update(rose)
        return rose

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
        level = DiagnosticStatus.WARN if trouble else DiagnosticStatus.OK
        status = DiagnosticStatus(name=name, level=level, message=trouble or "recognising")
        status.values = [
            KeyValue(key=key, value=value)
            for key, value in (
                ("input rate (Hz)", f"{rose['messages'] / max(seconds, 1e-3):.1f}"),
                ("messages received", str(self.messages)),
                ("frames used", str(self.frames)),
                ("messages lost on the way", str(self.lost)),
                ("frames or people left out", str(dropped)),
                ("results", str(self.results)),
                ("results skipped", str(skipped)),
                ("times the input stopped", str(self.times_stopped)),
                ("frames waiting", str(worker.waiting)),
                ("people", str(worker.people)),
                ("tick p50 (ms)", _milliseconds(self.network, 50)),
                ("tick p95 (ms)", _milliseconds(self.network, 95)),
                ("result age p50 (ms)", _milliseconds(self.ages, 50)),
                ("result age p95 (ms)", _milliseconds(self.ages, 95)),
            )
        ]
        return status


def _milliseconds(seconds: Iterable[float], percentile: float) -> str:
    values = list(seconds)
    return f"{1e3 * np.percentile(values, percentile):.1f}" if values else "nan"
