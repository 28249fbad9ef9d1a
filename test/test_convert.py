# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages to observations and back."""

from __future__ import annotations

import math
import time
from array import array

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from hypothesis import given
from hypothesis import strategies as st
from people import START, person
from robot import CLASSES, pose, poses, stamp

from bharnet.checkpoint import ModelInfo
from bharnet.decision import Decided, DecisionConfig, Reason, State
from bharnet.poses import to_frame
from bharnet.recognizer import Prediction
from bharnet.skeleton import MEDIAPIPE_33, UPPER_BODY_11
from bharnet.stream import Entry, Tick
from bharnet_ros.convert import to_action_array, to_action_labels
from bharnet_ros.msg import Action, PersonPose, PersonPoseArray
from bharnet_ros.stamps import nanoseconds, to_time

INFO = ModelInfo("tiny", "1", CLASSES, idle="idle")


class Reports(list):
    def __call__(self, key: str, text: str) -> None:
        self.append((key, text))


def test_a_person_arrives_as_sent():
    reports = Reports()
    frame = to_frame(poses(1.0, pose("ab12c")), UPPER_BODY_11, reports)
    assert reports == []
    assert frame.stamp == START + 1_000_000_000
    (seen,) = frame.people
    wanted = person("ab12c")
    aspect = np.array([640 / 480, 1, 640 / 480, 1], np.float32)
    np.testing.assert_allclose(seen.body, wanted.body * aspect, rtol=1e-6)
    np.testing.assert_allclose(seen.hands, wanted.hands * aspect, rtol=1e-6)


def test_other_layouts_are_converted_and_underscores_do_not_matter():
    message = poses(0.0, PersonPose(body_id="a", body=[0.5] * 4 * 33))
    message.body_layout = "mediapipe33"
    message.hand_layout = "hand21"
    reports = Reports()
    (seen,) = to_frame(message, UPPER_BODY_11, reports).people
    assert (seen.body.shape, reports) == ((11, 4), [])
    assert np.isnan(seen.hands[..., :3]).all()


def test_nobody_is_a_frame():
    assert to_frame(poses(0.0), UPPER_BODY_11, Reports()).people == ()


def broken(**fields) -> PersonPoseArray:
    message = poses(0.0, pose())
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def no_stamp(seconds: int = 0, nanoseconds: int = 0) -> PersonPoseArray:
    message = poses(0.0, pose())
    message.header.stamp.sec, message.header.stamp.nanosec = seconds, nanoseconds
    return message


BAD_MESSAGES = {
    "no stamp": (no_stamp(), "stamp_source:=receive"),
    "negative stamp": (no_stamp(-5), "stamp_source:=receive"),
    "nanoseconds of four seconds": (no_stamp(5, 2**32 - 1), "put whole seconds into sec"),
    "unset coordinates": (broken(coordinates=0), "say IMAGE, CAMERA or BODY"),
    "unknown coordinates": (broken(coordinates=9), "say IMAGE, CAMERA or BODY"),
    "no width": (broken(image_width=0), "must give both"),
    "no height": (broken(image_height=0), "must give both"),
    "mad aspect": (broken(image_width=4_000_000_000), "is no picture"),
    "unknown body": (broken(body_layout="squid_8"), "unknown body_layout 'squid_8'; known:"),
    "unknown hand": (broken(hand_layout="squid_8"), "unknown hand_layout 'squid_8'; known:"),
    "body not named": (broken(body_layout=""), "name their joint order"),
    "hands not named": (broken(hand_layout=""), "name their joint order"),
    "a crowd": (broken(people=[PersonPose()] * 1001), "at most 1000"),
}


@pytest.mark.parametrize("case", BAD_MESSAGES)
def test_bad_message_names_cause_and_cure(case):
    message, text = BAD_MESSAGES[case]
    reports = Reports()
    assert to_frame(message, UPPER_BODY_11, reports) is None
    ((key, said),) = reports
    assert key == "bad_message"
    assert text in said


BAD_PEOPLE = {
    "too few joints": (PersonPose(body_id="bad", body=[0.5] * 40), "needs 44"),
    "not four numbers": (PersonPose(body_id="bad", body=[0.5] * 43), "needs 44"),
    "infinity": (PersonPose(body_id="bad", body=[math.inf] * 44), "write NaN"),
    "pixels": (PersonPose(body_id="bad", body=[1e5] * 44), "check the units"),
    "a hand short": (PersonPose(body_id="bad", left_hand=[0.5] * 80), "left_hand has 80"),
    "infinite hand": (PersonPose(body_id="bad", right_hand=[-math.inf] * 84), "write NaN"),
    "endless id": (PersonPose(body_id="x" * 300), "shorten it"),
}


@pytest.mark.parametrize("case", BAD_PEOPLE)
def test_bad_person_never_costs_the_others(case):
    bad, text = BAD_PEOPLE[case]
    reports = Reports()
    frame = to_frame(poses(0.0, pose("one"), bad, pose("two")), UPPER_BODY_11, reports)
    assert [each.body_id for each in frame.people] == ["one", "two"]
    ((key, said),) = reports
    assert key == "bad_person"
    assert text in said


# The largest that a field may be is written a little below the largest float32.
floats = st.floats(width=32).filter(lambda value: not 3.4e38 < abs(value) < math.inf)
numbers = st.lists(floats, max_size=90) | st.sampled_from(
    [array("f", [value] * count) for value in (0.5, math.nan, math.inf) for count in (44, 84)]
)
wild_person = st.builds(
    PersonPose,
    body_id=st.text(max_size=5),
    confidence=floats,
    body=numbers,
    left_hand=numbers,
    right_hand=numbers,
)


@given(
    st.lists(wild_person, max_size=4),
    st.integers(0, 255),
    st.sampled_from(["upper_body_11", "", "mediapipe_33", "hand_21", "é"]),
    st.integers(0, 2**32 - 1),
    st.integers(-(2**31), 2**31 - 1),
)
def test_wild_messages_never_raise(people, coordinates, layout, width, seconds):
    message = poses(0.0, *people)
    message.coordinates, message.body_layout, message.image_width = coordinates, layout, width
    message.header.stamp.sec = seconds
    reports = Reports()
    frame = to_frame(message, UPPER_BODY_11, reports)
    if frame is None:
        assert [key for key, _ in reports] == ["bad_message"]
        return
    assert len(frame.people) + len(reports) == len(people)
    for each in frame.people:
        assert not np.isinf(each.body).any()
        unseen = np.isnan(each.body[:, 0])
        assert (each.body[unseen, 3] == 0).all()


@given(st.integers(0, 2**31 * 10**9 - 1))
def test_stamps_survive(value):
    assert nanoseconds(to_time(value)) == value


def entry(**decided) -> Entry:
    probabilities = np.array([0.1, 0.7, 0.2], np.float32)
    seen = Prediction(probabilities, probabilities, None, 0.8, 12, START)
    return Entry(
        Decided("ab12c", **{"smoothed": probabilities, "prediction": seen, **decided}),
        person(),
        START + 5,
    )


def test_what_was_decided_arrives():
    event = {"event_id": 7, "class_id": 1, "confidence": 0.7, "onset": START}
    ended = entry(
        state=State.OFFSET, reason=Reason.LOST, offset=START + 3, prediction=None, **event
    )
    tick = Tick(START + 9, (ended, entry(state=State.ONSET, **event), entry(state=State.UNKNOWN)))
    message = to_action_array(tick, INFO, "id", "camera", top_k=2)
    assert (stamp(message.header), message.model_id) == (START + 9, "id")
    offset, onset, unknown = message.actions
    assert (offset.reason, nanoseconds(offset.offset), offset.frames_used) == (2, START + 3, 0)
    assert math.isnan(offset.coverage)
    assert math.isnan(offset.body_score)
    assert (onset.label, onset.class_id, onset.event_id) == ("wave", 1, 7)
    assert onset.confidence == pytest.approx(0.7)
    assert [each.label for each in onset.hypotheses] == ["wave", "yes"]
    assert (onset.frames_used, nanoseconds(onset.window_start)) == (12, START)
    assert onset.body_score == pytest.approx(0.7)
    assert math.isnan(onset.hand_score)
    assert nanoseconds(onset.last_seen) == START + 5
    assert math.isnan(onset.position.x)
    assert (unknown.label, unknown.class_id, unknown.event_id) == ("", -1, 0)
    assert math.isnan(unknown.confidence)
    assert {each.state for each in message.actions} == {
        Action.OFFSET,
        Action.ONSET,
        Action.UNKNOWN,
    }


def test_labels_say_what_may_come():
    config = DecisionConfig()
    message = to_action_labels(INFO, "id", config, 0.2, frozenset({1}), to_time(START))
    assert message.labels == list(CLASSES)
    assert (message.idle_class_id, len(message.window_seconds)) == (0, 3)
    assert message.enter_thresholds[1] == pytest.approx(config.enter_threshold)
    assert math.isnan(message.leave_thresholds[2])
    assert not math.isnan(message.enter_thresholds[0])
    assert message.coordinates == PersonPoseArray.COORDINATES_IMAGE


def test_fifty_people_are_quick():
    rng = np.random.default_rng(0)
    joints = rng.random(4 * len(MEDIAPIPE_33)).astype(np.float32)
    hand = rng.random(84).astype(np.float32)
    message = poses(
        0.0,
        *(
            PersonPose(body_id=str(i), body=joints, left_hand=hand, right_hand=hand)
            for i in range(50)
        ),
    )
    message.body_layout = "mediapipe_33"
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        to_frame(message, UPPER_BODY_11, Reports())
        took.append(time.perf_counter() - begun)
    # A tenth of a second would be a third of a core at 3 Hz; measured: benchmarks/latency.py.
    assert min(took) < 0.1
