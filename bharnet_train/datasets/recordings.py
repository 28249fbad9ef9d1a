"""MediaPipe recordings in one .npz: the form of shared/data and of anybody's own takes.

Arrays: ``body`` (sum T, 33, 4) x, y, z, visibility; ``left_hand``, ``right_hand`` (sum T, 21, 3);
x and y fractions of the picture, NaN = not seen. ``offsets`` (N + 1,) cuts them into sequences;
``label``, ``person``, ``session`` (N,) strings. Optional: ``fps``, ``width``, ``height``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bharnet.skeleton import MEDIAPIPE_33, Layout, convert
from bharnet.window import NANOSECONDS, Window

# The sources of the shared recordings state neither; webcam values, for which time-scale
# augmentation makes up.
DEFAULT_FPS = 15.0
DEFAULT_SIZE = (640, 480)


class UnreadableData(ValueError):
    """A data file that cannot be used; the message names the cause and the cure."""


@dataclass(frozen=True, eq=False)
class Sequence:
    """One labelled take of one person: ``window`` holds it whole.

    part    "train" or "test", where the data set itself says so; "" = the configuration does
    around  the uncut recording that the take lies in, in the same stamps, where there is one
    """

    window: Window
    label: str
    person: str
    session: str
    source: str
    part: str = ""
    around: Window | None = None

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return float(self.window.stamps[-1] - self.window.stamps[0]) / NANOSECONDS

    def fingerprint(self) -> str:
        """Hash of the joints: the same take has the same, under whatever label."""
        digest = hashlib.sha256(np.ascontiguousarray(self.window.body).tobytes())
        digest.update(np.ascontiguousarray(self.window.hands).tobytes())
        return digest.hexdigest()[:16]


def read_recordings(path: Path, layout: Layout) -> list[Sequence]:
    """All sequences of a file, or of a folder's files, in picture heights, bodies in ``layout``.

    Raises UnreadableData for a missing or damaged file, or one of another form.
    """
    if path.is_dir():
        files = sorted(path.glob("*.npz"))
        if not files:
            raise UnreadableData(f"{path} holds no .npz file of recordings")
        return [sequence for file in files for sequence in read_recordings(file, layout)]
    arrays = _load(path)
    offsets = arrays["offsets"]
    body = arrays["body"].astype(np.float32)
    hands = np.stack((arrays["left_hand"], arrays["right_hand"]), 1).astype(np.float32)
    _check(path, arrays, offsets, body, hands)
    width, height = (
        int(arrays.get(k, d)) for k, d in zip(("width", "height"), DEFAULT_SIZE, strict=True)
    )
    step = NANOSECONDS / float(arrays.get("fps", DEFAULT_FPS))
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


def _drop_doubled(body: NDArray[np.float32], hands: NDArray[np.float32]) -> None:
    """Where one hand is given to both wrists, keep it at the nearer one.

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


def _load(path: Path) -> dict[str, NDArray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except FileNotFoundError:
        raise UnreadableData(f"{path} does not exist; give the folder with --data") from None
    except Exception as error:  # numpy raises many kinds for a damaged archive
        raise UnreadableData(f"{path} is no readable .npz file ({error})") from error
    needed = {"body", "left_hand", "right_hand", "offsets", "label", "person", "session"}
    if missing := needed - set(arrays):
        raise UnreadableData(f"{path} lacks {', '.join(sorted(missing))}; is it another data set?")
    return arrays


def _check(
    path: Path,
    arrays: dict[str, NDArray],
    offsets: NDArray,
    body: NDArray,
    hands: NDArray,
) -> None:
    rows = len(body)
    if body.shape[1:] != (33, 4) or hands.shape != (rows, 2, 21, 3):
        raise UnreadableData(f"{path}: body {body.shape}, hands {hands.shape} are not MediaPipe's")
    steps = np.diff(offsets)
    if offsets[0] != 0 or offsets[-1] != rows or not len(steps) or (steps < 2).any():
        raise UnreadableData(f"{path}: offsets do not cut {rows} rows into sequences of 2 or more")
    if any(len(arrays[key]) != len(steps) for key in ("label", "person", "session")):
        raise UnreadableData(f"{path}: label, person, session do not match {len(steps)} sequences")
