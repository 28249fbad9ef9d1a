# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stamps and what the core decided -> ROS messages. Poses are read by bharnet/poses.py."""

from __future__ import annotations

import math

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from numpy.typing import NDArray

from bharnet.checkpoint import ModelInfo
from bharnet.decision import Decided, DecisionConfig, best_classes
from bharnet.observation import Coordinates
from bharnet.skeleton import HAND_LAYOUTS
from bharnet.stream import Entry, Tick
from bharnet_ros.msg import Action, ActionArray, ActionLabels, Hypothesis
from bharnet_ros.stamps import to_time


def to_action_array(
    tick: Tick, info: ModelInfo, model_id: str, frame_id: str, top_k: int
) -> ActionArray:
    """A tick as it is published, with the best ``top_k`` classes of each person."""
    message = ActionArray(model_id=model_id)
    message.header.stamp, message.header.frame_id = to_time(tick.stamp), frame_id
    message.actions = [_action(entry, info, top_k) for entry in tick.entries]
    return message


def _action(entry: Entry, info: ModelInfo, top_k: int) -> Action:
    decided, person = entry.decided, entry.person
    action = Action(
        body_id=decided.body_id,
        person_id=person.person_id,
        event_id=decided.event_id,
        state=int(decided.state),
        reason=int(decided.reason),
        label=info.classes[decided.class_id] if decided.class_id >= 0 else "",
        class_id=decided.class_id,
        confidence=decided.confidence,
        onset=to_time(decided.onset),
        offset=to_time(decided.offset),
        last_seen=to_time(entry.last_seen),
        coverage=math.nan,
        position=Point(x=person.position[0], y=person.position[1], z=person.position[2]),
        bbox=person.bbox,
    )
    if decided.smoothed is not None:
        action.hypotheses = [
            Hypothesis(label=info.classes[i], class_id=i, score=float(decided.smoothed[i]))
            for i in best_classes(decided.smoothed, top_k)
        ]
    _add_prediction(action, decided)
    return action


def _add_prediction(action: Action, decided: Decided) -> None:
    action.body_score = action.hand_score = math.nan
    if (seen := decided.prediction) is None:
        return
    action.window_start = to_time(seen.window_start)
    action.frames_used = seen.frames_used
    action.coverage = seen.coverage
    best = int(np.argmax(seen.probabilities if decided.smoothed is None else decided.smoothed))
    action.body_score = _score(seen.body, best)
    action.hand_score = _score(seen.hand, best)


def _score(scores: NDArray[np.float32] | None, best: int) -> float:
    return math.nan if scores is None else float(scores[best])


def to_action_labels(
    info: ModelInfo,
    model_id: str,
    decision: DecisionConfig,
    stride_seconds: float,
    allowed: frozenset[int] | None,
    stamp: Time,
    window_seconds: float = 0.0,
) -> ActionLabels:
    """What the model knows and expects. A class that may not be reported has NaN thresholds.

    ``window_seconds``: the longest that is read; 0 = the model's own.
    """
    count = len(info.classes)
    may = [allowed is None or i in allowed or i == info.idle_id for i in range(count)]
    message = ActionLabels(
        model_id=model_id,
        model_name=info.name,
        model_version=info.version,
        labels=list(info.classes),
        idle_class_id=info.idle_id,
        enter_thresholds=[decision.enter_threshold if each else math.nan for each in may],
        leave_thresholds=[decision.leave_threshold if each else math.nan for each in may],
        window_seconds=[window_seconds or info.features.window_seconds] * count,
        stride_seconds=stride_seconds,
        body_layout=info.features.body_layout if "body" in info.network.experts else "",
        hand_layout=HAND_LAYOUTS[0] if "hand" in info.network.experts else "",
        coordinates=_trained_on(info),
    )
    message.header.stamp = stamp
    return message


def _trained_on(info: ModelInfo) -> int:
    """Pictures, unless the model says otherwise: all recordings we train on are."""
    name = str(info.provenance.get("coordinates", "IMAGE")).upper()
    return int(Coordinates[name] if name in Coordinates.__members__ else Coordinates.IMAGE)
