# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The estimator's node as it starts, stops, fails and is left alone: nothing leaks."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from camera import camera
from people import START
from pictures import rgb, set_stamp
from rclpy.qos import QoSProfile, ReliabilityPolicy
from robot import DEADLINE, SUCCESS, heard, in_executor, set_parameter, stamp, start
from sensor_msgs.msg import CameraInfo, Image

from bharnet import source
from bharnet.window import NANOSECONDS
from bharnet_ros.camera import health, worker
from bharnet_ros.camera.guardian import ALIVE, DEAF, SEEING


def test_static_parameters_wait_for_cleanup():
    with camera() as (node, *_):
        assert in_executor(node, node.trigger_configure) == SUCCESS
        assert "only while the node is unconfigured" in set_parameter(node, "rotate", 90)
        assert in_executor(node, node.trigger_cleanup) == SUCCESS
        assert set_parameter(node, "rotate", 90) == ""


def test_camera_stops_and_returns(monkeypatch):
    monkeypatch.setattr(health, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(health, "SILENT_SECONDS", 0.2)
    with camera() as (node, photographer, _):
        start(node)
        before = photographer.ready().shoot(0.0)
        photographer.said("no pictures arrive on /image")
        photographer.tells(**{"input rate (Hz)": "0.0"})
        again = photographer.shoot(0.5)
        assert again.people[0].body_id == before.people[0].body_id


def test_whether_pictures_come_is_told_to_the_guardian(monkeypatch):
    with camera() as (node, photographer, _):
        assert node.senses == ALIVE
        start(node)
        photographer.ready()
        assert node.senses == ALIVE  # there was no time yet
        monkeypatch.setattr(health, "DEAF_SECONDS", 0.0)
        photographer.wait(lambda: node.senses == DEAF)
        photographer.shoot(0.0)
        photographer.wait(lambda: node.senses == SEEING)
        in_executor(node, node.trigger_deactivate)
        assert node.senses == ALIVE


def test_its_guardian_learns_that_the_executor_is_stuck():
    """Its worker waits for pictures then, and would never be thought to hang."""
    stuck = threading.Event()
    with camera() as (node, photographer, _):
        start(node)
        photographer.ready().shoot(0.0)
        node.executor.create_task(lambda: stuck.wait(60))
        try:
            photographer.wait(lambda: node.busy_seconds > 0.5)
        finally:
            stuck.set()
        photographer.shoot(0.1)
        photographer.wait(lambda: node.busy_seconds < 0.5)
        in_executor(node, node.trigger_deactivate)
        assert node.busy_seconds == 0.0


def test_a_camera_that_offers_best_effort_only_is_heard(monkeypatch):
    monkeypatch.setattr(source, "HOLD_SECONDS", 0.0)  # it takes over at once
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0)
        before = in_executor(node, lambda: held(node))
        weak = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        other = photographer.node.create_publisher(Image, "image", weak)
        photographer.said("offers best effort only")
        # Both are heard from now on.
        photographer.ready()
        photographer.wait(other.get_subscription_count)
        (input_,) = [each for each in node.subscriptions if each.topic_name == "/image"]
        photographer.wait(lambda: heard(node, input_) == 2)
        photographer.shoot(0.1)
        other.publish(set_stamp(rgb(), START + NANOSECONDS))
        photographer.wait(lambda: START + NANOSECONDS in fake.stamps)
        assert in_executor(node, lambda: held(node)) == before


def test_only_what_is_offered_best_effort_is_heard_so():
    """Else raw pictures would be lost for the sake of a camera_info."""
    with camera(use_depth=True) as (node, photographer, _):
        start(node)
        photographer.ready()
        weak = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        other = photographer.node.create_publisher(CameraInfo, "camera_info", weak)
        photographer.said("a camera on /camera_info offers best effort only")
        photographer.wait(other.get_subscription_count)
        (heard,) = photographer.node.get_subscriptions_info_by_topic("/image")
        assert heard.qos_profile.reliability == ReliabilityPolicy.RELIABLE
        photographer.ready()


def test_an_estimator_that_fails_begins_anew_and_goes_on():
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0)
        fake.failures = [RuntimeError("the graph has an error")]
        photographer.show(0.1)
        photographer.said("estimation failed: RuntimeError: the graph has an error")
        assert fake.resets == 1
        photographer.shoot(0.2)
        photographer.tells(refused="1", pictures_estimated="2")


def test_a_node_ends_though_its_estimator_hangs(monkeypatch):
    monkeypatch.setattr(worker, "CLOSE_SECONDS", 0.1)
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0)
        fake.entered.acquire()
        thread, late = node._worker._thread, node._people
        fake.gate.clear()
        photographer.show(0.1)
        photographer.wait(lambda: fake.entered.acquire(blocking=False))
        assert in_executor(node, node.trigger_deactivate) == SUCCESS
        assert any("is left behind" in line for line in photographer.log)
        assert (fake.resets, fake.closed) == (0, False)  # it is in use
        # Another takes over; what the old one says at last is not heard.
        assert in_executor(node, node.trigger_activate) == SUCCESS
        assert node._people is not late
        fake.gate.set()
        thread.join(DEADLINE)
        assert fake.closed
        photographer.ready().shoot(10.0)
        assert [stamp(each.header) for each in photographer.poses] == [
            START,
            START + 10 * NANOSECONDS,
        ]
        # Nor does a clean-up wait for one that hangs.
        fake.closed = False
        fake.gate.clear()
        photographer.show(10.1)
        photographer.wait(lambda: len(fake.stamps) == 4)
        assert in_executor(node, node.trigger_deactivate) == SUCCESS
        assert in_executor(node, node.trigger_cleanup) == SUCCESS
        assert not fake.closed


def held(node) -> dict[str, int]:
    """What may leak."""
    kinds = ("publishers", "subscriptions", "timers", "guards", "waitables", "services", "clients")
    return {
        **{kind: len(list(getattr(node, kind))) for kind in kinds},
        "threads": threading.active_count(),
    }


def test_a_hundred_cycles_leave_nothing_behind():
    with camera() as (node, _, fake):

        def cycle() -> None:
            assert node.trigger_activate() == SUCCESS
            assert node.trigger_deactivate() == SUCCESS

        in_executor(node, node.trigger_configure)
        in_executor(node, cycle)
        before = in_executor(node, lambda: held(node))
        for _ in range(100):
            in_executor(node, cycle)
        assert in_executor(node, lambda: held(node)) == before
        in_executor(node, node.trigger_cleanup)
        assert fake.closed


def test_people_are_seen_after_several_cycles():
    with camera() as (node, photographer, _):
        in_executor(node, node.trigger_configure)
        for number in range(5):
            in_executor(node, node.trigger_activate)
            photographer.ready().shoot(float(number))
            in_executor(node, node.trigger_deactivate)


def test_people_are_seen_after_a_hundred_cycles():
    with camera() as (node, photographer, _):

        def cycle() -> None:
            assert node.trigger_activate() == SUCCESS
            assert node.trigger_deactivate() == SUCCESS

        start(node)
        # Cycles while two processes still discover each other: docs/reliability.md.
        photographer.ready().shoot(0.0)
        in_executor(node, node.trigger_deactivate)
        for _ in range(100):
            in_executor(node, cycle)
        in_executor(node, node.trigger_activate)
        photographer.ready().shoot(1.0)


def test_ids_are_not_used_again_after_a_deactivation():
    with camera() as (node, photographer, _):
        start(node)
        before = photographer.ready().shoot(0.0).people[0].body_id
        in_executor(node, node.trigger_deactivate)
        in_executor(node, node.trigger_activate)
        assert photographer.ready().shoot(0.1).people[0].body_id != before
