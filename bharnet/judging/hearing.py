# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What was told, tick after tick -> events and sightings.

The core's own ticks and recorded ActionArray messages come to the same, so a live run is judged
by the very same figures as a recording that is recognised anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bharnet.decision import Reason, State
from bharnet.judging.segments import Event, Sighting
from bharnet.poses import nanoseconds
from bharnet.stream import Tick
from bharnet.window import NANOSECONDS

# A body that comes again within this was in view all the time.
PAUSE = NANOSECONDS


@dataclass(frozen=True)
class Told:
    """What one result says of one body. Stamps in nanoseconds, 0 = none."""

    body_id: str
    person_id: str
    state: State
    reason: Reason
    event_id: int
    label: str
    confidence: float
    onset: int
    offset: int
    last_seen: int


def from_tick(tick: Tick, classes: Sequence[str]) -> list[Told]:
    """The core's own."""
    return [
        Told(
            body_id=entry.decided.body_id,
            person_id=entry.person.person_id,
            state=entry.decided.state,
            reason=entry.decided.reason,
            event_id=entry.decided.event_id,
            label=classes[entry.decided.class_id] if entry.decided.class_id >= 0 else "",
            confidence=entry.decided.confidence,
            onset=entry.decided.onset,
            offset=entry.decided.offset,
            last_seen=entry.last_seen,
        )
        for entry in tick.entries
    ]


def from_actions(message: Any) -> tuple[int, list[Told]]:
    """Stamp and content of an ActionArray, whoever deserialised it (rclpy or rosbags).

    Raises ValueError for a state or reason that there is not.
    """
    told = [
        Told(
            body_id=str(each.body_id),
            person_id=str(each.person_id),
            state=State(int(each.state)),
            reason=Reason(int(each.reason)),
            event_id=int(each.event_id),
            label=str(each.label),
            confidence=float(each.confidence),
            onset=nanoseconds(each.onset),
            offset=nanoseconds(each.offset),
            last_seen=nanoseconds(each.last_seen),
        )
        for each in message.actions
    ]
    return nanoseconds(message.header.stamp), told


@dataclass
class _Running:
    """An event as far as it was heard."""

    body_id: str
    person_id: str
    label: str
    onset: int
    decided: int
    confidence: float
    last_told: int
    offset: int = 0

    def event(self) -> Event:
        # Without an OFFSET the recording ended first: it lasted as long as it was told.
        offset = self.offset or self.last_told
        return Event(
            self.body_id,
            self.label,
            self.onset,
            max(offset, self.onset),
            self.decided,
            self.confidence,
            self.person_id,
        )


class Listener:
    """Hears every result and remembers events and sightings."""

    def __init__(self) -> None:
        self._events: list[_Running] = []
        self._by_id: dict[int, _Running] = {}
        self._sightings: dict[str, list[Sighting]] = {}
        self._listed: set[str] = set()  # bodies of the result before, less those lost
        self.first = self.newest = 0  # stamps of results
        self.results = 0

    def hear(self, stamp: int, told: Sequence[Told]) -> None:
        """One result. Order matters."""
        self.first = self.first or stamp
        self.newest = max(self.newest, stamp)
        self.results += 1
        for each in told:
            self._saw(each)
            if each.event_id:
                self._happened(stamp, each)
        self._listed = {each.body_id for each in told if each.reason != Reason.LOST}

    @property
    def events(self) -> list[Event]:
        """Every event so far, in the order in which they were told."""
        return [each.event() for each in self._events]

    @property
    def running(self) -> bool:
        """Whether an event has not ended yet."""
        return any(not each.offset for each in self._events)

    @property
    def sightings(self) -> list[Sighting]:
        """When each body was in view."""
        return sorted(each for spans in self._sightings.values() for each in spans)

    def _happened(self, stamp: int, each: Told) -> None:
        event = self._by_id.get(each.event_id)
        sure = each.confidence if math.isfinite(each.confidence) else 0.0
        # A node that was started again counts from one again.
        if event is None or each.state == State.ONSET:
            event = _Running(
                each.body_id, each.person_id, each.label, each.onset, stamp, sure, stamp
            )
            self._events.append(event)
            self._by_id[each.event_id] = event
        event.last_told = stamp
        if each.state == State.OFFSET:
            event.offset = each.offset
        else:
            event.confidence = max(event.confidence, sure)

    def _saw(self, each: Told) -> None:
        if not each.last_seen:
            return
        past = self._sightings.setdefault(each.body_id, [])
        same = each.body_id in self._listed or (past and each.last_seen - past[-1].end <= PAUSE)
        if past and same:
            start = min(past[-1].start, each.last_seen)
            end = max(past[-1].end, each.last_seen)
            past[-1] = Sighting(start, end, each.body_id, each.person_id or past[-1].person_id)
        else:
            past.append(Sighting(each.last_seen, each.last_seen, each.body_id, each.person_id))
