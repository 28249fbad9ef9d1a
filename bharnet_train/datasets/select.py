# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sources of a configuration -> who is trained on, who is validated on, who is tested on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bharnet.skeleton import Layout, get_layout
from bharnet.window import Window
from bharnet_train.config import Source, TrainConfig
from bharnet_train.datasets.actions import SUBSETS
from bharnet_train.datasets.nucla import read_nucla
from bharnet_train.datasets.own import sequences_of
from bharnet_train.datasets.prepared import read_prepared
from bharnet_train.datasets.recordings import Sequence, UnreadableData, read_recordings
from bharnet_train.streams.frame_labels import read_pieces

log = logging.getLogger(__name__)

READERS = {
    "recordings": read_recordings,
    "nucla": read_nucla,
    "own": sequences_of,
    "frame_labels": read_pieces,
}


@dataclass(frozen=True)
class Split:
    """Sequences by use, labels already class names; ``classes`` sorted, idle last."""

    train: list[Sequence]
    validation: list[Sequence]
    test: list[Sequence]
    classes: tuple[str, ...]


def load_split(
    config: TrainConfig,
    data: Path,
    config_folder: Path | None = None,
    known: Collection[str] = (),
) -> Split:
    """Read all sources of a configuration from the folder ``data``. Raises UnreadableData.

    Who is held out and shows what nobody trained on does is left out; the log says so. ``known``:
    the classes of a checkpoint to be scored, which may be scored on everybody: then nobody needs
    to be trained on, and nobody is left out.
    """
    layout = get_layout(config.features.body_layout)
    excluded, found = _fingerprints(config, config_folder), set[str]()
    parts: dict[str, list[Sequence]] = {"train": [], "validation": [], "test": []}
    read = [_read(source, data / source.file, layout) for source in config.sources]
    for source, sequences in zip(config.sources, _apart(config.sources, read, data), strict=True):
        _refuse_strangers(source, sequences)
        _refuse_tested(source, sequences)
        for part, sequence in _used(source, sequences):
            # Only where some are excluded: a fingerprint reads the whole sequence.
            if excluded and (mark := sequence.fingerprint()) in excluded:
                found.add(mark)
                if part == "train":
                    continue
            label = class_name(sequence.label, source)
            parts[part].append(_without_lead(replace(sequence, label=label), source.skip_frames))
    if lost := len(excluded - found):
        log.warning(
            "%d of the %d fingerprints that exclude lists are of no take here; they hold for one "
            "features.body_layout, and change with it",
            *(lost, len(excluded)),
        )
    names = {sequence.label for sequence in parts["train"]}
    if not names and known:
        return Split([], parts["validation"], parts["test"], tuple(known))
    if not names:
        raise UnreadableData("no sequence is left to train on; look at labels, test and drop")
    classes = sorted(names - {config.idle}) + ([config.idle] if config.idle in names else [])
    for part in ("validation", "test"):
        kept = [sequence for sequence in parts[part] if sequence.label in names]
        if unknown := {sequence.label for sequence in parts[part]} - names:
            log.warning(
                "%d of %d sequences for %s are left out, nobody trained on shows %s",
                *(len(parts[part]) - len(kept), len(parts[part]), part),
                ", ".join(sorted(unknown)),
            )
        parts[part] = kept
    return Split(parts["train"], parts["validation"], parts["test"], tuple(classes))


def tested(split: Split, classes: Collection[str], model: Path) -> list[Sequence]:
    """Those held out for testing. Raises UnreadableData for none, or for classes unknown to it."""
    if not split.test:
        raise UnreadableData("the configuration holds nobody out to score on; name them in test")
    refuse_unknown(split.test, classes, model)
    return split.test


def refuse_unknown(sequences: Iterable[Sequence], classes: Collection[str], model: Path) -> None:
    """Raises UnreadableData for sequences of which a checkpoint does not know the class."""
    unknown = {sequence.label for sequence in sequences} - set(classes)
    if unknown:
        raise UnreadableData(
            f"{model} does not know {', '.join(sorted(unknown))}; it knows "
            f"{', '.join(sorted(classes))}. A source's drop leaves labels out, its labels rename"
        )


def used_in_training(source: Source, data: Path, layout: Layout) -> list[Sequence]:
    """Sequences of a source, read from the folder ``data``, that it does not hold out."""
    return [
        _without_lead(sequence, source.skip_frames)
        for part, sequence in _used(source, _read(source, data / source.file, layout))
        if part == "train"
    ]


def _used(source: Source, sequences: Iterable[Sequence]) -> Iterator[tuple[str, Sequence]]:
    """Part and sequence of what a source gives: labels that are used, idle hands left out."""
    for sequence in sequences:
        part = _part(sequence, source)
        idle_hand = part == "train" and sequence.label in source.hands_down
        if class_name(sequence.label, source) and not (idle_hand and shows_hand(sequence)):
            yield part, sequence


def shows_hand(sequence: Sequence) -> bool:
    """Whether any point of a hand is seen in any of its frames."""
    return bool(np.isfinite(sequence.window.hands[..., :2]).any())


def _refuse_strangers(source: Source, sequences: list[Sequence]) -> None:
    """A misspelt name would hold nobody out, or leave nothing out, and nothing would tell."""
    there = {
        "label": {each.label for each in sequences},
        "person": {each.person for each in sequences},
        "session": {each.session for each in sequences},
    }
    for where, kind, named in (
        *(("test", kind, names) for kind, names in source.test.items()),
        *(("validation", kind, names) for kind, names in source.validation.items()),
        ("labels", "label", list(source.labels)),
        ("drop", "label", source.drop),
        ("hands_down", "label", source.hands_down),
    ):
        if strangers := sorted(set(named) - there[kind]):
            raise UnreadableData(
                f"{where} names {', '.join(strangers)}, but {source.file} has no such {kind}; "
                f"it has {', '.join(sorted(there[kind]))[:200]}"
            )


def _refuse_tested(source: Source, sequences: list[Sequence]) -> None:
    """Who is tested is validated on by nobody, and nothing would tell."""
    validated = [each for each in sequences if _part(each, source) == "validation"]
    for kind, names in source.validation.items():
        if tested := sorted(set(names) - {getattr(each, kind) for each in validated}):
            raise UnreadableData(
                f"validation names {', '.join(tested)}, but {source.file} holds them out for "
                "testing; name somebody who would be trained on"
            )


def _fingerprints(config: TrainConfig, folder: Path | None) -> set[str]:
    if not config.exclude or folder is None:
        return set()
    try:
        lines = (folder / config.exclude).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableData(f"the file that exclude names cannot be read: {error}") from error
    return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}


def _read(source: Source, path: Path, layout: Layout) -> list[Sequence]:
    if source.format == "prepared":
        return read_prepared(path, layout, source.protocol)
    return READERS[source.format](path, layout)


def _apart(sources: Many[Source], read: Many[list[Sequence]], data: Path) -> list[list[Sequence]]:
    """The same, files of one name in different folders called differently.

    People of different files are different people, and nobody is put beside another in a stream.
    """
    places = [_place(source, data / source.file) for source in sources]
    named: dict[str, set[Path]] = {}
    for of, sequences in zip(places, read, strict=True):
        for name in {each.source for each in sequences}:
            named.setdefault(name, set()).add(of(name))
    alike = {place for each in named.values() if len(each) > 1 for place in each}
    called = {place: _tail(place, alike) for place in alike}
    return [
        [replace(each, source=called.get(of(each.source), each.source)) for each in sequences]
        for of, sequences in zip(places, read, strict=True)
    ]


def _place(source: Source, path: Path) -> Callable[[str], Path]:
    """Where on the disk the sequences of a name come from, however the path is written."""
    resolved = path.resolve()
    if source.format == "recordings" and path.is_dir():
        return lambda name: resolved / f"{name}.npz"
    return lambda name: resolved


def _tail(place: Path, others: Collection[Path]) -> str:
    """As many of the last parts of a path as no other shares."""
    count = 2
    while any(each != place and each.parts[-count:] == place.parts[-count:] for each in others):
        count += 1
    return "/".join(place.parts[-count:])


def class_name(label: str, source: Source) -> str:
    """What a source's label is called in training; "" = it is not used."""
    if label in source.drop or (source.subset and label not in SUBSETS[source.subset]):
        return ""
    return source.labels.get(label, "") if source.labels else label


def _part(sequence: Sequence, source: Source) -> str:
    if sequence.part == "test":
        return "test"
    return part_of(sequence.person, sequence.session, source)


def part_of(person: str, session: str, source: Source) -> str:
    """What a configuration uses them for: train, validation or test."""
    names = {"person": person, "session": session}
    for part, who in (("test", source.test), ("validation", source.validation)):
        if any(names[key] in values for key, values in who.items()):
            return part
    return "train"


def _without_lead(sequence: Sequence, frames: int) -> Sequence:
    if not frames:
        return sequence
    w = sequence.window
    if len(w.stamps) < frames + 2:
        raise UnreadableData(
            f"{sequence.source}: skip_frames {frames} leaves less than two frames of a sequence "
            f"of {len(w.stamps)}"
        )
    rest = Window(w.stamps[frames:], w.body[frames:], w.hands[frames:])
    return replace(sequence, window=rest, whole=w)
