# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arrays of a ``.npz`` file, opened without trust: nothing unpickled, sizes known before."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Unpacked. A zip of a megabyte may say a terabyte of zeros; the largest set known here has 0.4 GB.
LARGEST = 8 << 30


class UnreadableData(ValueError):
    """A data file that cannot be used; the message names the cause and the cure."""


def load_arrays(path: Path, needed: Iterable[str]) -> dict[str, NDArray]:
    """All arrays of a file. Raises UnreadableData for one missing, damaged or too large."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(each.file_size for each in archive.infolist())
        if size > LARGEST:
            raise UnreadableData(
                f"{path} unpacks to {size >> 20} MiB; at most {LARGEST >> 30} GiB"
            )
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: np.asarray(file[key]) for key in file.files}
    except FileNotFoundError:
        raise UnreadableData(f"{path} does not exist; give the folder with --data") from None
    except UnreadableData:
        raise
    except Exception as error:  # numpy raises many kinds for a damaged archive
        raise UnreadableData(f"{path} is no readable .npz file ({error})") from error
    if missing := set(needed) - set(arrays):
        raise UnreadableData(f"{path} lacks {', '.join(sorted(missing))}; is it another data set?")
    return arrays


def are_numbers(array: NDArray, dimensions: int, whole: bool = False) -> bool:
    """Whether it is an array of real, or whole, numbers with so many dimensions."""
    return array.ndim == dimensions and array.dtype.kind in ("iu" if whole else "iuf")


def cut(offsets: NDArray, rows: int, shortest: int) -> bool:
    """Whether offsets (N + 1,) cut so many rows into sequences, none shorter than ``shortest``."""
    steps = np.diff(offsets.astype(np.int64))
    return (
        len(steps) > 0
        and int(offsets[0]) == 0
        and int(offsets[-1]) == rows
        and bool((steps >= shortest).all())
    )
