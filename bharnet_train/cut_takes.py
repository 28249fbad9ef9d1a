# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Takes cut out of what exists already, a rosbag2 or a video: all of it, or each labelled part."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from bharnet.recording import IDLE, Gathering, InvalidRecordings, Recordings, check_label
from bharnet.reporting import Report
from bharnet.skeleton import BODY_LAYOUTS, UPPER_BODY_11, Layout, get_layout
from bharnet.take import UNITS, InvalidTake
from bharnet_train.console import say

if TYPE_CHECKING:
    from bharnet.estimation.people import PeopleEstimator
    from bharnet.judging.invalid import Row
    from bharnet.judging.segments import Segment, Span
    from bharnet.observation import Frame


def from_bag(
    recordings: Recordings,
    path: Path,
    topic: str,
    labels: Path | None,
    name: str,
    who: tuple[str, str],
) -> int:
    """Takes of ``name`` by ``who`` (person, session) from a bag's poses; returns how many.

    Labels come from the file, or for no name from the bag itself. Raises InvalidBag,
    InvalidLabels, InvalidRecordings.
    """
    from bharnet.bag import POSE_TYPE, PoseBag
    from bharnet.judging.labels import read_labels, read_texts
    from bharnet.judging.segments import Span
    from bharnet.judging.sources import Stopwatch, pose_frames
    from bharnet.observation import Coordinates, InvalidPose
    from bharnet.poses import find_layout

    with PoseBag(path, topic) as bag:
        seen = (bag.deserialize(each.data, POSE_TYPE) for each in bag.poses())
        first = next((each for each in seen if each.people), None)
        layout = UPPER_BODY_11
        if first is not None:
            with contextlib.suppress(InvalidPose):  # each message that names none is told of
                named = find_layout("body_layout", first.body_layout, BODY_LAYOUTS)
                layout = named or UPPER_BODY_11
        flat = first is None or first.coordinates == Coordinates.IMAGE
        rows = None
        if labels is not None:
            rows = read_labels(labels)
        elif not name:
            rows = read_texts(bag.truth(), "the bag's labels")
        frames = pose_frames(bag, layout, _once(), Stopwatch())
        wanted = _segments(rows, Span(*bag.span()), name)

        def gathering() -> Gathering:
            return Gathering(layout, UNITS[0 if flat else 1], getattr(first, "estimator", ""))

        return _keep(recordings, frames, wanted, gathering, who)


def from_video(
    recordings: Recordings,
    path: Path,
    people: PeopleEstimator,
    labels: Path | None,
    name: str,
    who: tuple[str, str],
) -> int:
    """The same from a video, in whose pictures ``people`` are estimated."""
    from bharnet.judging.labels import read_labels
    from bharnet.judging.segments import Span
    from bharnet.video import BEGIN, VideoUnavailable, distinct, open_video

    try:
        source = open_video(path)
    except VideoUnavailable as error:
        raise InvalidRecordings(str(error)) from None
    layout = get_layout(people.estimator.body_layout)
    end = BEGIN + round(24 * 3600 * 1e9)  # how long it is, its end will tell
    rows = read_labels(labels) if labels else None
    wanted = _segments(rows, Span(BEGIN, end), name)
    frames = (frame for _, frame in estimated(distinct(source), people, layout))
    return _keep(
        recordings, frames, wanted, lambda: Gathering(layout, estimator=people.estimator.name), who
    )


def estimated(source: Iterable, people: PeopleEstimator, layout: Layout) -> Iterator:
    """((picture, people in it), Frame) of every usable picture."""
    from bharnet.estimation.estimator import InvalidFrame

    report = _once()
    for image, stamp in source:
        with contextlib.suppress(InvalidFrame):  # counted by the estimator
            seen = people.estimate(image, stamp)
            yield (image, seen), seen.to_frame(layout, report)


def _segments(rows: Iterable[Row] | None, span: Span, name: str) -> list[Segment]:
    """What becomes a take each; without rows everything does, as one.

    Raises InvalidLabels, InvalidRecordings, both before any frame is read.
    """
    from bharnet.judging.labels import Clock, to_segments
    from bharnet.judging.segments import Segment

    if rows is None:
        return [Segment(span.start, span.end + 1, check_label(name))]
    found = to_segments(list(rows), Clock(span.start), span, {"": IDLE})
    wanted = [each for each in found if name in ("", each.label)]
    if not wanted:
        there = ", ".join(sorted({each.label for each in found}))[:200]
        raise InvalidRecordings(
            f"the labels name no '{name}', but {there or 'nothing'}"
            if name
            else "no label names a take; write lines of start,end,label, or give the NAME of the "
            "gesture that all of it shows"
        )
    for label in {each.label for each in wanted}:
        check_label(label)
    return wanted


def _keep(
    recordings: Recordings,
    frames: Iterable[Frame],
    wanted: list[Segment],
    gathering: Callable[[], Gathering],
    who: tuple[str, str],
) -> int:
    """A take of each segment. Frames come once, in the order of their time."""
    waiting, kept = sorted(wanted, key=lambda each: each.start), 0
    made: list[tuple[Segment, Gathering]] = []
    for frame in frames:
        while waiting and waiting[0].start <= frame.stamp:
            made.append((waiting.pop(0), gathering()))
        for segment, gathered in [each for each in made if each[0].end <= frame.stamp]:
            made.remove((segment, gathered))
            kept += _keep_one(recordings, segment, gathered, who)
        for _, gathered in made:
            gathered.add(frame)
    for segment, gathered in made:
        kept += _keep_one(recordings, segment, gathered, who)
    for segment in waiting:
        _complain("late", f"'{segment.label}' begins after the last frame")
    return kept


def _keep_one(
    recordings: Recordings, segment: Segment, gathered: Gathering, who: tuple[str, str]
) -> int:
    try:
        line = recordings.add(gathered.take(segment.person), segment.label, *who)
        if gathered.full:
            _complain(
                "full", f"'{segment.label}' is longer than a take may be: its end is left out"
            )
    except InvalidTake as error:
        _complain("take", f"no take of '{segment.label}': {error}")
        return 0
    say(f"kept {line.take}")
    return 1


def _once() -> Report:
    """Complains of each kind of trouble once: it may lie in every frame."""
    told: set[str] = set()

    def report(key: str, text: str) -> None:
        if key not in told:
            told.add(key)
            _complain(key, text)

    return report


def _complain(key: str, text: str) -> None:
    say(f"[yellow]{escape(text)}[/]")
