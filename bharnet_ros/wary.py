# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all our nodes survive, over which rclpy would raise out of the executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock

from bharnet_ros.reports import Reporter


class WaryPublisher(Publisher):
    """Says that a message was not sent, and goes on; ``report`` says it."""

    report: Callable[[str, str], None]

    def publish(self, msg: Any) -> None:
        """Send a message, or say why not."""
        try:
            super().publish(msg)
        except RuntimeError as error:  # rclpy's RCLError is one
            why = str(error).splitlines()[0][:120]
            self.report(
                "publish",
                f"a message on {self.topic_name} was not sent: {why}. If "
                "history is keep_all, a listener that hangs takes none, and waiting for it delays "
                "all else: end it, or let qos_overrides say keep_last",
            )


class WaryNode(Node):
    """A node that survives times before 1970 on /clock, and listeners that hang."""

    def create_publisher(self, msg_type: type, topic: str, *args: Any, **named: Any) -> Any:
        named.setdefault("publisher_class", WaryPublisher)
        made = super().create_publisher(msg_type, topic, *args, **named)
        made.report = Reporter(self._warn)
        return made

    def _warn(self, text: str) -> None:
        if self.context.ok():  # at its end nobody is sent anything
            self.get_logger().warning(text)

    def create_subscription(
        self, msg_type: type, topic: str, callback: Callable[..., None], *args: Any, **named: Any
    ) -> Any:
        if msg_type is Clock:  # rclpy's own source of time subscribes so, in every distribution
            callback = self._since_1970(topic, callback)
        return super().create_subscription(msg_type, topic, callback, *args, **named)

    def _since_1970(
        self, topic: str, callback: Callable[[Clock], None]
    ) -> Callable[[Clock], None]:
        report = Reporter(self._warn)

        def hear(message: Clock) -> None:
            if message.clock.sec < 0:
                report(
                    "clock",
                    f"passed over a time on {topic}: {message.clock.sec} s is before 1970, and "
                    "ROS has no such time; until another comes the clock stands still. Let the "
                    "simulator or the player that publishes it begin at 0 or later",
                )
                return
            callback(message)

        return hear
