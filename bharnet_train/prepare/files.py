# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Finding original files."""

from __future__ import annotations

from pathlib import Path

from bharnet_train.datasets.recordings import UnreadableData


class NotPrepared(UnreadableData):
    """A folder that cannot be converted; the message names the cause and the cure."""


def find(folder: Path, *suffixes: str) -> list[Path]:
    """All files below a folder that end so, sorted by name. Raises NotPrepared for none."""
    if not folder.is_dir():
        raise NotPrepared(f"{folder} is no folder; give the one that holds the original files")
    found = [path for path in folder.rglob("*") if path.suffix in suffixes]
    if not found:
        raise NotPrepared(f"no {' or '.join(suffixes)} file below {folder}; is it unpacked?")
    return sorted(found, key=lambda path: (path.name, str(path)))
