# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings of invented people, and a configuration small enough to train in a second."""

import numpy as np

CONFIG = """
name: tiny
idle: 'null'
sources:
- file: takes.npz
  test: {person: [p9]}
  validation: {person: [p8]}
features: {frames: 8}
network: {blocks: [[16, 2], [24, 1]]}
augmentation: {rest: 0.0, fidget: 0.0, partial: 0.0, rotate_hand: 15, jitter_hand: 0.02}
optimiser: {epochs: 10, batch: 8, rate: 0.01}
"""


def write_takes(folder):
    """4 people who raise the right hand as a fist, open, or not at all: takes.npz, tiny.yaml."""
    rng = np.random.default_rng(0)
    arrays = {"body": [], "left_hand": [], "right_hand": []}
    shapes = {label: rng.normal(0, 1, (21, 3)) for label in ("fist", "open", "null")}
    labels, people = [], []
    for who in ("p1", "p2", "p8", "p9"):
        for label in ("fist", "open", "null") * 4:
            body = rng.normal(0, 0.005, (12, 33, 4)) + 0.5
            body[:, 11, :2] += (0.15, 0.0)
            body[:, 12, :2] -= (0.15, 0.0)
            body[..., 3] = 1.0
            hand = shapes[label] * 0.05 + 0.4 + rng.normal(0, 0.003, (12, 21, 3))
            unseen = np.full((12, 21, 3), np.nan)
            arrays["body"].append(body)
            arrays["right_hand"].append(unseen if label == "null" else hand)
            arrays["left_hand"].append(unseen)
            labels.append(label)
            people.append(who)
    joined = {key: np.concatenate(parts).astype(np.float16) for key, parts in arrays.items()}
    count = len(labels)
    np.savez(
        folder / "takes.npz",
        offsets=np.arange(count + 1) * 12,
        label=np.array(labels),
        person=np.array(people),
        session=np.array([""] * count),
        **joined,
    )
    (folder / "tiny.yaml").write_text(CONFIG)
