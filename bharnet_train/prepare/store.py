# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The prepared folder, from the writer's side: parts first, joined when all are there.

The reader's side, and what the files hold, is in bharnet_train/datasets/prepared.py. Whatever is
written gets another name first and its own when it is whole; manifest.json comes last. A kill
therefore leaves finished parts, never half a folder that looks whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bharnet_train.datasets.prepared import CLIPS, COLOUR, FORMAT, JOINTS, MANIFEST
from bharnet_train.prepare.clip import Clip, Rejection
from bharnet_train.prepare.files import NotPrepared

PARTS = "parts"
TEXTS = ("name", "label", "person", "session", "setup")


def replace_when_written(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it there in one step."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON file in one step."""
    text = json.dumps(values, indent=1, ensure_ascii=False) + "\n"

    def write(file: Path) -> None:
        file.write_text(text, encoding="utf-8")

    replace_when_written(path, write)


def write_arrays(path: Path, arrays: dict[str, NDArray]) -> None:
    """Write an .npz file in one step."""

    def write(file: Path) -> None:
        with open(file, "wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]  # numpy's own hint is too narrow

    replace_when_written(path, write)


def clear_unfinished(folder: Path) -> None:
    """Remove what a killed run was writing."""
    for path in folder.rglob(".*.unfinished"):
        path.unlink(missing_ok=True)


def write_part(
    path: Path, clips: Iterable[Clip | Rejection], protocols: Iterable[str], half: bool
) -> None:
    """Some files' clips and rejections as one .npz; ``half``: joints as float16."""
    made, rejected = [], []
    for each in clips:
        if isinstance(each, Clip):
            made.append(each)
        else:
            rejected.append((each.name, each.reason))
    arrays: dict[str, NDArray] = {
        key: np.array([getattr(clip, key) for clip in made], dtype=str) for key in TEXTS
    }
    arrays["frames"] = np.array([clip.joints.shape[1] for clip in made], np.int32)
    arrays["bodies"] = np.array([len(clip.joints) for clip in made], np.uint8)
    arrays["first_frame"] = np.array([clip.first_frame for clip in made], np.int32)
    for protocol in protocols:
        arrays[f"protocol_{protocol}"] = np.array(
            [clip.parts.get(protocol, "") for clip in made], dtype="U5"
        )
    arrays["rejected"] = np.array(rejected, dtype=str).reshape(-1, 2)
    if made:
        dtype = np.float16 if half else np.float32
        arrays[JOINTS] = _rows([clip.joints for clip in made], dtype)
        if made[0].colour is not None:
            colours = [clip.colour for clip in made if clip.colour is not None]
            arrays[COLOUR] = _rows(colours, np.float16)
    write_arrays(path, arrays)


def _rows(values: list[NDArray[np.float32]], dtype: type[np.floating]) -> NDArray:
    """(B, T, V, D) of each clip -> (sum B T, V, D): a body's frames stand together."""
    with np.errstate(over="ignore"):  # colour far beside the picture
        return np.concatenate([each.reshape(-1, *each.shape[2:]) for each in values]).astype(dtype)


def join(
    folder: Path, parts: list[Path], facts: dict[str, Any], rejected: list[Rejection]
) -> dict[str, Any]:
    """All parts -> joints.npy, colour.npy, clips.npz, manifest.json, which is returned.

    ``rejected`` before any part was made. Raises NotPrepared if no clip is left.
    """
    tables: list[dict[str, NDArray]] = []
    for part in parts:
        with np.load(part, allow_pickle=False) as file:
            tables.append({key: file[key] for key in file if key not in (JOINTS, COLOUR)})
    clips = {key: np.concatenate([table[key] for table in tables]) for key in tables[0]}
    refused = [{"name": each.name, "reason": each.reason} for each in rejected]
    for name, reason in clips.pop("rejected"):
        refused.append({"name": str(name), "reason": str(reason)})
    rows = clips["frames"].astype(np.int64) * clips["bodies"]
    if not len(rows):
        raise NotPrepared(
            f"no clip is left of {len(refused)} files; {refused[0]['name']}: "
            f"{refused[0]['reason']}"
        )
    clips["start"] = rows.cumsum() - rows
    for array in (JOINTS, COLOUR):
        _join_rows(folder / f"{array}.npy", parts, array, int(rows.sum()))
    write_arrays(folder / CLIPS, clips)
    manifest = facts | {
        "format": FORMAT,
        "clips": len(rows),
        "rows": int(rows.sum()),
        "rejected": refused,
    }
    write_json(folder / MANIFEST, manifest)
    shutil.rmtree(folder / PARTS)
    return manifest


def _join_rows(path: Path, parts: list[Path], array: str, rows: int) -> None:
    """One array of all parts as one .npy file, never more than one part in memory."""

    def write(file: Path) -> None:
        joined: NDArray | None = None
        at = 0
        for part in parts:
            with np.load(part, allow_pickle=False) as arrays:
                if array not in arrays:
                    continue
                values = arrays[array]
            if joined is None:
                shape = (rows, *values.shape[1:])
                joined = np.lib.format.open_memmap(file, "w+", values.dtype, shape)
            joined[at : at + len(values)] = values
            at += len(values)

    if any(array in _names(part) for part in parts):
        replace_when_written(path, write)


def _names(part: Path) -> list[str]:
    with np.load(part, allow_pickle=False) as arrays:
        return list(arrays)
