# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A pose source on simulated time, that hears what the node makes of its frames."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock

from bharnet.decision import State
from bharnet.judging.hearing import Told, from_actions
from bharnet.skeleton import UPPER_BODY_11
from bharnet.window import NANOSECONDS
from bharnet_ros.msg import ActionArray, ActionLabels, PersonPose, PersonPoseArray
from bharnet_ros.stamps import to_time
from tools.soak.crowd import RATE, Crowd
from tools.soak.ledger import Ledger

DEEP = QoSProfile(depth=1000)  # reliable
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
# Frames that may be on their way while the next is sent; more than the longest stride has.
AHEAD = 10
PATIENCE = 30.0  # seconds for anything; only what is wrong takes so long on a busy machine
START = 300.0  # for the node's start: libraries are read from a cold disk
NUDGE = 1.0  # seconds without a result after which a camera would have sent another frame
REMEMBERED = 5000  # frames
COME = 0.2  # people a second: a run is short
LOST = NANOSECONDS  # lost_seconds of the node


@dataclass(frozen=True)
class Sent:
    """A frame that was published."""

    number: int
    at: float  # seconds on the steady clock
    people: frozenset[str]
    may_be_told: bool


class Camera:
    """Publishes the crowd, follows every result. ``now``: stamp of the newest frame."""

    def __init__(self, context: rclpy.Context, rng: random.Random) -> None:
        self.rng, self.counts, self.ledger = rng, Counter[str](), Ledger()
        self.crowd = Crowd(rng, len(UPPER_BODY_11), self.counts, COME)
        self.now, self.number, self.told_of = 1_700_000_000 * NANOSECONDS, 0, 0
        self.labels = 0
        self.ages: deque[float] = deque(maxlen=100_000)
        self._sent: dict[int, Sent] = {}
        self.node = rclpy.create_node("soak", context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        self._poses = self.node.create_publisher(PersonPoseArray, "/bharnet/poses", DEEP)
        self._clock = self.node.create_publisher(Clock, "/clock", DEEP)
        listen = self.node.create_subscription
        self._actions = listen(ActionArray, "/bharnet/actions", self._on_actions, DEEP)
        listen(ActionLabels, "/bharnet/labels", self._on_labels, LATCHED)

    @property
    def wrong(self) -> Counter[str]:
        """What was, and must never be."""
        return self.ledger.wrong

    @property
    def ready(self) -> bool:
        """Whether both ends know each other."""
        heard = self.node.count_publishers(self._actions.topic_name)
        return bool(self._poses.get_subscription_count() and heard and self.labels)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self.node.destroy_node()

    def message(self, stamp: int, people: Iterable[PersonPose]) -> PersonPoseArray:
        """A frame of these people."""
        message = PersonPoseArray(
            body_layout=UPPER_BODY_11.name,
            hand_layout="hand_21",
            coordinates=PersonPoseArray.COORDINATES_IMAGE,
            image_width=640,
            image_height=480,
            people=list(people),
        )
        message.header.stamp, message.header.frame_id = to_time(stamp), "camera"
        return message

    def pose(self, body_id: str) -> PersonPose:
        """Somebody of the crowd as they are seen now."""
        body, hands = self.crowd.look(body_id)
        return PersonPose(
            body_id=body_id,
            body=body.ravel(),
            left_hand=hands[0].ravel(),
            right_hand=hands[1].ravel(),
        )

    def film(self, besides: Iterable[PersonPose] = (), may_be_told: bool = True) -> None:
        """The next frame; ``besides``: whom the node must leave out."""
        self.now += NANOSECONDS // RATE
        self.crowd.step(self.now)
        self.number += 1
        people = [self.pose(each) for each in self.crowd.until]
        message = self.message(self.now, (*besides, *people))
        sent = Sent(self.number, time.monotonic(), frozenset(self.crowd.until), may_be_told)
        self._sent[self.now] = sent
        while len(self._sent) > REMEMBERED:
            del self._sent[next(iter(self._sent))]
        self._clock.publish(Clock(clock=message.header.stamp))
        self._poses.publish(message)
        if self.rng.random() < 0.01:
            self.counts["came twice"] += 1
            self._poses.publish(message)
        self._executor.spin_once(timeout_sec=0)

    def send(self, message: PersonPoseArray | bytes) -> None:
        """A message of which no result may tell."""
        self._poses.publish(message)

    def keep_up(self) -> None:
        """Wait until the node is no more than some frames behind."""
        begun = nudged = time.monotonic()
        while self.number - self.told_of > AHEAD:
            self._executor.spin_once(timeout_sec=0.05)
            now = time.monotonic()
            if now - begun > PATIENCE:
                self.wrong["no result came"] += 1
                self.told_of = self.number
            elif now - nudged > NUDGE:
                nudged = now
                self.counts["waits for the node"] += 1
                self.film()

    def heard_again(self) -> None:
        """Film until the node tells of a frame that comes from now on."""
        first, begun = self.number, time.monotonic()
        while self.told_of <= first:
            self.film()
            self.listen_for(0.02)
            if time.monotonic() - begun > PATIENCE:
                self.wrong["not heard again"] += 1
                self.told_of = self.number

    def listen_for(self, seconds: float) -> None:
        """Hear what comes meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def listen(
        self, until: Callable[[], object], otherwise: str, patience: float = PATIENCE
    ) -> None:
        """Hear until something is so; that it never is, is wrong."""
        deadline = time.monotonic() + patience
        while not until():
            if time.monotonic() > deadline:
                self.wrong[otherwise] += 1
                return
            self._executor.spin_once(timeout_sec=0.05)

    def ask(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service of the node; None if it never answers."""
        client = self.node.create_client(kind, name)
        try:
            self.listen(client.service_is_ready, f"{name} is not there")
            asked = client.call_async(request)
            self.listen(asked.done, f"{name} does not answer")
            return asked.result() if asked.done() else None
        finally:
            self.node.destroy_client(client)

    def _on_labels(self, message: ActionLabels) -> None:
        self.labels += 1

    def _on_actions(self, message: ActionArray) -> None:
        stamp, told = from_actions(message)
        self.ledger.hear(told)
        sent = self._sent.get(stamp)
        if sent is None:
            self.wrong["stamp never published"] += 1
            return
        self.wrong["stale"] += sent.number < self.told_of
        # All running events may end with the newest frame's stamp a second time.
        if all(each.state == State.OFFSET for each in told) and told:
            return
        self.wrong["told of a frame it should not hear"] += not sent.may_be_told
        self.told_of = sent.number
        self.ages.append(time.monotonic() - sent.at)
        self._check_people(stamp, sent, told)

    def _check_people(self, stamp: int, sent: Sent, told: list[Told]) -> None:
        self.wrong["person lost"] += len(sent.people - {each.body_id for each in told})
        for each in told:
            if each.state != State.OFFSET:
                self.wrong["somebody who was never there"] += not each.body_id.startswith("body")
                self.wrong["somebody who left long ago"] += not (
                    0 <= stamp - each.last_seen <= LOST
                )
