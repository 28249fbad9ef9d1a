# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads streams that are labelled frame by frame: vehicle_signals.npz.

Upper-body joints from sschueth/ground-guide-gesture-dataset: no hands, and shoulders, elbows,
wrists and hips only. The joints come in body units, x and y.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bharnet.judging.segments import Segment
from bharnet.skeleton import HAND_21, Layout
from bharnet.window import NANOSECONDS, Window
from bharnet_train.datasets.arrays import UnreadableData, are_numbers, cut, load_arrays
from bharnet_train.datasets.recordings import Sequence
from bharnet_train.streams.labelled import LabelledStream

JOINTS = tuple(
    f"{side}_{joint}"
    for joint in ("shoulder", "elbow", "wrist", "hip")
    for side in ("left", "right")
)
LABELS = (
    "attention",
    "ready",
    "crank",
    "stop",
    "move",
    "turn_left",
    "turn_right",
    "speed_up",
    "slow_down",
    "kill",
    "standby",
)
IDLE = "standby"
# The file does not say; its clips of twenty seconds have six hundred frames.
FPS = 30.0


def read_frame_labels(
    path: Path, layout: Layout, idle: str = IDLE, names: Many[str] = LABELS
) -> list[LabelledStream]:
    """Every clip as a stream; ``idle`` frames belong to no segment. Raises UnreadableData.

    names  what the LABELS are called, in their order; those called alike are one
    """
    arrays = _load(path)
    offsets, labels = arrays["offsets"], np.array(names)[arrays["frame_label"]]
    body = np.full((len(labels), len(layout), 4), np.nan, np.float32)
    body[..., 3] = 0.0
    for column, name in enumerate(JOINTS):
        if name in layout.joints:
            row = layout.index(name)
            body[:, row, :2] = arrays["joints"][:, column]
            body[:, row, 3] = np.isfinite(body[:, row, 0])
    streams = []
    for i, (start, stop) in enumerate(pairwise(offsets.tolist())):
        stamps = 1 + np.round(np.arange(stop - start) * NANOSECONDS / FPS).astype(np.int64)
        hands = np.full((stop - start, 2, len(HAND_21), 4), np.nan, np.float32)
        hands[..., 3] = 0.0
        name = str(arrays["clip"][i])
        streams.append(
            LabelledStream(
                name,
                Window(stamps, body[start:stop], hands),
                tuple(_runs(labels[start:stop], stamps, name, idle)),
                str(arrays["person"][i]),
            )
        )
    return streams


def read_pieces(path: Path, layout: Layout) -> list[Sequence]:
    """Every clip in pieces of one label, idle ones included, to train on.

    Raises UnreadableData.
    """
    return [
        piece
        for stream in read_frame_labels(path, layout)
        for piece in cut_pieces(stream, IDLE, path.stem)
    ]


def cut_pieces(
    stream: LabelledStream, idle: str, source: str, seconds: float = 1.0
) -> list[Sequence]:
    """A labelled stream as sequences of one label and at most about ``seconds``, in its midst.

    So a long action counts by its length, as a robot meets it. ``source``: the file it is of.
    """
    w = stream.window
    bounds = {0, len(w.stamps)}
    for each in stream.segments:
        bounds |= set(np.searchsorted(w.stamps, (each.start, each.end)).tolist())
    pieces = []
    for begin, stop in pairwise(sorted(bounds)):
        count = max(1, round((stop - begin) * stream.step / NANOSECONDS / seconds))
        for rows in np.array_split(np.arange(begin, stop), count):
            piece = slice(int(rows[0]), int(rows[-1]) + 1)
            pieces.append(
                Sequence(
                    Window(w.stamps[piece], w.body[piece], w.hands[piece]),
                    stream.label_at(int(w.stamps[piece.start])) or idle,
                    stream.person,
                    stream.name,
                    source,
                    around=w,
                )
            )
    return pieces


def _runs(
    labels: NDArray[np.str_], stamps: NDArray[np.int64], name: str, idle: str
) -> list[Segment]:
    """Stretches of one label, each to the first frame of the next."""
    changes = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    step = round(NANOSECONDS / FPS)
    ends = np.append(stamps, stamps[-1] + step)
    bounds = [0, *changes.tolist(), len(labels)]
    return [
        Segment(int(ends[a]), int(ends[b]), str(labels[a]), name)
        for a, b in pairwise(bounds)
        if labels[a] != idle
    ]


def _load(path: Path) -> dict[str, NDArray]:
    arrays = load_arrays(path, ("joints", "frame_label", "offsets", "person", "clip"))
    joints, labels, offsets = arrays["joints"], arrays["frame_label"], arrays["offsets"]
    if not are_numbers(labels, 1, whole=True):
        raise UnreadableData(f"{path}: frame_label {labels.shape} is no row of whole numbers")
    if not are_numbers(joints, 3) or joints.shape != (len(labels), len(JOINTS), 2):
        raise UnreadableData(f"{path}: joints {joints.shape} do not fit {len(labels)} labels")
    if not are_numbers(offsets, 1, whole=True) or not cut(offsets, len(labels), 2):
        raise UnreadableData(f"{path}: offsets do not cut {len(labels)} frames into clips")
    count = len(offsets) - 1
    if any(arrays[key].shape != (count,) for key in ("person", "clip")):
        raise UnreadableData(f"{path}: person, clip do not match {count} clips")
    if not (labels.min() >= 0 and labels.max() < len(LABELS)):
        raise UnreadableData(f"{path}: a frame label is out of 0..{len(LABELS) - 1}")
    return arrays
