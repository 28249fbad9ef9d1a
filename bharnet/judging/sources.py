"""What a recording shows, frame after frame: the one seam between bags and the core.

A source is an iterator of ``Frame`` (each carries its stamp), in the order of recording. Poses
are one; pictures through an estimator are another, and nothing after this file knows which.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator

from bharnet.bag import POSE_TYPE, DamagedBag, PoseBag
from bharnet.observation import Frame
from bharnet.poses import to_frame
from bharnet.skeleton import Layout
from bharnet.stream import Report


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
    """The usable frames of the pose topic; ``report`` is told of what was left out."""
    stopwatch.start()
    for recorded in bag.poses():
        stopwatch.lap("read")
        message = bag.deserialize(recorded.data, POSE_TYPE)
        try:
            frame = to_frame(message, layout, report)
        except AttributeError as error:
            raise DamagedBag(
                f"{bag.path}: its {POSE_TYPE} is of another version ({error}); record it with "
                "this version of the messages"
            ) from None
        stopwatch.lap("convert")
        if frame is not None:
            yield frame
        stopwatch.start()
