"""ROS messages -> what the core reads, and what it decided -> ROS messages."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from numpy.typing import NDArray

from bharnet.checkpoint import ModelInfo
from bharnet.decision import Decided, DecisionConfig, best_classes
from bharnet.observation import Coordinates, Frame, InvalidPose, Observation, PoseFormat, observe
from bharnet.skeleton import BODY_LAYOUTS, HAND_LAYOUTS, LAYOUTS, Layout
from bharnet.stream import Entry, Report, Tick
from bharnet_ros.msg import Action, ActionArray, ActionLabels, Hypothesis, PersonPoseArray
from bharnet_ros.stamps import nanoseconds, to_time

# Far more than any camera sees; keeps one mad message from costing seconds.
MOST_PEOPLE = 1000
LONGEST_ID = 256


def to_frame(
    message: PersonPoseArray, target: Layout, report: Report, stamp: int | None = None
) -> Frame | None:
    """Everybody usable in a message, in the target's body layout; None if none of it is usable.

    ``stamp`` (nanoseconds) stands in for the header's. ``report(key, text)`` is told of whatever
    was left out; a bad person never costs the others.
    """
    try:
        stamp = _stamp(message) if stamp is None else stamp
        if len(message.people) > MOST_PEOPLE:
            raise InvalidPose(f"{len(message.people)} people; at most {MOST_PEOPLE} are read")
        source = _format(message, target)
    except InvalidPose as error:
        report("bad_message", f"dropped a message of poses: {error}")
        return None
    people: list[Observation] = []
    for person in message.people:
        try:
            if len(person.body_id) > LONGEST_ID:
                raise InvalidPose(f"body_id is longer than {LONGEST_ID} characters; shorten it")
            people.append(
                observe(
                    person.body_id,
                    np.asarray(person.body, np.float32),
                    np.asarray(person.left_hand, np.float32),
                    np.asarray(person.right_hand, np.float32),
                    source,
                    target,
                    person.person_id,
                )
            )
        except InvalidPose as error:
            report("bad_person", f"ignored person '{person.body_id[:40]}' in a frame: {error}")
    return Frame(stamp, tuple(people))


def _stamp(message: PersonPoseArray) -> int:
    stamp = nanoseconds(message.header.stamp)
    if stamp <= 0:
        raise InvalidPose(
            "header.stamp is zero or negative; the pose source must give the acquisition time "
            "of the frame, or start this node with stamp_source:=receive"
        )
    return stamp


def _format(message: PersonPoseArray, target: Layout) -> PoseFormat:
    """How the message writes its joints."""
    try:
        coordinates = Coordinates(message.coordinates)
    except ValueError:
        raise InvalidPose(
            f"coordinates {message.coordinates} are unknown; say IMAGE, CAMERA or BODY"
        ) from None
    width, height = message.image_width, message.image_height
    if coordinates == Coordinates.IMAGE and not (width and height):
        raise InvalidPose(
            "coordinates are IMAGE but image_width or image_height is 0; the pose source must "
            "give both, without them angles are wrong"
        )
    body = _layout("body_layout", message.body_layout, BODY_LAYOUTS) or target
    _layout("hand_layout", message.hand_layout, HAND_LAYOUTS)
    if not message.body_layout and any(person.body for person in message.people):
        raise InvalidPose("body_layout is empty but there are bodies; name their joint order")
    if not message.hand_layout and any(
        person.left_hand or person.right_hand for person in message.people
    ):
        raise InvalidPose("hand_layout is empty but there are hands; name their joint order")
    return PoseFormat(body, coordinates, width / height if height else 1.0)


@lru_cache(maxsize=64)
def _layout(field: str, name: str, known: tuple[str, ...]) -> Layout | None:
    """A layout by its name, however its underscores are set; None for ""."""
    if not name:
        return None
    plain = name.replace("_", "").lower()
    for each in known:
        if each.replace("_", "") == plain:
            return LAYOUTS[each]
    raise InvalidPose(
        f"unknown {field} '{name[:40]}'; known: {', '.join(known)}; the pose source must name "
        "one, or convert to one"
    )


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
) -> ActionLabels:
    """What the model knows and expects. A class that may not be reported has NaN thresholds."""
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
        window_seconds=[info.features.window_seconds] * count,
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
