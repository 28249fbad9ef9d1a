# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages that belong together, by their stamps: for where `message_filters` is missing.

The wheels do not have it. This keeps to the contract of its ApproximateTimeSynchronizer, as the
tests of both say; where it is installed, it is used (see pairing.py).
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from rclpy.clock import ROSClock

from bharnet.window import NANOSECONDS


class Filter(Protocol):
    """Whatever passes messages on, as message_filters.Subscriber does."""

    def registerCallback(self, callback: Callable[..., None], *args: Any) -> object:  # noqa: N802
        """Call ``callback(message, *args)`` with every message."""
        ...


class SimpleFilter:
    """Passes on what it is given."""

    def __init__(self) -> None:
        self._callbacks: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def registerCallback(self, callback: Callable[..., None], *args: Any) -> int:  # noqa: N802
        """Call ``callback(*messages, *args)`` with every output; returns a number for it."""
        self._callbacks.append((callback, args))
        return len(self._callbacks) - 1

    def signalMessage(self, *messages: Any) -> None:  # noqa: N802
        """Pass these on."""
        for callback, args in self._callbacks:
            callback(*messages, *args)


class ApproximateTimeSynchronizer(SimpleFilter):
    """Calls back with one message of each filter whose stamps lie less than ``slop`` s apart.

    Of several that fit, the nearest to the one that just came; each message is used once. A queue
    holds ``queue_size`` messages a filter, the oldest stamps go first. Messages without a header
    are ignored, or stamped with the present ROS time where ``allow_headerless``.
    """

    def __init__(
        self,
        fs: Sequence[Filter],
        queue_size: int,
        slop: float,
        allow_headerless: bool = False,
    ) -> None:
        super().__init__()
        self.queue_size, self.allow_headerless = queue_size, allow_headerless
        self.slop = round(slop * NANOSECONDS)
        self.queues: list[dict[int, Any]] = [{} for _ in fs]
        self._lock = threading.Lock()
        for number, each in enumerate(fs):
            each.registerCallback(self._add, number)

    def _add(self, message: Any, number: int) -> None:
        stamp = self._stamp(message)
        if stamp is None:
            return
        with self._lock:
            queue = self.queues[number]
            queue[stamp] = message
            while len(queue) > self.queue_size:
                del queue[min(queue)]
            stamps = self._match(stamp, number) if stamp in queue else None
            if stamps is None:
                return
            found = [each.pop(key) for each, key in zip(self.queues, stamps, strict=True)]
        self.signalMessage(*found)

    def _stamp(self, message: Any) -> int | None:
        header = getattr(message, "header", None)
        if header is None or not hasattr(header, "stamp"):
            return int(ROSClock().now().nanoseconds) if self.allow_headerless else None
        return int(header.stamp.sec) * NANOSECONDS + int(header.stamp.nanosec)

    def _match(self, stamp: int, number: int) -> tuple[int, ...] | None:
        """One stamp a queue, this one among them, the nearest that fit; None if none do."""
        choices = [
            [stamp]
            if i == number
            else sorted(
                (key for key in queue if abs(key - stamp) <= self.slop),
                key=lambda key: abs(key - stamp),
            )
            for i, queue in enumerate(self.queues)
        ]
        for stamps in itertools.product(*choices):
            if max(stamps) - min(stamps) < self.slop:
                return stamps
        return None
