# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What one person looks like in one frame, brought to one form whatever the source was."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bharnet.skeleton import HAND_21, Layout, convert

# Beyond this no camera coordinate means anything, and float32 differences stay exact below it.
LARGEST_COORDINATE = 1e4
# No estimator guesses a joint so many pictures away; pixels are.
LARGEST_SHARE = 100.0


class InvalidPose(ValueError):
    """Joints that cannot be used; the message names the cause and the cure."""


class Coordinates(IntEnum):
    """What joint coordinates mean (constants of PersonPoseArray)."""

    UNSET = 0
    IMAGE = 1  # x / width, y / height, y down; z in image widths
    CAMERA = 2  # metres in the camera's optical frame
    BODY = 3  # metres from the middle of the hips, optical axes


@dataclass(frozen=True)
class PoseFormat:
    """How a source writes its joints: layout, meaning of coordinates, width / height.

    Raises InvalidPose for a layout that is none, coordinates that mean nothing, or a shape that
    no picture has.
    """

    body_layout: Layout
    coordinates: Coordinates
    aspect: float = 1.0  # picture width / height; used by IMAGE only

    def __post_init__(self) -> None:
        if not isinstance(self.body_layout, Layout):
            raise InvalidPose(
                f"body_layout {self.body_layout!r} is no Layout; give skeleton.COCO_17, or "
                "get_layout('coco_17')"
            )
        if self.coordinates not in tuple(Coordinates):
            raise InvalidPose(
                f"coordinates {self.coordinates!r} are unknown; say Coordinates.IMAGE, CAMERA or "
                "BODY"
            )
        if self.coordinates == Coordinates.UNSET:
            raise InvalidPose("coordinates are UNSET; say IMAGE, CAMERA or BODY")
        if self.coordinates == Coordinates.IMAGE and not 0.05 <= self.aspect <= 20.0:
            raise InvalidPose(
                f"width / height of {self.aspect:g} is no picture; "
                "give image_width and image_height, without them angles are wrong"
            )


@dataclass(frozen=True, eq=False)
class Observation:
    """One person in one frame.

    Coordinates are isotropic: IMAGE sources are given in picture heights, others in metres.
    An unseen joint is NaN with score 0; a joint without depth has NaN in z only.

    body   (V, 4) float32  x, y, z, score (NaN = not given)
    hands  (2, 21, 4) float32  the person's own left, right
    """

    body_id: str
    body: NDArray[np.float32]
    hands: NDArray[np.float32]
    person_id: str = ""
    # Where the person is, as the source wrote it (NaN = unknown): for the result message.
    bbox: tuple[float, float, float, float] = (np.nan,) * 4
    position: tuple[float, float, float] = (np.nan,) * 3


@dataclass(frozen=True, eq=False)
class Frame:
    """Everybody seen at one moment. ``stamp`` is the acquisition time in whole nanoseconds.

    Raises TypeError for a stamp that is no whole number: of seconds nothing would ever be due.
    """

    stamp: int
    people: tuple[Observation, ...]

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "stamp", operator.index(self.stamp))
        except TypeError:
            raise TypeError(
                f"stamp {self.stamp!r} is no whole number of nanoseconds; give "
                "round(seconds * 1e9), or time.monotonic_ns()"
            ) from None


def read_joints(values: ArrayLike | None, layout: Layout, part: str) -> NDArray[np.float32]:
    """Flat or (V, 4) values -> (V, 4) float32; [] or None gives an unseen part.

    What a masked array masks is not seen. Raises InvalidPose for what is no array of numbers, a
    wrong count or shape, infinity, or a coordinate of absurd size.
    """
    count = len(layout)
    if values is None:
        return unseen(count)
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float32), np.nan)
        joints = np.asarray(values, np.float32).copy()
    except (RuntimeError, TypeError, ValueError) as error:  # torch's own are of any kind
        raise InvalidPose(f"{part} is no array of numbers ({error})") from None
    if joints.size == 0:
        return unseen(count)
    if joints.size != 4 * count:
        raise InvalidPose(
            f"{part} has {joints.size} numbers, layout {layout.name} needs {4 * count} "
            f"({count} joints of x, y, z, score); send [] for a part that is not seen"
        )
    if joints.ndim > 1 and joints.shape != (count, 4):
        raise InvalidPose(
            f"{part} has shape {joints.shape}, layout {layout.name} needs ({count}, 4), a joint a "
            "row, of one person; or all in one row"
        )
    joints = joints.reshape(count, 4)
    if np.isinf(joints).any():
        raise InvalidPose(f"{part} contains infinity; write NaN for a joint that is not seen")
    if (np.abs(joints) > LARGEST_COORDINATE).any():
        raise InvalidPose(
            f"{part} has a coordinate beyond {LARGEST_COORDINATE:g}; check the units "
            "(IMAGE: fractions of the picture, else metres)"
        )
    half_seen = np.isnan(joints[:, :2]).any(1)
    joints[half_seen, :3], joints[half_seen, 3] = np.nan, 0.0
    return joints


def unseen(count: int) -> NDArray[np.float32]:
    """(count, 4) joints, none of them seen."""
    joints = np.full((count, 4), np.nan, np.float32)
    joints[:, 3] = 0.0
    return joints


def observe(
    body_id: str,
    body: ArrayLike | None,
    left_hand: ArrayLike | None,
    right_hand: ArrayLike | None,
    source: PoseFormat,
    target: Layout,
    person_id: str = "",
) -> Observation:
    """One person's raw joints -> Observation in the target's body layout, isotropic units.

    Arrays are flat or (V, 4): x, y, z, score; [] or None = part not seen. Raises InvalidPose, also
    for pixels where IMAGE says fractions, and for a ``body_id`` that is no string.
    """
    if not isinstance(body_id, str):
        raise InvalidPose(f"body_id {body_id!r} is no string; give str({body_id!r})")
    raw = read_joints(body, source.body_layout, "body")
    hands = np.stack(
        (
            read_joints(left_hand, HAND_21, "left_hand"),
            read_joints(right_hand, HAND_21, "right_hand"),
        )
    )
    bbox, position = _bbox(raw, source.coordinates), _position(raw, source)
    if source.coordinates == Coordinates.IMAGE:
        for joints in (raw, hands):
            _refuse_pixels(joints)
            joints[..., (0, 2)] *= source.aspect
    body_joints = convert(raw, source.body_layout, target)
    return Observation(body_id, body_joints, hands, person_id, bbox, position)


def _refuse_pixels(joints: NDArray[np.float32]) -> None:
    far = joints[..., :2][np.abs(joints[..., :2]) > LARGEST_SHARE]
    if far.size:
        raise InvalidPose(
            f"a joint is {far[0]:g} pictures away; IMAGE means fractions of the picture: divide "
            "pixels x by its width, y by its height"
        )


def _bbox(
    body: NDArray[np.float32], coordinates: Coordinates
) -> tuple[float, float, float, float]:
    seen = body[np.isfinite(body[:, 0])]
    if coordinates != Coordinates.IMAGE or not len(seen):
        return (np.nan,) * 4
    low, high = np.clip(seen[:, :2].min(0), 0, 1), np.clip(seen[:, :2].max(0), 0, 1)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _position(body: NDArray[np.float32], source: PoseFormat) -> tuple[float, float, float]:
    seen = body[np.isfinite(body[:, :3]).all(1)]
    if source.coordinates != Coordinates.CAMERA or not len(seen):
        return (np.nan,) * 3
    x, y, z = np.median(seen[:, :3], 0)
    return float(x), float(y), float(z)
