# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bodies that wait for the hands of their moment, and go on alone while none come."""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bharnet.observation import InvalidPose
from bharnet.reporting import Report
from bharnet_ros.joining import join_hands
from bharnet_ros.msg import PersonPoseArray
from bharnet_ros.pairing import Pairing

# s, on the steady clock, that bodies wait for hands: MediaPipe's are later by less.
PATIENCE = 0.3


@dataclass(eq=False)
class WaitingPoses:
    """A message of bodies; the header is what pairing goes by."""

    message: PersonPoseArray
    arrived: float
    waiting: bool = True  # for its hands; else it was delivered, or left out for a newer one

    @property
    def header(self) -> Any:
        return self.message.header


class HandsToBodies:
    """Calls ``deliver(bodies, arrived)`` with each message of bodies once at most, in order.

    As long as hands come, with them; bodies that no hands belong to are left out then, so that a
    source of hands may be slower. Once a body has waited for PATIENCE, bodies are delivered at
    once, alone, until two in a row have found their hands within that time.
    """

    def __init__(
        self,
        slop: float,
        jump: float,
        deliver: Callable[[PersonPoseArray, float], None],
        report: Report,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        refused = functools.partial(report, "bad_message")
        self._pairing = Pairing(2, slop, jump, self._match, refused)
        self._deliver, self._report, self._clock = deliver, report, clock
        self._waiting: deque[WaitingPoses] = deque()
        self._paired_at = self._heard_at = float("-inf")
        self.alone_since: float | None = None  # while bodies go on without hands

    def bodies(self, message: PersonPoseArray) -> None:
        """A message of bodies came."""
        body = WaitingPoses(message, self._clock())
        self._waiting.append(body)
        if not self._pairing.put(0, body):
            self._waiting.pop()
        if self.alone_since is not None:
            self._give_up_waiting()

    def hands(self, message: PersonPoseArray) -> None:
        """A message of hands came."""
        self._heard_at = self._clock()
        self._pairing.put(1, message)

    def look(self) -> None:
        """To be called often: wait no longer for hands that do not come."""
        now = self._clock()
        if self._waiting and now - self._waiting[0].arrived > PATIENCE:
            self.alone_since = now
            self._give_up_waiting()

    @property
    def heard(self) -> bool:
        """Whether hands come, if not of the right moment."""
        return self._clock() - self._heard_at < 1.0

    def _give_up_waiting(self) -> None:
        while self._waiting:
            body = self._waiting.popleft()
            body.waiting = False
            self._deliver(body.message, body.arrived)

    def _match(self, body: WaitingPoses, hands: PersonPoseArray) -> None:
        now = self._clock()
        if now - body.arrived <= PATIENCE:
            if now - self._paired_at <= PATIENCE:
                self.alone_since = None
            self._paired_at = now
        if not body.waiting:
            return
        while True:
            first = self._waiting.popleft()
            first.waiting = False
            if first is body:
                break
        try:
            joined = join_hands(body.message, hands)
        except InvalidPose as error:
            self._report("bad_message", f"hands are left out: {error}")
            joined = body.message
        self._deliver(joined, body.arrived)
