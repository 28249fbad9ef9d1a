"""Stamps: nanoseconds in one number, as all of the core has them, and as messages do."""

from __future__ import annotations

from builtin_interfaces.msg import Time

from bharnet.window import NANOSECONDS


def nanoseconds(time: Time) -> int:
    """A stamp as one number."""
    return int(time.sec) * NANOSECONDS + int(time.nanosec)


def to_time(stamp: int) -> Time:
    """Nanoseconds as a stamp."""
    return Time(sec=stamp // NANOSECONDS, nanosec=stamp % NANOSECONDS)
