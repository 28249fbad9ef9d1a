# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hands from a source of their own, to the bodies they belong to."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from robot import pose, poses

from bharnet.observation import InvalidPose
from bharnet.skeleton import HAND_21
from bharnet_ros.joining import join_hands
from bharnet_ros.msg import PersonPose, PersonPoseArray


def without_hands(body_id: str, shift: float = 0.0) -> PersonPose:
    """Somebody standing, ``shift`` of the picture to the right."""
    person = pose(body_id)
    person.left_hand, person.right_hand = [], []
    body = np.reshape(person.body, (-1, 4)).astype(np.float32)
    body[:, 0] = 0.3 * body[:, 0] + shift
    body[:, 1] *= 0.6
    person.body = body.ravel().tolist()
    return person


def wrist(person: PersonPose, side: str) -> np.ndarray:
    row = {"left": 7, "right": 8}[side]  # upper_body_11
    return np.reshape(person.body, (-1, 4))[row, :2]


def hand_at(place: np.ndarray, size: float = 0.02) -> list[float]:
    """A hand that begins at a place of the picture."""
    rng = np.random.default_rng(5)
    joints = np.full((len(HAND_21), 4), np.nan, np.float32)
    joints[:, :2] = place + rng.uniform(0, size, (len(HAND_21), 2))
    joints[0, :2] = place
    return joints.ravel().tolist()


def begins_at(hand: object) -> list[float]:
    return np.reshape(hand, (-1, 4))[0, :2].tolist()


PEOPLE = (without_hands("left of picture"), without_hands("right of picture", 0.5))


def arrays(*hands: PersonPose) -> tuple[PersonPoseArray, PersonPoseArray]:
    people = [without_hands("left of picture"), without_hands("right of picture", 0.5)]
    bodies, others = poses(0.0, *people), poses(0.0, *hands)
    bodies.hand_layout = ""
    return bodies, others


def test_layout_of_the_test_people() -> None:
    from bharnet.skeleton import UPPER_BODY_11

    assert UPPER_BODY_11.joints[7:9] == ("left_wrist", "right_wrist")


def test_by_the_nearest_wrist_whatever_side_its_source_thinks() -> None:
    ours, theirs = (wrist(person, "right") for person in PEOPLE)
    bodies, hands = arrays(
        PersonPose(left_hand=hand_at(theirs), left_hand_confidence=0.7),
        PersonPose(right_hand=hand_at(ours + 0.005)),
    )
    first, second = join_hands(bodies, hands).people
    assert begins_at(second.right_hand) == pytest.approx(theirs)
    assert second.right_hand_confidence == pytest.approx(0.7)
    assert begins_at(first.right_hand) == pytest.approx(ours + 0.005)
    assert not first.left_hand
    assert not second.left_hand
    assert bodies.hand_layout == "hand_21"


def test_by_id_however_far() -> None:
    bodies, hands = arrays(
        PersonPose(body_id="right of picture", left_hand=hand_at(np.array((0.01, 0.01))))
    )
    first, second = join_hands(bodies, hands).people
    assert begins_at(second.left_hand) == pytest.approx((0.01, 0.01))
    assert not first.left_hand


def test_by_id_before_by_wrist() -> None:
    place = wrist(PEOPLE[0], "left")
    named = PersonPose(body_id="left of picture", left_hand=hand_at(place + 0.01))
    bodies, hands = arrays(PersonPose(left_hand=hand_at(place)), named)
    first, _ = join_hands(bodies, hands).people
    assert begins_at(first.left_hand) == pytest.approx(place + 0.01)


def test_near_nobody_is_left_out() -> None:
    bodies, hands = arrays(PersonPose(left_hand=hand_at(np.array((0.95, 0.02)))))
    assert not any(p.left_hand or p.right_hand for p in join_hands(bodies, hands).people)


def test_who_has_hands_keeps_them_where_none_is_found() -> None:
    bodies, hands = arrays()
    bodies.people[0].left_hand = hand_at(np.array((0.4, 0.4)))
    assert begins_at(join_hands(bodies, hands).people[0].left_hand) == pytest.approx((0.4, 0.4))


def in_metres() -> tuple[PersonPoseArray, PersonPoseArray, np.ndarray]:
    """Bodies, the left hand of the second, and where it begins."""
    bodies, hands = arrays(PersonPose(left_hand=hand_at(np.array((0.0, 0.0)))))
    for message in (bodies, hands):
        message.coordinates = PersonPoseArray.COORDINATES_CAMERA
    body = np.zeros((11, 4), np.float32)
    body[:, :3] = np.random.default_rng(0).normal((0, 0, 2), 0.5, (11, 3))
    bodies.people[1].body = body.ravel().tolist()
    hand = np.tile(body[7], (21, 1))
    hand[1:, :3] += np.random.default_rng(1).uniform(0, 0.1, (20, 3))
    hands.people[0].left_hand = hand.ravel().tolist()
    return bodies, hands, body[7, :2]


@pytest.mark.parametrize(
    "change", [{}, {"image_width": 0, "image_height": 0}], ids=["", "no size"]
)
def test_in_metres(change: dict[str, int]) -> None:
    bodies, hands, place = in_metres()
    for name, value in change.items():  # which metres do not need
        setattr(hands, name, value)
    _, second = join_hands(bodies, hands).people
    assert begins_at(second.left_hand) == pytest.approx(place)


def test_metres_of_another_camera_are_not_compared() -> None:
    bodies, hands, _ = in_metres()
    hands.header.frame_id = "wrist_camera"
    with pytest.raises(InvalidPose, match="in frame 'wrist_camera', bodies in 'camera'"):
        join_hands(bodies, hands)


@pytest.mark.parametrize("value", [np.inf, 1e6])
def test_a_hand_that_cannot_be_used_costs_no_body(value: float) -> None:
    hand = hand_at(wrist(PEOPLE[0], "left"))
    hand[40] = value
    bodies, hands = arrays(PersonPose(body_id="left of picture", left_hand=hand))
    with pytest.raises(InvalidPose, match="a hand"):
        join_hands(bodies, hands)
    assert not bodies.people[0].left_hand


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"coordinates": PersonPoseArray.COORDINATES_CAMERA}, "same kind"),
        ({"image_width": 1280}, "image_width is 1280"),
        ({"hand_layout": "hand_26"}, "unknown hand_layout 'hand_26'"),
        ({"hand_layout": ""}, "no hands"),
    ],
)
def test_what_cannot_be_compared(change: dict[str, object], says: str) -> None:
    bodies, hands = arrays(PersonPose(left_hand=hand_at(wrist(PEOPLE[0], "left"))))
    bodies.hand_layout = "hand_21"
    for name, value in change.items():
        setattr(hands, name, value)
    with pytest.raises(InvalidPose, match=says):
        join_hands(bodies, hands)
    assert not bodies.people[0].left_hand


@pytest.mark.parametrize("layout", ["", "octopus", "hand_21"])
def test_bodies_of_an_unknown_layout(layout: str) -> None:
    bodies, hands = arrays(PersonPose(body_id="loose", left_hand=hand_at(np.array([0.1, 0.1]))))
    bodies.body_layout = layout
    says = f"unknown body_layout '{layout}'" if layout else "body_layout is empty"
    with pytest.raises(InvalidPose, match=says):
        join_hands(bodies, hands)


def test_underscores_of_layouts_do_not_matter() -> None:
    place = wrist(PEOPLE[0], "left")
    bodies, hands = arrays(PersonPose(left_hand=hand_at(place)))
    bodies.body_layout, bodies.hand_layout, hands.hand_layout = "upperbody11", "hand_21", "hand21"
    assert begins_at(join_hands(bodies, hands).people[0].left_hand) == pytest.approx(place)


def test_a_hand_of_a_wrong_length() -> None:
    bodies, hands = arrays(PersonPose(left_hand=[0.5] * 80))
    with pytest.raises(InvalidPose, match="80 numbers"):
        join_hands(bodies, hands)
