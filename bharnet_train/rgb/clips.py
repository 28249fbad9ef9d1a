# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Videos -> clips: poses by the project's own estimator and the crops of every picture.

Both are computed once and kept in a folder; a second run reads them from there.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bharnet.observation import unseen
from bharnet.reporting import PACKAGES
from bharnet.rgb.crops import CropConfig, crop_clip
from bharnet.skeleton import HAND_21, MEDIAPIPE_33, Layout, convert
from bharnet.video import BEGIN, VideoUnavailable, distinct, open_video
from bharnet.window import NANOSECONDS, Window
from bharnet_train.datasets.recordings import UnreadableData

# Part of the key of what is kept: raise it when the same video would give something else.
FORMAT = 1


@dataclass(frozen=True)
class Row:
    """One line of a table: what is done in a stretch of a video, by whom.

    start_s, end_s  seconds as a player shows them; empty in the file = from the first, to the last
    """

    file: str
    label: str
    person: str = ""
    start_s: float = -np.inf
    end_s: float = np.inf


@dataclass(frozen=True, eq=False)
class Cells:
    """Crops of the pictures ``rows`` of a video, (all, 5, cell, cell, 3) uint8, in a file or not.

    A file is opened for each look: a process may hold far fewer open than there are clips.
    """

    source: Path | NDArray[np.uint8]
    rows: NDArray[np.intp]

    def only(self, kept: NDArray[np.intp]) -> Cells:
        """The pictures with these indices."""
        return Cells(self.source, self.rows[kept])

    def read(self, chosen: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Crops of the pictures with these indices: (n, 5, cell, cell, 3)."""
        source = self.source
        whole = np.load(source, mmap_mode="r") if isinstance(source, Path) else source
        return np.asarray(whole[self.rows[chosen]])


@dataclass(frozen=True, eq=False)
class Clip:
    """The N different pictures of a stretch of video.

    seconds (N,) as a player shows them; stamps (N,) nanoseconds; body (N, 33, 4) and hands
    (N, 2, 21, 4) as Window keeps them, MediaPipe's joints; cells: their crops; shown (N, 5)
    """

    row: Row
    seconds: NDArray[np.float64]
    stamps: NDArray[np.int64]
    body: NDArray[np.float32]
    hands: NDArray[np.float32]
    cells: Cells
    shown: NDArray[np.bool_]

    def window(self, layout: Layout) -> Window:
        """What the skeleton network reads, bodies in ``layout``."""
        return Window(self.stamps, convert(self.body, MEDIAPIPE_33, layout), self.hands)

    def only(self, kept: NDArray[np.intp]) -> Clip:
        """The pictures with these indices."""
        names = ("seconds", "stamps", "body", "hands", "shown")
        parts = {name: getattr(self, name)[kept] for name in names}
        return replace(self, cells=self.cells.only(kept), **parts)


def read_table(path: Path) -> list[Row]:
    """Lines of a CSV file with the columns file,label and, if wanted, person,start_s,end_s.

    Raises UnreadableData.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.DictReader(file, restval=""))
        rows = [
            Row(
                line["file"],
                line["label"],
                line.get("person") or "",
                float(line.get("start_s") or -np.inf),
                float(line.get("end_s") or np.inf),
            )
            for line in lines
        ]
    except OSError as error:
        raise UnreadableData(f"cannot read table {path} ({error.strerror})") from error
    except KeyError as error:
        raise UnreadableData(f"{path} lacks the column {error}; it needs file,label") from error
    except (ValueError, csv.Error) as error:
        raise UnreadableData(f"{path} is no table of clips ({error})") from error
    if not rows:
        raise UnreadableData(f"{path} lists no clip")
    for number, row in enumerate(rows, 1):
        if not (row.file and row.label):
            raise UnreadableData(f"{path}: clip {number} has no file or no label")
    return rows


def read_pictures(path: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """The RGB pictures (H, W, 3) of a video and the second at which a player shows each.

    A picture that equals the one before is left out: recorders that read a camera faster than it
    takes pictures write them twice. Raises UnreadableData.
    """
    try:
        source = open_video(path)
    except VideoUnavailable as error:
        raise UnreadableData(str(error)) from error
    empty = True
    for picture, stamp in distinct(source):
        yield (stamp - BEGIN) / NANOSECONDS, picture
        empty = False
    if empty:
        raise UnreadableData(f"{path} is no video that OpenCV can read")


def read_clip(
    video: Path, row: Row, crops: CropConfig, cache: Path, rate: float = 0.0, pose: str = "full"
) -> Clip:
    """The stretch of a video that ``row`` names; the whole video is prepared on first use.

    Raises UnreadableData for a video that cannot be read, shows nobody, or is too short.
    """
    stretch = f"from {row.start_s} to {row.end_s} s"
    table, cells = _prepared(video, crops, cache, rate, pose)
    whole = Clip(row, cells=cells, **table)
    inside = np.flatnonzero((whole.seconds >= row.start_s) & (whole.seconds <= row.end_s))
    if len(inside) < 2:
        raise UnreadableData(f"{video}: {len(inside)} pictures {stretch}; two are needed")
    clip = whole.only(inside)
    if not clip.shown.any():
        raise UnreadableData(f"{video}: nobody is seen {stretch}")
    return clip


def _prepared(
    video: Path, crops: CropConfig, cache: Path, rate: float, pose: str
) -> tuple[dict[str, NDArray], Cells]:
    """What is kept of a video, made first if need be."""
    try:
        state = video.stat()
    except OSError as error:
        raise UnreadableData(f"cannot read video {video} ({error.strerror})") from error
    made_from = [FORMAT, video.name, state.st_size, state.st_mtime_ns, asdict(crops), rate, pose]
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]
    table_file, cells_file = cache / f"{video.stem}-{key}.npz", cache / f"{video.stem}-{key}.npy"
    if not table_file.is_file():
        table, cells = _prepare(video, crops, rate, pose)
        cache.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, though other processes prepare the same; the table vouches for both.
        partial = cache / f"{key}-{os.getpid()}.npy"
        np.save(partial, cells)
        partial.replace(cells_file)
        partial = partial.with_suffix(".npz")
        np.savez(partial, **table)  # type: ignore[arg-type]  # no key is allow_pickle
        partial.replace(table_file)
    try:
        with np.load(table_file, allow_pickle=False) as file:
            table = dict(file)
        count = len(np.load(cells_file, mmap_mode="r", allow_pickle=False))
        return table, Cells(cells_file, np.arange(count))
    except Exception as error:  # numpy raises many kinds for a damaged file
        raise UnreadableData(f"{table_file} is damaged ({error}); delete {cache}") from error


def _prepare(
    video: Path, crops: CropConfig, rate: float, pose: str
) -> tuple[dict[str, NDArray], NDArray[np.uint8]]:
    """Estimate poses, then cut: twice through the video, because size is the whole clip's."""
    try:
        # Its import costs seconds, and who has everything prepared does not need it.
        from bharnet.estimation.mediapipe_estimator import MediaPipeEstimator

        seconds, bodies, hands, aspect = [], [], [], 1.0
        with closing(MediaPipeEstimator(pose)) as estimator:
            for number, (second, picture) in enumerate(read_pictures(video)):
                when = number / rate if rate > 0 else second
                people = estimator.estimate(picture, 1 + round(when * NANOSECONDS))
                seconds.append(second)
                body, left, right = unseen(len(MEDIAPIPE_33)), unseen(21), unseen(21)
                if people:
                    body = people[0].body
                    left = left if people[0].left_hand is None else people[0].left_hand
                    right = right if people[0].right_hand is None else people[0].right_hand
                bodies.append(body)
                hands.append((left, right))
                aspect = picture.shape[1] / picture.shape[0]
    except UnreadableData:
        raise
    except ImportError as error:
        raise UnreadableData(f"videos cannot be read: {error}; {PACKAGES}") from error
    except (RuntimeError, ValueError) as error:  # no model to be had; a picture of few pixels
        raise UnreadableData(f"{video}: {error}") from error
    times = np.arange(len(seconds)) / rate if rate > 0 else np.array(seconds)
    table: dict[str, NDArray] = {
        "seconds": np.array(seconds),
        "stamps": np.round(times * NANOSECONDS).astype(np.int64),
        "body": np.array(bodies, np.float32),
        "hands": np.array(hands, np.float32).reshape(-1, 2, len(HAND_21), 4),
    }
    # Isotropic units, as observation.observe makes them: picture heights.
    for name in ("body", "hands"):
        table[name][..., (0, 2)] *= aspect
    pictures = (picture for _, picture in read_pictures(video))
    cells, table["shown"] = crop_clip(pictures, table["body"], MEDIAPIPE_33, crops)
    return table, cells
