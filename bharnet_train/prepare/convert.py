# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Original files -> a prepared folder, over many processes, going on where a kill ended it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.progress import Progress

from bharnet_train.datasets.prepared import MANIFEST, open_prepared
from bharnet_train.parallel import Workers, work_off
from bharnet_train.prepare import store
from bharnet_train.prepare.clip import Clip, Original, Rejected, Rejection
from bharnet_train.prepare.files import NotPrepared

# A part takes a process some seconds, and fits in memory several times.
FILES_A_PART, BYTES_A_PART = 200, 50_000_000
PLAN = "plan.json"


def prepare(
    original: Original,
    folder: Path,
    workers: Workers,
    half: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Convert all files once and return the manifest; a finished folder is left as it is.

    ``half`` keeps joints as float16 (2 mm at 3 m). Raises NotPrepared.
    """
    if (folder / MANIFEST).exists():
        manifest = open_prepared(folder).manifest
        if manifest["source"] != original.kind:
            raise NotPrepared(f"{folder} holds {manifest['source']}; choose another folder")
        return manifest
    files, rejected = _without_doubles(original.files())
    facts = original.facts() | {
        "source": original.kind,
        "joints": "float16" if half else "float32",
    }
    groups = _groups(files)
    parts = _resume(folder, groups, facts)
    todo = [(group, part) for group, part in zip(groups, parts, strict=True) if not part.exists()]
    done = len(files) - sum(len(group) for group, _ in todo)
    protocols = tuple(facts["protocols"])
    calls = ((_convert, (original, group, part, protocols, half)) for group, part in todo)
    work_off(calls, workers, progress, "converting", len(files), done)
    return store.join(folder, parts, facts, rejected)


def _convert(
    original: Original, files: list[Path], part: Path, protocols: tuple[str, ...], half: bool
) -> int:
    """Convert one part's files; the work of one process. Returns how many."""
    clips = (each for path in files for each in _read(original, path))
    store.write_part(part, clips, protocols, half)
    return len(files)


def _read(original: Original, path: Path) -> Iterator[Clip | Rejection]:
    try:
        yield from original.read(path)
    except Rejected as why:
        yield Rejection(path.name, str(why))
    except OSError as error:
        yield Rejection(path.name, f"cannot be read ({error.strerror})")


def _groups(files: list[Path]) -> list[list[Path]]:
    """The files of each part, in order."""
    groups: list[list[Path]] = []
    held = BYTES_A_PART
    for path in files:
        if held >= BYTES_A_PART or len(groups[-1]) >= FILES_A_PART:
            groups.append([])
            held = 0
        groups[-1].append(path)
        held += path.stat().st_size
    return groups


def _without_doubles(files: list[Path]) -> tuple[list[Path], list[Rejection]]:
    """The same clip may lie in two folders: take the first."""
    chosen: dict[str, Path] = {}
    for path in files:
        chosen.setdefault(path.stem, path)
    doubled = [path for path in files if chosen[path.stem] is not path]
    return list(chosen.values()), [
        Rejection(str(path), "twice among the files") for path in doubled
    ]


def _resume(folder: Path, groups: list[list[Path]], facts: dict[str, Any]) -> list[Path]:
    """The parts' paths; those of a killed run with the same plan stand already."""
    listed = json.dumps([facts, [[str(path) for path in group] for group in groups]])
    plan = {"digest": hashlib.sha256(listed.encode()).hexdigest(), "parts": len(groups)}
    place = folder / store.PARTS
    if (place / PLAN).exists():
        store.clear_unfinished(folder)
        if json.loads((place / PLAN).read_text(encoding="utf-8")) != plan:
            raise NotPrepared(
                f"{place} holds half of another conversion; delete it or choose another folder"
            )
    else:
        place.mkdir(parents=True, exist_ok=True)
        store.write_json(place / PLAN, plan)
    return [place / f"{number:05d}.npz" for number in range(len(groups))]
