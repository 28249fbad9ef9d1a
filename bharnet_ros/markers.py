# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What everybody does, where they stand: markers for RViz, in metres.

Poses of a picture alone have no metres, so they have no markers; the debug image shows them.
"""

from __future__ import annotations

import math

import numpy as np
from geometry_msgs.msg import Point
from numpy.typing import NDArray
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from bharnet.checkpoint import ModelInfo
from bharnet.decision import State
from bharnet.reporting import Report
from bharnet.skeleton import HAND_21, Layout, get_layout
from bharnet.stream import Entry, Tick
from bharnet_ros.stamps import to_time

SKELETON, TEXT = "skeleton", "text"
LINE_WIDTH, TEXT_HEIGHT, ABOVE_HEAD = 0.02, 0.12, 0.25  # m
# Red, green, blue.
COLOURS = {
    State.UNKNOWN: (0.6, 0.6, 0.6),
    State.IDLE: (0.3, 0.6, 1.0),
    State.ONSET: (0.2, 1.0, 0.3),
    State.ONGOING: (0.2, 1.0, 0.3),
}


class Markers:
    """Remembers whom it has shown, to take them away when they leave."""

    def __init__(self, info: ModelInfo, report: Report) -> None:
        self.info, self._report = info, report
        self._numbers: dict[str, int] = {}  # of the bodies shown
        self._count = 0

    def show(self, tick: Tick, frame_id: str, seconds: float) -> MarkerArray:
        """Skeleton and label of everybody in a tick, and the deletion of those who left.

        After ``seconds`` without another tick they vanish by themselves: nobody stays on show
        when the input stops, or the node does.
        """
        markers, here = [], set()
        for entry in tick.entries:
            if entry.decided.state not in COLOURS:  # what has ended is no longer shown
                continue
            if not np.isfinite(entry.person.position).all():
                if np.isfinite(entry.person.bbox).all():
                    self._report(
                        "no_metres",
                        "poses are 2-D, in fractions of a picture: there are no markers in "
                        "metres; use the debug image, or depth (use_depth)",
                    )
                continue
            body_id = entry.decided.body_id
            here.add(body_id)
            if body_id not in self._numbers:
                self._numbers[body_id] = self._count = self._count + 1
            markers += self._person(entry, self._numbers[body_id])
        for gone in self._numbers.keys() - here:
            number = self._numbers.pop(gone)
            markers += [Marker(ns=ns, id=number, action=Marker.DELETE) for ns in (SKELETON, TEXT)]
        for each in markers:
            each.header.stamp, each.header.frame_id = to_time(tick.stamp), frame_id
            each.lifetime = Duration(seconds=seconds).to_msg()
        return MarkerArray(markers=markers)

    def _person(self, entry: Entry, number: int) -> list[Marker]:
        decided, person = entry.decided, entry.person
        colour = ColorRGBA(**dict(zip("rgb", COLOURS[decided.state], strict=True)), a=1.0)
        lines = Marker(ns=SKELETON, id=number, type=Marker.LINE_LIST, color=colour)
        lines.pose.orientation.w, lines.scale.x = 1.0, LINE_WIDTH
        lines.points = _lines(person.body, get_layout(self.info.features.body_layout))
        for hand in person.hands:
            lines.points += _lines(hand, HAND_21)
        text = Marker(ns=TEXT, id=number, type=Marker.TEXT_VIEW_FACING, color=colour)
        text.pose.orientation.w, text.scale.z = 1.0, TEXT_HEIGHT
        x, y, z = map(float, person.position)
        # y points down in an optical frame.
        highest = (
            float(np.nanmin(person.body[:, 1])) if np.isfinite(person.body[:, 1]).any() else y
        )
        text.pose.position = Point(x=x, y=highest - ABOVE_HEAD, z=z)
        text.text = self._words(entry)
        return [lines, text]

    def _words(self, entry: Entry) -> str:
        decided = entry.decided
        label = self.info.classes[decided.class_id] if decided.class_id >= 0 else "unknown"
        sure = "" if math.isnan(decided.confidence) else f" {decided.confidence:.0%}"
        return f"{decided.body_id}: {label}{sure}"


def _lines(joints: NDArray[np.float32], layout: Layout) -> list[Point]:
    """Both ends of every bone that is seen in three dimensions."""
    seen = np.asarray(np.isfinite(joints[:, :3]).all(axis=1))
    return [
        Point(**dict(zip("xyz", map(float, joints[end, :3]), strict=True)))
        for bone in layout.bones
        if seen[list(bone)].all()
        for end in bone
    ]
