# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A process around a node: how it begins; without a lifecycle, it runs until told to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

SIGNAL_SECONDS = 0.2  # a signal is noticed within this
WRONG_PARAMETERS = InvalidParameterTypeException, InvalidParameterValueException
# Exit codes of a process whose node cannot be made: it never can, as it was started (the launch
# file does not start it again), or a later try may succeed, as once a disk is no longer full.
NEVER, NOT_NOW = 2, 1
SECURED = os.environ.get("ROS_SECURITY_ENABLE") == "true"  # as rcl reads it


def told_to_stop() -> threading.Event:
    """Set by Ctrl-C and SIGTERM from now on.

    rclpy's own handlers end all communication at once, and whatever is being done then raises:
    running actions could not be ended, nor a service answered.
    """
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    return told


def refused(error: Exception) -> str:
    """What an error says; of something that rcl did not make where SROS 2 is on, the cure too."""
    if SECURED and type(error).__name__ == "RCLError":
        return (
            f"{error}. ROS_SECURITY_ENABLE is on: see whether the keys and rules of its enclave "
            "allow it (docs/howto/security.md)"
        )
    return str(error)


def begin(
    make: Callable[[], Any],
    name: str,
    args: list[str] | None = None,
    cannot: tuple[type[Exception], ...] = (),
) -> Any:
    """Start ROS and make a node; an exit code where that fails, and why is said in a line.

    cannot   what ``make`` raises where a user can cure it
    """
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # rclpy's RCLError is one: a file or an argument it cannot read
        if type(error).__name__ == "UnknownROSArgsError":  # rclpy names it nowhere in public
            print(f"{name}: not known after --ros-args: {error}", file=sys.stderr)
            return NEVER
        print(f"{name}: {error}", file=sys.stderr)
        never = any(each in str(error) for each in ("Couldn't parse", "SECURITY ERROR"))
        return NEVER if never else NOT_NOW
    try:
        return make()
    except (*cannot, *WRONG_PARAMETERS) as error:
        print(f"{name}: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return NEVER
    except RuntimeError as error:
        if type(error).__name__ != "RCLError":  # in no public module either
            raise
        print(f"{name}: {refused(error)}", file=sys.stderr)
        rclpy.try_shutdown()
        return NEVER if SECURED else NOT_NOW


def end_with(code: int, left_behind: bool) -> int:
    """The exit code of a process whose node is gone.

    Where a thread was ``left_behind`` the process ends here: Python's own end would wait for it,
    or crash.
    """
    if left_behind:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def spin(
    make: Callable[[], Node],
    name: str,
    args: list[str] | None = None,
    cannot: tuple[type[Exception], ...] = (),
) -> int:
    """Make a node and run it. Returns the exit code, that of ``begin`` if it cannot be made.

    cannot  what ``make`` raises where a user can cure it
    """
    stop = told_to_stop()
    node = begin(make, name, args, cannot)
    if isinstance(node, int):
        return node
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not stop.is_set():
            executor.spin_once(timeout_sec=SIGNAL_SECONDS)
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown()
    return end_with(0, getattr(node, "left_behind", False))
