# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node under test on real DDS, and somebody who talks to it. Nobody sleeps to pass."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from people import START, standing
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.utilities import get_rmw_implementation_identifier
from tiny import CLASSES as CLASSES
from tiny import save_model as save_model

from bharnet.window import NANOSECONDS
from bharnet_ros.demo.domain import own_domain, ros_context
from bharnet_ros.distributions import TELLS_INFO
from bharnet_ros.msg import Action, ActionArray, ActionLabels, PersonPose, PersonPoseArray
from bharnet_ros.node import SUCCESS, BharnetNode
from bharnet_ros.stamps import to_time

ON_FAST_DDS = get_rmw_implementation_identifier() == "rmw_fastrtps_cpp"
needs_numbers = pytest.mark.skipif(
    not (TELLS_INFO and ON_FAST_DDS),
    reason="neither Humble's rclpy nor Cyclone DDS says who sent a message",
)
DEADLINE = 60.0  # seconds; only a failing test waits so long
# Nothing is lost on the way on a busy machine: what is tested is the node.
RELIABLE = {
    "qos_overrides./bharnet/poses.subscription.reliability": "reliable",
    "qos_overrides./bharnet/poses.subscription.depth": 1000,
}


def pose(body_id: str = "ab12c", seed: int = 0) -> PersonPose:
    """Somebody standing, as a pose source sees them."""
    body, hands = standing(seed)
    return PersonPose(
        body_id=body_id,
        confidence=0.9,
        body=body.ravel(),
        left_hand=hands[0].ravel(),
        right_hand=hands[1].ravel(),
    )


def poses(seconds: float, *people: PersonPose) -> PersonPoseArray:
    """A frame at START + seconds, upper_body_11 in a 640 x 480 picture."""
    message = PersonPoseArray(
        body_layout="upper_body_11",
        hand_layout="hand_21",
        coordinates=PersonPoseArray.COORDINATES_IMAGE,
        image_width=640,
        image_height=480,
        people=list(people),
    )
    message.header.frame_id = "camera"
    message.header.stamp = to_time(START + round(seconds * NANOSECONDS))
    return message


class Tester:
    """Publishes poses, hears everything the node says."""

    __test__ = False  # pytest: no collection of tests

    def __init__(self, context: rclpy.Context, namespace: str = "") -> None:
        self.node = rclpy.create_node("tester", context=context, namespace=namespace)
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.actions: list[ActionArray] = []
        self.labels: list[ActionLabels] = []
        self.log: list[str] = []
        self.diagnostics: list[dict[str, str]] = []
        self.statuses: list[DiagnosticStatus] = []
        many = QoSProfile(depth=1000)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        make = self.node.create_subscription
        self.heard = make(ActionArray, "bharnet/actions", self.actions.append, many)
        make(ActionLabels, "bharnet/labels", self.labels.append, latched)
        make(DiagnosticArray, "/diagnostics", self._on_diagnostics, many)
        self.publisher = self.node.create_publisher(PersonPoseArray, "bharnet/poses", many)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.statuses += message.status
        for status in message.status:
            self.diagnostics.append({each.key: each.value for each in status.values})

    def told(self, key: str, value: str) -> bool:
        """Whether the newest diagnostics say so."""
        return bool(self.diagnostics) and self.diagnostics[-1][key] == value

    def wait(self, until: Callable[[], object], seconds: float = DEADLINE) -> None:
        """Listen until something is so; fail if it takes too long."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, f"waited {seconds} s; the log: {self.log[-5:]}"
            self.executor.spin_once(timeout_sec=0.05)

    def ready(self) -> Tester:
        """Wait until both ends know each other."""
        self.wait(lambda: self.publisher.get_subscription_count() and self.labels)
        self.wait(lambda: self.node.count_publishers(self.heard.topic_name))
        return self

    def tell(self, message: PersonPoseArray) -> None:
        """Publish a message; best effort drops when too many wait, so let it be taken."""
        self.publisher.publish(message)
        self.executor.spin_once(timeout_sec=0.002)

    def play(self, *people: PersonPose, start: float = 0.0, seconds: float = 2.0) -> float:
        """The people stand there at 10 Hz; wait for the last result; return the next second."""
        for second in np.arange(start, start + seconds, 0.1):
            self.tell(poses(float(second), *people))
            self.wait_stamp(float(second) - 0.3)
        return start + seconds

    def wait_stamp(self, second: float) -> None:
        """Wait for a result of this moment or later."""
        wanted = START + round(second * NANOSECONDS)
        self.wait(
            lambda: second < 0 or (self.actions and stamp(self.actions[-1].header) >= wanted)
        )

    def ask(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service; asks again, for an answer may be lost while DDS still connects."""
        client = self.node.create_client(kind, name)
        self.wait(client.service_is_ready)
        for _ in range(round(DEADLINE)):
            answer = client.call_async(request)
            with contextlib.suppress(AssertionError):
                self.wait(answer.done, 1.0)
                return answer.result()
        raise AssertionError(f"{name} does not answer")

    def saw(self, state: int, body_id: str = "ab12c") -> list[Action]:
        """Every entry of a body with this state."""
        return [
            action
            for array in self.actions
            for action in array.actions
            if action.body_id == body_id and action.state == state
        ]


class Recorder:
    """A logger whose lines can be read."""

    def __init__(self, logger: Any, log: list[str]) -> None:
        self._logger, self._log = logger, log

    def info(self, text: str) -> None:
        self._log.append(text)
        self._logger.info(text)

    def warning(self, text: str) -> None:
        self._log.append(text)
        self._logger.warning(text)

    def error(self, text: str) -> None:
        self._log.append(text)
        self._logger.error(text)


def stamp(header: Any) -> int:
    """A header's stamp in nanoseconds."""
    time = header.stamp
    return int(time.sec * NANOSECONDS + time.nanosec)


@contextlib.contextmanager
def spinning(make: Callable[..., Any], **parameters: Any) -> Iterator[tuple[Any, Any, list[str]]]:
    """A node in a thread of its own, in a domain of its own: node, another context, its log.

    ``make(context=..., parameter_overrides=...)`` makes the lifecycle node.
    """
    # Two contexts, so that all goes over DDS as between two processes.
    with (
        own_domain() as domain,
        ros_context(domain) as context,
        ros_context(domain) as outside,
    ):
        given = [Parameter(name, value=value) for name, value in parameters.items()]
        node = make(context=context, parameter_overrides=given)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        thread = threading.Thread(target=executor.spin)
        thread.start()
        log: list[str] = []
        # Not /rosout: nodes of one name in one process take it from each other.
        logger = Recorder(node.get_logger(), log)
        node.get_logger = lambda: logger
        try:
            yield node, outside, log
        finally:
            in_executor(node, lambda: node.on_shutdown(None))
            executor.shutdown()
            thread.join(DEADLINE)
            node.destroy_node()


@contextlib.contextmanager
def robot(**parameters: Any) -> Iterator[tuple[BharnetNode, Tester]]:
    """The recogniser's node and a tester."""
    with spinning(BharnetNode, **(RELIABLE | parameters)) as (node, outside, log):
        tester = Tester(outside)
        tester.log = log
        try:
            yield node, tester
        finally:
            in_executor(node, lambda: node.on_shutdown(None))
            tester.executor.shutdown()
            tester.node.destroy_node()


def ended(module: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """An executable that ends by itself: its exit code, and what it wrote to stderr."""
    done = subprocess.run(
        [sys.executable, "-m", f"bharnet_ros.{module}", "--ros-args", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    return done.returncode, done.stderr


def heard(node: Any, subscription: Any) -> int:
    """How many publishers a node's subscription has met; in Humble, how many are in the graph."""
    count = getattr(subscription, "get_publisher_count", None)
    return int(count() if count else node.count_publishers(subscription.topic_name))


def in_executor(node: Any, function: Callable[[], Any]) -> Any:
    """Let the node's own thread do something, as a service call would."""
    done = threading.Event()
    results = []

    def run() -> None:
        try:
            results.append(function())
        finally:
            done.set()

    node.executor.create_task(run)
    assert done.wait(DEADLINE)
    return results[0]


def start(node: Any) -> None:
    """Configure and activate."""
    assert in_executor(node, node.trigger_configure) == SUCCESS
    assert in_executor(node, node.trigger_activate) == SUCCESS


def set_parameter(node: Any, name: str, value: object) -> str:
    """Set a parameter; why it was refused, "" if it was taken."""
    given = [Parameter(name, value=value)]
    (result,) = in_executor(node, lambda: node.set_parameters(given))
    assert result.successful == (not result.reason)
    return str(result.reason)


@contextlib.contextmanager
def process(
    *arguments: str, namespace: str = "", python: tuple[str, str] = ("-m", "bharnet_ros.node")
) -> Iterator[tuple[subprocess.Popen[str], Tester]]:
    """The executable as a user starts it, or other ``python``, and a tester beside it."""
    with own_domain() as domain, contextlib.ExitStack() as stack:
        command = [sys.executable, *python, "--ros-args", *arguments]
        if namespace:
            command += ["-r", f"__ns:={namespace}"]
        environment = {**os.environ, "ROS_DOMAIN_ID": str(domain)}
        started = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        stack.callback(started.kill)
        context = stack.enter_context(ros_context(domain))
        tester = Tester(context, namespace)
        stack.callback(tester.node.destroy_node)
        stack.callback(tester.executor.shutdown)
        yield started, tester
