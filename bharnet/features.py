# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A window of observations -> what the network reads. THE one place for it.

Two steps, both used by training and by the node, so that they cannot drift apart:

1. ``resample``: frames at whatever moments a camera took them -> T evenly spaced instants, by
   stamp, never by index; what was not seen is marked, not invented.
2. ``make_streams``: coordinates -> joint, bone and motion streams, in torch, a whole batch at
   once, on whatever device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bharnet.skeleton import HAND_21, Layout, get_layout
from bharnet.window import NANOSECONDS, Window

STREAMS = ("joint", "bone", "joint_motion", "bone_motion")
PREPROCESSING = ("canonical", "facing", "native")
ORIGINS = ("shoulders", "hips")


@dataclass(frozen=True)
class FeatureConfig:
    """Everything that decides what the network reads; kept in the checkpoint.

    body_layout     joints of the body expert
    frames          T, instants a window is resampled to
    window_seconds  length of the window
    longest_gap     seconds; a joint unseen for longer is not interpolated but marked unseen
    lowest_score    joints scored below count as unseen (a NaN score passes)
    streams         any of joint, bone, joint_motion, bone_motion, stacked as channels
    body_depth, hand_depth  whether z is read. MediaPipe's body z misleads across people, its
                    hand z helps (docs/results.md)
    preprocessing   canonical: body centred on the shoulders and scaled by their width, hands on
                    their wrist and scaled by the palm. facing: the same, and the body turned about
                    the vertical until the shoulders are parallel to the picture (needs
                    body_depth). native: coordinates as they come ("calibration-free", arXiv
                    2601.00369)
    origin          of the canonical body: shoulders, or hips where they are measured; bending down
                    then does not move it
    hand_place      whether the hand expert also reads where the wrist is, seen from the shoulders

    Raises ValueError for what does not exist or does not fit together.
    """

    body_layout: str = "upper_body_11"
    frames: int = 16
    window_seconds: float = 2.0
    longest_gap: float = 0.4
    lowest_score: float = 0.2
    streams: tuple[str, ...] = ("joint", "bone", "joint_motion")
    body_depth: bool = False
    hand_depth: bool = True
    preprocessing: str = "canonical"
    origin: str = "shoulders"
    hand_place: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.streams, str):  # ("joint") is a text
            object.__setattr__(self, "streams", tuple(self.streams))
        get_layout(self.body_layout)
        if not self.streams or set(self.streams) - set(STREAMS):
            raise ValueError(f"streams {self.streams} must be some of {', '.join(STREAMS)}")
        if self.preprocessing not in PREPROCESSING:
            raise ValueError(
                f"preprocessing '{self.preprocessing}' must be one of {', '.join(PREPROCESSING)}"
            )
        if self.origin not in ORIGINS:
            raise ValueError(f"origin '{self.origin}' must be one of {', '.join(ORIGINS)}")
        if self.preprocessing == "facing" and not self.body_depth:
            raise ValueError("preprocessing 'facing' turns people in depth; set body_depth")
        if not 4 <= self.frames <= 1024 or not 0.1 <= self.window_seconds <= 60:
            raise ValueError(
                f"{self.frames} frames in {self.window_seconds} s is no window; "
                "4 to 1024 frames in 0.1 to 60 s is"
            )

    @property
    def body_channels(self) -> int:
        """Channels of the body streams, the mask included."""
        return len(self.streams) * (2 + self.body_depth) + 1

    @property
    def hand_channels(self) -> int:
        """Channels of the hand streams, the mask included."""
        return len(self.streams) * (2 + self.hand_depth) + 2 * self.hand_place + 1


@dataclass(frozen=True, eq=False)
class Joints:
    """A window at T even instants: position (T, J, 3), 0 where unseen; seen (T, J) bool.

    J runs over the body's joints, then the left hand's 21, then the right hand's 21.
    ``coverage`` is the share of instants at which anything of the person was seen.
    """

    position: NDArray[np.float32]
    seen: NDArray[np.bool_]

    @property
    def coverage(self) -> float:
        """Observed share of the window, 0..1."""
        return float(self.seen.any(1).mean())


def resample(
    window: Window,
    config: FeatureConfig,
    end: int | None = None,
    seconds: float | None = None,
    instants: NDArray[np.float64] | None = None,
) -> Joints:
    """Read a window at ``config.frames`` even instants of its last ``window_seconds``.

    ``end`` (nanoseconds) defaults to the newest stamp, ``seconds`` to the configured length.
    ``instants`` (T,), shares of the span from 0 to 1, replaces the even ones (training only).
    Linear between the two nearest sightings of each joint, if they are no further apart than
    ``longest_gap``; beyond the first and last sighting the joint is held for half a gap. A hand
    whose wrist is not seen counts as not seen.
    """
    end = int(window.stamps[-1]) if end is None else end
    position, seen = resample_all([window], config, end, seconds, instants)
    return Joints(position[0], seen[0])


def resample_all(
    windows: Sequence[Window],
    config: FeatureConfig,
    end: int,
    seconds: float | None = None,
    instants: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """``resample`` of P people at once: position (P, T, J, 3), seen (P, T, J).

    Side by side while they share most stamps, as people of one camera do. Side by side, people
    with stamps of their own would cost P times as much as one after the other.
    """
    stamps = np.unique(np.concatenate([each.stamps for each in windows]))
    if len(windows) > 1 and len(stamps) > 2 * max(len(each.stamps) for each in windows):
        apart = [resample_all([each], config, end, seconds, instants) for each in windows]
        return np.concatenate([each[0] for each in apart]), np.concatenate([e[1] for e in apart])
    values = _side_by_side(windows, stamps)
    span = config.window_seconds if seconds is None else seconds
    # Seconds before the end: exact in float64 though the stamps have 19 digits.
    when = (stamps - end).astype(np.float64) / NANOSECONDS
    shares = instants
    if shares is None:
        shares = np.linspace(0.0, 1.0, config.frames, dtype=np.float64)
    position, seen = _interpolate(
        when, values[..., :3], sighted(values, config), (shares - 1.0) * span, config.longest_gap
    )
    people = len(shares), len(windows), -1
    position = np.ascontiguousarray(position.reshape(*people, 3).swapaxes(0, 1))
    seen = np.ascontiguousarray(seen.reshape(people).swapaxes(0, 1))
    # A hand is read from its wrist: without it, fingers say nothing of their shape.
    for hand in (slice(-42, -21), slice(-21, None)):
        lost = seen[..., hand] & ~seen[..., hand.start, None]
        if lost.any():
            seen[..., hand] &= ~lost
            position[..., hand, :][lost] = 0.0
    return position, seen


def sighted(joints: NDArray[np.float32], config: FeatureConfig) -> NDArray[np.bool_]:
    """Which joints (..., 4) count as seen; one without a score (NaN) does.

    Estimators place what they do not see somewhere, with a low score.
    """
    return np.isfinite(joints[..., 0]) & ~(joints[..., 3] < config.lowest_score)


def _side_by_side(windows: Sequence[Window], stamps: NDArray[np.int64]) -> NDArray[np.float32]:
    """Joints (N, P * J, 4) at all ``stamps`` (N,) of any of P people, NaN where not in it."""
    bodies = windows[0].body.shape[1]
    joints = np.full((len(stamps), len(windows), bodies + 42, 4), np.nan, np.float32)
    for i, each in enumerate(windows):
        rows = np.searchsorted(stamps, each.stamps)
        joints[rows, i, :bodies] = each.body
        joints[rows, i, bodies:] = each.hands.reshape(len(each.stamps), -1, 4)
    return joints.reshape(len(stamps), -1, 4)


def _interpolate(
    when: NDArray[np.float64],
    values: NDArray[np.float32],
    sighted: NDArray[np.bool_],
    instants: NDArray[np.float64],
    longest_gap: float,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values (N, J, 3) at ``when`` (N,) -> (T, J, 3) and seen (T, J) at ``instants``."""
    count, joints = sighted.shape
    rows = np.arange(count, dtype=np.int32)[:, None]
    # Index of the last sighting up to each frame, of the next one from it; -1 / count = none.
    last = np.maximum.accumulate(np.where(sighted, rows, -1), 0)
    following = np.minimum.accumulate(np.where(sighted, rows, count)[::-1], 0)[::-1]
    after = np.searchsorted(when, instants, side="left")  # first frame not before the instant
    none_before, none_after = np.full((1, joints), -1), np.full((1, joints), count)
    before = np.concatenate((none_before, last))[after]  # among frames strictly before
    behind = np.concatenate((following, none_after))[after]
    has_before, has_behind = before >= 0, behind < count
    left, right = np.clip(before, 0, count - 1), np.clip(behind, 0, count - 1)
    left = np.where(has_before, left, right)
    right = np.where(has_behind, right, left)
    at = instants[:, None]
    gap_left, gap_right = at - when[left], when[right] - at
    gap = gap_left + gap_right
    both = has_before & has_behind
    hold = longest_gap / 2
    near = np.minimum(np.abs(gap_left), np.abs(gap_right))
    seen = np.where(both, gap <= longest_gap, near <= hold)
    seen |= both & (near <= 1e-9)
    seen &= has_before | has_behind
    weight = np.where(both & (gap > 0), gap_left / np.where(gap > 0, gap, 1.0), 0.0)
    weight = weight.astype(np.float32)[..., None]
    columns = np.arange(joints)[None, :]
    first, second = values[left, columns], values[right, columns]
    position = first + (second - first) * weight
    position = np.where(seen[..., None], position, np.float32(0))
    # A joint seen without depth keeps its place; its z counts as zero.
    return np.nan_to_num(position, nan=0.0).astype(np.float32), seen


@dataclass(frozen=True, eq=False)
class Streams:
    """What the network reads.

    body (B, C_body, T, V); hands (B, 2, C_hand, T, 21), left and right;
    body_seen (B, T, V), hands_seen (B, 2, T, 21): 1.0 where seen.
    """

    body: torch.Tensor
    hands: torch.Tensor
    body_seen: torch.Tensor
    hands_seen: torch.Tensor


def make_streams(position: torch.Tensor, seen: torch.Tensor, config: FeatureConfig) -> Streams:
    """Joint positions (B, T, J, 3), 0 where unseen, and seen (B, T, J) -> streams for the network.

    J as in ``Joints``; T may be any. A NaN in an unseen joint would be read: make it 0 before.

    The left hand is mirrored into a right one, so that both hands share one expert; a person
    mirrored as a whole therefore gives the same two hands, swapped.
    """
    layout = get_layout(config.body_layout)
    count = len(layout)
    mask = seen.to(position.dtype)
    body, hands = position[:, :, :count], position[:, :, count:]
    body_seen = mask[:, :, :count]
    hands = hands.unflatten(2, (2, len(HAND_21))).movedim(2, 1)
    hands_seen = mask[:, :, count:].unflatten(2, (2, len(HAND_21))).movedim(2, 1)
    flip = torch.ones(2, 1, 1, 3, dtype=position.dtype, device=position.device)
    flip[0, ..., 0] = -1.0
    centre, width = _shoulders(body, body_seen, config)
    place = (hands[..., :1, :] - centre[:, None]) / width[:, None] * flip
    anchored = body_seen.amax((1, 2))[:, None, None, None, None]  # hands alone have no place
    place = place[..., :2].expand(*hands.shape[:-1], 2) * hands_seen[..., None] * anchored
    hands = hands * flip
    if config.preprocessing != "native":
        if config.origin == "hips":
            centre = _middle(body, body_seen, layout, "hip", centre)
        body = (body - centre) / width * body_seen[..., None]
        hands = _canonical_hand(hands, hands_seen)
    if config.preprocessing == "facing":
        body = _face_front(body, body_seen, config)
    body_depth, hand_depth = 2 + config.body_depth, 2 + config.hand_depth
    body_streams = _stack(body[..., :body_depth], body_seen, layout.parents, config.streams)
    hand_streams = _stack(hands[..., :hand_depth], hands_seen, HAND_21.parents, config.streams)
    if config.hand_place:
        hand_streams = torch.cat((place.movedim(-1, -3), hand_streams), -3)
    return Streams(body_streams, hand_streams, body_seen, hands_seen)


def _shoulders(
    body: torch.Tensor, seen: torch.Tensor, config: FeatureConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """Middle (B, 1, 1, 3) and width (B, 1, 1, 1): the window's mean, so that motion stays.

    With no shoulders in sight: the middle and spread of whatever is.
    """
    layout = get_layout(config.body_layout)
    left, right = layout.index("left_shoulder"), layout.index("right_shoulder")
    both = (seen[..., left] * seen[..., right])[..., None]  # (B, T, 1)
    a, b = body[:, :, left], body[:, :, right]
    times = both.sum(1)  # (B, 1)
    across = (a - b)[..., : 2 + config.body_depth].norm(dim=-1, keepdim=True)
    width = (across * both).sum(1) / times.clamp(min=1)
    weight = seen[..., None]
    total = weight.sum((1, 2)).clamp(min=1)
    middle = (body * weight).sum((1, 2)) / total
    offset = (body - middle[:, None, None]) * weight
    spread = 2 * (offset[..., :2].square().sum((1, 2)) / total).sum(-1, keepdim=True).sqrt()
    centre = _middle(body, seen, layout, "shoulder", middle[:, None, None])
    width = torch.where(times > 0, width, spread).clamp(min=1e-3)
    return centre, width[:, None, None]


def _middle(
    body: torch.Tensor, seen: torch.Tensor, layout: Layout, joint: str, otherwise: torch.Tensor
) -> torch.Tensor:
    """Mean place between the left and right ``joint``, (B, 1, 1, 3); else ``otherwise``."""
    left, right = layout.index(f"left_{joint}"), layout.index(f"right_{joint}")
    both = (seen[..., left] * seen[..., right])[..., None]
    times = both.sum(1)
    between = ((body[:, :, left] + body[:, :, right]) / 2 * both).sum(1) / times.clamp(min=1)
    return torch.where((times > 0)[:, None, None], between[:, None, None], otherwise)


def _face_front(body: torch.Tensor, seen: torch.Tensor, config: FeatureConfig) -> torch.Tensor:
    """Turn (B, T, V, 3) about the vertical by the window's mean direction of the shoulders."""
    layout = get_layout(config.body_layout)
    left, right = layout.index("left_shoulder"), layout.index("right_shoulder")
    both = (seen[..., left] * seen[..., right])[..., None]
    across = ((body[:, :, left] - body[:, :, right]) * both).sum(1)  # (B, 3)
    flat = across[:, (0, 2)]
    length = flat.norm(dim=-1, keepdim=True)
    forward = torch.tensor((1.0, 0.0), dtype=body.dtype, device=body.device)
    cos, sin = torch.where(length > 1e-6, flat / length.clamp(min=1e-6), forward).unbind(-1)
    cos, sin = cos[:, None, None], sin[:, None, None]
    x, y, z = body.unbind(-1)
    return torch.stack((cos * x + sin * z, y, cos * z - sin * x), -1)


def _canonical_hand(hands: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Origin at the wrist in every frame, the window's mean palm length 1."""
    weight = seen[..., None]
    hands = (hands - hands[..., :1, :]) * weight
    knuckles = [HAND_21.index(f"{finger}_1") for finger in ("index", "middle", "ring", "little")]
    palm = hands[..., knuckles, :].norm(dim=-1)  # (B, 2, T, 4)
    counted = seen[..., knuckles]
    size = (palm * counted).sum((2, 3)) / counted.sum((2, 3)).clamp(min=1)  # (B, 2)
    return hands / size.clamp(min=1e-3)[..., None, None, None]


def _stack(
    joint: torch.Tensor, seen: torch.Tensor, parents: tuple[int, ...], streams: tuple[str, ...]
) -> torch.Tensor:
    """(..., T, V, D) and seen (..., T, V) -> (..., C, T, V), the mask last."""
    weight = seen[..., None]
    bone = (joint - joint[..., list(parents), :]) * weight * weight[..., list(parents), :]
    made = {"joint": joint * weight, "bone": bone}
    channels = []
    for name in streams:
        base, _, motion = name.partition("_")
        values = made[base]
        channels.append(_difference(values, weight) if motion else values)
    channels.append(weight)
    return torch.cat(channels, -1).movedim(-1, -3)


def _difference(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Frame t + 1 minus t where both are seen; the last is 0."""
    step = (values[..., 1:, :, :] - values[..., :-1, :, :]) * weight[..., 1:, :, :]
    step = step * weight[..., :-1, :, :]
    return torch.cat((step, torch.zeros_like(values[..., :1, :, :])), -3)
