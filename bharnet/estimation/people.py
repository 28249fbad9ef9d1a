# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures of one camera in, people with ids out: estimator, tracker, and what they cost.

The node, `bharnet watch` and the benchmarks all drive this one class.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bharnet.estimation.estimator import Detection, Estimator, InvalidFrame
from bharnet.estimation.picture import check_picture
from bharnet.estimation.smoothing import Smoother
from bharnet.estimation.tracker import Tracker
from bharnet.observation import Coordinates, Frame, InvalidPose, PoseFormat, observe
from bharnet.reporting import Report, ignore
from bharnet.skeleton import HAND_21, Layout, get_layout
from bharnet.window import NANOSECONDS


@dataclass(frozen=True, eq=False)
class PeopleFrame:
    """Everybody in one picture: all that a PersonPoseArray says, and what it cost.

    people        (body_id, detection), ids unique in the frame
    milliseconds  by stage: each of the estimator's networks, "estimate" (all of the estimator,
                  networks included), "track", "own" (everything that is not a network), "total"
    """

    stamp: int
    width: int
    height: int
    estimator: str
    body_layout: str
    people: tuple[tuple[str, Detection], ...]
    milliseconds: Mapping[str, float]
    hand_layout: str = HAND_21.name

    def to_frame(self, target: Layout, report: Report = ignore) -> Frame:
        """For ``ActionStream.push``: everybody in the target's body layout, isotropic units.

        ``report(key, text)`` is told of a person who cannot be used, or of a picture that is too
        narrow to tell angles in: then nobody can.
        """
        aspect = self.width / self.height
        try:
            source = PoseFormat(get_layout(self.body_layout), Coordinates.IMAGE, aspect)
        except InvalidPose as error:
            report("image", f"ignored everybody in a picture: {error}")
            return Frame(self.stamp, ())
        seen = []
        for body_id, person in self.people:
            left, right = (
                () if hand is None else hand for hand in (person.left_hand, person.right_hand)
            )
            try:
                seen.append(observe(body_id, person.body, left, right, source, target))
            except InvalidPose as error:
                report("bad_person", f"ignored person '{body_id}' in a frame: {error}")
        return Frame(self.stamp, tuple(seen))


@dataclass
class Counters:
    """What went through since the start; nothing resets it."""

    frames: int = 0  # estimated
    refused: int = 0  # no picture, no stamp
    old: int = 0  # dropped: older than the newest by up to reorder_seconds
    resets: int = 0  # time jumped back by more
    people: int = 0  # summed over frames
    left_hands: int = 0
    right_hands: int = 0


@dataclass
class PeopleEstimator:
    """One camera's people. Takes the estimator over: ``close`` closes it.

    reorder_seconds  a stamp older than the newest (or equal) by up to this is refused; one older
                     by more means that time began anew: the estimator and the tracker forget
                     everybody, and new ids are given

    >>> with PeopleEstimator(open_estimator(EstimatorConfig())) as camera:
    ...     frame = camera.estimate(image_rgb, stamp_ns)
    ...     stream.advance(frame.to_frame(layout))
    """

    estimator: Estimator
    tracker: Tracker = field(default_factory=Tracker)
    reorder_seconds: float = 0.5
    counters: Counters = field(default_factory=Counters)
    _newest: int = field(default=0, init=False)
    _smoother: Smoother = field(default_factory=Smoother, init=False)

    def estimate(self, image: NDArray[np.uint8], stamp: int) -> PeopleFrame:
        """Everybody in an (H, W, 3) RGB picture taken at ``stamp`` nanoseconds.

        Raises InvalidFrame for what is no picture, a stamp that is zero or negative, and an old
        stamp; each is counted and leaves no trace. Pictures may change their size at any time.
        """
        begun = time.perf_counter()
        self._accept(image, stamp)
        self._newest = stamp
        found = self.estimator.estimate(image, stamp)
        estimated = time.perf_counter()
        height, width = image.shape[:2]
        people = self.tracker.assign(
            found, stamp, get_layout(self.estimator.body_layout), width / height
        )
        if not self.estimator.smooths:
            people = self._steadied(people, stamp, width / height)
        done = time.perf_counter()
        self._count([person for _, person in people])
        networks = dict(self.estimator.network_ms)
        total = 1e3 * (done - begun)
        milliseconds = {
            **networks,
            "estimate": 1e3 * (estimated - begun),
            "track": 1e3 * (done - estimated),
            "own": total - sum(networks.values()),
            "total": total,
        }
        return PeopleFrame(
            stamp,
            width,
            height,
            self.estimator.name,
            self.estimator.body_layout,
            tuple(people),
            milliseconds,
        )

    def reset(self) -> None:
        """Forget everybody; the next picture may have any stamp. No id comes back."""
        self.estimator.reset()
        self.tracker.reset()
        self._smoother.reset()
        self._newest = 0

    def close(self) -> None:
        """Close the estimator; may be called twice."""
        self.estimator.close()

    def __enter__(self) -> PeopleEstimator:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _accept(self, image: NDArray[np.uint8], stamp: int) -> None:
        """Raise InvalidFrame, or forget everybody where time began anew."""
        try:
            check_picture(image)
            if stamp <= 0:
                raise InvalidFrame(
                    "no_stamp",
                    f"stamp {stamp} is no time; the camera must give the time of capture",
                )
        except InvalidFrame:
            self.counters.refused += 1
            raise
        if stamp > self._newest:
            return
        back = (self._newest - stamp) / NANOSECONDS
        if back <= self.reorder_seconds:
            self.counters.old += 1
            raise InvalidFrame(
                "old_stamp",
                f"it is {back:.3f} s older than (or equal to) the newest; if two "
                "cameras publish on this topic, stop one",
            )
        self.counters.resets += 1
        self.reset()

    def _steadied(
        self, people: list[tuple[str, Detection]], stamp: int, aspect: float
    ) -> list[tuple[str, Detection]]:
        self._smoother.forget(stamp)
        return [
            (name, replace(each, body=self._smoother.smooth(name, each.body, stamp, aspect)))
            for name, each in people
        ]

    def _count(self, people: list[Detection]) -> None:
        self.counters.frames += 1
        self.counters.people += len(people)
        self.counters.left_hands += sum(person.left_hand is not None for person in people)
        self.counters.right_hands += sum(person.right_hand is not None for person in people)
