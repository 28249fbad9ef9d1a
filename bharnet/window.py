# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The last seconds of every person: ring buffers aged by stamp, never by count."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bharnet.observation import Frame, Observation

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Window:
    """One person's observations of the last seconds, oldest first.

    stamps (N,) int64 nanoseconds; body (N, V, 4); hands (N, 2, 21, 4).
    """

    stamps: NDArray[np.int64]
    body: NDArray[np.float32]
    hands: NDArray[np.float32]


class PersonWindows:
    """A ring buffer of observations for each person.

    ``seconds``       how much of each person is kept
    ``lost_seconds``  a person unseen for longer is forgotten
    ``max_frames``    a source faster than max_frames / seconds is thinned, so that memory is
                      bounded and the window still spans its seconds
    """

    def __init__(self, seconds: float, lost_seconds: float = 1.0, max_frames: int = 256) -> None:
        self._max_frames = max_frames
        self.keep(seconds)
        self._lost = round(lost_seconds * NANOSECONDS)
        self._people: dict[str, deque[tuple[int, Observation]]] = {}

    def keep(self, seconds: float) -> None:
        """Keep so much of each person from now on."""
        self._span = round(seconds * NANOSECONDS)
        self._least_step = self._span // self._max_frames

    def __len__(self) -> int:
        return len(self._people)

    def __iter__(self) -> Iterator[str]:
        return iter(self._people)

    def __contains__(self, body_id: str) -> bool:
        return body_id in self._people

    def push(self, frame: Frame) -> list[str]:
        """Forget who is lost by now, add a frame no older than the last; return the lost ids."""
        lost = self.forget_lost(frame.stamp)
        for person in frame.people:
            past = self._people.setdefault(person.body_id, deque())
            if len(past) > 1 and frame.stamp - past[-2][0] < self._least_step:
                past.pop()  # the newest frame always stays
            past.append((frame.stamp, person))
            while frame.stamp - past[0][0] > self._span:
                past.popleft()
        return lost

    def forget_lost(self, now: int) -> list[str]:
        """Forget everybody unseen for longer than ``lost_seconds``; return their ids."""
        lost = [key for key, past in self._people.items() if now - past[-1][0] > self._lost]
        for body_id in lost:
            del self._people[body_id]
        return lost

    def newest(self, body_id: str) -> tuple[int, Observation]:
        """Stamp and observation when the person was last seen."""
        return self._people[body_id][-1]

    def window(self, body_id: str) -> Window:
        """Everything kept of one person."""
        past = self._people[body_id]
        return Window(
            np.fromiter((stamp for stamp, _ in past), np.int64, len(past)),
            np.stack([person.body for _, person in past]),
            np.stack([person.hands for _, person in past]),
        )

    def clear(self) -> None:
        """Forget everybody."""
        self._people.clear()
