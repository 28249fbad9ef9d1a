# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hands for all videos of a prepared folder, over many processes, going on after a kill.

Each process writes finished parts into hand_parts; at the end they go into hands.npy, and then
hands.json says which videos are done. A reader looks at hands.npy only if hands.json is there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from bharnet.reporting import PACKAGES
from bharnet.skeleton import HAND_21
from bharnet_train.datasets.prepared import HANDS, HANDS_MANIFEST, Prepared, open_prepared
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.extract.hands import HandFinder, hands_in_video
from bharnet_train.extract.video import find_videos
from bharnet_train.parallel import Workers, work_off
from bharnet_train.prepare import store
from bharnet_train.prepare.clip import Rejected

PARTS, SETTINGS = "hand_parts", "settings.json"
# A part takes a process half a minute: no more is lost by a kill.
ROWS_A_PART = 1500


class CannotExtract(UnreadableData):
    """Hands cannot be added; the message names the cause and the cure."""


@dataclass(frozen=True)
class Settings:
    """What the result depends on.

    mirrored    the videos show people as a mirror does (the Kinect's own do)
    confidence  0..1, of a hand

    Raises CannotExtract.
    """

    mirrored: bool = True
    confidence: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise CannotExtract(f"--confidence {self.confidence:g} is out of 0..1")


Job = tuple[str, Path, list[int]]  # name of a video, its file, its clips


def extract_hands(
    folder: Path,
    videos: Path,
    settings: Settings,
    workers: Workers,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Add hands and return what hands.json holds. Raises CannotExtract, BackendUnavailable."""
    prepared = open_prepared(folder)
    if "picture" not in prepared.manifest:
        raise CannotExtract(f"{folder} ({prepared.manifest['source']}) has no RGB videos")
    if not videos.is_dir():
        raise CannotExtract(f"{videos} is no folder; give the one that holds the videos")
    files = find_videos(videos)
    jobs, missing = _jobs(prepared, files, set())
    if not jobs:
        raise CannotExtract(f"no video below {videos} is of these clips, as {next(iter(missing))}")
    check_models()
    state = _begin(prepared, settings)
    jobs, state["failed"] = _jobs(prepared, files, set(state["videos"]))
    calls = ((_extract, (folder, group, settings, _part(folder, group))) for group in jobs)
    work_off(calls, workers, progress, "extracting", sum(map(len, jobs)))
    _take_over(folder, state)
    return state


def check_models() -> None:
    """Fetch the model files once, before a hundred processes do. Raises CannotExtract."""
    from bharnet.estimation.models import ModelUnavailable, obtain

    try:
        import mediapipe  # noqa: F401

        for file in ("pose_landmarker_full.task", "hand_landmarker.task"):
            obtain(file)
    except (ImportError, ModelUnavailable) as error:
        cure = f"; {PACKAGES}" if isinstance(error, ImportError) else ""
        raise CannotExtract(f"{error}{cure}") from error


def _begin(prepared: Prepared, settings: Settings) -> dict[str, Any]:
    """What an earlier run left, or a beginning: hands.npy with nothing seen."""
    folder, parts = prepared.folder, prepared.folder / PARTS
    state = {"settings": asdict(settings), "videos": [], "failed": {}}
    for path in (folder / HANDS_MANIFEST, parts / SETTINGS):
        if path.exists():
            earlier = json.loads(path.read_text(encoding="utf-8"))
            if earlier["settings"] != state["settings"]:
                raise CannotExtract(
                    f"{path} says that hands were made with {earlier['settings']}; "
                    f"use the same, or delete it and {PARTS} to begin anew"
                )
            state = earlier
            break
    store.clear_unfinished(folder)
    if not (folder / HANDS_MANIFEST).exists():
        _write_unseen(prepared)
    if parts.is_dir():
        _take_over(folder, state)
    parts.mkdir(exist_ok=True)
    store.write_json(parts / SETTINGS, state)
    return state


def _write_unseen(prepared: Prepared) -> None:
    rows = int(prepared.manifest["rows"])

    def write(file: Path) -> None:
        hands = np.lib.format.open_memmap(file, "w+", np.float32, (rows, 2, len(HAND_21), 3))
        hands[:] = np.nan

    store.replace_when_written(prepared.folder / f"{HANDS}.npy", write)


def _jobs(
    prepared: Prepared, files: dict[str, Path], done: set[str]
) -> tuple[list[list[Job]], dict[str, str]]:
    """Groups of videos that are still to be read; and those without a file."""
    clips = defaultdict(list)
    for clip, name in enumerate(prepared.clips["name"].tolist()):
        clips[name.partition("#")[0]].append(clip)
    rows = (prepared.clips["frames"].astype(np.int64) * prepared.clips["bodies"]).tolist()
    groups: list[list[Job]] = []
    held = ROWS_A_PART
    for video, own in clips.items():
        if video in done or video not in files:
            continue
        if held >= ROWS_A_PART:
            groups.append([])
            held = 0
        groups[-1].append((video, files[video], own))
        held += sum(rows[clip] for clip in own)
    return groups, {video: "no such video" for video in clips if video not in files}


def _part(folder: Path, group: list[Job]) -> Path:
    digest = hashlib.sha256("/".join(video for video, _, _ in group).encode()).hexdigest()
    return folder / PARTS / f"{digest[:16]}.npz"


def _extract(folder: Path, group: list[Job], settings: Settings, part: Path) -> int:
    """Read some videos; the work of one process. Returns how many."""
    prepared = open_prepared(folder)
    starts, hands, done, failed = [], [], [], []
    with open_finder(settings) as finder:
        for video, path, clips in group:
            try:
                found = hands_in_video(prepared, clips, path, finder, settings.mirrored)
            except (Rejected, cv2.error) as why:
                failed.append((video, str(why).strip()))
                continue
            done.append(video)
            hands += found
            starts += [int(prepared.clips["start"][clip]) for clip in clips]
    arrays = {
        "start": np.array(starts, np.int64),
        "count": np.array([len(each) for each in hands], np.int64),
        "hands": np.concatenate([*hands, np.empty((0, 2, len(HAND_21), 3), np.float32)]),
        "videos": np.array(done, dtype=str),
        "failed": np.array(failed, dtype=str).reshape(-1, 2),
    }
    store.write_arrays(part, arrays)
    return len(group)


def open_finder(settings: Settings) -> AbstractContextManager[HandFinder]:
    """The estimator of one process, closed by it: one that is not can hang the process."""
    from bharnet.estimation.mediapipe_estimator import MediaPipeEstimator

    return closing(MediaPipeEstimator(min_confidence=settings.confidence))


def _take_over(folder: Path, state: dict[str, Any]) -> None:
    """Finished parts -> hands.npy, then hands.json, then away with them."""
    hands = np.lib.format.open_memmap(folder / f"{HANDS}.npy", "r+")
    for part in sorted((folder / PARTS).glob("*.npz")):
        with np.load(part, allow_pickle=False) as arrays:
            for start, values in _cut(arrays["start"], arrays["count"], arrays["hands"]):
                hands[start : start + len(values)] = values
            state["videos"] = sorted({*state["videos"], *arrays["videos"].tolist()})
            state["failed"] |= {str(video): str(why) for video, why in arrays["failed"]}
    for video in state["videos"]:
        state["failed"].pop(video, None)
    hands.flush()
    state |= {"rows": len(hands), "rows_with_a_hand": _count(hands)}
    del hands
    store.write_json(folder / HANDS_MANIFEST, state)
    shutil.rmtree(folder / PARTS)


def _cut(
    starts: NDArray[np.int64], counts: NDArray[np.int64], values: NDArray[np.float32]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Rows of each clip and where they go."""
    ends = counts.cumsum()
    for start, count, end in zip(starts.tolist(), counts.tolist(), ends.tolist(), strict=True):
        yield start, values[end - count : end]


def _count(hands: NDArray[np.float32]) -> int:
    """In how many rows a hand was found; in pieces, the file may be larger than memory."""
    piece = 100_000
    return sum(
        int(np.isfinite(hands[at : at + piece, :, 0, 0]).any(1).sum())
        for at in range(0, len(hands), piece)
    )
