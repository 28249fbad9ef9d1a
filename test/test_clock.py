# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What comes on /clock and is no time: nodes pass it over, where rclpy ends the process."""

from __future__ import annotations

import signal

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from builtin_interfaces.msg import Time
from rcl_interfaces.msg import Log
from rcl_interfaces.srv import GetParameters
from robot import DEADLINE, process
from rosgraph_msgs.msg import Clock


@pytest.mark.parametrize(
    ("module", "name", "given"),
    [
        ("node", "bharnet", ["-p", "autostart:=false"]),
        ("camera.node", "bharnet_estimator", ["-p", "autostart:=false"]),
        ("takes", "bharnet_recorder", []),
    ],
)
def test_a_time_before_1970_is_passed_over_and_told(module, name, given):
    arguments = ["-p", "use_sim_time:=true", *given]
    with process(*arguments, python=("-m", f"bharnet_ros.{module}")) as (started, tester):
        told: list[str] = []
        tester.node.create_subscription(Log, "/rosout", lambda log: told.append(log.msg), 10)
        clock = tester.node.create_publisher(Clock, "/clock", 1)
        tester.wait(lambda: clock.get_subscription_count() or started.poll() is not None)

        def heard() -> bool:
            clock.publish(Clock(clock=Time(sec=-1, nanosec=500_000_000)))
            return any("before 1970" in each for each in told) or started.poll() is not None

        tester.wait(heard)
        assert started.poll() is None, started.communicate()[1]
        assert any("begin at 0 or later" in each for each in told)
        clock.publish(Clock(clock=Time(sec=5)))
        asked = GetParameters.Request(names=["use_sim_time"])
        assert tester.ask(GetParameters, f"{name}/get_parameters", asked).values[0].bool_value
        started.send_signal(signal.SIGINT)
        _, errors = started.communicate(timeout=DEADLINE)
        assert (started.returncode, "Traceback" in errors) == (0, False), errors
