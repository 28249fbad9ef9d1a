# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Plays a recording into a running node and listens to what it says, over real DDS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock

from bharnet.bag import Recorded
from bharnet.judging.hearing import Listener, from_actions
from bharnet.judging.segments import Event
from bharnet_ros.msg import Action, ActionArray, ActionLabels, PersonPoseArray
from bharnet_ros.stamps import nanoseconds, to_time

MATCH_SECONDS = 60.0  # loading torch from a cold disk takes its time
FINISH_SECONDS = 5.0
DEEP = QoSProfile(depth=1000)  # reliable
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class ReplayError(RuntimeError):
    """The replay could not be done; the message says why."""


@dataclass
class Outcome:
    """What came of a replay. Ages in seconds, on the steady clock."""

    told_labels: ActionLabels | None = None
    listener: Listener = field(default_factory=Listener)
    ages: list[float] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    skipped: int = 0
    waiting: int = 0
    results: int = 0  # that the node has told of
    heard: int = 0  # of these, arrived here: diagnostics may overtake them
    camera: dict[str, str] = field(default_factory=dict)  # what the estimator told last

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of the node's model, () before it told them."""
        return tuple(self.told_labels.labels) if self.told_labels else ()

    @property
    def model(self) -> str:
        """The node's model."""
        told = self.told_labels
        return f"{told.model_name} {told.model_version}" if told else ""

    @property
    def progress(self) -> tuple[int, ...]:
        """What changes as long as the node gets on."""
        return self.received, self.heard, self.waiting, self.results, self.skipped

    @property
    def events(self) -> list[Event]:
        """What was recognised, in the order in which it was told."""
        return self.listener.events

    @property
    def lost(self) -> int:
        """Messages that were sent and not received."""
        return self.sent - self.received


class Replay:
    """One player of poses, or of another ``kind``. ``show(array, age)`` is called with every
    result, and before it ``prepare(array)``, which may rename bodies.
    """

    def __init__(
        self,
        context: rclpy.Context,
        show: Callable[[ActionArray, float], None],
        topic: str,
        kind: type = PersonPoseArray,
        depth: int = DEEP.depth,
        prepare: Callable[[ActionArray], None] = lambda message: None,
    ) -> None:
        self.outcome = Outcome()
        self._show, self._prepare = show, prepare
        self._received = "messages received" if kind is PersonPoseArray else "pictures received"
        self._sent_at: dict[int, float] = {}
        self._node = rclpy.create_node("bharnet_player", context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)
        self._input = self._node.create_publisher(kind, topic, QoSProfile(depth=depth))
        self.clock = self._node.create_publisher(Clock, "/clock", DEEP)
        listen = self._node.create_subscription
        self._actions = listen(ActionArray, "/bharnet/actions", self._on_actions, DEEP)
        listen(ActionLabels, "/bharnet/labels", self._on_labels, LATCHED)
        listen(DiagnosticArray, "/diagnostics", self._on_diagnostics, DEEP)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self._node.destroy_node()

    def run(
        self,
        recording: Iterable[Recorded],
        speed: float,
        alive: Callable[[], bool],
        complaints: Callable[[], list[str]],
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait for the node, call ``ready``, play, and wait for the last results.

        ``alive`` and ``complaints`` are asked of the nodes' processes. Raises ReplayError with
        what these said.
        """
        try:
            self.wait_for_node(alive, complaints)
            ready()
            self.play(recording, speed, alive)
            self.finish(alive)
        except ReplayError as error:
            raise ReplayError("\n  ".join((str(error), *complaints()))) from None

    def wait_for_node(
        self, alive: Callable[[], bool], complaints: Callable[[], list[str]] = list
    ) -> None:
        """Until both ends know each other in both directions, or the node tells of an error.

        It may well warn: where this takes long, that no poses arrive yet.
        """
        deadline = time.monotonic() + MATCH_SECONDS
        while not (
            self._input.get_subscription_count()
            and self._node.count_publishers(self._actions.topic_name)
            and self.outcome.labels
        ):
            if not alive() or any(not each.startswith("[WARN]") for each in complaints()):
                raise ReplayError("the recogniser cannot start; it said:")
            if time.monotonic() > deadline:
                raise ReplayError(f"the recogniser was not ready after {MATCH_SECONDS:.0f} s")
            self._executor.spin_once(timeout_sec=0.1)

    def play(self, recording: Iterable[Recorded], speed: float, alive: Callable[[], bool]) -> None:
        """Publish every message when it is due, stamps as recorded."""
        begun = first = None
        for recorded in recording:
            if begun is None or first is None:
                begun, first = time.monotonic(), recorded.logged
            due = begun + (recorded.logged - first) / 1e9 / speed
            self._listen_until(due)
            if not alive():
                raise ReplayError("the recogniser ended while the recording was played")
            self.clock.publish(Clock(clock=to_time(recorded.logged)))
            self._sent_at[recorded.stamp] = time.monotonic()
            self._input.publish(recorded.data)
            self.outcome.sent += 1
            while len(self._sent_at) > 5000:
                del self._sent_at[next(iter(self._sent_at))]

    def finish(self, alive: Callable[[], bool] = lambda: True) -> None:
        """Wait until the node has told that it received and did all, and what ran has ended.

        Raises ReplayError where it gets on no more, with frames still waiting, or is not
        ``alive``.
        """
        outcome = self.outcome
        deadline = time.monotonic() + FINISH_SECONDS
        while time.monotonic() < deadline and (
            outcome.lost
            or outcome.waiting
            or outcome.heard < outcome.results
            or outcome.listener.running
        ):
            if not alive():
                raise ReplayError("the recogniser ended before it was through with the recording")
            before = outcome.progress
            self._executor.spin_once(timeout_sec=0.1)
            if outcome.progress != before:  # behind, but getting on
                deadline = time.monotonic() + FINISH_SECONDS
        if outcome.waiting:
            raise ReplayError(
                f"the recogniser got stuck: {outcome.waiting} frames wait, and nothing more came "
                f"for {FINISH_SECONDS:g} s"
            )

    def _listen_until(self, moment: float) -> None:
        while (left := moment - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)
        self._executor.spin_once(timeout_sec=0)

    def _on_actions(self, message: ActionArray) -> None:
        now = time.monotonic()
        self.outcome.heard += 1
        sent_at = self._sent_at.get(nanoseconds(message.header.stamp))
        # What tells of stopped input is meant to come late; it has no age.
        stopped = any(each.reason == Action.REASON_INPUT_STOPPED for each in message.actions)
        age = float("nan") if sent_at is None or stopped else now - sent_at
        if age == age:
            self.outcome.ages.append(age)
        self._prepare(message)
        self.outcome.listener.hear(*from_actions(message))
        self._show(message, age)

    def _on_labels(self, message: ActionLabels) -> None:
        self.outcome.told_labels = message

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if not status.name.startswith("/bharnet"):  # somebody else's, in a robot's domain
                continue
            told: dict[str, Any] = {each.key: each.value for each in status.values}
            if self._received in told:
                self.outcome.received = int(told[self._received])
            if "restarts" in told:
                self.outcome.camera = told
            if "frames waiting" in told:
                self.outcome.waiting = int(told["frames waiting"])
                self.outcome.results = int(told["results"])
                self.outcome.skipped = int(told["results skipped"])
