# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A labelled stream: one person, uncut, and what is done when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from bharnet.judging.segments import Segment, Sighting, Span
from bharnet.observation import Frame, Observation
from bharnet.window import NANOSECONDS, Window


@dataclass(frozen=True, eq=False)
class LabelledStream:
    """One person uncut.

    ``segments``: what is done when, in the stamps of ``window``, half open, in order, without
    overlap; between them nothing is done. ``name`` is the body id that the core is shown, and the
    segments' person, so that streams of one name cannot meet in one judgement: see ``apart``.
    """

    name: str
    window: Window
    segments: tuple[Segment, ...]
    person: str = ""

    def __post_init__(self) -> None:
        end = None
        for each in self.segments:
            if end is not None and each.start < end:
                raise ValueError(f"stream {self.name}: segment '{each.label}' begins too early")
            end = each.end

    @property
    def span(self) -> Span:
        """From the first stamp to one step after the last."""
        stamps = self.window.stamps
        return Span(int(stamps[0]), int(stamps[-1]) + self.step)

    @property
    def step(self) -> int:
        """The usual time between two frames, nanoseconds."""
        return int(np.median(np.diff(self.window.stamps)))

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.span.length / NANOSECONDS

    @property
    def sighting(self) -> Sighting:
        """In view from beginning to end."""
        return Sighting(self.span.start, self.span.end, self.name)

    def renamed(self, labels: Mapping[str, str]) -> LabelledStream:
        """The same with other labels, where ``labels`` has one."""
        segments = (replace(s, label=labels.get(s.label, s.label)) for s in self.segments)
        return replace(self, segments=tuple(segments))

    def label_at(self, stamp: int) -> str:
        """What is done at ``stamp``; "" = nothing."""
        for each in self.segments:
            if each.start <= stamp < each.end:
                return each.label
        return ""

    def frames(self) -> Iterator[Frame]:
        """What a camera would give."""
        w = self.window
        for stamp, body, hands in zip(w.stamps.tolist(), w.body, w.hands, strict=True):
            yield Frame(stamp, (Observation(self.name, body, hands),))


def apart(streams: Iterable[LabelledStream]) -> list[LabelledStream]:
    """The streams, each with a name of its own: two files may call their clips alike."""
    found: dict[str, LabelledStream] = {}
    for each in streams:
        name, count = each.name, 1
        while name in found:
            count += 1
            name = f"{each.name} ({count})"
        segments = tuple(replace(segment, person=name) for segment in each.segments)
        found[name] = replace(each, name=name, segments=segments)
    return list(found.values())
