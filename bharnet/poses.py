# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A PersonPoseArray -> Frame, whoever deserialised the message: rclpy or rosbags."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from bharnet.observation import Coordinates, Frame, InvalidPose, Observation, PoseFormat, observe
from bharnet.reporting import Report
from bharnet.skeleton import BODY_LAYOUTS, HAND_LAYOUTS, LAYOUTS, Layout
from bharnet.window import NANOSECONDS

# Far more than any camera sees; keeps one mad message from costing seconds.
MOST_PEOPLE = 1000
LONGEST_ID = 256


def to_frame(
    message: Any, target: Layout, report: Report, stamp: int | None = None
) -> Frame | None:
    """Everybody usable in a message, in the target's body layout; None if none of it is usable.

    ``stamp`` (nanoseconds) stands in for the header's. ``report(key, text)`` is told of whatever
    was left out; a bad person never costs the others.
    """
    try:
        stamp = _stamp(message) if stamp is None else stamp
        if stamp <= 0:
            raise InvalidPose(
                "there is no time yet to stamp it with; let /clock be published, or start this "
                "node without use_sim_time"
            )
        if len(message.people) > MOST_PEOPLE:
            raise InvalidPose(f"{len(message.people)} people; at most {MOST_PEOPLE} are read")
        source = _format(message, target)
    except InvalidPose as error:
        report("bad_message", f"dropped a message of poses: {error}")
        return None
    people: list[Observation] = []
    for person in message.people:
        try:
            if len(person.body_id) > LONGEST_ID:
                raise InvalidPose(f"body_id is longer than {LONGEST_ID} characters; shorten it")
            people.append(
                observe(
                    person.body_id,
                    np.asarray(person.body, np.float32),
                    np.asarray(person.left_hand, np.float32),
                    np.asarray(person.right_hand, np.float32),
                    source,
                    target,
                    person.person_id,
                )
            )
        except InvalidPose as error:
            report("bad_person", f"ignored person '{person.body_id[:40]}' in a frame: {error}")
    return Frame(stamp, tuple(people))


def nanoseconds(time: Any) -> int:
    """A builtin_interfaces/Time as nanoseconds."""
    return int(time.sec) * NANOSECONDS + int(time.nanosec)


def _stamp(message: Any) -> int:
    stamp = nanoseconds(message.header.stamp)
    if stamp <= 0:
        raise InvalidPose(
            "header.stamp is zero or negative; the pose source must give the acquisition time "
            "of the frame, or start this node with stamp_source:=receive"
        )
    if message.header.stamp.nanosec >= NANOSECONDS:
        raise InvalidPose(
            f"header.stamp.nanosec is {message.header.stamp.nanosec}, more than a second has; the "
            "pose source must put whole seconds into sec"
        )
    return stamp


def _format(message: Any, target: Layout) -> PoseFormat:
    """How the message writes its joints."""
    try:
        coordinates = Coordinates(int(message.coordinates))
    except ValueError:
        raise InvalidPose(
            f"coordinates {message.coordinates} are unknown; say IMAGE, CAMERA or BODY"
        ) from None
    width, height = message.image_width, message.image_height
    if coordinates == Coordinates.IMAGE and not (width and height):
        raise InvalidPose(
            "coordinates are IMAGE but image_width or image_height is 0; the pose source must "
            "give both, without them angles are wrong"
        )
    body = find_layout("body_layout", message.body_layout, BODY_LAYOUTS) or target
    find_layout("hand_layout", message.hand_layout, HAND_LAYOUTS)
    if not message.body_layout and any(len(person.body) for person in message.people):
        raise InvalidPose("body_layout is empty but there are bodies; name their joint order")
    if not message.hand_layout and any(
        len(person.left_hand) or len(person.right_hand) for person in message.people
    ):
        raise InvalidPose("hand_layout is empty but there are hands; name their joint order")
    return PoseFormat(body, coordinates, width / height if height else 1.0)


@lru_cache(maxsize=64)
def find_layout(field: str, name: str, known: tuple[str, ...]) -> Layout | None:
    """A message's layout by its name, however its underscores are set; None for "".

    Raises InvalidPose.
    """
    if not name:
        return None
    plain = name.replace("_", "").lower()
    for each in known:
        if each.replace("_", "") == plain:
            return LAYOUTS[each]
    raise InvalidPose(
        f"unknown {field} '{name[:40]}'; known: {', '.join(known)}; the pose source must name "
        "one, or convert to one"
    )
