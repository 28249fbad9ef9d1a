# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What differs between distributions of ROS 2: others' ways, forced on the one that is here."""

from __future__ import annotations

import importlib
import os
import sys
import types

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from camera import camera
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.parameter import Parameter
from rclpy.subscription import Subscription
from robot import pose, robot, start

from bharnet_ros import distributions, takes
from bharnet_ros.demo.domain import own_domain, ros_context
from bharnet_ros.msg import Action


@pytest.fixture
def humble(monkeypatch):
    """Subscriptions call back with the message alone."""
    monkeypatch.setattr(distributions, "TELLS_INFO", False)


def test_names_of_humble(monkeypatch):
    """Its rclpy has qos_event instead of event_handler, and no CallbackType."""
    old = types.SimpleNamespace(SubscriptionEventCallbacks=object())
    with monkeypatch.context() as context:
        context.setitem(sys.modules, "rclpy.event_handler", None)
        context.setitem(sys.modules, "rclpy.qos_event", old)
        context.delattr(Subscription, "CallbackType", raising=False)
        found = importlib.reload(distributions)
        assert found.SubscriptionEventCallbacks is old.SubscriptionEventCallbacks
        assert not found.TELLS_INFO
    importlib.reload(distributions)


def test_poses_are_heard_without_info(model, humble):
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready().play(pose(), seconds=1.0)
        assert tester.saw(Action.ONSET)


def test_pictures_are_heard_without_info(humble):
    with camera() as (node, photographer, _):
        start(node)
        assert len(photographer.ready().shoot(0.0).people) == 1


def test_a_recorder_whose_parameters_are_wrong_can_be_destroyed(monkeypatch):
    """As Kilted's rclpy does itself, when it is shut down."""
    made, declare = [], takes.declare_all

    def declare_all(node, table):
        made.append(node)
        return declare(node, table)

    monkeypatch.setattr(takes, "declare_all", declare_all)
    wrong = [Parameter("seconds", value=5)]
    with own_domain() as domain, ros_context(domain) as context:
        with pytest.raises(InvalidParameterTypeException):
            takes.RecorderNode(context=context, parameter_overrides=wrong)
        made[0].destroy_node()


@pytest.mark.parametrize(("distribution", "told"), [("humble", "1"), ("jazzy", "")])
def test_a_domain_of_ones_own_stays_on_this_machine(monkeypatch, distribution, told):
    """Jazzy would warn of Humble's variable in every process."""
    monkeypatch.setenv("ROS_DISTRO", distribution)
    monkeypatch.setenv("ROS_LOCALHOST_ONLY", "")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "")
    with own_domain():
        assert os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
        assert os.environ["ROS_LOCALHOST_ONLY"] == told
