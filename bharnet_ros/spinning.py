# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A process around a node: how it begins; without a lifecycle, it runs until told to stop."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

WRONG_PARAMETERS = InvalidParameterTypeException, InvalidParameterValueException


def begin(
    make: Callable[[], Any],
    name: str,
    args: list[str] | None = None,
    cannot: tuple[type[Exception], ...] = (),
    **options: Any,
) -> Any:
    """Start ROS and make a node; None where a user got something wrong, which is said in a line.

    cannot   what ``make`` raises where a user can cure it
    options  of rclpy.init
    """
    try:
        rclpy.init(args=args, **options)
    except RuntimeError as error:  # rclpy's RCLError is one: a file or an argument it cannot read
        print(f"{name}: {error}", file=sys.stderr)
        return None
    try:
        return make()
    except (*cannot, *WRONG_PARAMETERS) as error:
        print(f"{name}: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return None


def spin(
    make: Callable[[], Node],
    name: str,
    args: list[str] | None = None,
    cannot: tuple[type[Exception], ...] = (),
) -> int:
    """Make a node and run it. Returns the exit code: 2 if it cannot be made, and says why.

    cannot  what ``make`` raises where a user can cure it
    """
    node = begin(make, name, args, cannot)
    if node is None:
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
