# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A process around a node without a lifecycle: it runs until it is told to stop."""

from __future__ import annotations

import sys
from collections.abc import Callable

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node


def spin(
    make: Callable[[], Node],
    name: str,
    args: list[str] | None = None,
    cannot: tuple[type[Exception], ...] = (),
) -> int:
    """Make a node and run it. Returns the exit code: 2 if it cannot be made, and says why.

    cannot  what ``make`` raises where a user can cure it
    """
    rclpy.init(args=args)
    try:
        node = make()
    except cannot as error:
        print(f"{name}: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return 2
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0
