# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""MediaPipe recordings in one .npz: the form of shared/data and of anybody's own takes.

Arrays: ``body`` (sum T, 33, 4) x, y, z, visibility; ``left_hand``, ``right_hand`` (sum T, 21, 3);
x and y fractions of the picture, NaN = not seen. ``offsets`` (N + 1,) cuts them into sequences;
``label``, ``person``, ``session`` (N,) strings. Optional: ``fps``, ``width``, ``height``.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bharnet.skeleton import MEDIAPIPE_33, Layout, convert
from bharnet.window import NANOSECONDS, Window
from bharnet_train.datasets.arrays import UnreadableData, are_numbers, cut, load_arrays

log = logging.getLogger(__name__)

__all__ = ["Sequence", "UnreadableData", "read_recordings"]

NEEDED = ("body", "left_hand", "right_hand", "offsets", "label", "person", "session")

# The sources of the shared recordings state neither; webcam values, for which time-scale
# augmentation makes up.
DEFAULT_FPS = 15.0
DEFAULT_SIZE = (640, 480)


@dataclass(frozen=True, eq=False)
class Sequence:
    """One labelled take of one person: ``window`` holds it whole.

    part    "train" or "test", where the data set itself says so; "" = the configuration does
    around  the uncut recording that the take lies in, in the same stamps, where there is one
    take    the file's name, where each take has one
    whole   the window as recorded, where leading frames of it are left out
    """

    window: Window
    label: str
    person: str
    session: str
    source: str
    part: str = ""
    around: Window | None = None
    take: str = ""
    whole: Window | None = None

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return float(self.window.stamps[-1] - self.window.stamps[0]) / NANOSECONDS

    def fingerprint(self) -> str:
        """Hash of the joints as recorded: the same take has the same, under whatever label."""
        window = self.whole or self.window
        digest = hashlib.sha256(np.ascontiguousarray(window.body).tobytes())
        digest.update(np.ascontiguousarray(window.hands).tobytes())
        return digest.hexdigest()[:16]


def read_recordings(path: Path, layout: Layout) -> list[Sequence]:
    """All sequences of a file, or of a folder's files, in picture heights, bodies in ``layout``.

    A take whose visibilities are none has no body: other numbers stand there. It is read as not
    seen, and the log says so. Raises UnreadableData for a missing or damaged file, or one of
    another form.
    """
    if path.is_dir():
        files = sorted(path.glob("*.npz"))
        if not files:
            raise UnreadableData(f"{path} holds no .npz file of recordings")
        return [sequence for file in files for sequence in read_recordings(file, layout)]
    arrays = load_arrays(path, NEEDED)
    _check(path, arrays)
    offsets = arrays["offsets"].tolist()
    body = arrays["body"].astype(np.float32)
    _drop_what_is_no_body(path, body, arrays)
    hands = np.stack((arrays["left_hand"], arrays["right_hand"]), 1).astype(np.float32)
    width, height, fps = (
        _number(path, arrays, key, default)
        for key, default in zip(
            ("width", "height", "fps"), (*DEFAULT_SIZE, DEFAULT_FPS), strict=True
        )
    )
    step = NANOSECONDS / fps
    # Isotropic units, as observation.observe makes them: picture heights.
    body[..., (0, 2)] *= width / height
    hands[..., (0, 2)] *= width / height
    _drop_doubled(body, hands)
    body = convert(body, MEDIAPIPE_33, layout)
    score = np.where(np.isfinite(hands[..., :1]), np.float32(np.nan), np.float32(0))
    hands = np.concatenate((hands, score), -1)
    sequences = []
    for i, (start, stop) in enumerate(pairwise(offsets)):
        stamps = (np.arange(stop - start) * step).astype(np.int64)
        sequences.append(
            Sequence(
                Window(stamps, body[start:stop], hands[start:stop]),
                str(arrays["label"][i]),
                str(arrays["person"][i]),
                str(arrays["session"][i]),
                path.stem,
            )
        )
    return sequences


def _drop_what_is_no_body(
    path: Path, body: NDArray[np.float32], arrays: dict[str, NDArray]
) -> None:
    """Visibilities out of 0..1 are none, so that the joints beside them are none either."""
    scores, offsets = body[..., 3], arrays["offsets"]
    rows = np.flatnonzero(((scores < -0.01) | (scores > 1.01)).any(1))
    takes = np.unique(np.searchsorted(offsets, rows, side="right") - 1)
    for take in takes.tolist():
        body[offsets[take] : offsets[take + 1]] = np.nan
    if len(takes):
        log.warning(
            "%s: visibilities of %d takes of %s are out of 0..1, so that their bodies are read as "
            "not seen; is body x, y, z, visibility?",
            *(path, len(takes), ", ".join(sorted(set(map(str, arrays["person"][takes]))))),
        )


def _drop_doubled(body: NDArray[np.float32], hands: NDArray[np.float32]) -> None:
    """Where one hand is given to both wrists, keep it at the nearer one, else as the right one.

    MediaPipe Holistic does so with folded hands; estimators of whole pictures never do.
    """
    palm = np.linalg.norm(hands[:, :, 9, :2] - hands[:, :, 0, :2], axis=-1).max(1)
    apart = np.linalg.norm(hands[:, 0, :, :2] - hands[:, 1, :, :2], axis=-1).mean(-1)
    with np.errstate(invalid="ignore"):
        doubled = apart < 0.25 * palm
    wrists = body[:, [MEDIAPIPE_33.index("left_wrist"), MEDIAPIPE_33.index("right_wrist")], :2]
    off = np.linalg.norm(hands[:, :, 0, :2] - wrists, axis=-1)
    rows = np.flatnonzero(doubled)
    hands[rows, off[rows].argmax(1)] = np.nan


def _check(path: Path, arrays: dict[str, NDArray]) -> None:
    body, offsets = arrays["body"], arrays["offsets"]
    hands = [arrays[key] for key in ("left_hand", "right_hand")]
    rows = len(body) if body.ndim else 0
    if (
        not all(are_numbers(each, 3) for each in (body, *hands))
        or body.shape[1:] != (33, 4)
        or any(each.shape != (rows, 21, 3) for each in hands)
    ):
        raise UnreadableData(
            f"{path}: body {body.shape}, hands {', '.join(str(each.shape) for each in hands)} are "
            "not MediaPipe's"
        )
    if not are_numbers(offsets, 1, whole=True) or not cut(offsets, rows, 2):
        raise UnreadableData(f"{path}: offsets do not cut {rows} rows into sequences of 2 or more")
    count = len(offsets) - 1
    if any(arrays[key].shape != (count,) for key in ("label", "person", "session")):
        raise UnreadableData(f"{path}: label, person, session do not match {count} sequences")


def _number(path: Path, arrays: dict[str, NDArray], key: str, default: float) -> float:
    array = arrays.get(key, np.array(default))
    if not are_numbers(array, 0) or not 0.1 <= array <= 100_000:
        raise UnreadableData(f"{path}: {key} {str(array)[:40]} is no number from 0.1 to 100000")
    return float(array)
