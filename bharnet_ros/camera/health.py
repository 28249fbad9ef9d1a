# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the estimator's node watches over: silence, rates, durations, ages; its diagnostics.

Its timer is on the steady clock: neither /clock nor the wall's can stop or hurry it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock, ClockType

from bharnet_ros.camera.guardian import ALIVE, DEAF, SEEING
from bharnet_ros.camera.inputs import CameraInput
from bharnet_ros.camera.pipeline import Estimated
from bharnet_ros.camera.worker import PictureWorker
from bharnet_ros.levels import Finding, Hysteresis, Level
from bharnet_ros.status import (
    Reminder,
    Rises,
    make_status,
    milliseconds,
    to_diagnostics,
    why_silent,
)

if TYPE_CHECKING:
    from bharnet_ros.camera.node import EstimatorNode

CHECK_SECONDS, TELL_SECONDS, SILENCE_SECONDS = 0.1, 1.0, 5.0
# Without any since it is active, though somebody publishes: it and the camera have not met.
DEAF_SECONDS = 3.0
SILENT_SECONDS = 1.0  # without pictures for longer, the diagnostics say so
REMEMBERED = 300  # pictures that percentiles are taken over
# Kinds of reports that cost a whole picture.
REFUSED = ("image", "no_stamp", "old_stamp", "depth", "camera_info", "estimate", "two_sources")
CURE = "start a camera, or name its topic with -r image:=<topic> (and transport:=compressed)"


class Health(Rises):
    """Made on activate, closed on deactivate; only the executor's thread calls it."""

    def __init__(self, node: EstimatorNode, camera: CameraInput, worker: PictureWorker) -> None:
        super().__init__()
        self._node, self._camera, self._worker = node, camera, worker
        self._levels = Hysteresis()
        # Of the times that the node was active before.
        self._refused_before = self._count_refused()
        self.senses = ALIVE  # as the guardian is told
        self.estimated = self.people = self.lost = self.paced = 0
        self._work: deque[float] = deque(maxlen=REMEMBERED)
        self._networks: deque[float] = deque(maxlen=REMEMBERED)
        self._ages: deque[float] = deque(maxlen=REMEMBERED)
        self._result_ages: deque[float] = deque(maxlen=REMEMBERED)
        # When pictures arrived whose results are still to come, by stamp.
        self._arrivals: dict[int, float] = {}
        self._begun = self._told_at = time.monotonic()
        self.looked_at = self._begun  # when the executor last came to it
        self._reminder = Reminder(SILENCE_SECONDS)
        self._timer = node.create_timer(
            CHECK_SECONDS, self._check, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def close(self) -> None:
        """Stop watching."""
        self._node.destroy_timer(self._timer)

    def published(self, found: Estimated) -> None:
        """Poses went out."""
        self.estimated += 1
        self.people = len(found.frame.people)
        self._work.append(found.seconds)
        self._networks.append(found.network_seconds)
        self._ages.append(time.monotonic() - found.pictures.arrived)
        self._arrivals[found.frame.stamp] = found.pictures.arrived
        while len(self._arrivals) > REMEMBERED:
            del self._arrivals[next(iter(self._arrivals))]

    def result(self, stamp: int) -> None:
        """The recogniser has told what people did in the picture of this stamp."""
        if (arrived := self._arrivals.pop(stamp, None)) is not None:
            self._result_ages.append(time.monotonic() - arrived)

    def _check(self) -> None:
        self._camera.adapt()
        self.looked_at = now = time.monotonic()
        self.senses = self._sense(now)
        silence = now - self._camera.last
        if self._reminder.due(silence):
            kind = f"sensor_msgs/msg/{self._camera.kind.__name__}"
            self._node.get_logger().warning(
                why_silent(self._node, self._camera.topic, kind, "pictures", CURE)
            )
        if now - self._told_at >= TELL_SECONDS:
            status = self._status(now - self._told_at, silence > SILENT_SECONDS)
            self._node.diagnostics.publish(to_diagnostics(self._node, status))
            self._told_at = now

    def _sense(self, now: float) -> bytes:
        if self._camera.received:
            return SEEING
        late = now - self._begun > DEAF_SECONDS
        return DEAF if late and self._node.count_publishers(self._camera.topic) else ALIVE

    def _status(self, seconds: float, silent: bool) -> DiagnosticStatus:
        node = self._node
        refused = self._count_refused() - self._refused_before
        rose = self.since_told(
            received=self._camera.received, estimated=self.estimated, refused=refused
        )
        values = {
            "input rate (Hz)": f"{rose['received'] / max(seconds, 1e-3):.1f}",
            "output rate (Hz)": f"{rose['estimated'] / max(seconds, 1e-3):.1f}",
            "pictures received": str(self._camera.received),
            "pictures estimated": str(self.estimated),
            "dropped for a newer one": str(self._worker.overtaken),
            "dropped for the frame rate": str(self.paced),
            "refused": str(refused),
            "lost on the way": str(self.lost),
            "people": str(self.people),
            "restarts": str(node.restarts),
            "estimator p50 (ms)": milliseconds(self._work, 50),
            "estimator p95 (ms)": milliseconds(self._work, 95),
            "its networks p50 (ms)": milliseconds(self._networks, 50),
            "its networks p95 (ms)": milliseconds(self._networks, 95),
            "pose age p50 (ms)": milliseconds(self._ages, 50),
            "pose age p95 (ms)": milliseconds(self._ages, 95),
            "result age p50 (ms)": milliseconds(self._result_ages, 50),
            "result age p95 (ms)": milliseconds(self._result_ages, 95),
        }
        name = f"{node.get_fully_qualified_name()}: estimation"
        told = self._levels.tell(self._find(rose, silent))
        return make_status(name, told, values)

    def _count_refused(self) -> int:
        return sum(self._node.report.counts[key] for key in REFUSED)

    def _find(self, rose: Mapping[str, int], silent: bool) -> Finding:
        """How it is, by what came since the last status."""
        busy = self._worker.busy_seconds
        if silent:
            return Finding(Level.ERROR, "no pictures arrive")
        if busy > SILENT_SECONDS:
            return Finding(Level.ERROR, f"the estimator takes {busy:.1f} s for a picture")
        if self._camera.unmatched:
            return Finding(Level.ERROR, self._camera.unmatched)
        if rose["refused"] and not rose["estimated"]:
            return Finding(Level.ERROR, "no picture that arrives can be used, see the log")
        if rose["refused"]:
            return Finding(Level.WARN, f"{rose['refused']} pictures refused, see the log")
        return Finding(Level.OK, "estimating")
