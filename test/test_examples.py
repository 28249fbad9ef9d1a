# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The example controller on real DDS: it comes, it stops, and it stands still when in doubt."""

from __future__ import annotations

import importlib.util
import time

import pytest
from conftest import ROOT

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

import rclpy
from geometry_msgs.msg import Twist
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from bharnet_ros.demo.domain import own_domain
from bharnet_ros.msg import Action, ActionArray

DEADLINE = 20.0


class World:
    """Tells the robot what people do; knows how fast it drives."""

    def __init__(self, obey, robot, outside):
        self.obey, self.speed = obey, []
        self.node = rclpy.create_node("world", context=outside)
        self.executor, self.other = (
            SingleThreadedExecutor(context=context) for context in (outside, robot)
        )
        self.executor.add_node(self.node)
        self.other.add_node(obey)
        self.publisher = self.node.create_publisher(ActionArray, "bharnet/actions", 10)
        self.node.create_subscription(
            Twist, "cmd_vel", lambda message: self.speed.append(message.linear.x), 10
        )
        self.wait(lambda: self.publisher.get_subscription_count() and self.speed)

    def wait(self, until):
        deadline = time.monotonic() + DEADLINE
        while not until():
            assert time.monotonic() < deadline
            self.executor.spin_once(timeout_sec=0.01)
            self.other.spin_once(timeout_sec=0.01)

    def tell(self, *actions):
        self.obey._heard = 0.0
        self.publisher.publish(ActionArray(actions=list(actions)))
        self.wait(lambda: self.obey._heard)

    def drives(self, speed):
        """Wait until it does: the newest command says so."""
        self.speed.clear()
        self.wait(lambda: self.speed and self.speed[-1] == pytest.approx(speed))


def action(body, label="", state=Action.ONSET, confidence=0.9, reason=Action.REASON_NONE):
    return Action(body_id=body, label=label, state=state, confidence=confidence, reason=reason)


@pytest.fixture
def example():
    spec = importlib.util.spec_from_file_location("obey", ROOT / "examples" / "obey.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def world(example):
    with own_domain() as domain:
        robot, outside = rclpy.Context(), rclpy.Context()
        for each in (robot, outside):
            rclpy.init(context=each, domain_id=domain)
        made = World(example.Obey(context=robot), robot, outside)
        yield made
        made.obey.destroy_node()
        made.node.destroy_node()
        for each in (robot, outside):
            rclpy.shutdown(context=each)


def test_it_comes_and_stops(world):
    world.tell(action("ab12c", "follow_me", confidence=0.3))
    world.tell(action("ab12c", "hello"))
    world.drives(0.0)
    world.tell(action("ab12c", "follow_me"))
    world.drives(0.2)
    world.tell(action("ab12c", state=Action.IDLE), action("cd34e", "dont"))
    world.drives(0.0)


def test_of_one_message_stop_has_the_last_word(world):
    world.tell(action("cd34e", "dont"), action("ab12c", "follow_me"))
    assert world.obey.master == ""


def test_it_stands_still_while_stop_is_said(world):
    """However sure that is, and though its beginning was not heard."""
    world.tell(action("ab12c", "follow_me"))
    assert world.obey.master == "ab12c"
    going_on = action("cd34e", "dont", Action.ONGOING, confidence=0.3)
    world.tell(action("ab12c", "follow_me", Action.ONGOING), going_on)
    assert world.obey.master == ""
    world.tell(action("ab12c", "follow_me"), going_on)
    assert world.obey.master == ""
    world.tell(action("ab12c", "follow_me"), action("cd34e", "dont", Action.OFFSET))
    assert world.obey.master == "ab12c"


def test_it_stands_still_when_who_called_has_left(world):
    world.tell(action("ab12c", "follow_me"), action("cd34e", state=Action.IDLE))
    world.drives(0.2)
    gone = action("ab12c", "follow_me", Action.OFFSET, reason=Action.REASON_LOST)
    world.tell(gone, action("cd34e", state=Action.IDLE))
    world.drives(0.0)


def test_it_stands_still_when_the_recogniser_is_silent(world):
    world.tell(action("ab12c", "follow_me"))
    world.drives(0.2)
    world.drives(0.0)  # nothing was said meanwhile


@pytest.mark.parametrize("ended", [KeyboardInterrupt, ExternalShutdownException])
def test_to_end_it_is_no_error(example, monkeypatch, ended):
    def spin(node):
        raise ended

    monkeypatch.setattr(example, "Obey", object)
    for name, function in (("init", lambda: None), ("spin", spin)):
        monkeypatch.setattr(rclpy, name, function)
    example.main()
