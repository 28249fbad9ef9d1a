# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What really happened: CSV, ELAN, VIA or a topic of the recording -> segments.

Times are seconds after the recording's first stamp; or seconds since 1970, or nanoseconds since
1970, which the size of the number tells apart. docs/evaluation.md describes every form.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

from bharnet.judging.annotations import read_elan, read_via_csv, read_via_json
from bharnet.judging.invalid import InvalidLabels, Row
from bharnet.judging.segments import Segment, Span
from bharnet.window import NANOSECONDS

SINCE_1970 = Decimal("1e8")  # seconds; nobody records for three years
IN_NANOSECONDS = Decimal("1e17")
# Labels are made by eye and rounded: they may stand out of the recording by so much.
TOLERANCE = NANOSECONDS // 2
LARGEST_FILE = 64 * 1024 * 1024
COLUMNS = {"start_s": "start", "end_s": "end", "body_id": "person", "sign": "label"}


@dataclass(frozen=True)
class Clock:
    """What label times are measured from: ``zero`` (a stamp) plus ``offset`` seconds."""

    zero: int
    offset: Decimal = Decimal(0)

    def stamp(self, row: Row, text: str) -> int:
        """Nanoseconds. Raises InvalidLabels."""
        try:
            value = Decimal(text.strip())
        except InvalidOperation:
            raise InvalidLabels(
                f"{row.where}: '{text[:40]}' is no time in seconds, as 12.5 is"
            ) from None
        if not value.is_finite() or abs(value) > Decimal("9e18"):
            raise InvalidLabels(f"{row.where}: {text[:40]} is no time")
        if value >= IN_NANOSECONDS:
            return int(value)
        seconds = round(value * NANOSECONDS)
        if value >= SINCE_1970:
            return seconds
        return self.zero + seconds + round(self.offset * NANOSECONDS)


def read_labels(path: Path) -> list[Row]:
    """Rows of a file, told apart by ending and content. Raises InvalidLabels."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InvalidLabels(f"{path} has more than 64 MiB; labels are small")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidLabels(f"there is no file of labels {path}") from None
    except UnicodeDecodeError as error:
        raise InvalidLabels(f"{path} is no UTF-8 text ({error}); save it as UTF-8") from None
    except OSError as error:
        raise InvalidLabels(f"{path} cannot be read: {error.strerror or error}") from None
    if path.suffix.lower() in (".eaf", ".xml"):
        return read_elan(text, path.name)
    if path.suffix.lower() == ".json":
        return read_via_json(text, path.name)
    if "CSV_HEADER = metadata_id" in text:
        return read_via_csv(text, path.name)
    return read_csv(text, path.name)


def read_csv(text: str, name: str) -> list[Row]:
    """Columns start, end, label and, optionally, person; others are ignored.

    Raises InvalidLabels.
    """
    lines = text.splitlines()
    if not lines:
        raise InvalidLabels(f"{name} is empty; its first line must be start,end,label")
    delimiter = max(",;\t", key=lines[0].count)
    reader = csv.DictReader(lines, delimiter=delimiter, restval="", strict=True)
    rows = []
    try:
        header = [each.strip().lower() for each in reader.fieldnames or ()]
        reader.fieldnames = [COLUMNS.get(each, each) for each in header]
        missing = [each for each in ("start", "end", "label") if each not in reader.fieldnames]
        if missing:
            raise InvalidLabels(
                f"{name} has no column '{missing[0]}', only {', '.join(header)[:80]}; "
                "its first line must be start,end,label or start,end,label,person"
            )
        for row in reader:
            where = f"{name}, line {reader.line_num}"
            if any(row.get(None) or ()):
                raise InvalidLabels(
                    f"{where} has more columns than the first line; write 12.5 with a point, and "
                    f"quote a label with '{delimiter}'"
                )
            found = {key: str(row.get(key) or "") for key in ("start", "end", "label", "person")}
            if any(found.values()):
                label, person = found["label"].strip(), found["person"].strip()
                rows.append(Row(found["start"], found["end"], label, person, where))
    except csv.Error as error:
        raise InvalidLabels(f"{name}, line {reader.line_num} is no CSV: {error}") from None
    return rows


def read_texts(texts: Iterable[str], topic: str) -> list[Row]:
    """JSON texts of a topic: label, start, end and, optionally, person.

    The demo's own form is read too: sign, body_id, and clip_start to clip_end, of which all that
    is not the sign is known to be nothing. Raises InvalidLabels.
    """
    rows = []
    for number, text in enumerate(texts, 1):
        where = f"{topic}, message {number}"
        try:
            told = json.loads(text)
            label = str(told["sign"] if "sign" in told else told["label"])
            person = str(told.get("person", told.get("body_id", "")))
            if "clip_start" in told:
                begin, finish = told["clip_start"], told["clip_end"]
                start = begin if told["start"] is None else told["start"]
                end = finish if told["end"] is None else told["end"]
                around = [(begin, start, ""), (start, end, label), (end, finish, "")]
            else:
                around = [(told["start"], told["end"], label)]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidLabels(
                f"{where} is no JSON with label, start and end ({error}): {text[:60]}"
            ) from None
        rows += [Row(str(a), str(b), what, person, where) for a, b, what in around if a != b]
    return rows


def to_segments(
    rows: Sequence[Row], clock: Clock, span: Span, rename: Mapping[str, str] | None = None
) -> list[Segment]:
    """Rows as stamps, in order of time. Raises InvalidLabels.

    Refused: what does not lie in ``span``, ends before it starts, or overlaps something else of
    the same person; and a person in some rows but not in all.
    """
    rename = rename or {}
    segments = []
    for row in rows:
        start, end = clock.stamp(row, row.start), clock.stamp(row, row.end)
        if end <= start:
            raise InvalidLabels(f"{row.where}: it ends at {row.end}, not after {row.start}")
        if start < span.start - TOLERANCE or end > span.end + TOLERANCE:
            raise InvalidLabels(
                f"{row.where}: {row.start} to {row.end} lies outside the recording, which has "
                f"{span.length / NANOSECONDS:.1f} s from stamp {span.start / NANOSECONDS:.3f}; "
                "are these the labels of this recording, and does the offset fit?"
            )
        start, end = max(start, span.start), min(end, span.end)
        label = rename.get(row.label, row.label)
        if start < end:
            segments.append(Segment(start, end, label, row.person))
    _refuse_mixed(rows)
    _refuse_overlaps(segments, clock.zero)
    return sorted(segments)


def _refuse_mixed(rows: Sequence[Row]) -> None:
    unnamed = [row for row in rows if not row.person]
    if unnamed and len(unnamed) < len(rows):
        raise InvalidLabels(
            f"{unnamed[0].where} names no person though others do; name one everywhere or nowhere"
        )


def _refuse_overlaps(segments: Iterable[Segment], zero: int) -> None:
    ordered = sorted(segments, key=lambda each: (each.person, each.start))
    for first, second in pairwise(ordered):
        if first.person == second.person and second.start < first.end:
            at = (second.start - zero) / NANOSECONDS
            who = f"of '{first.person}'" if first.person else "(name the person in each)"
            raise InvalidLabels(
                f"labels '{first.label}' and '{second.label}' {who} overlap at {at:.3f} s"
            )
