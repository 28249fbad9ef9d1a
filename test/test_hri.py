# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS4HRI bodies that come and go.

hri_msgs is not in the package index, so messages that look like its own stand in; where it is
installed, the last test sends the real ones.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

import rclpy
from robot import SUCCESS, in_executor, robot, save_model, start
from std_msgs.msg import Header, String

from bharnet.skeleton import COCO_17
from bharnet_ros import hri
from bharnet_ros.demo.domain import own_domain, ros_context
from bharnet_ros.hri import FrameAssembler, HriBodies, to_person
from bharnet_ros.stamps import nanoseconds, to_time

# The constants of hri_msgs/Skeleton2D, in their order.
JOINTS = (
    "NOSE",
    "NECK",
    *(f"RIGHT_{part}" for part in ("SHOULDER", "ELBOW", "WRIST")),
    *(f"LEFT_{part}" for part in ("SHOULDER", "ELBOW", "WRIST")),
    *(f"RIGHT_{part}" for part in ("HIP", "KNEE", "ANKLE")),
    *(f"LEFT_{part}" for part in ("HIP", "KNEE", "ANKLE")),
    *(f"{side}_{part}" for part in ("EYE", "EAR") for side in ("LEFT", "RIGHT")),
)
SECOND = 1_000_000_000


def header(seconds: float) -> Header:
    return Header(stamp=to_time(round(seconds * SECOND)), frame_id="camera")


def skeleton(seconds: float, count: int = len(JOINTS), unseen: tuple[str, ...] = ()) -> Any:
    """Joint i lies at (i / 100, i / 50)."""
    points = [
        SimpleNamespace(x=i / 100, y=i / 50, c=0.0 if JOINTS[i] in unseen else 0.8)
        for i in range(count)
    ]
    constants = {name: i for i, name in enumerate(JOINTS)}
    return SimpleNamespace(header=header(seconds), skeleton=points, **constants)


def test_joints_by_name() -> None:
    person = to_person(skeleton(1.0, unseen=("LEFT_WRIST",)), "abc12")
    body = np.reshape(person.body, (-1, 4))
    assert person.body_id == "abc12"
    for row, joint in enumerate(COCO_17.joints):
        i = JOINTS.index(joint.upper())
        if joint == "left_wrist":
            assert np.isnan(body[row, :3]).all()
            assert body[row, 3] == 0
        else:
            assert body[row, [0, 1, 3]] == pytest.approx((i / 100, i / 50, 0.8))
            assert np.isnan(body[row, 2])


@pytest.mark.parametrize("count", [0, 3, 17])
def test_a_skeleton_that_is_too_short_has_no_body(count: int) -> None:
    assert list(to_person(skeleton(1.0, count), "abc12").body) == []


class Scene:
    """What an assembler gives out, as (seconds, ids)."""

    def __init__(self) -> None:
        self.assembler = FrameAssembler(640, 480, 0.5)
        self.frames: list[tuple[float, list[str]]] = []

    def take(self, frames: list[Any]) -> None:
        for frame in frames:
            assert (frame.image_width, frame.image_height) == (640, 480)
            seconds = nanoseconds(frame.header.stamp) / SECOND
            self.frames.append((seconds, [each.body_id for each in frame.people]))

    def track(self, seconds: float, *ids: str) -> None:
        self.take(self.assembler.track(frozenset(ids), header(seconds)))

    def put(self, seconds: float, body_id: str) -> None:
        self.take(self.assembler.put(body_id, skeleton(seconds)))


def test_bodies_of_one_picture_make_one_frame() -> None:
    scene = Scene()
    scene.track(1.0, "a", "b")
    for second in (1.0, 1.1):
        scene.put(second, "a")
        scene.put(second, "b")
    assert scene.frames == [(1.0, ["a", "b"]), (1.1, ["a", "b"])]


def test_one_that_is_silent_delays_by_one_picture_only() -> None:
    scene = Scene()
    scene.track(1.0, "a", "b")
    for second in (1.0, 1.1, 1.2):
        scene.put(second, "a")
    assert scene.frames == [(1.0, ["a"]), (1.1, ["a"])]


def test_they_come_and_go() -> None:
    scene = Scene()
    scene.track(1.0, "a")
    scene.put(1.0, "a")
    scene.track(1.1, "a", "b")
    scene.put(1.1, "b")
    scene.put(1.1, "a")
    scene.track(1.2, "b")
    scene.put(1.2, "b")
    scene.track(1.3)  # nobody is there: a frame all the same
    assert scene.frames == [(1.0, ["a"]), (1.1, ["b", "a"]), (1.2, ["b"]), (1.3, [])]


def test_one_without_a_stamp_is_passed_on_alone() -> None:
    """Whether it is refused in words or stamped on arrival is decided behind."""
    scene = Scene()
    scene.track(10.0, "a", "b")
    scene.put(10.0, "a")
    scene.put(0.0, "b")
    scene.put(10.0, "b")
    assert scene.frames == [(0.0, ["b"]), (10.0, ["a", "b"])]


def test_nanoseconds_of_four_seconds_are_no_stamp() -> None:
    """Else time would seem to have begun anew with the next one."""
    scene = Scene()
    scene.track(10.0, "a", "b")
    scene.put(10.0, "a")
    ahead = skeleton(10.0)
    ahead.header.stamp.nanosec = 2**32 - 1
    scene.take(scene.assembler.put("b", ahead))
    scene.put(10.0, "b")
    scene.put(10.0, "a")  # is done
    assert [names for _, names in scene.frames] == [["b"], ["a", "b"]]


def test_one_without_a_stamp_does_not_reopen_what_is_done() -> None:
    scene = Scene()
    scene.track(10.0, "a")
    scene.put(10.0, "a")
    scene.put(0.0, "a")
    scene.put(9.9, "a")  # late: its moment is over
    assert scene.frames == [(10.0, ["a"]), (0.0, ["a"])]


@pytest.fixture
def hearing(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[SimpleNamespace]:
    """Bodies of a node, told of by hand: what a tracker of ROS4HRI would publish.

    A parameter is a topic that the list of bodies is remapped to.
    """
    standing_in = ModuleType("hri_msgs.msg")
    standing_in.IdsList = standing_in.Skeleton2D = String  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hri_msgs", ModuleType("hri_msgs"))
    monkeypatch.setitem(sys.modules, "hri_msgs.msg", standing_in)
    frames: list[Any] = []
    told: list[str] = []
    with own_domain() as domain, ros_context(domain) as context:
        topic = getattr(request, "param", "/humans/bodies/tracked")
        arguments = ["--ros-args", "-r", f"/humans/bodies/tracked:={topic}"]
        node = rclpy.create_node("robot", context=context, cli_args=arguments)
        assembler = FrameAssembler(640, 480, 0.5)
        bodies = HriBodies(node, assembler, frames.append, lambda _, text: told.append(text))
        yield SimpleNamespace(node=node, bodies=bodies, frames=frames, told=told)
        bodies.close()
        node.destroy_node()


def track(hearing: SimpleNamespace, seconds: float, *ids: str) -> None:
    hearing.bodies._on_ids(SimpleNamespace(ids=list(ids), header=header(seconds)))


@pytest.mark.parametrize("wrong", ["", "1abc", "a-b", "x" * 300, "{who}", "{node}"])
def test_an_id_that_cannot_be_in_a_topic_costs_nobody_else(
    hearing: SimpleNamespace, wrong: str
) -> None:
    """Raised in a callback, it would end the process."""
    track(hearing, 1.0, wrong)
    assert hearing.frames == []  # somebody is there, who cannot be heard
    track(hearing, 1.1, "abc12", wrong)
    hearing.bodies._on_skeleton("abc12", skeleton(1.1))
    assert [each.body_id for frame in hearing.frames for each in frame.people] == ["abc12"]
    assert "its id cannot be part of a topic's name" in hearing.told[0]


def test_a_list_without_end_costs_no_subscriptions_without_end(
    hearing: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hri, "MOST_BODIES", 3)
    before = len(list(hearing.node.subscriptions))
    track(hearing, 1.0, "a", "b")
    track(hearing, 1.1, *"abcdef")
    assert len(list(hearing.node.subscriptions)) == before + 3
    assert "lists 6 bodies, 3 are followed at most: 3 are ignored" in hearing.told[0]
    track(hearing, 1.2, "b", "f")  # whoever leaves makes room
    assert len(list(hearing.node.subscriptions)) == before + 2


@pytest.mark.parametrize(
    ("hearing", "prefix"),
    [
        ("/robot1/humans/bodies/tracked", "/robot1/humans/bodies"),
        ("/seen", "/humans/bodies"),  # says nothing of where bodies are
    ],
    indirect=["hearing"],
)
def test_of_several_robots_each_may_have_its_own_people(
    hearing: SimpleNamespace, prefix: str
) -> None:
    track(hearing, 1.0, "abc12")
    topics = {each.topic_name for each in hearing.node.subscriptions}
    assert topics == {hearing.bodies.topic, f"{prefix}/abc12/skeleton2d"}
    assert hearing.bodies.topic != "/humans/bodies/tracked"  # as its messages name it


def test_nothing_is_left_of_those_who_left(hearing: SimpleNamespace) -> None:
    node = hearing.node
    before = len(list(node.subscriptions)), len(node._parameters)
    for number in range(20):
        track(hearing, 1.0 + number, f"body{number}")
    track(hearing, 30.0)
    assert (len(list(node.subscriptions)), len(node._parameters)) == before


def test_late_ones_are_dropped_and_time_may_begin_anew() -> None:
    scene = Scene()
    scene.track(10.0, "a")
    scene.put(10.0, "a")
    scene.put(9.8, "a")
    scene.put(10.0, "a")
    assert scene.frames == [(10.0, ["a"])]
    scene.put(1.0, "a")
    scene.put(1.1, "a")
    assert scene.frames[1:] == [(1.0, ["a"]), (1.1, ["a"])]


installed = importlib.util.find_spec("hri_msgs") is not None


@pytest.mark.skipif(installed, reason="hri_msgs is installed here")
def test_without_hri_msgs_it_is_said(tmp_path) -> None:
    with robot(model=str(save_model(tmp_path / "tiny.safetensors")), input="hri") as (
        node,
        tester,
    ):
        in_executor(node, node.trigger_configure)
        assert in_executor(node, node.trigger_activate) != SUCCESS
        tester.wait(lambda: any("input:=hri needs hri_msgs" in line for line in tester.log))


@pytest.mark.skipif(not installed, reason="hri_msgs is not in the package index; apt has it")
def test_the_real_messages_are_heard(tmp_path) -> None:
    from hri_msgs.msg import IdsList, NormalizedPointOfInterest2D, Skeleton2D

    assert [getattr(Skeleton2D, name) for name in JOINTS] == list(range(len(JOINTS)))
    model = str(save_model(tmp_path / "tiny.safetensors"))
    with robot(model=model, input="hri") as (node, tester):
        start(node)
        tracked = tester.node.create_publisher(IdsList, "/humans/bodies/tracked", 1)
        seen = tester.node.create_publisher(Skeleton2D, "/humans/bodies/abc12/skeleton2d", 100)
        tester.wait(tracked.get_subscription_count)
        tracked.publish(IdsList(header=header(1.0), ids=["abc12"]))
        tester.wait(seen.get_subscription_count)
        joints = [
            NormalizedPointOfInterest2D(x=each.x, y=each.y, c=each.c)
            for each in skeleton(1.0).skeleton
        ]
        numbers = itertools.count()

        def seen_whole() -> bool:
            seen.publish(Skeleton2D(header=header(1.0 + next(numbers) / 10), skeleton=joints))
            told = tester.actions[-1].actions if tester.actions else []
            return [(each.body_id, each.coverage) for each in told] == [("abc12", 1.0)]

        tester.wait(seen_whole)
