# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The states of every body, tick after tick.

A robot may miss a wave; it must not invent one. So a class is accepted only when its smoothed
probability passes ``enter_threshold`` and stays the best for ``enter_seconds``; it is kept until
it falls under the lower ``leave_threshold`` for ``leave_seconds``. Time is the stamps', never a
clock's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from bharnet.decision.config import DecisionConfig
from bharnet.decision.evidence import Evidence
from bharnet.decision.states import Decided, Reason, State
from bharnet.recognizer import Prediction
from bharnet.window import NANOSECONDS

LATEST = 2**63 - 1  # a stamp after all others


@dataclass
class _Event:
    event_id: int
    class_id: int
    rose: int  # stamp at which its evidence began
    onset: int  # the same less the lag
    last_held: int  # stamp at which the class was last above leave_threshold


@dataclass
class _Person:
    evidence: Evidence
    since: int  # stamp of the first frame; nothing began before it
    leader: int = -1
    leader_since: int = 0
    event: _Event | None = None
    over: int = 0  # estimated offset of the event before; no other began before it
    offsets: dict[int, int] = field(default_factory=dict)  # the same of each class


@dataclass
class Decider:
    """Decides for every body by itself; event ids are never reused in a run.

    ``allowed``: class indices that may be reported, None = all; others answer UNKNOWN.
    """

    config: DecisionConfig
    idle_id: int = -1
    allowed: frozenset[int] | None = None
    _people: dict[str, _Person] = field(default_factory=dict)
    _events: int = 0

    def decide(self, body_id: str, stamp: int, prediction: Prediction) -> list[Decided]:
        """One body at one tick: at most one OFFSET, then one other entry."""
        person = self._people.get(body_id)
        if person is None:
            since = prediction.window_start or stamp
            person = _Person(Evidence(len(prediction.probabilities)), since)
            self._people[body_id] = person
        config, evidence = self.config, person.evidence
        evidence.add(
            stamp, prediction.probabilities, config.leave_threshold, config.smoothing_seconds
        )
        enough = prediction.coverage >= config.lowest_coverage
        self._follow_leader(person, stamp, enough)
        accepted = self._accepts(person, stamp)
        told = self._end(body_id, person, stamp, enough, accepted)
        event = person.event
        if event is None and accepted:
            event = self._begin(person, stamp)
            told.append(self._running(body_id, State.ONSET, event, evidence))
        elif event is not None:
            told.append(self._running(body_id, State.ONGOING, event, evidence))
        else:
            told.append(self._rest(body_id, evidence, enough))
        return [replace(each, smoothed=evidence.smoothed, prediction=prediction) for each in told]

    def finish(self, body_id: str, stamp: int, reason: Reason) -> list[Decided]:
        """Forget a body; its running event, if any, ends with ``reason``.

        It ended when it was last held, and no later than ``stamp``, when the body was last seen:
        while somebody is gone but not yet lost, windows still show what they did.
        """
        person = self._people.pop(body_id, None)
        if person is None or (event := person.event) is None:
            return []
        ended = max(event.onset, min(event.last_held, stamp))
        return [self._offset(body_id, event, ended, reason, person)]

    def finish_all(
        self, reason: Reason, last_seen: Mapping[str, int] = MappingProxyType({})
    ) -> list[Decided]:
        """Forget everybody; ``last_seen``: when each body was, if that is known."""
        return [
            each
            for body in list(self._people)
            for each in self.finish(body, last_seen.get(body, LATEST), reason)
        ]

    def _follow_leader(self, person: _Person, stamp: int, enough: bool) -> None:
        """Who leads, and since when it has been above ``leave_threshold``."""
        smoothed = person.evidence.smoothed
        best = int(np.argmax(smoothed))
        if not enough or smoothed[best] < self.config.leave_threshold:
            best = -1
        if best != person.leader:
            person.leader, person.leader_since = best, stamp

    def _accepts(self, person: _Person, stamp: int) -> bool:
        """Whether the leader may begin an event now."""
        leader, config = person.leader, self.config
        if leader in (-1, self.idle_id) or not self._may(leader):
            return False
        if stamp - person.leader_since < _nanoseconds(config.enter_seconds):
            return False
        before = person.offsets.get(leader)
        if before is not None and stamp - before < _nanoseconds(config.refractory_seconds):
            return False
        sure = person.evidence.entropy <= config.highest_entropy
        return sure and bool(person.evidence.smoothed[leader] >= config.enter_threshold)

    def _begin(self, person: _Person, stamp: int) -> _Event:
        rose = person.evidence.rose(person.leader)
        began = rose - _nanoseconds(self.config.onset_lag_seconds)
        onset = min(stamp, max(began, person.since, person.over))
        self._events += 1
        person.event = _Event(self._events, person.leader, rose, onset, stamp)
        return person.event

    def _end(
        self, body_id: str, person: _Person, stamp: int, enough: bool, accepted: bool
    ) -> list[Decided]:
        """The running event's OFFSET, if it is over: gone for long enough, or followed."""
        event, config = person.event, self.config
        if event is None:
            return []
        may = self._may(event.class_id)
        held = enough and may
        if held and person.evidence.smoothed[event.class_id] >= config.leave_threshold:
            event.last_held = stamp
            return []
        if may and stamp - event.onset < _nanoseconds(config.shortest_seconds):
            return []
        # What may be told no longer is over at once.
        gone = not may or stamp - event.last_held >= _nanoseconds(config.leave_seconds)
        followed = accepted and person.leader != event.class_id
        if not gone and not followed:
            return []
        ended = event.last_held
        if held:
            fell = person.evidence.fell(event.class_id)
            # Too weak to outweigh what had spoken against it: then that is no end of it.
            ended = fell if fell > event.rose else event.last_held
            ended -= _nanoseconds(config.offset_lag_seconds)
        ended = max(ended, event.onset + _nanoseconds(config.shortest_seconds))
        person.event, person.over = None, min(stamp, ended)
        person.offsets[event.class_id] = person.over
        person.evidence.forget(event.class_id)
        return [self._offset(body_id, event, person.over, Reason.FINISHED, person)]

    def _rest(self, body_id: str, evidence: Evidence, enough: bool) -> Decided:
        idle, config = self.idle_id, self.config
        sure = enough and evidence.entropy <= config.highest_entropy
        confidence = float(evidence.smoothed[idle]) if idle >= 0 else 0.0
        # Nobody acts on idleness: it need only lead, above what would keep an action going.
        leads = idle >= 0 and int(np.argmax(evidence.smoothed)) == idle
        if sure and leads and confidence >= config.leave_threshold:
            return Decided(body_id, State.IDLE, class_id=idle, confidence=confidence)
        return Decided(body_id, State.UNKNOWN)

    def _may(self, class_id: int) -> bool:
        return self.allowed is None or class_id in self.allowed

    @staticmethod
    def _running(body_id: str, state: State, event: _Event, evidence: Evidence) -> Decided:
        return Decided(
            body_id,
            state,
            event_id=event.event_id,
            class_id=event.class_id,
            confidence=float(evidence.smoothed[event.class_id]),
            onset=event.onset,
        )

    @staticmethod
    def _offset(
        body_id: str, event: _Event, offset: int, reason: Reason, person: _Person
    ) -> Decided:
        smoothed = person.evidence.smoothed
        confidence = float(smoothed[event.class_id]) if len(smoothed) else math.nan
        return Decided(
            body_id,
            State.OFFSET,
            reason,
            event.event_id,
            event.class_id,
            confidence,
            event.onset,
            offset,
        )


def _nanoseconds(seconds: float) -> int:
    return round(seconds * NANOSECONDS)
