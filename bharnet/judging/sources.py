# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a recording shows, frame after frame: the one seam between bags and the core.

A source is an iterator of ``Frame`` (each carries its stamp), in the order of recording: poses as
they are, or pictures through an estimator. Nothing after this file knows which.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bharnet.bag import POSE_TYPE, DamagedBag, ImageBag, PoseBag
from bharnet.observation import Frame
from bharnet.poses import nanoseconds, to_frame
from bharnet.reporting import Report
from bharnet.skeleton import Layout
from bharnet.source import Source
from bharnet.window import NANOSECONDS

if TYPE_CHECKING:
    from bharnet.estimation.people import PeopleEstimator


class Stopwatch:
    """Milliseconds by stage. They differ from run to run, so they are kept apart."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, list[float]] = defaultdict(list)
        self._last = time.perf_counter()

    def start(self) -> None:
        """What follows belongs to the next ``lap``."""
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Everything since the last lap or start was this stage."""
        now = time.perf_counter()
        self.took(stage, 1e3 * (now - self._last))
        self._last = now

    def took(self, stage: str, milliseconds: float) -> None:
        """Measured elsewhere."""
        self.milliseconds[stage].append(milliseconds)


def pose_frames(
    bag: PoseBag, layout: Layout, report: Report, stopwatch: Stopwatch
) -> Iterator[Frame]:
    """The usable frames of the pose topic; ``report`` is told of what was left out.

    Of two publishers one is followed, as by the node. Raises DamagedBag.
    """
    source = Source(bag.topic, report)
    stopwatch.start()
    for recorded in bag.poses():
        stopwatch.lap("read")
        message = bag.deserialize(recorded.data, POSE_TYPE)
        try:
            name = message.header.frame_id, message.estimator
            followed = source.takes({}, name, recorded.logged / NANOSECONDS)
            frame = to_frame(message, layout, report) if followed else None
        except AttributeError as error:
            raise DamagedBag(
                f"{bag.path}: its {POSE_TYPE} is of another version ({error}); record it with "
                "this version of the messages"
            ) from None
        stopwatch.lap("convert")
        if frame is not None:
            yield frame
        stopwatch.start()


def image_frames(
    bag: ImageBag, camera: PeopleEstimator, layout: Layout, report: Report, stopwatch: Stopwatch
) -> Iterator[Frame]:
    """The people in the pictures of a topic; ``report`` is told of pictures left out."""
    from rosbags.image import message_to_cvimage

    from bharnet.estimation.estimator import InvalidFrame

    source = Source(bag.topic, report)
    stopwatch.start()
    for logged, message in bag.messages(bag.chosen):
        stopwatch.lap("read")
        if not source.takes({}, message.header.frame_id, logged / NANOSECONDS):
            stopwatch.start()
            continue
        try:
            image = message_to_cvimage(message, "rgb8")
        except Exception as error:  # decoders raise whatever comes over a broken picture
            report("image", f"a picture cannot be decoded: {type(error).__name__}: {error}")
            stopwatch.start()
            continue
        stopwatch.lap("convert")
        try:
            seen = camera.estimate(image, nanoseconds(message.header.stamp))
        except InvalidFrame as error:
            report(error.key, str(error))
            stopwatch.start()
            continue
        frame = seen.to_frame(layout, report)
        stopwatch.lap("estimate")
        yield frame
        stopwatch.start()
