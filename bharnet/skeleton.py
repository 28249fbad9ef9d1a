# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Skeleton layouts: joint names, parents, left/right pairs, and conversion between layouts.

``left`` and ``right`` are the person's own. A layout's joint order is the order of its source:
MediaPipe Pose, Kinect v2 (NTU RGB+D, PKU-MMD), Kinect v1 (Northwestern-UCLA), COCO keypoints,
MediaPipe Hands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Layout:
    """The joints of a body or hand, and how they hang together.

    ``parents[i]`` is the joint that joint ``i`` hangs from; the root is its own parent.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint. Raises ValueError for a name that the layout lacks."""
        return self.joints.index(joint)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(child, parent) of every bone."""
        return tuple((c, p) for c, p in enumerate(self.parents) if c != p)

    @property
    def mirror(self) -> tuple[int, ...]:
        """Permutation that swaps left and right joints."""
        swapped = {"left": "right", "right": "left"}
        order: list[int] = []
        for joint in self.joints:
            side, _, rest = joint.partition("_")
            order.append(self.index(f"{swapped[side]}_{rest}") if side in swapped else len(order))
        return tuple(order)


def _layout(name: str, tree: str) -> Layout:
    """Build a layout from lines ``joint parent``, in joint order."""
    rows = [line.split() for line in tree.strip().splitlines()]
    joints = tuple(row[0] for row in rows)
    return Layout(name, joints, tuple(joints.index(row[1]) for row in rows))


MEDIAPIPE_33 = _layout(
    "mediapipe_33",
    """
    nose nose
    left_eye_inner nose
    left_eye left_eye_inner
    left_eye_outer left_eye
    right_eye_inner nose
    right_eye right_eye_inner
    right_eye_outer right_eye
    left_ear left_eye_outer
    right_ear right_eye_outer
    left_mouth nose
    right_mouth nose
    left_shoulder nose
    right_shoulder nose
    left_elbow left_shoulder
    right_elbow right_shoulder
    left_wrist left_elbow
    right_wrist right_elbow
    left_pinky left_wrist
    right_pinky right_wrist
    left_index left_wrist
    right_index right_wrist
    left_thumb left_wrist
    right_thumb right_wrist
    left_hip left_shoulder
    right_hip right_shoulder
    left_knee left_hip
    right_knee right_hip
    left_ankle left_knee
    right_ankle right_knee
    left_heel left_ankle
    right_heel right_ankle
    left_foot_index left_heel
    right_foot_index right_heel
    """,
)

KINECT_25 = _layout(
    "kinect_25",
    """
    spine_base spine_mid
    spine_mid spine_mid
    neck spine_shoulder
    head neck
    left_shoulder spine_shoulder
    left_elbow left_shoulder
    left_wrist left_elbow
    left_hand left_wrist
    right_shoulder spine_shoulder
    right_elbow right_shoulder
    right_wrist right_elbow
    right_hand right_wrist
    left_hip spine_base
    left_knee left_hip
    left_ankle left_knee
    left_foot left_ankle
    right_hip spine_base
    right_knee right_hip
    right_ankle right_knee
    right_foot right_ankle
    spine_shoulder spine_mid
    left_hand_tip left_hand
    left_thumb left_wrist
    right_hand_tip right_hand
    right_thumb right_wrist
    """,
)

KINECT_20 = _layout(
    "kinect_20",
    """
    spine_base spine_mid
    spine_mid spine_mid
    spine_shoulder spine_mid
    head spine_shoulder
    left_shoulder spine_shoulder
    left_elbow left_shoulder
    left_wrist left_elbow
    left_hand left_wrist
    right_shoulder spine_shoulder
    right_elbow right_shoulder
    right_wrist right_elbow
    right_hand right_wrist
    left_hip spine_base
    left_knee left_hip
    left_ankle left_knee
    left_foot left_ankle
    right_hip spine_base
    right_knee right_hip
    right_ankle right_knee
    right_foot right_ankle
    """,
)

COCO_17 = _layout(
    "coco_17",
    """
    nose nose
    left_eye nose
    right_eye nose
    left_ear left_eye
    right_ear right_eye
    left_shoulder nose
    right_shoulder nose
    left_elbow left_shoulder
    right_elbow right_shoulder
    left_wrist left_elbow
    right_wrist right_elbow
    left_hip left_shoulder
    right_hip right_shoulder
    left_knee left_hip
    right_knee right_hip
    left_ankle left_knee
    right_ankle right_knee
    """,
)

# What a robot sees of somebody across a table; every common layout converts to it.
UPPER_BODY_11 = _layout(
    "upper_body_11",
    """
    nose nose
    left_ear nose
    right_ear nose
    left_shoulder nose
    right_shoulder nose
    left_elbow left_shoulder
    right_elbow right_shoulder
    left_wrist left_elbow
    right_wrist right_elbow
    left_hip left_shoulder
    right_hip right_shoulder
    """,
)

# Chain per finger, and the palm's ring 5-9-13-17 (graphical abstract of BHaRNet, paper.md 4.1).
HAND_21 = _layout(
    "hand_21",
    """
    wrist wrist
    thumb_1 wrist
    thumb_2 thumb_1
    thumb_3 thumb_2
    thumb_4 thumb_3
    index_1 wrist
    index_2 index_1
    index_3 index_2
    index_4 index_3
    middle_1 index_1
    middle_2 middle_1
    middle_3 middle_2
    middle_4 middle_3
    ring_1 middle_1
    ring_2 ring_1
    ring_3 ring_2
    ring_4 ring_3
    little_1 wrist
    little_2 little_1
    little_3 little_2
    little_4 little_3
    """,
)

LAYOUTS = {
    layout.name: layout
    for layout in (MEDIAPIPE_33, KINECT_25, KINECT_20, COCO_17, UPPER_BODY_11, HAND_21)
}
BODY_LAYOUTS = tuple(name for name in LAYOUTS if not name.startswith("hand"))
HAND_LAYOUTS = tuple(name for name in LAYOUTS if name.startswith("hand"))

# Where a layout lacks a joint, the mean of these stands in for it, first complete set wins.
_STAND_INS: dict[str, tuple[tuple[str, ...], ...]] = {
    "nose": (("head",),),
    "head": (("left_ear", "right_ear"), ("nose",)),
    "neck": (("left_shoulder", "right_shoulder"),),
    "spine_shoulder": (("left_shoulder", "right_shoulder"),),
    "spine_mid": (("left_shoulder", "right_shoulder", "left_hip", "right_hip"),),
    "spine_base": (("left_hip", "right_hip"),),
    "left_hand": (("left_index", "left_pinky"),),
    "right_hand": (("right_index", "right_pinky"),),
    "left_foot": (("left_foot_index",),),
    "right_foot": (("right_foot_index",),),
    "left_foot_index": (("left_foot",),),
    "right_foot_index": (("right_foot",),),
}


def get_layout(name: str) -> Layout:
    """Look a layout up by name. Raises ValueError that lists the known names."""
    try:
        return LAYOUTS[name]
    except KeyError:
        known = ", ".join(LAYOUTS)
        raise ValueError(f"unknown layout '{name[:40]}'; known layouts: {known}") from None


@lru_cache(maxsize=64)
def conversion(source: Layout, target: Layout) -> NDArray[np.float32]:
    """Weights (V_target, V_source) that express the target's joints by the source's.

    A row sums to 1, or is all zero where the source has nothing to stand for that joint.
    """
    weights = np.zeros((len(target), len(source)), np.float32)
    for row, joint in enumerate(target.joints):
        for stand_in in ((joint,), *_STAND_INS.get(joint, ())):
            if all(name in source.joints for name in stand_in):
                for name in stand_in:
                    weights[row, source.index(name)] = 1.0 / len(stand_in)
                break
    return weights


def convert(joints: NDArray[np.float32], source: Layout, target: Layout) -> NDArray[np.float32]:
    """Joints of one layout as another: (..., V_source, 4) -> (..., V_target, 4).

    A joint without source is NaN with score 0; a mean over an unseen joint is unseen.
    """
    if source == target:
        return joints
    first, means, missing = _plan(source, target)
    converted = np.take(joints, first, -2).astype(np.float32)
    for row, sources in means:
        converted[..., row, :3] = joints[..., sources, :3].mean(-2)
        converted[..., row, 3] = joints[..., sources, 3].min(-1)
    converted[..., missing, :3], converted[..., missing, 3] = np.nan, 0.0
    return converted


@lru_cache(maxsize=64)
def _plan(
    source: Layout, target: Layout
) -> tuple[NDArray[np.intp], list[tuple[int, NDArray[np.intp]]], list[int]]:
    """The source of each joint; rows that are a mean of several; rows without any."""
    used = [np.flatnonzero(row) for row in conversion(source, target)]
    first = np.array([sources[0] if sources.size else 0 for sources in used])
    means = [(row, sources) for row, sources in enumerate(used) if sources.size > 1]
    return first, means, [row for row, sources in enumerate(used) if not sources.size]
