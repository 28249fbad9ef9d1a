# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Disturbances that a robot's camera makes of people, on a whole batch at once.

People who do nothing are made in idling.py.
"""

from __future__ import annotations

import math

import torch

from bharnet.skeleton import HAND_21, Layout
from bharnet_train.config import Augmentation


def augment(
    position: torch.Tensor,
    seen: torch.Tensor,
    layout: Layout,
    strength: Augmentation,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Position (B, T, J, 3), seen (B, T, J) -> the same, disturbed; inputs stay untouched.

    Mirror with left and right swapped, other limbs, camera roll and yaw, hands turned, jitter,
    and losses of hands, frames, joints and depth.
    """
    position, seen = _mirror(position, seen, layout, strength.mirror, generator)
    if strength.limbs > 0:
        position = _other_limbs(position, seen, layout, strength.limbs, generator)
    seen = _lose(seen, len(layout), strength, generator)
    position = _turn(position, strength, generator)
    if strength.turn > 0:
        position = _turn_in_depth(position, strength.turn, generator)
    position = _turn_hands(position, len(layout), strength, generator)
    position = _jitter(position, seen, layout, strength, generator)
    flat = _chance(strength.lose_depth, position, generator)
    depth = torch.tensor([0.0, 0.0, 1.0], device=position.device)
    return position * (1 - flat[:, None, None, None] * depth), seen


def mirror_order(layout: Layout) -> list[int]:
    """Permutation of body + left hand + right hand that swaps the person's sides."""
    count, hand = len(layout), len(HAND_21)
    left = range(count, count + hand)
    right = range(count + hand, count + 2 * hand)
    return [*layout.mirror, *right, *left]


def uniform(
    low: float, high: float, count: int, position: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """(B, count) numbers for the people of ``position``, where it lies; drawn on the CPU."""
    drawn = torch.rand(len(position), count, generator=generator)
    return (drawn * (high - low) + low).to(position.device)


def _chance(share: float, position: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return (uniform(0, 1, 1, position, generator)[:, 0] < share).float()


def _mirror(
    position: torch.Tensor,
    seen: torch.Tensor,
    layout: Layout,
    share: float,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    chosen = _chance(share, position, generator).bool()
    order = mirror_order(layout)
    flipped = position[:, :, order] * torch.tensor([-1.0, 1.0, 1.0], device=position.device)
    return (
        torch.where(chosen[:, None, None, None], flipped, position),
        torch.where(chosen[:, None, None], seen[:, :, order], seen),
    )


def _lose(
    seen: torch.Tensor, count: int, strength: Augmentation, generator: torch.Generator
) -> torch.Tensor:
    batch, frames, joints = seen.shape
    hand = len(HAND_21)
    kept = torch.ones(batch, frames, joints, dtype=torch.bool)
    # Runs of lost frames, for each hand on its own and for the whole person.
    for start, stop in ((0, joints), (count, count + hand), (count + hand, joints)):
        length = torch.rand(batch, 1, generator=generator) * frames * 0.4
        begin = torch.rand(batch, 1, generator=generator) * frames
        instants = torch.arange(frames)
        inside = (instants >= begin) & (instants < begin + length)
        hit = torch.rand(batch, 1, generator=generator) < strength.lose_frames
        kept[:, :, start:stop] &= ~(inside & hit)[..., None]
        if start:
            whole = torch.rand(batch, 1, 1, generator=generator) < strength.lose_hand
            kept[:, :, start:stop] &= ~whole
    if strength.lose_hands > 0:
        both = torch.rand(batch, 1, 1, generator=generator) < strength.lose_hands
        kept[:, :, count:] &= ~both
    if strength.lose_body > 0:
        handy = (seen[:, :, count:].cpu() & kept[:, :, count:]).any(2).any(1)[:, None, None]
        gone = torch.rand(batch, 1, 1, generator=generator) < strength.lose_body
        kept[:, :, :count] &= ~(gone & handy)
    single = torch.rand(batch, 1, count, generator=generator) < strength.lose_joint
    kept[:, :, :count] &= ~single
    return seen & kept.to(seen.device)


def _other_limbs(
    position: torch.Tensor,
    seen: torch.Tensor,
    layout: Layout,
    spread: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Somebody of another build: every bone longer or shorter, the same in all frames."""
    count = len(layout)
    hand_below = _below(HAND_21).to(position)
    body, *hands = position.split((count, len(HAND_21), len(HAND_21)), 2)
    body_seen, *hands_seen = seen.split((count, len(HAND_21), len(HAND_21)), 2)
    moved = _stretched(body, body_seen, layout, _below(layout).to(position), spread, generator)
    parts = [moved]
    for side, joints, visible in zip(("left", "right"), hands, hands_seen, strict=True):
        wrist = layout.index(f"{side}_wrist")
        along = (moved - body)[:, :, wrist : wrist + 1]
        fingers = _stretched(joints, visible, HAND_21, hand_below, spread, generator)
        parts.append((fingers + along) * visible[..., None])
    return torch.cat(parts, 2)


def _stretched(
    position: torch.Tensor,
    seen: torch.Tensor,
    layout: Layout,
    below: torch.Tensor,
    spread: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Each joint moves by what the bones between it and the root grow."""
    factor = torch.randn(len(position), 1, len(layout), 1, generator=generator) * spread
    parents = list(layout.parents)
    both = (seen & seen[:, :, parents])[..., None]
    grown = (position - position[:, :, parents]) * both * (factor.exp() - 1).to(position)
    return position + (below @ grown) * seen[..., None]


def _below(layout: Layout) -> torch.Tensor:
    """(J, J): 1 where the bone that ends in the column's joint carries the row's joint."""
    carried = torch.eye(len(layout))
    for joint in range(len(layout)):
        above = joint
        while layout.parents[above] != above:
            above = layout.parents[above]
            carried[joint, above] = 1.0
    return carried


def _turn(
    position: torch.Tensor, strength: Augmentation, generator: torch.Generator
) -> torch.Tensor:
    """Camera roll, and stretch of either axis as yaw and another lens give."""
    limit = math.radians(strength.rotate)
    angle = uniform(-limit, limit, 1, position, generator)[:, 0]
    stretch = torch.exp(uniform(-strength.stretch, strength.stretch, 3, position, generator))
    position = position * stretch[:, None, None]
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    x, y, z = position.unbind(-1)
    return torch.stack((cos * x - sin * y, sin * x + cos * y, z), -1)


def _turn_in_depth(
    position: torch.Tensor, limit: float, generator: torch.Generator
) -> torch.Tensor:
    """Another camera: everything turned about the vertical, and half as far about x."""
    about_x, about_y = (
        uniform(-math.radians(most), math.radians(most), 1, position, generator)
        for most in (limit / 2, limit)
    )
    angles = torch.cat((about_x, about_y, torch.zeros_like(about_x)), 1)
    return position @ _rotation(angles)[:, None].transpose(-1, -2)


def _turn_hands(
    position: torch.Tensor, count: int, strength: Augmentation, generator: torch.Generator
) -> torch.Tensor:
    """Each hand turned about its wrist: wrists differ from person to person."""
    hand = len(HAND_21)
    limit = math.radians(strength.rotate_hand)
    parts = [position[:, :, :count]]
    for start in (count, count + hand):
        joints = position[:, :, start : start + hand]
        wrist = joints[:, :, :1]
        angles = uniform(-limit, limit, 3, position, generator)
        parts.append((joints - wrist) @ _rotation(angles)[:, None].transpose(-1, -2) + wrist)
    return torch.cat(parts, 2)


def _rotation(angles: torch.Tensor) -> torch.Tensor:
    """(B, 3) angles about x, y, z in radians -> (B, 3, 3)."""
    (cx, cy, cz), (sx, sy, sz) = angles.cos().unbind(1), angles.sin().unbind(1)
    zero, one = torch.zeros_like(cx), torch.ones_like(cx)
    about_x = torch.stack((one, zero, zero, zero, cx, -sx, zero, sx, cx), -1)
    about_y = torch.stack((cy, zero, sy, zero, one, zero, -sy, zero, cy), -1)
    about_z = torch.stack((cz, -sz, zero, sz, cz, zero, zero, zero, one), -1)
    x, y, z = (turn.unflatten(-1, (3, 3)) for turn in (about_x, about_y, about_z))
    return z @ y @ x


def _jitter(
    position: torch.Tensor,
    seen: torch.Tensor,
    layout: Layout,
    strength: Augmentation,
    generator: torch.Generator,
) -> torch.Tensor:
    """Noise of each joint and frame, in shoulder widths and in palm lengths (about 0.25 of it)."""
    width = shoulder_width(position, seen, layout)
    amount = torch.full(position.shape[2:3], 0.25 * strength.jitter_hand)
    amount[: len(layout)] = strength.jitter_body
    noise = torch.randn(position.shape, generator=generator).to(position.device)
    return position + noise * amount.to(position.device)[:, None] * width[:, None, None, None]


def shoulder_width(position: torch.Tensor, seen: torch.Tensor, layout: Layout) -> torch.Tensor:
    """Mean over the frames that show both shoulders, (B,); 0 where none does."""
    left, right = layout.index("left_shoulder"), layout.index("right_shoulder")
    both = (seen[..., left] & seen[..., right]).float()
    apart = (position[:, :, left] - position[:, :, right])[..., :2].norm(dim=-1)
    return (apart * both).sum(1) / both.sum(1).clamp(min=1)
