# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A folder of one's own recordings: a file for each take, and a table that says what they show.

    my_gestures/
        labels.csv         take,label,person,session: one line for each take, in order of recording
        wave_001.npz       see take.py
        wave_002.npz
        idle_001.npz

The table may be edited by hand: a label renamed, a line of a bad take removed.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from bharnet.observation import Frame, Observation
from bharnet.skeleton import Layout
from bharnet.take import MOST_FRAMES, UNITS, InvalidTake, Take, write_take
from bharnet.window import NANOSECONDS

TABLE = "labels.csv"
COLUMNS = ("take", "label", "person", "session")
IDLE = "idle"  # the label of somebody who does nothing to be recognised
LARGEST_TABLE = 4 * 1024 * 1024
LONGEST_WORD = 64


class InvalidRecordings(ValueError):
    """A folder of recordings that cannot be used; the message names the cause and the cure."""


@dataclass(frozen=True)
class Line:
    """One line of the table: the file's name, what is done, by whom, at which sitting."""

    take: str
    label: str
    person: str = ""
    session: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-][\w.-]*\.npz", self.take):  # never out of the folder
            raise InvalidRecordings(f"'{self.take[:60]}' is no name of a take, as wave_001.npz is")
        check_label(self.label)
        check_name(self.person)
        check_name(self.session)


def check_label(label: str) -> str:
    """The label. Raises InvalidRecordings for what is no name of a gesture."""
    if not label or label != label.strip() or len(label) > LONGEST_WORD or not label.isprintable():
        raise InvalidRecordings(
            f"'{label[:40]}' is no name of a gesture: 1 to {LONGEST_WORD} printable characters, "
            "none of them a space at its ends"
        )
    return label


def check_name(name: str) -> str:
    """A person's or session's name, or "". Raises InvalidRecordings for what is none."""
    if len(name) > LONGEST_WORD or not name.isprintable():
        raise InvalidRecordings(
            f"'{name[:40]}' is no name of a person or session: at most {LONGEST_WORD} printable "
            "characters"
        )
    return name


def sitting(session: str = "") -> str:
    """The session's name; by default the day and hour. Raises InvalidRecordings."""
    return check_name(session or datetime.now().strftime("%Y-%m-%d %Hh"))


class Recordings:
    """The folder. Made with its first take; raises InvalidRecordings for a damaged table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if folder.is_file():
            raise InvalidRecordings(f"{folder} is a file; give the folder that holds {TABLE}")
        self.lines: list[Line] = read_table(folder) if (folder / TABLE).exists() else []

    def add(self, take: Take, label: str, person: str = "", session: str = "") -> Line:
        """Write a take and its line. Raises OSError, as of a full disk; the rest stays whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        line = Line(self._free_name(check_label(label)), label, person, session)
        write_take(self.folder / line.take, take)
        try:
            self._write([*self.lines, line])
        except OSError:
            (self.folder / line.take).unlink(missing_ok=True)
            raise
        return line

    def discard(self, line: Line) -> None:
        """Forget a take: its line, then its file."""
        self._write([each for each in self.lines if each != line])
        (self.folder / line.take).unlink(missing_ok=True)

    def count(self) -> Counter[str]:
        """How many takes of each label."""
        return Counter(line.label for line in self.lines)

    def _free_name(self, label: str) -> str:
        stem = re.sub(r"[^\w-]+", "_", label).strip("_-").lower() or "take"
        taken = {line.take for line in self.lines}
        number = 1
        while (name := f"{stem}_{number:03d}.npz") in taken or (self.folder / name).exists():
            number += 1
        return name

    def _write(self, lines: list[Line]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([COLUMNS, *map(astuple, lines)])
        partial = self.folder / f"{TABLE}.partial"
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(text.getvalue())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.folder / TABLE)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        self.lines = lines


def read_table(folder: Path) -> list[Line]:
    """The lines of labels.csv. Raises InvalidRecordings."""
    path = folder / TABLE
    if folder.is_file():
        raise InvalidRecordings(f"{folder} is a file; give the folder that holds {TABLE}")
    try:
        if path.stat().st_size > LARGEST_TABLE:
            raise InvalidRecordings(f"{path} has more than 4 MiB; is it the table of the takes?")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidRecordings(
            f"{folder} holds no {TABLE}; record takes with `bharnet record NAME --into {folder}`"
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidRecordings(f"{path} is no UTF-8 text ({error}); save it as UTF-8") from None
    except OSError as error:
        raise InvalidRecordings(f"{path} cannot be read: {error.strerror or error}") from None
    delimiter = max(",;\t", key=text.partition("\n")[0].count)  # programs save what they like
    reader = csv.DictReader(
        io.StringIO(text), restval="", restkey="more", strict=True, delimiter=delimiter
    )
    lines: list[Line] = []
    try:
        missing = {"take", "label"} - set(reader.fieldnames or ())
        if missing:
            raise InvalidRecordings(
                f"has no column '{min(missing)}'; its first line must be {','.join(COLUMNS)}"
            )
        for row in reader:
            if any(row.get("more") or ()):
                raise InvalidRecordings(
                    f"has more columns than the first line; quote a label with '{delimiter}'"
                )
            told = {key: str(row.get(key) or "").strip() for key in COLUMNS}
            if any(told.values()):
                lines.append(Line(**told))
    except (csv.Error, InvalidRecordings) as error:
        raise InvalidRecordings(f"{path}, line {reader.line_num}: {error}") from None
    twice = [name for name, times in Counter(line.take for line in lines).items() if times > 1]
    if twice:
        raise InvalidRecordings(f"{path} lists {twice[0]} twice; remove one of its lines")
    return lines


class Gathering:
    """Frames, as they come, of which a take is made: bounded, whoever sends them."""

    def __init__(self, layout: Layout, units: str = UNITS[0], estimator: str = "") -> None:
        self._made_of = layout, units, estimator
        self._people: dict[str, list[tuple[int, Observation]]] = {}
        self._first, self._newest, self._sightings = 0, 0, 0
        self.frames = 0

    @property
    def newest(self) -> int:
        """Stamp of the newest frame, 0 before the first."""
        return self._newest

    @property
    def seconds(self) -> float:
        """From the first frame to the newest."""
        return (self._newest - self._first) / NANOSECONDS

    @property
    def full(self) -> bool:
        """Whether it takes no more."""
        return self._sightings >= MOST_FRAMES

    def add(self, frame: Frame) -> None:
        """Everybody of a frame; one older than the newest, or one too many, is left out."""
        if frame.stamp <= self._newest or self.full:
            return
        self._first = self._first or frame.stamp
        self._newest, self.frames = frame.stamp, self.frames + 1
        for person in {each.body_id: each for each in frame.people}.values():
            if self.full:
                return
            self._sightings += 1
            self._people.setdefault(person.body_id, []).append((frame.stamp, person))

    def take(self, body_id: str = "") -> Take:
        """Of the person named, or of the one seen longest: of several so, the nearest.

        Raises InvalidTake if there is none.
        """
        layout, units, estimator = self._made_of
        known = {key: seen for key, seen in self._people.items() if body_id in ("", key)}
        if not known:
            if self._people:
                there = ", ".join(sorted(self._people)[:5])
                raise InvalidTake(
                    f"{self.frames} frames show {there}, not '{body_id}'; the person of a label "
                    "is a body id"
                )
            raise InvalidTake(f"{self.frames} frames do not show anybody; is the person in view?")
        seen = max(known.values(), key=lambda each: (len(each), _size(each)))
        return Take(
            np.array([stamp for stamp, _ in seen], np.int64),
            np.stack([person.body for _, person in seen]),
            np.stack([person.hands for _, person in seen]),
            layout,
            units,
            estimator,
        )


def _size(seen: Iterable[tuple[int, Observation]]) -> float:
    """How large somebody is in view: the median spread of the joints."""
    spreads = []
    for _, person in seen:
        joints = person.body[np.isfinite(person.body[:, 0]), :2]
        spreads.append(float(np.ptp(joints, 0).max()) if len(joints) else 0.0)
    return float(np.median(spreads))
