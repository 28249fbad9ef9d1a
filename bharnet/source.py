# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One publisher of a topic at a time: two would be mixed in one window, or by one tracker.

rclpy tells nothing of who sent a message but its number, which each publisher counts up by itself
(Humble's not even that, nor any with Cyclone DDS). A message belongs to the publisher that is
followed if its number is the next one, or a few later where some were lost on the way. A recording
tells no numbers. No ROS in here.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from bharnet.reporting import Report
from bharnet.window import NANOSECONDS

# A publisher that is silent for longer may be followed by another: it was started again.
HOLD_SECONDS = 0.5
# So many of its messages in a row are lost at most.
MOST_LOST = 50
NOT_NUMBERED = 2**64 - 1  # the middleware does not say
# Publishers of a topic are counted so often, and are two only after so long: one that was killed
# stays in the graph for a while.
COUNT_SECONDS, GONE_SECONDS = 5.0, 30.0

Info = Mapping[str, "int | None"]  # what rclpy tells of a message; None or missing = nothing


def arrival(info: Info) -> float:
    """Seconds, when the middleware received a message; now where it does not say.

    Not when the node comes to it: a node that is held up between two messages would take it for
    silence of the one that it follows.
    """
    received = info.get("received_timestamp") or 0
    return received / NANOSECONDS if received > 0 else time.monotonic()


class Source:
    """Says of each message whether it is of the publisher that is followed.

    ``report("two_sources", text)`` is told of every other, and ``report("publishers", text)``
    where several cannot be told apart. ``publishers()``: how many the topic has.
    """

    def __init__(
        self, topic: str, report: Report, publishers: Callable[[], int] = lambda: 1
    ) -> None:
        self._topic, self._report, self._publishers = topic, report, publishers
        self._number, self._last = NOT_NUMBERED, 0.0
        self._name: Hashable = None
        self._counted, self._several_since = -math.inf, 0.0

    def takes(self, info: Info, name: Hashable, now: float) -> bool:
        """``info`` as rclpy gives it; ``name``: what one publisher writes into all messages.

        ``now``: when it arrived (``arrival``).
        """
        number = info.get("publication_sequence_number")
        if number is None:
            number = NOT_NUMBERED
        if number == NOT_NUMBERED:
            self._count(now)
        # Numbers of two that were started together overtake each other; then the name tells.
        same = name == self._name and (
            number == NOT_NUMBERED or self._number < number <= self._number + MOST_LOST
        )
        # A clock that was set back has seen no silence, and must not hold anybody up.
        if not same and self._last and 0 <= now - self._last < HOLD_SECONDS:
            self._report(
                "two_sources",
                f"two publishers send to {self._topic}, or one with several frame_ids; one is "
                "followed, what the other sends is left out; stop one of them, or let it publish "
                "elsewhere: each camera needs a topic of its own",
            )
            return False
        self._number, self._name, self._last = number, name, now
        return True

    def _count(self, now: float) -> None:
        """Nothing tells apart two who name the same camera where messages are not numbered."""
        if 0 <= now - self._counted < COUNT_SECONDS:
            return
        first = self._counted == -math.inf
        self._counted, several = now, self._publishers()
        if several < 2 or first:
            self._several_since = now
        elif now - self._several_since >= GONE_SECONDS:
            self._report(
                "publishers",
                f"{self._topic} has {several} publishers, and the middleware does not tell whose "
                "a message is: people of one camera's name are mixed; stop all but one",
            )


def of_one_source(
    topic: str,
    callback: Callable[[Any], None],
    report: Report,
    publishers: Callable[[str], int],
    name: Callable[[Any], Hashable] = lambda message: message.header.frame_id,
) -> Callable[[Any, Info], None]:
    """For a subscription of a topic: passes on what the publisher sends that is followed.

    ``publishers(topic)``: how many there are; ``name(message)``: what one publisher writes into
    all messages.
    """
    source = Source(topic, report, functools.partial(publishers, topic))

    def on_message(message: Any, info: Info) -> None:
        if source.takes(info, name(message), arrival(info)):
            callback(message)

    return on_message
