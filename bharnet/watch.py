# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures in, pictures with people and their actions out: the whole of it, without ROS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bharnet.decision import State, best_classes
from bharnet.drawing import Caption, draw
from bharnet.estimation.estimator import InvalidFrame
from bharnet.estimation.people import PeopleEstimator, PeopleFrame
from bharnet.estimation.picture import upright
from bharnet.skeleton import get_layout
from bharnet.stream import ActionStream, Entry, Tick
from bharnet.window import NANOSECONDS

# Weight of the newest picture in the milliseconds and the rate that are shown.
SMOOTHING = 0.1


class Sink(Protocol):
    """Where annotated pictures go."""

    def show(self, image: NDArray[np.uint8]) -> bool:
        """Take an (H, W, 3) RGB picture; whether more are wanted."""


@dataclass(frozen=True)
class Seen:
    """An action that ended: seconds since the first picture."""

    body_id: str
    label: str
    begin: float
    end: float
    confidence: float


@dataclass
class Watcher:
    """Estimates, recognises and draws one picture after the other.

    ``told`` hears of every action that ended.
    """

    people: PeopleEstimator
    stream: ActionStream
    told: Callable[[Seen], None] = lambda _: None
    rotate: int = 0
    mirrored: bool = False
    _captions: dict[str, Caption] = field(default_factory=dict, init=False)
    _first: int | None = field(default=None, init=False)
    _shown: dict[str, float] = field(default_factory=dict, init=False)
    _last: float | None = field(default=None, init=False)

    def look(self, image: NDArray[np.uint8], stamp: int) -> NDArray[np.uint8]:
        """An (H, W, 3) RGB picture taken at ``stamp`` nanoseconds, annotated.

        Raises InvalidFrame as PeopleEstimator does.
        """
        image = upright(image, self.rotate, self.mirrored)
        frame = self.people.estimate(image, stamp)
        self._first = stamp if self._first is None else self._first
        layout = get_layout(self.stream.recognizer.info.features.body_layout)
        begun = time.perf_counter()
        for tick in self.stream.advance(frame.to_frame(layout)):
            self._take(tick)
        recognised = 1e3 * (time.perf_counter() - begun)
        return draw(image, frame, self._captions_of(frame), self._note(frame, recognised))

    def watch(self, source: Iterable[tuple[NDArray[np.uint8], int]], sink: Sink) -> int:
        """Every picture of a source into the sink; returns how many were shown."""
        count = 0
        for image, stamp in source:
            try:
                picture = self.look(image, stamp)
            except InvalidFrame:
                continue  # counted by the estimator
            count += 1
            if not sink.show(picture):
                break
        if (ended := self.stream.input_stopped()) is not None:
            self._take(ended)
        return count

    def _take(self, tick: Tick) -> None:
        classes = self.stream.recognizer.info.classes
        self._captions = captions(tick, classes)
        for entry in tick.entries:
            decided = entry.decided
            if decided.state == State.OFFSET and self._first is not None:
                begin, end = (
                    (stamp - self._first) / NANOSECONDS
                    for stamp in (decided.onset, decided.offset)
                )
                label = classes[decided.class_id]
                self.told(Seen(decided.body_id, label, begin, end, decided.confidence))

    def _captions_of(self, frame: PeopleFrame) -> dict[str, Caption]:
        """Everybody's; who has not been through a tick yet is being watched."""
        return {each: self._captions.get(each, Caption()) for each, _ in frame.people}

    def _note(self, frame: PeopleFrame, recognised: float) -> str:
        now = time.perf_counter()
        newest = {
            "estimate": frame.milliseconds["estimate"],
            "recognise": recognised,
            "picture": 1e3 * (now - self._last) if self._last else frame.milliseconds["total"],
        }
        self._last = now
        for key, value in newest.items():
            before = self._shown.setdefault(key, value)
            self._shown[key] = before + SMOOTHING * (value - before)
        shown = self._shown
        return (
            f"{1e3 / shown['picture']:.0f} pictures/s   estimate {shown['estimate']:.0f} ms   "
            f"recognise {shown['recognise']:.0f} ms"
        )


def captions(tick: Tick, classes: Sequence[str]) -> dict[str, Caption]:
    """What is said of each body after a tick; of one whose action just ended, what is now."""
    current = [each for each in tick.entries if each.decided.state != State.OFFSET]
    return {entry.decided.body_id: _caption(entry, classes) for entry in current}


def _caption(entry: Entry, classes: Sequence[str]) -> Caption:
    decided = entry.decided
    fill = decided.prediction.coverage if decided.prediction else float("nan")
    if decided.class_id >= 0:
        active = decided.state in (State.ONSET, State.ONGOING)
        return Caption(classes[decided.class_id], decided.confidence, fill, active)
    confidence = float("nan")
    if decided.smoothed is not None:
        confidence = float(decided.smoothed[best_classes(decided.smoothed, 1)[0]])
    return Caption("", confidence, fill)
