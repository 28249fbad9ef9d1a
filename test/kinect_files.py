# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Synthetic people in exactly the forms of NTU RGB+D, PKU-MMD and Northwestern-UCLA."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bharnet.skeleton import KINECT_20, KINECT_25, Layout, convert

# x to the sensor's left, y up, z away: metres, of somebody who faces the Kinect from 3 m.
PLACES = {
    "spine_base": (0, 0, 3),
    "spine_mid": (0, 0.3, 3),
    "neck": (0, 0.6, 3),
    "head": (0, 0.75, 3),
    "spine_shoulder": (0, 0.55, 3),
    "shoulder": (0.2, 0.5, 3),
    "elbow": (0.25, 0.25, 3),
    "wrist": (0.25, 0.02, 2.95),
    "hand": (0.25, -0.05, 2.95),
    "hand_tip": (0.25, -0.13, 2.95),
    "thumb": (0.22, -0.05, 2.93),
    "hip": (0.1, -0.05, 3),
    "knee": (0.1, -0.5, 3),
    "ankle": (0.1, -0.9, 3),
    "foot": (0.1, -0.95, 2.85),
}


def person(layout: Layout = KINECT_25) -> np.ndarray:
    """(V, 3) of somebody who stands; the right hand is on the sensor's left."""
    joints = []
    for name in layout.joints:
        side, _, rest = name.partition("_")
        x, y, z = PLACES[rest if side in ("left", "right") else name]
        joints.append((-x if side == "left" else x, y, z))
    return np.array(joints, np.float32)


def moving(frames: int, action: int, rng: np.random.Generator, reach: float = 0.6) -> np.ndarray:
    """(T, 25, 3): the right arm goes up in an odd action, the left one in an even one."""
    body = np.repeat(person()[None], frames, 0)
    side = "right" if action % 2 else "left"
    for joint in ("elbow", "wrist", "hand", "hand_tip", "thumb"):
        body[:, KINECT_25.index(f"{side}_{joint}"), 1] += np.linspace(0, reach, frames)
    return body + rng.normal(0, 0.003, body.shape).astype(np.float32)


def skeleton_text(
    bodies: list[tuple[str, int, np.ndarray]], frames: int, newline: str = "\n"
) -> str:
    """A .skeleton file of bodies (id, first frame, joints (T, 25, 3))."""
    lines = [str(frames)]
    for frame in range(frames):
        there = [each for each in bodies if each[1] <= frame < each[1] + len(each[2])]
        lines.append(str(len(there)))
        for name, first, joints in there:
            lines += [f"{name} 0 1 1 1 1 0 0.0276 0.0574 2", "25"]
            for x, y, z in joints[frame - first]:
                u, v = 960 + 1081 * x / z, 540 - 1081 * y / z
                numbers = (x, y, z, 256 + 366 * x / z, 212 - 366 * y / z, u, v, 0.1, 0.2, 0.3, 0.4)
                lines.append(" ".join(f"{number:.7g}" for number in numbers) + " 2")
    return newline.join(lines) + newline


def write_ntu(folder: Path, setups=(1, 2), people=(1, 3), actions=(23, 24), frames=20) -> None:
    """A small NTU RGB+D: camera 1 to 3, two takes each."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for setup in setups:
        for camera in (1, 2, 3):
            for who in people:
                for action in actions:
                    name = f"S{setup:03d}C{camera:03d}P{who:03d}R001A{action:03d}"
                    joints = moving(frames, action, rng)
                    text = skeleton_text([("72057594037931101", 0, joints)], frames)
                    (folder / f"{name}.skeleton").write_text(text)


def write_pku(folder: Path, phase: int = 1) -> None:
    """Two videos in three views, four clips each; video 1 trains, view L is tested."""
    rng = np.random.default_rng(1)
    names = ("0002", "0003") if phase == 1 else ("A01N01", "A02N01")
    for part in ("PKU_Skeleton_Renew", "Train_Label_PKU_final", "Split"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name in names:
        for view in "LMR":
            rows, labels = [np.zeros((5, 150))], []
            at = 5
            for action in (13, 32, 13, 32):
                one = moving(20, action, rng).reshape(20, 75)
                rows.append(np.hstack((one, np.zeros_like(one))))
                labels.append(f"{action},{at},{at + 20},2")
                rows.append(np.zeros((3, 150)))
                at += 23
            video = f"{name}-{view}.txt"
            np.savetxt(folder / "PKU_Skeleton_Renew" / video, np.vstack(rows), "%.6f")
            (folder / "Train_Label_PKU_final" / video).write_text("\r\n".join(labels) + "\r\n")
    suffix = "" if phase == 1 else "_v2"
    dash = "-" if phase == 1 else "_"
    splits = {
        "subject": ([f"{names[0]}-{v}" for v in "LMR"], [f"{names[1]}-{v}" for v in "LMR"]),
        "view": ([f"{n}-{v}" for n in names for v in "MR"], [f"{n}-L" for n in names]),
    }
    for kind, (train, test) in splits.items():
        text = (
            f"Training videos: \n{', '.join(train)}, \nValidataion videos: \n{', '.join(test)}, \n"
        )
        (folder / "Split" / f"cross{dash}{kind}{suffix}.txt").write_text(text)


def write_nucla(folder: Path, name: str, joints: np.ndarray, label: int = 1) -> Path:
    """One sequence (T, 20, 3) as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    content = {"file_name": name, "skeletons": joints.astype(float).tolist(), "label": label}
    path.write_text(json.dumps(content))
    return path


def kinect_20(joints: np.ndarray) -> np.ndarray:
    """(T, 25, 3) -> (T, 20, 3)."""
    scored = np.concatenate((joints, np.ones_like(joints[..., :1])), -1)
    return convert(scored.astype(np.float32), KINECT_25, KINECT_20)[..., :3]
