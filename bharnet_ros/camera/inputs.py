"""The camera's topics: subscribed on activate, given up on deactivate.

Callbacks check what is cheap to check and hand over; pixels are decoded by the worker.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from bharnet.estimation.estimator import InvalidFrame
from bharnet_ros.camera.images import check_image
from bharnet_ros.camera.parameters import Settings
from bharnet_ros.camera.worker import Pictures
from bharnet_ros.pairing import Pairing
from bharnet_ros.stamps import nanoseconds

# A camera is heard however it sends, and only its newest picture counts.
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
# Of three topics, the last one to come must find the others still there.
SEVERAL = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


class CameraInput:
    """Calls ``deliver(pictures)`` with every picture that can be one, in the executor's thread.

    ``refused(key, text)`` is told of all others, ``lost(event)`` of what the middleware lost.
    """

    def __init__(
        self,
        node: Node,
        settings: Settings,
        deliver: Callable[[Pictures], None],
        refused: Callable[[str, str], None],
        lost: Callable[[Any], None],
    ) -> None:
        self._node, self._settings = node, settings
        self._deliver, self._refused = deliver, refused
        self._events = SubscriptionEventCallbacks(message_lost=lost)
        self._close = contextlib.ExitStack()
        self.received = 0
        self.last = time.monotonic()
        self.kind = Image if settings["transport"] == "raw" else CompressedImage
        # image_transport's names: remapping `image` moves them all.
        topic = node.resolve_topic_name("image")
        topic += "" if self.kind is Image else "/compressed"
        self.topic = topic
        with contextlib.ExitStack() as undo:
            if settings["use_depth"]:
                self._pairing = Pairing(
                    3,
                    settings["sync_slop_seconds"],
                    settings["reorder_seconds"],
                    lambda *messages: self._take(*messages),
                )
                undo.callback(self._subscribe(self.kind, topic, SEVERAL, self._on_image_of_set))
                undo.callback(self._subscribe(Image, "depth", SEVERAL, lambda m: self._put(1, m)))
                undo.callback(
                    self._subscribe(CameraInfo, "camera_info", SEVERAL, lambda m: self._put(2, m))
                )
            else:
                undo.callback(self._subscribe(self.kind, topic, NEWEST, self._on_image))
            self._close = undo.pop_all()

    def close(self) -> None:
        """Hear no more."""
        self._close.close()

    def _subscribe(
        self, kind: type, topic: str, qos: QoSProfile, callback: Callable[[Any], None]
    ) -> Callable[[], object]:
        subscription = self._node.create_subscription(
            kind,
            topic,
            callback,
            qos,
            event_callbacks=self._events,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        return lambda: self._node.destroy_subscription(subscription)

    def _on_image(self, message: Any) -> None:
        if self._accept(message):
            self._take(message)

    def _on_image_of_set(self, message: Any) -> None:
        if self._accept(message):
            self._put(0, message)

    def _put(self, number: int, message: Any) -> None:
        self._pairing.put(number, message)

    def _accept(self, message: Any) -> bool:
        """Count a picture; whether it can be one."""
        self.received += 1
        self.last = time.monotonic()
        try:
            check_image(message)
            if nanoseconds(message.header.stamp) <= 0 and self._by_header:
                raise InvalidFrame(
                    "no_stamp",
                    "header.stamp is zero or negative; the camera must give the time of capture, "
                    "or start this node with stamp_source:=receive",
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
        self._deliver(Pictures(image, stamp, time.monotonic(), depth, camera_info))

    @property
    def _by_header(self) -> bool:
        return bool(self._settings["stamp_source"] == "header")
