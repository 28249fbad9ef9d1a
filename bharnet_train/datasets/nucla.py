# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Northwestern-UCLA Multiview Action 3D in one .npz file: the form of shared/data/nucla.npz.

Wang et al., "Cross-view Action Modeling, Learning and Recognition", CVPR 2014. Kinect v1, 20
joints in metres, 10 classes, 10 subjects, 3 views; no hands. Arrays: ``joints`` (sum T, 20, 3),
``offsets`` (N + 1,), ``label``, ``subject``, ``view`` (N,) integers. The official cross-view split
trains on views 1 and 2 and tests on view 3.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bharnet.skeleton import HAND_21, KINECT_20, Layout, convert
from bharnet.window import NANOSECONDS, Window
from bharnet_train.datasets.arrays import UnreadableData, are_numbers, cut, load_arrays
from bharnet_train.datasets.recordings import Sequence

FPS = 30.0

# By number in the file names; 7 was never recorded.
ACTIONS = {
    1: "pick up with one hand",
    2: "pick up with two hands",
    3: "drop trash",
    4: "walk around",
    5: "sit down",
    6: "stand up",
    8: "donning",
    9: "doffing",
    11: "throw",
    12: "carry",
}


def read_nucla(path: Path, layout: Layout) -> list[Sequence]:
    """All sequences; ``person`` is s1..s10, ``session`` the view v1..v3.

    y is turned to point down, as everywhere in this project; x stays as the file has it, which is
    mirrored against what the camera saw (``bharnet prepare nucla`` undoes that).
    Raises UnreadableData for a missing or damaged file, or one of another form.
    """
    arrays = _load(path)
    joints = arrays["joints"].astype(np.float32) * np.array([1, -1, 1], np.float32)
    body = np.concatenate((joints, np.ones_like(joints[..., :1])), -1)
    body = convert(body, KINECT_20, layout)
    step = NANOSECONDS / FPS
    sequences = []
    for i, (start, stop) in enumerate(pairwise(arrays["offsets"])):
        count = stop - start
        unseen = np.full((count, 2, len(HAND_21), 4), np.nan, np.float32)
        sequences.append(
            Sequence(
                Window((np.arange(count) * step).astype(np.int64), body[start:stop], unseen),
                ACTIONS[int(arrays["label"][i])],
                f"s{arrays['subject'][i]}",
                f"v{arrays['view'][i]}",
                path.stem,
            )
        )
    return sequences


def _load(path: Path) -> dict[str, NDArray]:
    arrays = load_arrays(path, ("joints", "offsets", "label", "subject", "view"))
    joints, offsets = arrays["joints"], arrays["offsets"]
    if not are_numbers(joints, 3) or joints.shape[1:] != (len(KINECT_20), 3):
        raise UnreadableData(f"{path}: joints {joints.shape} are not (frames, 20, 3)")
    if not are_numbers(offsets, 1, whole=True) or not cut(offsets, len(joints), 1):
        raise UnreadableData(f"{path}: offsets do not cut {len(joints)} rows into sequences")
    if any(
        arrays[key].shape != (len(offsets) - 1,) or not are_numbers(arrays[key], 1, whole=True)
        for key in ("label", "subject", "view")
    ):
        raise UnreadableData(f"{path}: label, subject, view do not match the sequences")
    if unknown := set(arrays["label"].tolist()) - set(ACTIONS):
        raise UnreadableData(f"{path}: labels {sorted(unknown)} are no Northwestern-UCLA actions")
    return arrays
