# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which experts a few takes can teach, and a network of these alone.

An expert reads other things where the other sees nothing. Taught so, it takes everybody of whom
both are seen for strangers; without the other it never knows the difference.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import replace

from bharnet.checkpoint import Checkpoint
from bharnet.features import FeatureConfig, sighted
from bharnet.network import BHaRNet
from bharnet.network.config import EXPERTS
from bharnet_train.datasets.recordings import Sequence


def shows(part: str, sequence: Sequence, features: FeatureConfig) -> float:
    """Share of a take's frames in which anything of the ``part``, body or hand, is seen."""
    joints = sequence.window.body if part == "body" else sequence.window.hands
    seen = sighted(joints, features)
    return float(seen.any(tuple(range(1, seen.ndim))).mean())


def blind(part: str, gestures: Many[Sequence], features: FeatureConfig) -> list[str]:
    """The gestures, by name, of which no take shows the part."""
    seen = {each.label for each in gestures if shows(part, each, features)}
    return sorted({each.label for each in gestures} - seen)


def seeing(gestures: Many[Sequence], features: FeatureConfig) -> tuple[str, ...]:
    """The experts that see something of at least half of the gestures."""
    count = len({each.label for each in gestures})
    return tuple(p for p in EXPERTS if 2 * len(blind(p, gestures, features)) <= count)


def only(base: Checkpoint, experts: tuple[str, ...]) -> Checkpoint:
    """The base without its other expert; itself if it has but one, or keeps both."""
    if not base.info.network.both or len(experts) != 1:
        return base
    info = replace(base.info, network=replace(base.info.network, experts=experts, alone=False))
    network = BHaRNet(info.network, info.features, len(info.classes))
    weights = base.network.state_dict()
    network.load_state_dict({key: weights[key] for key in network.state_dict()})
    return replace(base, network=network.eval(), info=info)
