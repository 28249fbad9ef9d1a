# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The last seconds of every person: ring buffers aged by stamp, never by count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bharnet.observation import Frame, Observation

NANOSECONDS = 1_000_000_000
ROOM = 64  # frames that a new person has room for


@dataclass(frozen=True, eq=False)
class Window:
    """One person's observations of the last seconds, oldest first.

    stamps (N,) int64 nanoseconds; body (N, V, 4); hands (N, 2, 21, 4).
    """

    stamps: NDArray[np.int64]
    body: NDArray[np.float32]
    hands: NDArray[np.float32]


class _Past:
    """One person's window, side by side in memory, so that a tick copies it in one piece."""

    def __init__(self, first: Observation) -> None:
        self._stamps = np.empty(ROOM, np.int64)
        self._body = np.empty((ROOM, *first.body.shape), np.float32)
        self._hands = np.empty((ROOM, *first.hands.shape), np.float32)
        self._start = self._end = 0
        self.newest = first

    def __len__(self) -> int:
        return self._end - self._start

    def stamp(self, index: int) -> int:
        """Of a frame that is kept; -1 is the newest."""
        return int(self._stamps[(self._end if index < 0 else self._start) + index])

    def append(self, stamp: int, person: Observation) -> None:
        if self._end == len(self._stamps):
            self._make_room()
        at, self._end = self._end, self._end + 1
        self._stamps[at], self._body[at], self._hands[at] = stamp, person.body, person.hands
        self.newest = person

    def drop_newest(self) -> None:
        self._end -= 1

    def drop_oldest(self) -> None:
        self._start += 1

    def window(self) -> Window:
        kept = slice(self._start, self._end)
        stamps, body, hands = self._stamps[kept], self._body[kept], self._hands[kept]
        return Window(stamps.copy(), body.copy(), hands.copy())

    def _make_room(self) -> None:
        """Move what is kept to the front, of arrays of twice its length."""
        count, kept = len(self), slice(self._start, self._end)
        for name in ("_stamps", "_body", "_hands"):
            old = getattr(self, name)
            new = np.empty((max(ROOM, 2 * count), *old.shape[1:]), old.dtype)
            new[:count] = old[kept]
            setattr(self, name, new)
        self._start, self._end = 0, count


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
        self._people: dict[str, _Past] = {}

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
            past = self._people.get(person.body_id)
            if past is None:
                past = self._people[person.body_id] = _Past(person)
            if len(past) > 1 and frame.stamp - past.stamp(-2) < self._least_step:
                past.drop_newest()  # the newest frame always stays
            past.append(frame.stamp, person)
            while frame.stamp - past.stamp(0) > self._span:
                past.drop_oldest()
        return lost

    def forget_lost(self, now: int) -> list[str]:
        """Forget everybody unseen for longer than ``lost_seconds``; return their ids."""
        lost = [key for key, past in self._people.items() if now - past.stamp(-1) > self._lost]
        for body_id in lost:
            del self._people[body_id]
        return lost

    def newest(self, body_id: str) -> tuple[int, Observation]:
        """Stamp and observation when the person was last seen."""
        past = self._people[body_id]
        return past.stamp(-1), past.newest

    def window(self, body_id: str) -> Window:
        """Everything kept of one person."""
        return self._people[body_id].window()

    def clear(self) -> None:
        """Forget everybody."""
        self._people.clear()
