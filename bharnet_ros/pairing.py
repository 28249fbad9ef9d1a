# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of several topics that belong to one moment.

Matched by `message_filters` where the distribution has it, else by our own synchroniser of the
same contract.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bharnet.window import NANOSECONDS
from bharnet_ros.approximate_time import SimpleFilter
from bharnet_ros.stamps import is_moment, nanoseconds

try:
    from message_filters import ApproximateTimeSynchronizer
except ImportError:
    from bharnet_ros.approximate_time import ApproximateTimeSynchronizer

# Messages a topic that wait for theirs: a third of a second of a fast camera.
QUEUE_SIZE = 10


class Pairing:
    """Calls ``matched(*messages)`` with one message of each topic, ``slop`` seconds apart at most.

    A synchroniser keeps the newest stamps: once time has jumped back it would keep the future and
    match nothing ever after. So it is made anew when a stamp is older by ``jump`` seconds.
    ``refused(text)`` is told of a message that cannot belong to any other.
    """

    def __init__(
        self,
        topics: int,
        slop: float,
        jump: float,
        matched: Callable[..., None],
        refused: Callable[[str], None],
    ) -> None:
        self._refused = refused
        self._slop, self._jump, self._matched = slop, round(jump * NANOSECONDS), matched
        self._newest = [0] * topics
        self._begin()

    def put(self, number: int, message: Any) -> bool:
        """A message of one of the topics; whether it may find others."""
        stamp = nanoseconds(message.header.stamp)
        # Over a negative one message_filters raises, out of the process.
        if stamp and not is_moment(message.header.stamp):
            self._refused(
                f"dropped a {type(message).__name__}: its header.stamp is negative, or has more "
                "nanoseconds than a second; its publisher must give the time of acquisition"
            )
            return False
        if stamp < self._newest[number] - self._jump:
            self._begin()
        self._newest[number] = max(self._newest[number], stamp)
        self._inputs[number].signalMessage(message)
        return True

    def _begin(self) -> None:
        self._newest = [0] * len(self._newest)
        self._inputs = [SimpleFilter() for _ in self._newest]
        synchroniser = ApproximateTimeSynchronizer(self._inputs, QUEUE_SIZE, self._slop)
        synchroniser.registerCallback(self._matched)
