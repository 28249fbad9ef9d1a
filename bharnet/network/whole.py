# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rivals: one graph of body and hands together, with and without early pooling of joints.

Unified body-hand graphs are what BHaRNet is measured against (arXiv 2503.14960). They read the
features that the experts read and are made of the same blocks, so that only the graph differs.
"""

from __future__ import annotations

import torch
from torch import nn

from bharnet.features import FeatureConfig, Streams
from bharnet.skeleton import HAND_21, Layout

SIDES = ("left", "right")
FINGERS = ("thumb", "index", "middle", "ring", "little")


def whole_layout(body: Layout) -> Layout:
    """Body, left hand, right hand: each hand's wrist hangs from the body's."""
    joints, parents = list(body.joints), list(body.parents)
    for side in SIDES:
        start = len(joints)
        joints += [f"{side}_hand_{joint}" for joint in HAND_21.joints]
        parents += [start + parent for parent in HAND_21.parents]
        parents[start] = body.index(f"{side}_wrist")
    return Layout(f"whole_{body.name}", tuple(joints), tuple(parents))


def coarser(body: Layout) -> tuple[list[tuple[Layout, torch.Tensor]], Layout]:
    """The steps of early pooling, (layout, map (V_before, V_after)), and the last layout.

    First each finger becomes one joint, then each hand: the stages of SkeleT (paper.md 8.3).
    """
    whole, fingers = whole_layout(body), list(body.joints)
    parents = list(body.parents)
    for side in SIDES:
        start = len(fingers)
        fingers += [f"{side}_hand_wrist", *(f"{side}_hand_{finger}" for finger in FINGERS)]
        parents += [body.index(f"{side}_wrist"), *[start] * len(FINGERS)]
    middle = Layout("fingers", tuple(fingers), tuple(parents))
    hands = Layout(
        "hands",
        (*body.joints, *(f"{side}_hand" for side in SIDES)),
        (*body.parents, *(body.index(f"{side}_wrist") for side in SIDES)),
    )
    steps = [(whole, _gather(whole, middle)), (middle, _gather(middle, hands))]
    return steps, hands


def _gather(fine: Layout, coarse: Layout) -> torch.Tensor:
    """Mean of the joints whose name begins with the coarse joint's: (V_fine, V_coarse)."""
    weight = torch.zeros(len(fine), len(coarse))
    for column, name in enumerate(coarse.joints):
        own = [i for i, joint in enumerate(fine.joints) if joint == name]
        rows = own or [i for i, joint in enumerate(fine.joints) if joint.startswith(f"{name}_")]
        weight[rows, column] = 1.0 / len(rows)
    return weight


class JointPooling(nn.Module):
    """A learnable map of joints onto fewer: (N, C, T, V) -> (N, C, T, V')."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight


def whole_stream(streams: Streams, config: FeatureConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Body and hands as one skeleton: (B, 1, C_hand, T, V + 42), seen (B, 1, T, V + 42).

    A coordinate that only hands have (depth, place) is 0 for the body; one that only the body has
    is left out.
    """
    depth, kinds = 2 + config.hand_depth, len(config.streams)
    body = streams.body[:, :-1].unflatten(1, (kinds, -1))[:, :, :depth]
    lacking = body.new_zeros(body.shape[0], kinds, depth - body.shape[2], *body.shape[3:])
    body = torch.cat((body, lacking), 2).flatten(1, 2)
    place = body.new_zeros(body.shape[0], 2 * config.hand_place, *body.shape[2:])
    body = torch.cat((place, body, streams.body[:, -1:]), 1)
    joined = torch.cat((body, streams.hands[:, 0], streams.hands[:, 1]), -1)
    seen = torch.cat((streams.body_seen, streams.hands_seen[:, 0], streams.hands_seen[:, 1]), -1)
    return joined[:, None], seen[:, None]
