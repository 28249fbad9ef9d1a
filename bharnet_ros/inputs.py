# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the recogniser's poses come from: subscribed on activate, given up on deactivate."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from bharnet.reporting import Report
from bharnet.source import of_one_source
from bharnet_ros.distributions import SubscriptionEventCallbacks, called_back
from bharnet_ros.hands import PATIENCE, HandsToBodies
from bharnet_ros.hri import FrameAssembler, HriBodies
from bharnet_ros.msg import PersonPoseArray
from bharnet_ros.parameters import Settings
from bharnet_ros.status import why_silent

POSES_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
POSE_TYPE = "bharnet_ros/msg/PersonPoseArray"
HANDS_CURE = "start a hand source, or name its topic with -r bharnet/hands:=<topic>"


def poses_of_one_source(
    node: Node, topic: str, callback: Callable[[PersonPoseArray], None], report: Report
) -> Callable[..., None]:
    """For a subscription of poses: passes on what the publisher sends that is followed."""

    def name(message: PersonPoseArray) -> tuple[str, str]:
        return message.header.frame_id, message.estimator

    return called_back(of_one_source(topic, callback, report, node.count_publishers, name))


class PoseInput:
    """Calls ``deliver(message, arrived)`` with everybody of one moment, in the executor's thread.

    ``arrived``: seconds on the steady clock.

    By ``input``: poses; poses_and_hands = hands from a topic of their own, joined by id or by
    wrist, without them while none come; hri = the bodies of ROS4HRI. Raises RuntimeError where
    that cannot be had. ``lost(event)`` and ``incompatible(topic, event)`` are told of what the
    middleware lost, and of a publisher that cannot be heard.
    """

    def __init__(
        self,
        node: Node,
        settings: Settings,
        deliver: Callable[[PersonPoseArray, float], None],
        report: Report,
        lost: Callable[[Any], None],
        incompatible: Callable[[str, Any], None],
    ) -> None:
        self._node, self._report = node, report
        self._lost, self._incompatible = lost, incompatible

        def at_once(message: PersonPoseArray) -> None:
            deliver(message, time.monotonic())

        self._close = contextlib.ExitStack()
        self.type = POSE_TYPE
        self._hands: HandsToBodies | None = None  # with poses_and_hands
        if settings["input"] == "hri":
            assembler = FrameAssembler(
                settings["hri_image_width"],
                settings["hri_image_height"],
                settings["reorder_seconds"],
            )
            bodies = HriBodies(node, assembler, at_once, report)
            self._close.callback(bodies.close)
            self.topic, self.type = bodies.topic, bodies.type
        elif settings["input"] == "poses_and_hands":
            hands = HandsToBodies(
                settings["sync_slop_seconds"], settings["reorder_seconds"], deliver, report
            )
            with contextlib.ExitStack() as undo:
                self.topic = self._subscribe(undo, "bharnet/poses", hands.bodies)
                self._hands_topic = self._subscribe(undo, "bharnet/hands", hands.hands)
                self._close = undo.pop_all()
            self._hands = hands
        else:
            self.topic = self._subscribe(self._close, "bharnet/poses", at_once)

    def look(self, now: float) -> float:
        """To be called often. For how many seconds bodies have gone on without their hands."""
        if self._hands is None:
            return 0.0
        self._hands.look()
        since = self._hands.alone_since
        return 0.0 if since is None else now - since

    def why_no_hands(self) -> str:
        """And what to do."""
        assert self._hands is not None
        topic = self._hands_topic
        why = why_silent(self._node, topic, POSE_TYPE, "hands", HANDS_CURE)
        if self._hands.heard:
            why = (
                f"hands arrive on {topic}, but not within {PATIENCE} s of the bodies of their "
                "moment; give both the stamp of their picture, or raise sync_slop_seconds"
            )
        return f"{why}; until then bodies are recognised without them"

    def close(self) -> None:
        """Hear no more."""
        self._close.close()

    def _subscribe(
        self, undo: contextlib.ExitStack, topic: str, callback: Callable[[Any], None]
    ) -> str:
        name = self._node.resolve_topic_name(topic)
        events = SubscriptionEventCallbacks(
            incompatible_qos=functools.partial(self._incompatible, name), message_lost=self._lost
        )
        subscription = self._node.create_subscription(
            PersonPoseArray,
            topic,
            poses_of_one_source(self._node, name, callback, self._report),
            POSES_QOS,
            event_callbacks=events,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        undo.callback(self._node.destroy_subscription, subscription)
        return str(subscription.topic_name)
