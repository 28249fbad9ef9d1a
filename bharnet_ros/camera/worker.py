# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One worker with a mailbox for one picture: the newest wins.

The estimator may take longer than the camera gives it. What waits when a newer picture comes is
dropped on purpose, undecoded, and counted: a robot needs the present. No ROS in here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bharnet.reporting import Report
from bharnet.window import NANOSECONDS

# Cameras do not keep time to the millisecond: a frame may come early by this share of the
# interval asked for.
EARLY = 0.25
CLOSE_SECONDS = 2.0  # so long a thread that is to end may take


@dataclass(frozen=True, eq=False)
class Pictures:
    """What belongs together of one moment, as it came: messages, not decoded yet.

    stamp    nanoseconds, of the capture
    arrived  seconds on the steady clock
    """

    image: Any
    stamp: int
    arrived: float
    depth: Any = None
    camera_info: Any = None


class FrameRate:
    """Which frames are taken so that no more than ``rate`` a second (0 = all) are."""

    def __init__(self, rate: float = 0.0) -> None:
        self.rate = rate
        self._due = 0

    def takes(self, stamp: int) -> bool:
        """Whether the frame of this stamp is one of them."""
        if not self.rate:
            return True
        interval = round(NANOSECONDS / self.rate)
        early = self._due - stamp
        if EARLY * interval < early <= 2 * interval:
            return False
        # In step with the rate; anew after a pause, or where time went back.
        steady = abs(early) <= interval
        self._due = (self._due if steady else stamp) + interval
        return True


class PictureWorker:
    """Calls ``work(pictures)`` in a thread of its own, one after the other.

    What it raises is told to ``report`` and costs this picture only. ``late()`` is called from
    the thread in the end, if it was left behind.
    """

    def __init__(
        self, work: Callable[[Pictures], None], report: Report, late: Callable[[], None]
    ) -> None:
        self._work, self._report, self._late = work, report, late
        self._mail: Pictures | None = None
        self._arrived = threading.Condition()
        self._closing = self._ended = self._left_behind = False
        self._begun: float | None = None
        self.overtaken = 0  # dropped because a newer one came
        self._thread = threading.Thread(target=self._run, name="estimate", daemon=True)
        self._thread.start()

    @property
    def busy_seconds(self) -> float:
        """How long the present picture has taken so far; 0 = idle."""
        begun = self._begun
        return 0.0 if begun is None else time.monotonic() - begun

    def put(self, pictures: Pictures) -> None:
        """Hand over a picture; one that waits makes way for it."""
        with self._arrived:
            self.overtaken += self._mail is not None
            self._mail = pictures
            self._arrived.notify()

    def close(self) -> bool:
        """Stop after the picture in hand; what waits is dropped.

        Returns False where that takes too long: the thread is left behind, tells nothing more,
        and calls ``late()`` once it gets on.
        """
        with self._arrived:
            self._closing, self._mail = True, None
            self._arrived.notify()
        self._thread.join(CLOSE_SECONDS)
        with self._arrived:
            self._left_behind = not self._ended
            return self._ended

    def _run(self) -> None:
        while (pictures := self._next()) is not None:
            try:
                self._work(pictures)
            except Exception as error:  # a robot goes on: the next picture may well do
                if not self._left_behind:
                    told = f"estimation failed: {type(error).__name__}: {error}"
                    self._report("estimate", told)
        with self._arrived:
            self._ended = True
        if self._left_behind:
            self._late()

    def _next(self) -> Pictures | None:
        """Wait for a picture; None: the thread is to end."""
        with self._arrived:
            self._begun = None
            self._arrived.wait_for(lambda: self._mail is not None or self._closing)
            pictures, self._mail = self._mail, None
            if pictures is not None:
                self._begun = time.monotonic()
            return pictures
