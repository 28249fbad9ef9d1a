# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Leads somebody through recording: counts down, records, keeps, and goes on to the next take.

Time is the stamps': a video file is led through as a webcam is. Whoever drives it gives it frames
and shows what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bharnet.observation import Frame
from bharnet.recording import Gathering, Line, Recordings
from bharnet.skeleton import Layout
from bharnet.take import UNITS, InvalidTake
from bharnet.window import NANOSECONDS


@dataclass(frozen=True)
class Wish:
    """One take that is wanted."""

    label: str
    seconds: float


@dataclass(frozen=True)
class Who:
    """What the table says of all takes of a sitting."""

    person: str = ""
    session: str = ""
    estimator: str = ""


class Coach:
    """Frames in, takes in the folder. Raises OSError where the disk is full.

    ``countdown`` seconds pass before each take. A take that shows nobody is asked for again.
    Raises ValueError for takes or a countdown of impossible length.
    """

    def __init__(
        self, recordings: Recordings, wishes: Sequence[Wish], who: Who, countdown: float = 3.0
    ) -> None:
        for wish in wishes:
            if not 0.2 <= wish.seconds <= 60 or not 0 <= countdown <= 60:
                raise ValueError("a take lasts 0.2 to 60 s, after a countdown of 0 to 60 s")
        self._recordings, self._wishes, self._who = recordings, list(wishes), who
        self._countdown = round(countdown * NANOSECONDS)
        self._phase_began: int | None = None
        self._newest = 0  # stamp of the frame before
        self._gathering: Gathering | None = None
        self._done = 0
        self.kept: list[Line] = []
        self.note = ""  # what became of the last take

    @property
    def finished(self) -> bool:
        """Whether every take is there."""
        return self._done == len(self._wishes)

    @property
    def recording(self) -> bool:
        """Whether the frames that come are kept."""
        return self._gathering is not None

    def see(self, frame: Frame, layout: Layout, units: str = UNITS[0]) -> str:
        """One frame, bodies in ``layout``; returns what to show."""
        if self.finished:
            return self.note
        if frame.stamp < self._newest and self._gathering is not None:
            self._gathering, self.note = None, "time jumped back: the take begins anew"
            self._phase_began = None
        if self._phase_began is None or frame.stamp < self._phase_began:
            self._phase_began = frame.stamp
        self._newest = frame.stamp
        passed = frame.stamp - self._phase_began
        wish = self._wishes[self._done]
        if self._gathering is None and passed >= self._countdown:
            self._gathering = Gathering(layout, units, self._who.estimator)
            self._phase_began, passed = frame.stamp, 0
        if self._gathering is None:
            left = (self._countdown - passed) / NANOSECONDS
            return f"{self._place()} in {left:.1f} s.  {self.note}"
        self._gathering.add(frame)
        if passed < round(wish.seconds * NANOSECONDS):
            return f"{self._place()} NOW, {wish.seconds - passed / NANOSECONDS:.1f} s left"
        self._keep(wish)
        self._phase_began = frame.stamp
        return self.note

    def discard(self) -> None:
        """Forget the take being recorded, else the last one kept; it is asked for again."""
        if self._gathering is not None:
            self._gathering, self._phase_began = None, None
            self.note = "take broken off"
        elif self.kept:
            line = self.kept.pop()
            self._recordings.discard(line)
            self._done -= 1
            self._phase_began = None
            self.note = f"{line.take} discarded"

    def _keep(self, wish: Wish) -> None:
        gathering, self._gathering = self._gathering, None
        assert gathering is not None
        try:
            take = gathering.take()
        except InvalidTake as error:
            self.note = f"not kept: {error}"
            return
        line = self._recordings.add(take, wish.label, self._who.person, self._who.session)
        self.kept.append(line)
        self._done += 1
        self.note = f"kept {line.take}"

    def _place(self) -> str:
        label = self._wishes[self._done].label
        same = [i for i, wish in enumerate(self._wishes) if wish.label == label]
        return f"'{label}' {same.index(self._done) + 1} of {len(same)}"
