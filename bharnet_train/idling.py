# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""People who do nothing, made of people who do something: at rest, fidgeting, or on the way."""

from __future__ import annotations

import torch

from bharnet.skeleton import HAND_21, Layout
from bharnet_train.augmentation import shoulder_width, uniform
from bharnet_train.config import Augmentation


def let_some_idle(
    position: torch.Tensor,
    seen: torch.Tensor,
    target: torch.Tensor,
    idle: int,
    layout: Layout,
    strength: Augmentation,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Position (B, T, J, 3), seen (B, T, J), class (B,) -> the same, some doing nothing.

    The shares ``rest`` and ``fidget`` become somebody of the class ``idle``; the share ``partial``
    begins or ends its action. Inputs stay untouched.
    """
    drawn = torch.rand(len(target), generator=generator).to(target.device)
    ends = torch.tensor((strength.rest, strength.fidget, strength.partial)).cumsum(0)
    resting = drawn < ends[0]
    fidgeting = (drawn >= ends[0]) & (drawn < ends[1])
    partial = (drawn >= ends[1]) & (drawn < ends[2])
    position, seen = fidget(position, seen, fidgeting, layout, generator)
    position, seen = lay_to_rest(position, seen, resting, layout, generator)
    position, seen = begin_or_end(position, seen, partial, layout, generator)
    return position, seen, torch.where(resting | fidgeting, idle, target)


# How an arm rests, in shoulder widths: shoulder to elbow down and outward, elbow to wrist down and
# outward. Hanging beside somebody who stands, on the table or in the lap of somebody who sits.
RESTING = ((0.5, 1.1), (-0.1, 0.45), (0.2, 1.1), (-1.0, 0.4))


def lay_to_rest(
    position: torch.Tensor,
    seen: torch.Tensor,
    resting: torch.Tensor,
    layout: Layout,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where ``resting`` (B,) is True the person lets both arms down, hands out of sight.

    Recordings of signs hold few people who do nothing, and each rests in one way; without this
    a network takes an unknown person's rest for a sign. position, seen as for ``augment``.
    """
    width = shoulder_width(position, seen, layout)[:, None]
    placed, visible = position.clone(), seen.clone()
    visible[:, :, len(layout) :] = False
    for side, outward in (("left", 1.0), ("right", -1.0)):
        shoulder, elbow, wrist = (
            layout.index(f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist")
        )
        upper_down, upper_out, fore_down, fore_out = (
            uniform(low, high, 1, position, generator) * width for low, high in RESTING
        )
        for joint, out, down in (
            (elbow, upper_out, upper_down),
            (wrist, upper_out + fore_out, upper_down + fore_down),
        ):
            placed[:, :, joint] = position[:, :, shoulder]
            placed[:, :, joint, 0] += outward * out
            placed[:, :, joint, 1] += down
            shown = uniform(0, 1, 1, position, generator) < 0.6
            visible[:, :, joint] = seen[:, :, shoulder] & shown
    placed = placed * visible[..., None]
    chosen = resting[:, None, None]
    return torch.where(chosen[..., None], placed, position), torch.where(chosen, visible, seen)


def fidget(
    position: torch.Tensor,
    seen: torch.Tensor,
    fidgeting: torch.Tensor,
    layout: Layout,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where ``fidgeting`` (B,) is True the arms drift somewhere, hands between two shapes.

    People who do nothing touch their face, fold their hands, lean on them. A shape between those
    of two other people of the batch, at a place where no sign has it, is no sign. position, seen
    as for ``augment``.
    """
    count, hand = len(layout), len(HAND_21)
    width = shoulder_width(position, seen, layout)[:, None, None]
    placed, visible = position.clone(), seen.clone()
    for i, side in enumerate(("left", "right")):
        shoulder, elbow, wrist = (
            layout.index(f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist")
        )
        outward = 1.0 if side == "left" else -1.0
        aside = uniform(-1.2, 0.6, 1, position, generator)[:, :, None] * width * outward
        down = uniform(-1.0, 2.2, 1, position, generator)[:, :, None] * width
        start = position[:, :, shoulder].clone()
        reach = torch.cat((aside, down, torch.zeros_like(down)), -1)
        drift = uniform(-0.4, 0.4, 3, position, generator)[:, None] * width
        reach = reach + drift * torch.linspace(0, 1, position.shape[1])[:, None].to(drift)
        placed[:, :, wrist] = start + reach
        bend = torch.cat((0.3 * width * outward, 0.8 * width, torch.zeros_like(down)), -1)
        placed[:, :, elbow] = start + reach * 0.3 + bend
        joints = slice(count + i * hand, count + (i + 1) * hand)
        shapes = position[:, :, joints] - position[:, :, joints][:, :, :1]
        share = uniform(0, 1, 1, position, generator)[:, :, None, None]
        between = shapes.roll(1, 0) * share + shapes.roll(2, 0) * (1 - share)
        others_seen = seen[:, :, joints].roll(1, 0) & seen[:, :, joints].roll(2, 0)
        moved = between + placed[:, :, wrist : wrist + 1]
        shown = uniform(0, 1, 1, position, generator)[:, :, None] < 0.7
        placed[:, :, joints] = moved
        visible[:, :, joints] = others_seen & shown
        visible[:, :, [elbow, wrist]] = seen[:, :, [shoulder, shoulder]]
    placed = placed * visible[..., None]
    chosen = fidgeting[:, None, None]
    return torch.where(chosen[..., None], placed, position), torch.where(chosen, visible, seen)


def begin_or_end(
    position: torch.Tensor,
    seen: torch.Tensor,
    partial: torch.Tensor,
    layout: Layout,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where ``partial`` (B,) is True up to half the window becomes rest, before or after.

    A live window sees an action begin and end; a recorded take shows only its middle. The arms
    move between rest and action within a few instants, hands unseen meanwhile.
    """
    everybody = torch.ones_like(partial)
    placed, visible = lay_to_rest(position, seen, everybody, layout, generator)
    frames = position.shape[1]
    share = uniform(0.1, 0.5, 1, position, generator)
    blend = uniform(0.05, 0.2, 1, position, generator)
    instants = torch.linspace(0, 1, frames, device=position.device)[None]
    # 0 at rest, 1 in action.
    progress = ((instants - share) / blend).clamp(0, 1)
    ending = uniform(0, 1, 1, position, generator) < 0.4
    progress = torch.where(ending, progress.flip(1), progress)
    progress = torch.where(partial[:, None], progress, torch.ones_like(progress))
    weight = progress[..., None, None]
    resting, acting = progress == 0, progress == 1
    mixed = placed * (1 - weight) + position * weight
    both = seen & visible
    shown = torch.where(acting[..., None], seen, torch.where(resting[..., None], visible, both))
    return mixed * shown[..., None], shown
