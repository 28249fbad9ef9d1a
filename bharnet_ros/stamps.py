# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stamps: nanoseconds in one number, as all of the core has them, and as messages do."""

from __future__ import annotations

from builtin_interfaces.msg import Time

from bharnet.poses import nanoseconds
from bharnet.window import NANOSECONDS

__all__ = ["nanoseconds", "to_time"]


def to_time(stamp: int) -> Time:
    """Nanoseconds as a stamp."""
    return Time(sec=stamp // NANOSECONDS, nanosec=stamp % NANOSECONDS)
