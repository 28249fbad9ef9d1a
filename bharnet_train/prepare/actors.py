# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who acts: tracks of a Kinect, with chairs and passers-by among them -> one or two actors.

The steps and figures of the usual NTU RGB+D pipeline (SGN, CTR-GCN, DeGCN), with three
differences: frames keep their time (the pipeline drops frames without anybody, and closes the gaps
of a body that comes and goes), the second actor is there from its own first frame (there: from the
clip's, so that nobody before it can be the same), and unseen joints are NaN, not 0. Its limits on
motion (0.089925 to 2) are defined there but not applied, so neither are they here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bharnet_train.prepare.clip import Rejected

# Of several bodies, one followed for so few frames is noise.
SHORTEST = 11
# A person is higher than wide: a frame is odd if x spans more than this share of y ...
WIDEST = 0.8
# ... and a body odd in this share of its frames is furniture.
MOST_ODD = 0.69754


@dataclass(frozen=True, eq=False)
class Track:
    """One body: frames (N,) rising; joints (N, V, 3) metres; colour (N, V, 2) pixels."""

    frames: NDArray[np.int64]
    joints: NDArray[np.float32]
    colour: NDArray[np.float32]


def choose_actors(
    tracks: list[Track],
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Joints (B, T, V, 3) and colour (B, T, V, 2) of one or two actors, and the first frame.

    The main actor comes first: the one who moves most. Bodies that never meet are one actor whom
    the Kinect lost and found again. T runs from the first frame with an actor to the last.
    Raises Rejected if less than two frames show anybody.
    """
    slots: list[list[Track]] = [[], []]
    for track in denoise(tracks):
        free = [slot for slot in slots if _apart(track, slot)]
        if free:
            free[0].append(track)
    used = [track for slot in slots for track in slot]
    first = min(int(track.frames[0]) for track in used)
    count = max(int(track.frames[-1]) for track in used) - first + 1
    if count < 2:
        raise Rejected("somebody is seen in one frame only")
    slots = [slot for slot in slots if slot]
    shape = (len(slots), count, used[0].joints.shape[1])
    joints = np.full((*shape, 3), np.nan, np.float32)
    colour = np.full((*shape, 2), np.nan, np.float32)
    for number, slot in enumerate(slots):
        for track in reversed(slot):  # where they touch, the one that moves more stays
            joints[number, track.frames - first] = track.joints
            colour[number, track.frames - first] = track.colour
    return joints, colour, first


def denoise(tracks: list[Track]) -> list[Track]:
    """Drop what is no person, and sort by motion, most first. At least one body stays."""
    if len(tracks) == 1:
        return tracks
    kept = [track for track in tracks if len(track.frames) > SHORTEST]
    if not kept:
        return [max(tracks, key=lambda track: len(track.frames))]
    moved = {id(track): _motion(track.joints) for track in kept}
    for track in list(kept):
        if len(kept) == 1:
            break
        odd = _odd(track.joints)
        if odd.mean() >= MOST_ODD:
            kept.remove(track)
        elif odd.any():
            moved[id(track)] = min(moved[id(track)], _motion(track.joints[~odd]))
    return sorted(kept, key=lambda track: moved[id(track)], reverse=True)


def _odd(joints: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) frames in which a body is too wide for a person."""
    width, height = np.moveaxis(np.nanmax(joints, 1) - np.nanmin(joints, 1), -1, 0)[:2]
    return ~(width <= WIDEST * height)


def _motion(joints: NDArray[np.float32]) -> float:
    """Variance of x, y and z over all joints and frames, summed: square metres."""
    return float(np.nanvar(joints.reshape(-1, 3), axis=0).sum())


def _apart(track: Track, slot: list[Track]) -> bool:
    """Whether a body is never followed while the slot is in use, but for one frame."""
    if not slot:
        return True
    first = min(each.frames[0] for each in slot)
    last = max(each.frames[-1] for each in slot)
    return bool(min(track.frames[-1], last) <= max(track.frames[0], first))
