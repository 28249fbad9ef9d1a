# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One take of a gesture in one file: the joints of one person, as they were seen, and no picture.

A .npz file that numpy alone reads (``np.load(path, allow_pickle=False)``):

    format        int, 1
    stamps        (N,) int64      nanoseconds of acquisition, rising
    body          (N, V, 4) float32  x, y, z, score; NaN = not seen
    left_hand, right_hand  (N, 21, 4) float32  likewise; the person's own left and right
    body_layout   str             name and order of the V joints, see skeleton.py
    units         str             picture_heights, or metres
    estimator     str             who found the joints

A take may come from anywhere, so sizes are checked before anything is allocated.
"""

from __future__ import annotations

import math
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bharnet.observation import LARGEST_COORDINATE
from bharnet.skeleton import BODY_LAYOUTS, HAND_21, Layout, convert, get_layout
from bharnet.window import NANOSECONDS, Window

FORMAT = 1
UNITS = ("picture_heights", "metres")
MOST_FRAMES = 20_000
LARGEST_FILE = 64 * 1024 * 1024
_KEYS = (
    "format",
    "stamps",
    "body",
    "left_hand",
    "right_hand",
    "body_layout",
    "units",
    "estimator",
)


class InvalidTake(ValueError):
    """A take that cannot be used; the message names the cause and the cure."""


@dataclass(frozen=True, eq=False)
class Take:
    """One person doing one thing once: joints in isotropic units, as Observation has them.

    stamps (N,) int64 nanoseconds; body (N, V, 4), hands (N, 2, 21, 4) float32. Raises InvalidTake
    for what is none.
    """

    stamps: NDArray[np.int64]
    body: NDArray[np.float32]
    hands: NDArray[np.float32]
    layout: Layout
    units: str = UNITS[0]
    estimator: str = ""

    def __post_init__(self) -> None:
        count = len(self.stamps)
        if not 2 <= count <= MOST_FRAMES:
            raise InvalidTake(f"it has {count} frames; a take has 2 to {MOST_FRAMES}")
        if self.body.shape != (count, len(self.layout), 4) or self.hands.shape != (
            count,
            2,
            len(HAND_21),
            4,
        ):
            raise InvalidTake(
                f"body {self.body.shape} and hands {self.hands.shape} do not fit {count} frames "
                f"of {self.layout.name}"
            )
        # Compared, not subtracted: a difference may overflow.
        if (self.stamps[1:] <= self.stamps[:-1]).any():
            raise InvalidTake("its stamps do not rise; write frames in the order of their time")
        if self.units not in UNITS:
            raise InvalidTake(f"units '{self.units[:20]}' are none of {', '.join(UNITS)}")
        for joints in (self.body, self.hands):
            if (np.abs(joints[..., :3]) > LARGEST_COORDINATE).any():  # infinity too
                raise InvalidTake(
                    f"a coordinate is beyond {LARGEST_COORDINATE:g}; check the units"
                )

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return float(self.stamps[-1] - self.stamps[0]) / NANOSECONDS

    def window(self, layout: Layout) -> Window:
        """As the recogniser would have seen it, bodies in ``layout``."""
        return Window(self.stamps, convert(self.body, self.layout, layout), self.hands)


def write_take(path: Path, take: Take) -> None:
    """Write a take; an interrupted write leaves nothing. Raises OSError, as of a full disk."""
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(
                file,
                format=FORMAT,
                stamps=take.stamps,
                body=take.body,
                left_hand=take.hands[:, 0],
                right_hand=take.hands[:, 1],
                body_layout=take.layout.name,
                units=take.units,
                estimator=take.estimator,
            )
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read_take(path: Path) -> Take:
    """Read a take, checking it before it is used. Raises InvalidTake."""
    try:
        arrays = _read(path)
        version = int(arrays["format"])
        if version != FORMAT:
            raise InvalidTake(f"it has format {version}, this version reads {FORMAT}; update")
        name = str(arrays["body_layout"])
        if name not in BODY_LAYOUTS:
            raise InvalidTake(
                f"its body_layout '{name[:40]}' is none of {', '.join(BODY_LAYOUTS)}"
            )
        return Take(
            arrays["stamps"].astype(np.int64),
            arrays["body"].astype(np.float32),
            np.stack((arrays["left_hand"], arrays["right_hand"]), 1).astype(np.float32),
            get_layout(name),
            str(arrays["units"]),
            str(arrays["estimator"]),
        )
    except InvalidTake as error:
        raise InvalidTake(f"{path}: {error}") from None
    except FileNotFoundError:
        raise InvalidTake(f"{path} does not exist, though the table lists it") from None
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, RuntimeError) as error:
        raise InvalidTake(
            f"{path} is no take that can be read ({error}); record it again"
        ) from None
    except Exception as error:  # zlib and numpy raise more kinds over damaged files
        raise InvalidTake(f"{path} is damaged ({type(error).__name__}: {error})") from None


def _read(path: Path) -> dict[str, NDArray]:
    """The arrays of a .npz, none larger than its file may be."""
    if path.stat().st_size > LARGEST_FILE:
        raise InvalidTake("it has more than 64 MiB; a take has some hundred kB")
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        there = {info.filename: info for info in archive.infolist()}
        for key in _KEYS:
            info = there.get(f"{key}.npy")
            if info is None:
                raise InvalidTake(f"it lacks '{key}'; is it a take of bharnet record?")
            if info.file_size > LARGEST_FILE:
                raise InvalidTake(f"its '{key}' would need {info.file_size >> 20} MiB")
            with archive.open(info) as member:
                _check_header(member, key, info.file_size)
            with archive.open(info) as member:
                arrays[key] = npy.read_array(member, allow_pickle=False)
    return arrays


def _check_header(member: IO[bytes], key: str, size: int) -> None:
    """What a header claims is allocated at once: refuse one that claims more than follows it."""
    version = npy.read_magic(member)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise InvalidTake(f"its '{key}' is of an unknown npy version {version}")
    shape, _, kind = read(member)
    # Exact integers: a product of wild numbers overflows otherwise.
    if kind.kind not in "fiuU" or math.prod(int(each) for each in shape) * kind.itemsize > size:
        raise InvalidTake(f"its '{key}' is no array of {shape} numbers or text")
