# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stamps: nanoseconds in one number, as all of the core has them, and as messages do."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time

from bharnet.poses import nanoseconds
from bharnet.window import NANOSECONDS

__all__ = ["is_moment", "nanoseconds", "to_time"]


def is_moment(time: Any) -> bool:
    """Whether a message's stamp tells one: neither zero nor negative, and well formed.

    Of more nanoseconds than a second has it would lie ahead, and all that follow would be late.
    """
    return nanoseconds(time) > 0 and time.nanosec < NANOSECONDS


def to_time(stamp: int) -> Time:
    """Nanoseconds as a stamp."""
    return Time(sec=stamp // NANOSECONDS, nanosec=stamp % NANOSECONDS)
