# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot that comes on "follow me" and stops on "don't": what a controller does with actions.

    source tools/ros_env.sh; python examples/obey.py

Velocities go to `cmd_vel` (geometry_msgs/Twist), ten a second. It moves only as long as it hears
of the person who called it: when that person leaves, or the recogniser says nothing for a second,
it stands still. `sureness`, that it comes from, and `speed` are parameters.
"""

from __future__ import annotations

import contextlib
import time

import rclpy
from geometry_msgs.msg import Twist
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from bharnet_ros.msg import Action, ActionArray

COME, STOP = {"follow_me"}, {"dont"}
SILENCE_SECONDS = 1.0


class Obey(Node):
    """Follows whoever called it last; anybody may stop it."""

    def __init__(self, **options: object) -> None:
        super().__init__("obey", **options)
        self.declare_parameter("sureness", 0.6)
        self.declare_parameter("speed", 0.2)
        self.master = ""  # body_id of the person who called
        self._heard = (
            0.0  # steady clock: a robot must stop when messages stop, whatever their stamps
        )
        self.create_subscription(ActionArray, "bharnet/actions", self.on_actions, 10)
        self._wheels = self.create_publisher(Twist, "cmd_vel", 10)
        self.create_timer(0.1, self.drive, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def on_actions(self, message: ActionArray) -> None:
        self._heard = time.monotonic()
        present = {
            action.body_id for action in message.actions if action.reason != Action.REASON_LOST
        }
        if self.master and self.master not in present:
            self.stop("who called is gone")
        # Whoever says stop has the last word, wherever in the list.
        for action in sorted(message.actions, key=lambda action: action.label in STOP):
            # As long as it is said, however sure: its ONSET may have been lost on the way.
            if action.label in STOP and action.state in (Action.ONSET, Action.ONGOING):
                self.stop(f"{action.body_id} says {action.label}")
            # ONSET comes once for each event; what is ONGOING was obeyed already, or stopped.
            elif (
                action.label in COME
                and action.state == Action.ONSET
                and action.confidence >= self.value("sureness")
            ):
                self.master = action.body_id
                self.get_logger().info(f"following {action.body_id}")

    def drive(self) -> None:
        if self.master and time.monotonic() - self._heard > SILENCE_SECONDS:
            self.stop("the recogniser is silent")
        command = Twist()
        command.linear.x = self.value("speed") if self.master else 0.0
        self._wheels.publish(command)

    def stop(self, why: str) -> None:
        if self.master:
            self.get_logger().info(f"standing still: {why}")
        self.master = ""

    def value(self, name: str) -> float:
        return float(self.get_parameter(name).value)


def main() -> None:
    """Run until interrupted or ended, as by ros2 launch."""
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(Obey())
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
