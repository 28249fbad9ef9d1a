# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the rclpy of one distribution differs from another's: Humble's, Jazzy's, Kilted's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rclpy.subscription import Subscription

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble's name
    from rclpy.qos_event import SubscriptionEventCallbacks

__all__ = ["SubscriptionEventCallbacks", "called_back"]

# Humble gives a callback the message alone.
TELLS_INFO = hasattr(Subscription, "CallbackType")


def called_back(
    callback: Callable[[Any, Mapping[str, int | None]], None],
) -> Callable[..., None]:
    """A callback of message and info for a subscription; without info where rclpy gives none."""
    if TELLS_INFO:
        return callback
    return lambda message: callback(message, {})
