# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of poses as broken sources send them."""

from __future__ import annotations

import math
from collections.abc import Callable

from rclpy.serialization import serialize_message

from bharnet_ros.msg import PersonPose, PersonPoseArray

Spoil = Callable[[PersonPoseArray], PersonPoseArray | bytes]


def _with(**values: object) -> Spoil:
    def spoil(message: PersonPoseArray) -> PersonPoseArray:
        for name, value in values.items():
            setattr(message, name, value)
        return message

    return spoil


def _stamped(sec: int, nanosec: int) -> Spoil:
    def spoil(message: PersonPoseArray) -> PersonPoseArray:
        message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
        return message

    return spoil


def _no_time(message: PersonPoseArray) -> PersonPoseArray:
    message.header.stamp.nanosec = 2**32 - 1
    return message


def _crowded(message: PersonPoseArray) -> PersonPoseArray:
    message.people = [PersonPose(body_id=f"many{i}") for i in range(1001)]
    return message


def _cut(message: PersonPoseArray) -> bytes:
    content = bytes(serialize_message(message))
    return content[: len(content) // 2]


# None of it may come to anything.
MESSAGES: dict[str, Spoil] = {
    "coordinates unset": _with(coordinates=0),
    "coordinates unknown": _with(coordinates=200),
    "no width": _with(image_width=0),
    "no picture's shape": _with(image_width=2**32 - 1),
    "layout unknown": _with(body_layout="x" * 5000),
    "hands' layout unknown": _with(hand_layout="²"),
    "stamp zero": _stamped(0, 0),
    "stamp negative": _stamped(-(2**31), 0),
    "nanoseconds of four seconds": _no_time,
    "a thousand people": _crowded,
    "cut in the middle": _cut,
}


def bad_people(good: PersonPose) -> list[PersonPose]:
    """People who may not be told of, and may cost nobody else anything."""
    joints = list(good.body)
    changes: tuple[dict[str, object], ...] = (
        {"body": joints[:-1]},
        {"body": [math.inf, *joints[1:]]},
        {"body": [1e30, *joints[1:]]},
        {"left_hand": [0.5] * 4000},
        {"body_id": ""},
        {"body_id": "spoiled" * 100},
        {"person_id": "p" * 1_000_000, "right_hand": [0.0]},
    )
    people = []
    for change in changes:
        given: dict[str, object] = {"body_id": "spoiled", "body": joints}
        people.append(PersonPose(**{**given, **change}))
    return people
