# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The estimator's node on real DDS: pictures in, poses out, at any load."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from camera import camera
from people import START
from pictures import HEIGHT, WIDTH, compressed, image, rgb, scene
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter
from robot import heard, in_executor, set_parameter, stamp, start
from sensor_msgs.msg import Image

from bharnet.window import NANOSECONDS
from bharnet_ros.camera import node as camera_node
from bharnet_ros.camera.guardian import ALIVE, SEEING
from bharnet_ros.camera.inputs import CameraInput
from bharnet_ros.camera.worker import FrameRate
from bharnet_ros.msg import Action, ActionArray, PersonPoseArray
from bharnet_ros.stamps import to_time


def test_pictures_in_poses_out():
    with camera() as (node, photographer, fake):
        start(node)
        found = photographer.ready().shoot(0.0)
        assert (stamp(found.header), found.header.frame_id) == (START, "camera_optical_frame")
        assert (found.estimator, found.body_layout, found.hand_layout) == (
            "fake",
            "upper_body_11",
            "hand_21",
        )
        assert found.coordinates == PersonPoseArray.COORDINATES_IMAGE
        assert (found.image_width, found.image_height) == (WIDTH, HEIGHT)
        (person,) = found.people
        assert np.allclose(np.reshape(person.body, (-1, 4)), fake.people[0].body)
        assert len(person.left_hand) == 84
        ids = {photographer.shoot(0.1 * i).people[0].body_id for i in range(1, 5)}
        assert ids == {person.body_id} != {""}
        # Nobody is there: told all the same, for silence would look like a dead camera.
        fake.people = []
        assert list(photographer.shoot(1.0).people) == []


def test_its_heart_beats_while_it_is_activated(monkeypatch):
    """In a thread of its own: an error there, and the guardian would start the node again."""
    senses = []

    def open_camera(node, *arguments):
        senses.append(node.senses)
        return CameraInput(node, *arguments)

    monkeypatch.setattr(camera_node, "CameraInput", open_camera)
    with camera() as (node, photographer, _):
        start(node)
        photographer.ready().shoot(0.0)
        photographer.wait(lambda: node.senses == SEEING)
    assert senses == [ALIVE]


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_compressed(kind):
    with camera(transport="compressed") as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0, compressed(kind))
        assert fake.shapes == [(HEIGHT, WIDTH, 3)]


@pytest.mark.parametrize(
    ("rotate", "mirrored", "corner"),
    [(0, True, (0, -1)), (90, False, (-1, 0)), (180, False, (-1, -1)), (270, False, (0, -1))],
)
def test_pictures_are_turned_upright(rotate, mirrored, corner):
    with camera(rotate=rotate, mirrored=mirrored) as (node, photographer, fake):
        seen = []
        look = fake.estimate
        fake.estimate = lambda picture, when: (seen.append(picture.copy()), look(picture, when))[1]
        start(node)
        found = photographer.ready().shoot(0.0)
        # What the camera shows at its upper left has come to the place of this corner.
        assert seen[0][0, 0].tolist() == scene()[corner].tolist()
        turned = rotate in (90, 270)
        assert (found.image_width, found.image_height) == (
            (HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT)
        )


def test_newest_wins_and_the_others_are_counted():
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready()
        fake.gate.clear()
        photographer.show(0.0)
        assert fake.entered.acquire(timeout=20)
        for i in range(1, 10):
            photographer.show(0.1 * i)
        photographer.tells(pictures_received="10", dropped_for_a_newer_one="8")
        fake.gate.set()
        photographer.wait(lambda: len(photographer.poses) == 2)
        # The one in hand, and then the newest: none between.
        assert fake.stamps == [START, START + round(0.9 * NANOSECONDS)]
        photographer.tells(pictures_estimated="2")


def test_parameters_answer_while_the_estimator_is_held():
    """It is held for as long as it takes: no answer may depend on its coming back."""
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready()
        fake.gate.clear()
        photographer.show(0.0)
        assert fake.entered.acquire(timeout=20)
        names = GetParameters.Request(names=["frame_rate", "estimator"])
        given = Parameter("frame_rate", value=5.0).to_parameter_msg()
        ask, name = photographer.ask, "bharnet_estimator"
        for _ in range(20):
            photographer.show(0.1)
            answer = ask(GetParameters, f"{name}/get_parameters", names)
            assert answer.values[1].string_value == "mediapipe"
        (result,) = ask(
            SetParameters, f"{name}/set_parameters", SetParameters.Request(parameters=[given])
        ).results
        assert result.successful
        assert node.settings["frame_rate"] == 5.0
        assert len(fake.stamps) == 1
        assert not fake.gate.is_set()


def test_frame_rate_is_kept_and_may_change():
    with camera(frame_rate=10.0) as (node, photographer, fake):
        start(node)
        photographer.ready()
        for i in range(30):  # 30 Hz
            photographer.show(i / 30)
            photographer.wait(lambda i=i: len(fake.stamps) > i // 3)
        photographer.tells(pictures_estimated="10", dropped_for_the_frame_rate="20")
        assert set_parameter(node, "frame_rate", 0.0) == ""
        for i in range(30, 33):
            photographer.shoot(i / 30)
        assert set_parameter(node, "frame_rate", -1.0) != ""


@pytest.mark.parametrize(
    ("camera_rate", "rate", "taken"), [(30, 10, 10), (30, 12, 12), (29.97, 15, 15), (10, 30, 10)]
)
def test_frame_rate(camera_rate, rate, taken):
    pace = FrameRate(rate)
    rng = np.random.default_rng(0)
    seconds = (np.arange(300) + rng.uniform(-0.1, 0.1, 300)) / (camera_rate)
    kept = [s for s in seconds if pace.takes(START + round(s * NANOSECONDS))]
    assert len(kept) / seconds[-1] == pytest.approx(taken, rel=0.05)
    # Time jumps back by hours, or there was a pause: it goes on at once.
    assert pace.takes(START - 7200 * NANOSECONDS)
    assert pace.takes(START + 7200 * NANOSECONDS)


def test_debug_image_only_where_somebody_looks():
    with camera() as (node, photographer, _):
        start(node)
        body = photographer.ready().shoot(0.0).people[0].body_id
        seen = []
        looker = photographer.node.create_subscription(
            Image, "bharnet_estimator/debug_image", seen.append, 10
        )
        photographer.wait(lambda: photographer.node.count_publishers(looker.topic_name))
        photographer.wait(lambda: heard(photographer.node, looker))
        photographer.wait(lambda: in_executor(node, node._debug.get_subscription_count))
        # What the recogniser says of this body is written beside it.
        says = photographer.node.create_publisher(ActionArray, "bharnet/actions", 10)
        photographer.wait(says.get_subscription_count)
        photographer.wait(lambda: heard(node, node._actions))
        told = ActionArray(actions=[Action(body_id=body, label="wave", state=Action.ONGOING)])
        told.header.stamp = to_time(START)
        says.publish(told)
        photographer.wait(lambda: node._captions)
        assert node._captions[body].label == "wave"
        sent = photographer.show(0.1, rgb(scene(320, 240)))
        photographer.wait(lambda: seen)
        (drawn,) = seen
        assert (drawn.width, drawn.height, drawn.encoding) == (320, 240, "rgb8")
        assert drawn.header == sent.header
        assert bytes(drawn.data) != bytes(sent.data)
        # They look away: nothing is drawn any more.
        photographer.node.destroy_subscription(looker)
        photographer.wait(lambda: not in_executor(node, node._debug.get_subscription_count))
        photographer.shoot(0.2)
        assert not in_executor(node, lambda: node._watched)


def test_captions_do_not_outlive_the_recogniser(monkeypatch):
    with camera() as (node, photographer, _):
        start(node)
        body = photographer.ready().shoot(0.0).people[0].body_id
        told = ActionArray(actions=[Action(body_id=body, label="wave", state=Action.ONGOING)])
        in_executor(node, lambda: node._on_actions(told))
        photographer.shoot(0.1)
        assert node._captions[body].label == "wave"
        monkeypatch.setattr(camera_node, "CAPTION_SECONDS", 0.0)  # it has been silent for longer
        photographer.shoot(0.2)
        assert node._captions == {}


def test_ages_and_shares_are_told():
    with camera() as (node, photographer, _):
        start(node)
        photographer.ready()
        says = photographer.node.create_publisher(ActionArray, "bharnet/actions", 10)
        photographer.wait(says.get_subscription_count)
        photographer.wait(lambda: heard(node, node._actions))
        result = ActionArray(header=photographer.shoot(0.0).header)
        says.publish(result)
        photographer.wait(
            lambda: (
                photographer.diagnostics
                and photographer.diagnostics[-1]["result age p95 (ms)"] != "nan"
            )
        )
        told = {key: value for key, value in photographer.diagnostics[-1].items() if "(ms)" in key}
        assert len(told) == 8
        assert all(float(value) >= 0 for value in told.values())
        assert float(told["pose age p50 (ms)"]) >= float(told["estimator p50 (ms)"])
        assert float(told["result age p50 (ms)"]) > float(told["pose age p50 (ms)"])


def test_receive_stamps_where_the_camera_has_none():
    with camera(stamp_source="receive") as (node, photographer, _):
        start(node)
        photographer.ready()
        before = time.time_ns()
        photographer.cameras[Image].publish(rgb())
        photographer.wait(lambda: photographer.poses)
        assert before <= stamp(photographer.poses[0].header) <= time.time_ns()


def test_padded_rows_and_4k():
    large = scene(3840, 2160)
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0, image(large, "rgb8", padding=64))
        photographer.shoot(0.1, image(large, "rgb8"))
        assert fake.shapes == [(2160, 3840, 3)] * 2


def test_compressed_4k():
    with camera(transport="compressed") as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0, compressed(".jpg", scene(3840, 2160)))
        assert fake.shapes == [(2160, 3840, 3)]
