# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A folder of a user's own recordings (bharnet/recording.py) -> sequences to train on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from bharnet.recording import InvalidRecordings, read_table
from bharnet.skeleton import Layout
from bharnet.take import InvalidTake, read_take
from bharnet_train.datasets.recordings import Sequence, UnreadableData

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rejected:
    """A take that was left out, and why."""

    take: str
    why: str


def read_own(folder: Path, layout: Layout) -> tuple[list[Sequence], list[Rejected]]:
    """Every take of the table, bodies in ``layout``; and those that cannot be used.

    Of takes that are the same, whatever they are called, the first is kept: otherwise one could
    be trained on and tested on. Raises UnreadableData for a folder or table that is none, and for
    takes of different units.
    """
    try:
        lines = read_table(folder)
    except InvalidRecordings as error:
        raise UnreadableData(str(error)) from None
    sequences: list[Sequence] = []
    rejected: list[Rejected] = []
    known: dict[str, str] = {}
    units: dict[str, str] = {}
    for line in lines:
        try:
            take = read_take(folder / line.take)
        except InvalidTake as error:
            rejected.append(Rejected(line.take, str(error)))
            continue
        units.setdefault(take.units, line.take)
        window = take.window(layout)
        made = Sequence(window, line.label, line.person, line.session, folder.name, take=line.take)
        same = known.setdefault(made.fingerprint(), line.take)
        if same != line.take:
            rejected.append(Rejected(line.take, f"it is the same recording as {same}"))
        else:
            sequences.append(made)
    if len(units) > 1:
        names = " and ".join(f"{take} is in {unit}" for unit, take in units.items())
        raise UnreadableData(
            f"{folder}: {names}; keep takes of cameras with and without depth "
            "in folders of their own"
        )
    return sequences, rejected


def nothing_of_use(folder: Path, rejected: list[Rejected]) -> str:
    """What to say of a folder without a usable take."""
    if not rejected:
        return (
            f"{folder}: its table lists no take; record some with "
            f"`bharnet record NAME --into {folder}`"
        )
    first = rejected[0]
    return f"{folder} holds no take that can be used; the first: {first.take}: {first.why}"


def sequences_of(folder: Path, layout: Layout) -> list[Sequence]:
    """The usable takes, for a configuration's sources; the log names those left out.

    Raises UnreadableData if none is.
    """
    sequences, rejected = read_own(folder, layout)
    for each in rejected:
        log.warning("%s: left out %s: %s", folder, each.take, each.why)
    if not sequences:
        raise UnreadableData(nothing_of_use(folder, rejected))
    return sequences
