# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults with real processes: the source and the recogniser killed, its file damaged."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from rcl_interfaces.srv import SetParameters
from rclpy.duration import Duration
from rclpy.parameter import Parameter
from rclpy.serialization import serialize_message
from robot import (
    DEADLINE,
    ON_FAST_DDS,
    Tester,
    in_executor,
    pose,
    poses,
    process,
    robot,
    save_model,
    stamp,
    start,
)

from bharnet_ros.msg import Action, ActionArray
from bharnet_ros.stamps import nanoseconds

# Somebody standing, ten times a second by the wall's clock.
SOURCE = """
import pathlib, sys, time, rclpy
from rclpy.serialization import deserialize_message
from bharnet_ros.msg import PersonPoseArray
from bharnet_ros.stamps import to_time
rclpy.init()
node = rclpy.create_node("source")
publisher = node.create_publisher(PersonPoseArray, "bharnet/poses", 10)
message = deserialize_message(pathlib.Path(sys.argv[1]).read_bytes(), PersonPoseArray)

def tell():
    message.header.stamp = to_time(time.time_ns())
    publisher.publish(message)

node.create_timer(0.1, tell)
rclpy.spin(node)
"""

# Hears the actions, reliably.
LISTENER = """
import rclpy
from bharnet_ros.msg import ActionArray
rclpy.init()
node = rclpy.create_node("listener")
node.create_subscription(ActionArray, "/bharnet/actions", lambda message: None, 10)
rclpy.spin(node)
"""


def environment(tester: Tester) -> dict[str, str]:
    """For processes in the same domain."""
    return {**os.environ, "ROS_DOMAIN_ID": str(tester.node.context.get_domain_id())}


@contextlib.contextmanager
def source(tester: Tester, folder: Path, body_id: str) -> Iterator[subprocess.Popen[bytes]]:
    """A pose source of its own, killed at the end as by a crash."""
    path = folder / body_id
    path.write_bytes(serialize_message(poses(0.0, pose(body_id))))
    command = [sys.executable, "-c", SOURCE, str(path)]
    started = subprocess.Popen(command, env=environment(tester))
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def people(tester: Tester) -> set[str]:
    """Of the newest result."""
    return {each.body_id for each in tester.actions[-1].actions}


def test_a_source_is_killed_and_started_again_and_the_model_is_damaged_meanwhile(tmp_path):
    model = save_model(tmp_path / "tiny.safetensors")
    with process("-p", f"model:={model}") as (_, tester):
        tester.ready()
        with source(tester, tmp_path, "first"):
            tester.wait(lambda: tester.saw(Action.ONSET, "first"))
            # In place, so that a mapped file would be gone from under the network.
            os.truncate(model, 100)
        tester.wait(lambda: tester.saw(Action.OFFSET, "first"))
        (offset,) = tester.saw(Action.OFFSET, "first")
        assert offset.reason == Action.REASON_INPUT_STOPPED
        with source(tester, tmp_path, "second"):
            tester.wait(lambda: tester.saw(Action.ONSET, "second"))
            assert people(tester) == {"second"}
            assert tester.saw(Action.ONSET, "second")[0].event_id == offset.event_id + 1
            # The next load fails with a sentence, and costs nothing.
            device = Parameter("device", value="cpu").to_parameter_msg()
            asked = SetParameters.Request(parameters=[device])
            (result,) = tester.ask(SetParameters, "bharnet/set_parameters", asked).results
            assert not result.successful
            assert str(model) in result.reason
            assert "copy or export it again" in result.reason
            told = len(tester.actions)
            tester.wait(lambda: len(tester.actions) > told + 3)
            assert people(tester) == {"second"}
            assert len(tester.saw(Action.ONSET, "second")) == 1


def test_the_recogniser_is_killed_and_started_again_in_mid_stream(tmp_path):
    model = save_model(tmp_path / "tiny.safetensors")
    with (
        process("-p", f"model:={model}") as (started, tester),
        source(tester, tmp_path, "person"),
    ):
        tester.wait(lambda: tester.saw(Action.ONGOING, "person"))
        started.kill()
        started.wait(DEADLINE)
        labels, told = len(tester.labels), len(tester.actions)
        killed = tester.actions[-1].header
        again = subprocess.Popen(started.args, env=environment(tester))
        try:
            # Its ONSET may be told before it is found here.
            tester.wait(
                lambda: nanoseconds(tester.saw(Action.ONGOING, "person")[-1].onset) > stamp(killed)
            )
            tester.wait(lambda: len(tester.labels) > labels)
        finally:
            again.kill()
            again.wait()
        # Nothing of before is told again; it counts events anew.
        assert all(stamp(each.header) > stamp(killed) for each in tester.actions[told:])
        assert {each.event_id for each in tester.saw(Action.ONGOING, "person")} == {1}
        assert tester.saw(Action.OFFSET, "person") == []


@pytest.mark.skipif(
    not ON_FAST_DDS,
    reason="only Fast DDS refuses: Cyclone DDS waits 10 s for such a listener, then forgets it",
)
def test_a_listener_that_hangs_does_not_end_the_node(tmp_path):
    """With keep_all DDS keeps 5000 messages for it, and then refuses more; rclpy raises."""
    kept = {"qos_overrides./bharnet/actions.publisher.history": "keep_all"}
    model = str(save_model(tmp_path / "tiny.safetensors"))
    with robot(model=model, **kept) as (node, tester):
        start(node)
        tester.ready()
        command = [sys.executable, "-c", LISTENER]
        listener = subprocess.Popen(command, env=environment(tester))
        try:
            actions = node._actions
            tester.wait(lambda: actions.get_subscription_count() == 2)
            listener.send_signal(signal.SIGSTOP)

            def fill() -> bool:
                for _ in range(6000):
                    actions.publish(ActionArray())
                    if any("/bharnet/actions was not sent" in line for line in tester.log):
                        return True
                return False

            assert in_executor(node, fill)
            listener.send_signal(signal.SIGCONT)
            # Until it has caught up, more are refused, and an onset is told once.
            assert actions.wait_for_all_acked(Duration(seconds=DEADLINE))
            tester.play(pose(), seconds=1.0)
            assert len(tester.saw(Action.ONSET)) == 1
        finally:
            listener.kill()
            listener.wait()
