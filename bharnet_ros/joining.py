# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hands of one source to the bodies of another, in messages of the same moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bharnet.estimation.hands import REACH, assign_hands
from bharnet.observation import InvalidPose, read_joints
from bharnet.poses import find_layout
from bharnet.skeleton import BODY_LAYOUTS, HAND_21, HAND_LAYOUTS, Layout
from bharnet_ros.msg import PersonPose, PersonPoseArray

SIDES = ("left", "right")


@dataclass(frozen=True, eq=False)
class _Hand:
    """As its source gives it. The side is only a hint where the source knows no bodies."""

    joints: NDArray[np.float32]  # (21, 4)
    side: int  # 0 = left
    confidence: float


def join_hands(bodies: PersonPoseArray, hands: PersonPoseArray) -> PersonPoseArray:
    """``bodies`` with the hands of the other message in it: by id, else by the nearest wrist.

    A person whom no hand is found for keeps what hands they had; a hand near nobody is left out.
    Raises InvalidPose, and changes nothing, where the two cannot be compared.
    """
    _check(bodies, hands)
    by_id = {person.body_id: person for person in bodies.people if person.body_id}
    joined: list[tuple[PersonPose, int, _Hand]] = []
    loose: list[_Hand] = []
    for source in hands.people:
        owner = by_id.get(source.body_id)
        for side, name in enumerate(SIDES):
            joints = _joints(getattr(source, f"{name}_hand"))
            if joints is None:
                continue
            hand = _Hand(joints, side, float(getattr(source, f"{name}_hand_confidence")))
            if owner is None:
                loose.append(hand)
            else:
                joined.append((owner, side, hand))
    taken = {(id(owner), side) for owner, side, _ in joined}
    joined += [each for each in _nearest(bodies, loose) if (id(each[0]), each[1]) not in taken]
    for person, side, hand in joined:
        setattr(person, f"{SIDES[side]}_hand", hand.joints.ravel().tolist())
        setattr(person, f"{SIDES[side]}_hand_confidence", hand.confidence)
    bodies.hand_layout = bodies.hand_layout or hands.hand_layout
    return bodies


def _check(bodies: PersonPoseArray, hands: PersonPoseArray) -> None:
    if not hands.people:
        return
    if hands.coordinates != bodies.coordinates:
        raise InvalidPose(
            f"hands have coordinates {hands.coordinates}, bodies {bodies.coordinates}; both "
            "sources must give the same kind"
        )
    metres = bodies.coordinates == PersonPoseArray.COORDINATES_CAMERA
    ours, theirs = bodies.header.frame_id, hands.header.frame_id
    if metres and ours and theirs and ours != theirs:
        raise InvalidPose(
            f"hands are in frame '{theirs[:40]}', bodies in '{ours[:40]}'; both sources must give "
            "metres in the same frame"
        )
    picture = bodies.coordinates == PersonPoseArray.COORDINATES_IMAGE
    for name in ("image_width", "image_height") if picture else ():
        if getattr(hands, name) != getattr(bodies, name):
            raise InvalidPose(
                f"hands are of a picture whose {name} is {getattr(hands, name)}, bodies of one "
                f"with {getattr(bodies, name)}; both sources must look at the same picture"
            )
    own, other = (
        find_layout("hand_layout", each.hand_layout, HAND_LAYOUTS) for each in (bodies, hands)
    )
    if own and own != other:
        raise InvalidPose(
            f"hands are in {hands.hand_layout[:40]}, those of the bodies in "
            f"{bodies.hand_layout[:40]}; let one of the sources send no hands"
        )


def _joints(values: object) -> NDArray[np.float32] | None:
    """(21, 4) joints; None for a hand that was not seen. Raises InvalidPose."""
    joints = np.array(values, np.float32)
    return read_joints(joints, HAND_21, "a hand") if joints.size else None


def _nearest(bodies: PersonPoseArray, hands: list[_Hand]) -> list[tuple[PersonPose, int, _Hand]]:
    """Person, side and hand, for each hand that is at a wrist; none is given twice."""
    if not hands or not bodies.people:
        return []
    layout = find_layout("body_layout", bodies.body_layout, BODY_LAYOUTS)
    if layout is None:
        raise InvalidPose("body_layout is empty; name the bodies' joint order")
    people, wrists, reach = [], [], []
    for person in bodies.people:
        joints = np.array(person.body, np.float32)
        if joints.size != 4 * len(layout):
            continue
        places = _isotropic(joints.reshape(-1, 4), bodies)
        people.append(person)
        for name in SIDES:
            wrists.append(places[layout.index(f"{name}_wrist")])
            reach.append(REACH * _arm_unit(places, layout, name))
    if not people:
        return []
    chosen = assign_hands(
        np.array(wrists, np.float32),
        np.array(reach, np.float32),
        np.stack([_isotropic(hand.joints, bodies) for hand in hands]),
        np.array([1.0 - hand.side for hand in hands], np.float32),
    )
    return [
        (people[wrist // 2], wrist % 2, hands[number])
        for wrist, number in enumerate(chosen)
        if number is not None
    ]


def _isotropic(joints: NDArray[np.float32], message: PersonPoseArray) -> NDArray[np.float32]:
    """(V, 2) pixels of a picture, or (V, 3) metres."""
    if message.coordinates == PersonPoseArray.COORDINATES_IMAGE:
        size = np.array((message.image_width, message.image_height), np.float32)
        return np.asarray(joints[:, :2] * size)
    return joints[:, :3]


def _arm_unit(places: NDArray[np.float32], layout: Layout, side: str) -> float:
    """The person's size near one arm: the longest of shoulder width, upper arm and forearm."""
    at = {name: places[layout.index(f"{side}_{name}")] for name in ("shoulder", "elbow", "wrist")}
    across = places[layout.index("left_shoulder")] - places[layout.index("right_shoulder")]
    parts = (across, at["elbow"] - at["shoulder"], at["wrist"] - at["elbow"])
    lengths = [float(np.linalg.norm(part)) for part in parts]
    return max((length for length in lengths if np.isfinite(length)), default=float("nan"))
