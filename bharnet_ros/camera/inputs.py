# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera's topics: subscribed on activate, given up on deactivate.

A picture goes over DDS in pieces, and without a resend the loss of one piece loses it: with Fast
DDS's defaults most raw pictures of 640 x 480 are lost on a busy machine (docs/camera.md). So
subscriptions are reliable, until a camera is found that offers best effort only.

Callbacks check what is cheap to check and hand over; pixels are decoded by the worker.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from bharnet.estimation.estimator import InvalidFrame
from bharnet.reporting import Report
from bharnet.source import of_one_source
from bharnet_ros.camera.images import check_image
from bharnet_ros.camera.parameters import Settings
from bharnet_ros.camera.worker import Pictures
from bharnet_ros.distributions import SubscriptionEventCallbacks, called_back
from bharnet_ros.pairing import Pairing
from bharnet_ros.stamps import is_moment, nanoseconds

# Only the newest picture counts; of three topics, the last must find the others still there.
NEWEST_DEPTH, SEVERAL_DEPTH = 1, 5
# So many pictures in a row may be without depth or camera_info: these start later, or are late.
MOST_ALONE = 30


@dataclass(eq=False)
class _Topic:
    """What is listened to. ``unheard``: a camera was found that offers best effort only."""

    kind: type
    name: str
    callback: Callable[..., None]
    reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE
    unheard: bool = False
    subscription: Any = None


class CameraInput:
    """Calls ``deliver(pictures)`` with every picture that can be one, in the executor's thread.

    ``refused(key, text)`` is told of all others, ``lost(event)`` of what the middleware lost.
    """

    def __init__(
        self,
        node: Node,
        settings: Settings,
        deliver: Callable[[Pictures], None],
        refused: Report,
        lost: Callable[[Any], None],
    ) -> None:
        self._node, self._settings = node, settings
        self._deliver, self._refused = deliver, refused
        self._lost = lost
        self._topics: list[_Topic] = []
        # Of the other topics of a set, and of pictures, what came since the last set.
        self._others, self._alone = Counter[str](), 0
        self.received = 0
        self.last = time.monotonic()
        self.kind = Image if settings["transport"] == "raw" else CompressedImage
        # image_transport's names: remapping `image` moves them all.
        self.topic = node.resolve_topic_name("image")
        self.topic += "" if self.kind is Image else "/compressed"
        depth, wanted = NEWEST_DEPTH, [_Topic(self.kind, self.topic, self._on_image)]
        if settings["use_depth"]:
            self._pairing = Pairing(
                3,
                settings["sync_slop_seconds"],
                settings["reorder_seconds"],
                self._take,
                functools.partial(refused, "no_stamp"),
            )
            depth = SEVERAL_DEPTH
            wanted = [
                _Topic(self.kind, self.topic, self._on_image_of_set),
                _Topic(Image, "depth", functools.partial(self._on_other_of_set, 1, "depth")),
                _Topic(
                    CameraInfo,
                    "camera_info",
                    functools.partial(self._on_other_of_set, 2, "camera_info"),
                ),
            ]
        self._depth = depth
        try:
            for each in wanted:
                name = node.resolve_topic_name(each.name)
                each.callback = called_back(
                    of_one_source(name, each.callback, refused, node.count_publishers)
                )
                self._subscribe(each, QoSOverridingOptions.with_default_policies())
                self._topics.append(each)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Hear no more."""
        while self._topics:
            self._node.destroy_subscription(self._topics.pop().subscription)

    def adapt(self) -> None:
        """Listen without reliability where a camera was found that does not offer it."""
        for each in self._topics:
            if not each.unheard:
                continue
            each.unheard, each.reliability = False, ReliabilityPolicy.BEST_EFFORT
            self._node.destroy_subscription(each.subscription)
            # What the parameter says of reliability is what could not be had.
            self._subscribe(each, QoSOverridingOptions([QoSPolicyKind.DEPTH]))
            self._node.get_logger().info(
                f"a camera on {self._node.resolve_topic_name(each.name)} offers best effort only: "
                "large pictures may be lost on the way; let it offer reliable, or use "
                "transport:=compressed"
            )

    def _on_incompatible(self, topic: _Topic, event: Any) -> None:
        """Of an executor's event: what is heard must not be changed in here."""
        topic.unheard = topic.reliability == ReliabilityPolicy.RELIABLE

    def _subscribe(self, topic: _Topic, overridable: QoSOverridingOptions) -> None:
        topic.subscription = self._node.create_subscription(
            topic.kind,
            topic.name,
            topic.callback,
            QoSProfile(depth=self._depth, reliability=topic.reliability),
            event_callbacks=SubscriptionEventCallbacks(
                message_lost=self._lost,
                incompatible_qos=functools.partial(self._on_incompatible, topic),
            ),
            qos_overriding_options=overridable,
        )

    def _on_image(self, message: Any) -> None:
        if self._accept(message):
            self._take(message)

    def _on_image_of_set(self, message: Any) -> None:
        if self._accept(message):
            self._alone += 1
            self._pairing.put(0, message)
            if self.unmatched:
                self._refused("unmatched", self.unmatched)

    def _on_other_of_set(self, number: int, name: str, message: Any) -> None:
        self._others[name] += 1
        self._pairing.put(number, message)

    @property
    def unmatched(self) -> str:
        """Why pictures come, but none has its depth and camera_info; "" where they have."""
        if self._alone <= MOST_ALONE:
            return ""
        silent = [name for name in ("depth", "camera_info") if not self._others[name]]
        if not silent:
            return (
                "depth and camera_info come, but none of a picture's moment; let them have the "
                "picture's stamps, or raise sync_slop_seconds"
            )
        names = " and ".join(self._node.resolve_topic_name(name) for name in silent)
        return (
            f"pictures come, but nothing on {names}; name the topics that belong to them with "
            f"{' '.join(f'-r {name}:=<topic>' for name in silent)}, or leave use_depth"
        )

    def _accept(self, message: Any) -> bool:
        """Count a picture; whether it can be one."""
        self.received += 1
        self.last = time.monotonic()
        try:
            check_image(message)
            if self._by_header and not is_moment(message.header.stamp):
                raise InvalidFrame(
                    "no_stamp",
                    "header.stamp is zero, negative, or has more nanoseconds than a second; the "
                    "camera must give the time of capture, or start this node with "
                    "stamp_source:=receive",
                )
        except InvalidFrame as error:
            self._refused(error.key, f"dropped a picture: {error}")
            return False
        return True

    def _take(self, image: Any, depth: Any = None, camera_info: Any = None) -> None:
        stamp = (
            nanoseconds(image.header.stamp)
            if self._by_header
            else int(self._node.get_clock().now().nanoseconds)
        )
        if stamp <= 0:
            self._refused(
                "no_stamp",
                "dropped a picture: there is no time yet to stamp it with; let /clock be "
                "published, or start this node without use_sim_time",
            )
            return
        self._others, self._alone = Counter(), 0
        self._deliver(Pictures(image, stamp, time.monotonic(), depth, camera_info))

    @property
    def _by_header(self) -> bool:
        return bool(self._settings["stamp_source"] == "header")
