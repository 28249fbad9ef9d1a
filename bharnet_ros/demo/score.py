"""What was recorded against what was recognised. Pure: no ROS, no clock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from bharnet.window import NANOSECONDS

# An event may begin this long after its sign ended: the model looks back over a window.
LATE = 1 * NANOSECONDS


@dataclass(frozen=True)
class Segment:
    """What one person does in one clip. Stamps in nanoseconds; sign "" = nothing is signed."""

    clip: str
    body_id: str
    sign: str
    start: int
    end: int
    clip_start: int
    clip_end: int


@dataclass
class Event:
    """One action as it was told: from onset to offset (0 = still running)."""

    body_id: str
    label: str
    onset: int
    confidence: float
    offset: int = 0


@dataclass
class Score:
    """Segments and events, sorted by how it went. ``refused``: signs that are no class of the
    model, and rightly nothing was said.
    """

    recognised: list[Segment] = field(default_factory=list)
    missed: list[Segment] = field(default_factory=list)
    refused: list[Segment] = field(default_factory=list)
    wrong: list[tuple[Event, Segment]] = field(default_factory=list)
    invented: list[Event] = field(default_factory=list)


def read_truth(text: str) -> Segment:
    """One message of the truth topic. Raises ValueError."""
    try:
        told = json.loads(text)
        clip_start, clip_end = int(told["clip_start"]), int(told["clip_end"])
        return Segment(
            clip=str(told["clip"]),
            body_id=str(told["body_id"]),
            sign=str(told["sign"]),
            start=clip_start if told["start"] is None else int(told["start"]),
            end=clip_end if told["end"] is None else int(told["end"]),
            clip_start=clip_start,
            clip_end=clip_end,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the truth lacks {error}: {text[:80]}") from error


def expected_label(sign: str, labels: Sequence[str]) -> str:
    """The class that a recorded sign is; "" if the model does not know it.

    Signs of the recording are of Indian sign language: where the same word differs between
    languages, the class name ends in _isl.
    """
    return next((name for name in (sign, f"{sign}_isl") if sign and name in labels), "")


def score(segments: Sequence[Segment], events: Sequence[Event], labels: Sequence[str]) -> Score:
    """Sort every event to the sign it overlaps, and every sign by its events."""
    result = Score()
    right: set[str] = set()
    mistaken: set[str] = set()
    for event in events:
        segment = next((each for each in segments if each.sign and _during(event, each)), None)
        if segment is None:
            result.invented.append(event)
        elif event.label == expected_label(segment.sign, labels):
            right.add(segment.clip)
        else:
            mistaken.add(segment.clip)
            result.wrong.append((event, segment))
    for segment in segments:
        if not segment.sign:
            continue
        if segment.clip in right:
            result.recognised.append(segment)
        elif expected_label(segment.sign, labels):
            result.missed.append(segment)
        elif segment.clip not in mistaken:
            result.refused.append(segment)
    return result


def _during(event: Event, segment: Segment) -> bool:
    ends = event.offset or event.onset
    late = segment.end + LATE
    return event.body_id == segment.body_id and event.onset <= late and ends >= segment.start
