# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the recogniser's poses come from: subscribed on activate, given up on deactivate."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from bharnet.observation import InvalidPose
from bharnet.reporting import Report
from bharnet_ros.hri import Gathering, HriBodies
from bharnet_ros.joining import join_hands
from bharnet_ros.msg import PersonPoseArray
from bharnet_ros.pairing import Pairing
from bharnet_ros.parameters import Settings
from bharnet_ros.source import Source, arrival

POSES_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
POSE_TYPE = "bharnet_ros/msg/PersonPoseArray"


class PoseInput:
    """Calls ``deliver(message)`` with everybody of one moment, in the executor's thread.

    By ``input``: poses; poses_and_hands = hands from a topic of their own, joined by id or by
    wrist; hri = the bodies of ROS4HRI. Raises RuntimeError where that cannot be had.
    """

    def __init__(
        self,
        node: Node,
        settings: Settings,
        deliver: Callable[[PersonPoseArray], None],
        report: Report,
        events: SubscriptionEventCallbacks,
    ) -> None:
        self._node, self._deliver, self._report, self._events = node, deliver, report, events
        self._close = contextlib.ExitStack()
        self.type = POSE_TYPE
        self._hands, self._alone = "", 0  # bodies that came since the last hands
        if settings["input"] == "hri":
            gathering = Gathering(
                settings["hri_image_width"],
                settings["hri_image_height"],
                settings["reorder_seconds"],
            )
            bodies = HriBodies(node, gathering, deliver, report)
            self._close.callback(bodies.close)
            self.topic, self.type = bodies.topic, bodies.type
        elif settings["input"] == "poses_and_hands":
            pairing = Pairing(
                2,
                settings["sync_slop_seconds"],
                settings["reorder_seconds"],
                self._join,
                functools.partial(report, "bad_message"),
            )

            def on_bodies(message: PersonPoseArray) -> None:
                self._alone += 1
                pairing.put(0, message)

            with contextlib.ExitStack() as undo:
                self.topic = self._subscribe(undo, "bharnet/poses", on_bodies)
                self._hands = self._subscribe(
                    undo, "bharnet/hands", lambda message: pairing.put(1, message)
                )
                self._close = undo.pop_all()
        else:
            self.topic = self._subscribe(self._close, "bharnet/poses", deliver)

    @property
    def silent(self) -> str:
        """The topic to blame when nothing is delivered."""
        return self._hands if self._alone else self.topic

    def close(self) -> None:
        """Hear no more."""
        self._close.close()

    def _join(self, bodies: PersonPoseArray, hands: PersonPoseArray) -> None:
        self._alone = 0
        try:
            joined = join_hands(bodies, hands)
        except InvalidPose as error:
            self._report("bad_message", f"hands are left out: {error}")
            joined = bodies
        self._deliver(joined)

    def _subscribe(
        self, undo: contextlib.ExitStack, topic: str, callback: Callable[[Any], None]
    ) -> str:
        source = Source(self._node.resolve_topic_name(topic), self._report)

        def on_message(message: PersonPoseArray, info: Mapping[str, int]) -> None:
            name = message.header.frame_id, message.estimator
            if source.takes(info, name, arrival(info)):
                callback(message)

        subscription = self._node.create_subscription(
            PersonPoseArray,
            topic,
            on_message,
            POSES_QOS,
            event_callbacks=self._events,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        undo.callback(self._node.destroy_subscription, subscription)
        return str(subscription.topic_name)
