"""Scores over time -> unknown, idle, or an action with its onset and offset.

A robot may miss a wave; it must not invent one. So a class is accepted only when its smoothed
probability passes ``enter_threshold`` and stays the best for ``enter_seconds``; it is kept until
it falls under the lower ``leave_threshold`` for ``leave_seconds``. Time is the stamps', never a
clock's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from bharnet.recognizer import Prediction
from bharnet.window import NANOSECONDS


class State(IntEnum):
    """What a body does (constants of Action)."""

    UNKNOWN = 0
    IDLE = 1
    ONSET = 2
    ONGOING = 3
    OFFSET = 4


class Reason(IntEnum):
    """Why an action ended (constants of Action)."""

    NONE = 0
    FINISHED = 1
    LOST = 2
    INPUT_STOPPED = 3
    RESET = 4


@dataclass(frozen=True)
class DecisionConfig:
    """When a class counts. Raising enter_threshold or enter_seconds: fewer false alarms, later.

    smoothing_seconds  time constant of the mean over overlapping windows
    enter_threshold    smoothed probability at which a class may be accepted
    leave_threshold    below it the action is over; never above enter_threshold
    enter_seconds      how long a class must lead before it is accepted
    leave_seconds      how long it must be gone before it is over
    lowest_coverage    observed share of the window below which the answer is UNKNOWN
    """

    smoothing_seconds: float = 0.3
    enter_threshold: float = 0.6
    leave_threshold: float = 0.4
    enter_seconds: float = 0.4
    leave_seconds: float = 0.4
    lowest_coverage: float = 0.4

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            highest = 10.0 if each.name.endswith("seconds") else 1.0
            if not 0.0 <= value <= highest:
                raise ValueError(f"{each.name} {value:g} is out of 0..{highest:g}")
        if self.leave_threshold > self.enter_threshold:
            raise ValueError(
                f"leave_threshold {self.leave_threshold:g} is above enter_threshold "
                f"{self.enter_threshold:g}: an action would end as it begins"
            )


@dataclass(frozen=True, eq=False)
class Decided:
    """One entry of a tick. Stamps in nanoseconds, 0 = none; class_id -1 = none."""

    body_id: str
    state: State
    reason: Reason = Reason.NONE
    event_id: int = 0
    class_id: int = -1
    confidence: float = math.nan
    onset: int = 0
    offset: int = 0
    smoothed: NDArray[np.float32] | None = None
    prediction: Prediction | None = None


@dataclass
class _Event:
    event_id: int
    class_id: int
    onset: int
    last_held: int  # stamp at which the class was last above leave_threshold


@dataclass
class _Person:
    smoothed: NDArray[np.float32] | None = None
    smoothed_at: int = 0
    leader: int = -1
    leader_since: int = 0
    event: _Event | None = None


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
        person = self._people.setdefault(body_id, _Person())
        smoothed = self._smooth(person, stamp, prediction)
        enough = prediction.coverage >= self.config.lowest_coverage
        ended = self._end(body_id, person, stamp, enough)
        self._follow_leader(person, stamp, enough)
        event = person.event
        if event is None and self._accepts(person, stamp):
            self._events += 1
            event = _Event(self._events, person.leader, person.leader_since, stamp)
            person.event = event
            state = State.ONSET
        else:
            state = State.ONGOING
        if event is not None:
            now = Decided(
                body_id,
                state,
                event_id=event.event_id,
                class_id=event.class_id,
                confidence=float(smoothed[event.class_id]),
                onset=event.onset,
            )
        else:
            now = self._rest(body_id, smoothed, enough)
        return [
            Decided(**{**vars(each), "smoothed": smoothed, "prediction": prediction})
            for each in (*ended, now)
        ]

    def finish(self, body_id: str, stamp: int, reason: Reason) -> list[Decided]:
        """Forget a body; its running event, if any, ends with ``reason`` at ``stamp``."""
        person = self._people.pop(body_id, None)
        if person is None or person.event is None:
            return []
        return [self._offset(body_id, person.event, person.event.last_held, reason, person)]

    def finish_all(self, reason: Reason) -> list[Decided]:
        """Forget everybody."""
        return [each for body in list(self._people) for each in self.finish(body, 0, reason)]

    def _smooth(self, person: _Person, stamp: int, prediction: Prediction) -> NDArray[np.float32]:
        new = prediction.probabilities
        elapsed = (stamp - person.smoothed_at) / NANOSECONDS
        if person.smoothed is None:
            person.smoothed = new
        else:
            keep = math.exp(-elapsed / max(self.config.smoothing_seconds, 1e-6))
            person.smoothed = (person.smoothed * keep + new * (1 - keep)).astype(np.float32)
        person.smoothed_at = stamp
        return person.smoothed

    def _end(self, body_id: str, person: _Person, stamp: int, enough: bool) -> list[Decided]:
        """The running event's OFFSET, if it is over."""
        event = person.event
        if event is None or person.smoothed is None:
            return []
        held = enough and self._may(event.class_id)
        if held and person.smoothed[event.class_id] >= self.config.leave_threshold:
            event.last_held = stamp
            return []
        if stamp - event.last_held < round(self.config.leave_seconds * NANOSECONDS):
            return []
        person.event = None
        return [self._offset(body_id, event, event.last_held, Reason.FINISHED, person)]

    def _follow_leader(self, person: _Person, stamp: int, enough: bool) -> None:
        """Who leads, and since when it has been above ``leave_threshold``."""
        assert person.smoothed is not None
        best = int(np.argmax(person.smoothed))
        if not enough or person.smoothed[best] < self.config.leave_threshold:
            best = -1
        if best != person.leader:
            person.leader, person.leader_since = best, stamp

    def _accepts(self, person: _Person, stamp: int) -> bool:
        assert person.smoothed is not None
        if person.leader in (-1, self.idle_id) or not self._may(person.leader):
            return False
        led = stamp - person.leader_since >= round(self.config.enter_seconds * NANOSECONDS)
        return led and bool(person.smoothed[person.leader] >= self.config.enter_threshold)

    def _rest(self, body_id: str, smoothed: NDArray[np.float32], enough: bool) -> Decided:
        idle = self.idle_id
        if enough and idle >= 0 and smoothed[idle] >= self.config.enter_threshold:
            return Decided(body_id, State.IDLE, class_id=idle, confidence=float(smoothed[idle]))
        return Decided(body_id, State.UNKNOWN)

    def _may(self, class_id: int) -> bool:
        return self.allowed is None or class_id in self.allowed

    @staticmethod
    def _offset(
        body_id: str, event: _Event, offset: int, reason: Reason, person: _Person
    ) -> Decided:
        smoothed = person.smoothed
        confidence = math.nan if smoothed is None else float(smoothed[event.class_id])
        return Decided(
            body_id,
            State.OFFSET,
            reason,
            event.event_id,
            event.class_id,
            confidence,
            event.onset,
            offset,
            smoothed,
        )


def best_classes(scores: NDArray[np.float32], count: int) -> Sequence[int]:
    """Indices of the highest scores, best first."""
    return [int(i) for i in np.argsort(-scores, kind="stable")[:count]]
