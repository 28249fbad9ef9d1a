# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where everything stands in the picture of a person's time: truth above, recognised below."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 1000.0  # of a strip, in the picture's units
CHARACTER = 6.4  # width of a letter in these units, about
# Seconds of one strip: the first of which a person needs no more than MOST_STRIPS.
STRIP_SECONDS = (10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
MOST_STRIPS = 12
# Ticks of the axis: the first of which there are no more than MOST_TICKS.
TICK_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)
MOST_TICKS = 12
GOLDEN_ANGLE = 137.508  # degrees: hues of neighbours are far from each other


@dataclass(frozen=True)
class Box:
    """Something from ``x`` on, ``width`` wide. ``text`` is shown inside if it fits."""

    x: float
    width: float
    text: str
    title: str
    kind: str
    hue: int
    text_x: float
    mark: float | None = None  # where a robot knew


@dataclass(frozen=True)
class Strip:
    """A stretch of one person's time."""

    start: float
    end: float
    in_view: tuple[Box, ...]
    truth: tuple[Box, ...]
    told: tuple[Box, ...]
    ticks: tuple[tuple[float, str], ...]


def hues(labels: Sequence[str]) -> dict[str, int]:
    """A colour for every class, the same in the whole report."""
    return {label: round(i * GOLDEN_ANGLE + 205) % 360 for i, label in enumerate(labels)}


def strips(person: Mapping[str, Any], colours: Mapping[str, int]) -> list[Strip]:
    """A person's time as in report.json, cut into strips; none where nothing is."""
    spans = [(each[0], each[1]) for each in person["in_view"]]
    spans += [(each["start"], each["end"]) for each in person["segments"]]
    spans += [(each["onset"], each["offset"]) for each in person["events"]]
    if not spans:
        return []
    first, last = min(a for a, _ in spans), max(b for _, b in spans)
    seconds = _fitting(last - first, STRIP_SECONDS, MOST_STRIPS)
    begin = math.floor(first)
    found = []
    for number in range(max(1, math.ceil((last - begin) / seconds))):
        start = begin + number * seconds
        if any(a < start + seconds and b > start for a, b in spans) or not number:
            found.append(_strip(person, colours, start, start + seconds))
    return found


def clock(seconds: float, digits: int = 0) -> str:
    """3:07, 1:02:03 or, with digits, 3:07.2."""
    sign, rounded = ("-" if seconds < 0 else ""), round(abs(seconds), digits)
    minutes, rest = divmod(rounded, 60)
    hours, minutes = divmod(int(minutes), 60)
    shown = f"{rest:0{3 + digits if digits else 2}.{digits}f}"
    return f"{sign}{hours}:{minutes:02d}:{shown}" if hours else f"{sign}{minutes}:{shown}"


def _fitting(length: float, steps: Sequence[float], most: int) -> float:
    return next((each for each in steps if length <= each * most), steps[-1])


def _strip(
    person: Mapping[str, Any], colours: Mapping[str, int], start: float, end: float
) -> Strip:
    scale = WIDTH / (end - start)

    def place(a: float, b: float) -> tuple[float, float] | None:
        a, b = max(a, start), min(b, end)
        return (round((a - start) * scale, 2), round(max(b - a, 0) * scale, 2)) if a <= b else None

    def boxes(
        entries: Iterator[tuple[float, float, str, str, str, float | None]],
    ) -> Iterator[Box]:
        for a, b, text, title, kind, mark in entries:
            if (placed := place(a, b)) is None or (b > a and not placed[1]):
                continue
            x, width = placed
            at = None
            if mark is not None and start <= mark <= end:
                at = round((mark - start) * scale, 2)
            room, text_x = len(text) * CHARACTER + 8, x + 5
            if at is not None and x <= at < x + room and at + room < x + width:
                text_x = at + 5  # behind the mark rather than under it
            shown = text if room < width else ""
            hue = colours.get(text, 0)
            yield Box(x, max(width, 1.5), shown, title, kind, hue, round(text_x, 2), at)

    step = _fitting(end - start, TICK_SECONDS, MOST_TICKS)
    marks = (math.ceil(start / step) * step + i * step for i in range(MOST_TICKS + 1))
    return Strip(
        start,
        end,
        tuple(boxes(_in_view(person))),
        tuple(boxes(_truth(person))),
        tuple(boxes(_told(person))),
        tuple((round((t - start) * scale, 2), clock(t)) for t in marks if t <= end),
    )


Entries = Iterator[tuple[float, float, str, str, str, float | None]]


def _in_view(person: Mapping[str, Any]) -> Entries:
    for start, end, body_id in person["in_view"]:
        title = f"in view as {body_id}, {clock(start, 1)} to {clock(end, 1)}"
        yield start, end, "", title, "in-view", None


def _truth(person: Mapping[str, Any]) -> Entries:
    for each in person["segments"]:
        label, result = each["label"], each["result"]
        title = (
            f"{label or 'idle'}, {clock(each['start'], 1)} to {clock(each['end'], 1)}: {result}"
        )
        yield each["start"], each["end"], label, title, result, None


def _told(person: Mapping[str, Any]) -> Entries:
    for each in person["events"]:
        title = (
            f"{each['label']}, {clock(each['onset'], 1)} to {clock(each['offset'], 1)}, told at "
            f"{clock(each['decided'], 1)}, {100 * (each['confidence'] or 0):.0f} % sure: "
            f"{each['result']}"
        )
        kind = each["result"].replace(" ", "-")
        yield each["onset"], each["offset"], each["label"], title, kind, each["decided"]
