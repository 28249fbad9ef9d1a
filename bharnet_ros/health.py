# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What an active node watches over: silence, publishers that do not fit, how it is doing.

Its timer is on the steady clock: neither /clock nor the wall's can stop or hurry it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rclpy.clock import Clock, ClockType
from rclpy.qos import qos_policy_name_from_kind

from bharnet.stream import ActionStream
from bharnet_ros.diagnostics import Statistics
from bharnet_ros.inputs import PoseInput
from bharnet_ros.levels import Finding, Level
from bharnet_ros.status import Reminder, to_diagnostics, why_silent
from bharnet_ros.worker import Result, Worker

if TYPE_CHECKING:
    from bharnet_ros.node import BharnetNode

CHECK_SECONDS, TELL_SECONDS, SILENCE_SECONDS = 0.1, 1.0, 5.0
# Without an answer of the network for longer, nobody knows whether what runs goes on.
HANG_SECONDS = 3.0
LATE_SECONDS = 3 * CHECK_SECONDS  # between two checks
# DDS keeps one that was killed in the graph for up to 20 s.
TWIN_SECONDS = 30.0
CURE = (
    "start a pose source (source:=image with launch, where there is a camera), or name its topic "
    "with -r bharnet/poses:=<topic>"
)
HANG_CURE = "see whether the device works (nvidia-smi, dmesg), and start the node again"

NO_HANDS = Finding(Level.WARN, "no hands arrive that fit, bodies are recognised without them")


class Health:
    """Made on activate, closed on deactivate; only the executor's thread calls it."""

    def __init__(self, node: BharnetNode, worker: Worker, poses: PoseInput) -> None:
        self._node, self._worker, self._poses = node, worker, poses
        self._statistics = Statistics(node.report.counts)
        self._last_message = self._told_at = time.monotonic()
        self._reminder, self._no_hands = Reminder(SILENCE_SECONDS), Reminder(SILENCE_SECONDS)
        self._unanswered = Reminder(HANG_SECONDS)
        self._twin, self._alone_at = Reminder(TWIN_SECONDS), self._last_message
        self._looked_at, self._gave_way = self._last_message, False
        self._ended = 0  # how many frames had been used when the input stopped last
        self._timer = node.create_timer(
            CHECK_SECONDS, self._check, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def close(self) -> None:
        """Stop watching."""
        self._node.destroy_timer(self._timer)

    def arrived(self, now: float) -> None:
        """A message came, good or not."""
        self._statistics.messages += 1
        self._last_message = now

    def published(self, result: Result) -> None:
        """A result went out."""
        self._statistics.results += 1
        if result.arrived is not None:
            self._statistics.network.append(result.seconds)
            self._statistics.ages.append(time.monotonic() - result.arrived)

    def lost(self, event: Any) -> None:
        """The middleware lost messages of one of the topics."""
        self._statistics.lost += int(event.total_count_change)

    def incompatible(self, topic: str, event: Any) -> None:
        """A publisher was found that the subscription cannot hear."""
        policy = qos_policy_name_from_kind(event.last_policy_kind).lower()
        self._node.report(
            f"qos of {topic}",
            f"a publisher on {topic} offers less {policy} than is asked for, so nothing "
            "arrives from it; let it offer more, or ask for less in "
            f"qos_overrides.{topic}.subscription.{policy}",
        )

    def _check(self) -> None:
        now, limit = time.monotonic(), self._node.settings["stop_after_seconds"]
        if self._comes_late(now):
            return
        without_hands = self._poses.look(now)
        if self._no_hands.due(without_hands):
            self._node.get_logger().warning(self._poses.why_no_hands())
        self._end_what_hangs()
        self._end_what_runs(now - limit)
        silence = now - self._last_message
        if self._reminder.due(silence):
            self._node.get_logger().warning(
                why_silent(self._node, self._poses.topic, self._poses.type, "poses", CURE)
            )
        if now - self._told_at >= TELL_SECONDS:
            self._look_for_a_twin(now)
            self._tell(now - self._told_at, silence > limit, without_hands > 0)
            self._told_at = now

    def _look_for_a_twin(self, now: float) -> None:
        """Whoever listens hears each action twice, of events with the same numbers."""
        node = self._node
        ours = (node.get_name(), node.get_namespace())
        if node.get_node_names_and_namespaces().count(ours) < 2:
            self._alone_at = now
        if self._twin.due(now - self._alone_at):
            node.get_logger().warning(
                f"another node is {node.get_fully_qualified_name()}, too: each action is told "
                "twice, and services answer for either; stop one, or start it under a namespace "
                "(namespace:=robot1)"
            )

    def _comes_late(self, now: float) -> bool:
        """Whether the node was held up: what came meanwhile is not silence, and goes first."""
        before, self._looked_at = self._looked_at, now
        self._gave_way = not self._gave_way and now - before > LATE_SECONDS
        return self._gave_way

    def _end_what_hangs(self) -> None:
        """Running actions end if the network has not answered for long."""
        seconds = self._worker.unanswered
        if seconds > HANG_SECONDS:
            self._worker.end_events()
        if self._unanswered.due(seconds):
            self._node.get_logger().error(
                f"the network has not answered for {seconds:.0f} s: running actions have ended; "
                f"{HANG_CURE}"
            )

    def _end_what_runs(self, limit: float) -> None:
        """Running actions end if no frame that arrived since ``limit`` could be used."""
        if self._worker.waiting:  # it may still be
            return
        used = self._worker.used_frames
        if not self._node.enabled:  # nothing runs
            self._ended = used
        elif used > self._ended and self._worker.used_at < limit:
            self._ended = used
            self._statistics.times_stopped += 1
            self._worker.call(ActionStream.input_stopped)

    def _tell(self, seconds: float, silent: bool, without_hands: bool) -> None:
        node = self._node
        outside, unanswered = None, self._worker.unanswered
        if unanswered > HANG_SECONDS:
            why = f"the network has not answered for {unanswered:.0f} s, see the log"
            outside = Finding(Level.ERROR, why)
        elif not node.enabled:
            outside = Finding(Level.OK, "disabled; ~/enable with true begins anew")
        elif silent:
            outside = Finding(Level.ERROR, "no poses arrive")
        name = f"{node.get_fully_qualified_name()}: recognition"
        beside = NO_HANDS if without_hands else None
        # Nobody may read of nothing waiting before the last result is out, and counted.
        waiting = self._worker.waiting
        node.publish_results()
        status = self._statistics.status(name, seconds, self._worker, waiting, outside, beside)
        node.diagnostics.publish(to_diagnostics(node, status))
