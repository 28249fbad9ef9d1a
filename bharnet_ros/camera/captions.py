# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the recogniser says of people -> captions for the picture."""

from __future__ import annotations

from bharnet.drawing import Caption
from bharnet_ros.msg import Action, ActionArray


def to_captions(message: ActionArray) -> dict[str, Caption]:
    """One caption a body. An action that has ended makes way for what the body does now."""
    captions: dict[str, Caption] = {}
    for action in message.actions:
        if action.state != Action.OFFSET:
            captions[action.body_id] = _caption(action)
    return captions


def _caption(action: Action) -> Caption:
    active = action.state in (Action.ONSET, Action.ONGOING)
    sure = action.confidence
    if action.state == Action.UNKNOWN and action.hypotheses:
        sure = action.hypotheses[0].score
    return Caption(action.label, float(sure), float(action.coverage), active)
