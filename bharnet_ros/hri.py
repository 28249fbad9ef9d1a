# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS4HRI (REP-155): bodies that come and go, each with a topic of its own -> PersonPoseArray.

hri_msgs is not in the package index, so this was run with messages that look like its own
(Skeleton2D, IdsList of hri_msgs 2), never with the real ones: untested there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import Header

from bharnet.reporting import Report
from bharnet.skeleton import COCO_17
from bharnet.window import NANOSECONDS
from bharnet_ros.msg import PersonPose, PersonPoseArray
from bharnet_ros.stamps import is_moment, nanoseconds

BODIES, TRACKED, SKELETON = "/humans/bodies", "/tracked", "/skeleton2d"
SKELETON_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
MOST_BODIES = 1000  # as many as max_people may be; each costs a subscription


class FrameAssembler:
    """Skeletons of one picture come one by one: they are put together by their stamp.

    A frame is complete when every tracked body has told, or a newer picture begins.
    """

    def __init__(self, width: int, height: int, reorder_seconds: float) -> None:
        self._size = width, height
        self._reorder = round(reorder_seconds * NANOSECONDS)
        self._tracked: frozenset[str] = frozenset()
        self._people: dict[str, PersonPose] = {}
        self._header: Header | None = None
        self._done = 0  # stamp of the newest frame that was given out

    def track(self, ids: frozenset[str], header: Header) -> list[PersonPoseArray]:
        """Who is tracked from now on; when nobody is, that is a frame too."""
        self._tracked = ids
        if ids or not is_moment(header.stamp):
            return []
        return [*self._flush(), self._frame(header, [])]

    def put(self, body_id: str, message: Any) -> list[PersonPoseArray]:
        """One body's skeleton; the frames that are complete with it."""
        stamp, complete = nanoseconds(message.header.stamp), []
        if not is_moment(message.header.stamp):  # alone, for whoever is to refuse or to stamp it
            return [self._frame(message.header, [to_person(message, body_id)])]
        now = nanoseconds(self._header.stamp) if self._header else 0
        newest = max(now, self._done)
        if stamp < newest - self._reorder:
            self._people, self._header, self._done = {}, None, 0  # time began anew
        elif stamp < newest or (stamp == self._done and self._header is None):
            return []
        if self._header is not None and stamp > now:
            complete += self._flush()
        self._header = message.header
        self._people[body_id] = to_person(message, body_id)
        if self._tracked <= self._people.keys():
            complete += self._flush()
        return complete

    def _flush(self) -> list[PersonPoseArray]:
        if self._header is None:
            return []
        frame = self._frame(self._header, list(self._people.values()))
        self._people, self._header = {}, None
        return [frame]

    def _frame(self, header: Header, people: list[PersonPose]) -> PersonPoseArray:
        if is_moment(header.stamp):  # else nothing is known of what is done
            self._done = nanoseconds(header.stamp)
        return PersonPoseArray(
            header=header,
            estimator="ros4hri",
            body_layout=COCO_17.name,
            coordinates=PersonPoseArray.COORDINATES_IMAGE,
            image_width=self._size[0],
            image_height=self._size[1],
            people=people,
        )


def to_person(message: Any, body_id: str) -> PersonPose:
    """A Skeleton2D as a person in coco_17; its neck has no place there. Raises no error: what
    cannot be a skeleton becomes a person without a body.
    """
    joints = np.full((len(COCO_17), 4), np.nan, np.float32)
    joints[:, 3] = 0.0
    for row, joint in enumerate(COCO_17.joints):
        number = getattr(message, joint.upper())  # its own constants say where
        if number >= len(message.skeleton):
            return PersonPose(body_id=body_id)
        point = message.skeleton[number]
        if point.c > 0:
            joints[row] = point.x, point.y, np.nan, point.c
    return PersonPose(body_id=body_id, body=joints.ravel().tolist())


class HriBodies:
    """Subscribes to every body that is tracked, and to no other. Raises RuntimeError.

    Remapped to ``X/tracked``, as for one of several robots, bodies are looked for beside it.
    ``report(key, text)`` is told of an id that cannot be in a topic's name, and of too many.
    """

    def __init__(
        self,
        node: Node,
        assembler: FrameAssembler,
        deliver: Callable[[PersonPoseArray], None],
        report: Report,
    ) -> None:
        try:
            from hri_msgs.msg import IdsList, Skeleton2D
        except ImportError as error:
            raise RuntimeError(
                f"input:=hri needs hri_msgs, which is not here ({error}); install "
                "ros-$ROS_DISTRO-hri-msgs, or use input:=poses"
            ) from error
        self._node, self._assembler = node, assembler
        self._deliver, self._report = deliver, report
        self._kind = Skeleton2D
        self._bodies: dict[str, Any] = {}
        self._list = node.create_subscription(
            IdsList,
            BODIES + TRACKED,
            self._on_ids,
            QoSProfile(depth=1),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self.topic, self.type = str(self._list.topic_name), "hri_msgs/msg/IdsList"
        beside = self.topic.endswith(TRACKED)
        self._prefix = self.topic.removesuffix(TRACKED) if beside else BODIES

    def close(self) -> None:
        """Hear no more."""
        for each in (self._list, *self._bodies.values()):
            self._node.destroy_subscription(each)
        self._bodies.clear()

    def _on_ids(self, message: Any) -> None:
        ids = frozenset(message.ids)
        for gone in self._bodies.keys() - ids:
            self._node.destroy_subscription(self._bodies.pop(gone))
        others, room = sorted(ids - self._bodies.keys()), MOST_BODIES - len(self._bodies)
        for new in others[:room]:
            self._follow(new)
        if len(others) > room:
            self._report(
                "too_many",
                f"{self.topic} lists {len(ids)} bodies, {MOST_BODIES} are followed at most: "
                f"{len(others) - room} are ignored; does the tracker never drop who has left?",
            )
        heard = frozenset(self._bodies)
        # Whoever cannot be heard is there all the same: this is no empty frame.
        if heard or not ids:
            self._pass_on(self._assembler.track(heard, message.header))

    def _follow(self, body_id: str) -> None:
        on_skeleton = functools.partial(self._on_skeleton, body_id)
        topic = f"{self._prefix}/{body_id}{SKELETON}"
        try:
            if "{" in body_id:  # rclpy would put something else in its place
                raise InvalidTopicNameException(topic, "{ is for substitutions", topic.index("{"))
            # Its QoS cannot be overridden: the parameters for that would stay when it has left.
            subscription = self._node.create_subscription(
                self._kind, topic, on_skeleton, SKELETON_QOS
            )
        except InvalidTopicNameException:
            self._report(
                "bad_person",
                f"ignored body '{body_id[:40]}': its id cannot be part of a topic's name; let "
                "the tracker give ids of letters, digits and _, a letter first",
            )
        else:
            self._bodies[body_id] = subscription

    def _on_skeleton(self, body_id: str, message: Any) -> None:
        self._pass_on(self._assembler.put(body_id, message))

    def _pass_on(self, frames: list[PersonPoseArray]) -> None:
        for frame in frames:
            self._deliver(frame)
