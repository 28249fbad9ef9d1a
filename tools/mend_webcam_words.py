# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Writes webcam_words.npz anew, with the true bodies of p3.

    python tools/mend_webcam_words.py CLONE webcam_words.npz OUT

In the shared file p3's `body` is the first 132 numbers of what the source wrote for each frame,
and the source wrote the face first: np.concatenate([face, pose, left_hand, right_hand]). CLONE is
a checkout of github.com/S4M0707/sign_lang_detection @617d7fcd (MIT), which has each frame as
data/LABEL/TAKE/FRAME.npy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FACE, POSE = 468 * 3, 33 * 4
FRAMES = 30


def read_takes(folder: Path) -> list[NDArray[np.float32]]:
    """Every take of a label, (FRAMES, numbers of a frame)."""
    takes = sorted(folder.iterdir(), key=lambda each: int(each.name))
    return [np.stack([np.load(take / f"{i}.npy") for i in range(FRAMES)]) for take in takes]


def mend(arrays: dict[str, NDArray], source: Path) -> int:
    """Replace p3's bodies; how many takes were found again, each by what stands in its place."""
    body, offsets = arrays["body"], arrays["offsets"]
    mended = 0
    for label in np.unique(arrays["label"][arrays["person"] == "p3"]).tolist():
        left = read_takes(source / "data" / label)
        for i in np.flatnonzero((arrays["person"] == "p3") & (arrays["label"] == label)):
            rows = slice(offsets[i], offsets[i + 1])
            faces = [
                np.abs(take[:, :POSE] - np.nan_to_num(body[rows].reshape(FRAMES, POSE)))
                for take in left
            ]
            found = int(np.argmin([each.mean() for each in faces]))
            if faces[found].max() > 0.01:
                raise SystemExit(f"take {i} ({label}) is not in {source}")
            pose = left.pop(found)[:, FACE : FACE + POSE].reshape(FRAMES, 33, 4)
            pose[(pose == 0).all((1, 2))] = np.nan  # nobody was found
            body[rows] = pose
            mended += 1
    return mended


def main() -> None:
    """Mend the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clone", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    with np.load(given.file, allow_pickle=False) as file:
        arrays = dict(file)
    print(f"{mend(arrays, given.clone)} takes mended")
    np.savez_compressed(given.out, **arrays)


if __name__ == "__main__":
    main()
