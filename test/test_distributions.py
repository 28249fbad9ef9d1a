# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What differs between distributions of ROS 2: others' ways, forced on the one that is here."""

from __future__ import annotations

import importlib
import sys
import types

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from camera import camera
from rclpy.subscription import Subscription
from robot import pose, robot, start

from bharnet_ros import distributions
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
