# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The estimator's node under test on real DDS, with an estimator that obeys the test."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from people import START, standing
from pictures import rgb, set_stamp
from rclpy.qos import QoSProfile
from robot import Tester, heard, in_executor, spinning
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from bharnet.estimation.estimator import Detection
from bharnet.estimation.people import PeopleEstimator
from bharnet.window import NANOSECONDS
from bharnet_ros.camera.node import EstimatorNode
from bharnet_ros.camera.parameters import Settings
from bharnet_ros.msg import PersonPoseArray

# Nothing is lost on the way on a busy machine: what is tested is the node.
DEEP = {
    f"qos_overrides./{topic}.subscription.depth": 1000
    for topic in ("image", "image/compressed", "depth", "camera_info")
}


def somebody() -> Detection:
    """Somebody standing, in shares of a 4:3 picture."""
    body, hands = standing()
    for joints in (body, hands):
        joints[..., 0] *= 3 / 4
    return Detection(body, hands[0], hands[1], 0.9)


class FakeEstimator:
    """Sees the same people in every picture; waits at the gate, fails when told to."""

    name, body_layout = "fake", "upper_body_11"
    smooths = True

    def __init__(self) -> None:
        self.people = [somebody()]
        self.network_ms: Mapping[str, float] = {"fake": 0.0}
        self.shapes: list[tuple[int, ...]] = []
        self.stamps: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.failures: list[Exception] = []
        self.resets = 0
        self.closed = False

    def estimate(self, image: np.ndarray, stamp: int) -> list[Detection]:
        self.shapes.append(image.shape)
        self.stamps.append(stamp)
        self.entered.release()
        assert self.gate.wait(60)
        if self.failures:
            raise self.failures.pop()
        return list(self.people)

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True


class Photographer(Tester):
    """Publishes pictures, hears the poses and everything else."""

    def __init__(self, context: Any, estimator: EstimatorNode) -> None:
        super().__init__(context)
        self.estimator = estimator
        many = QoSProfile(depth=1000)
        self.node.destroy_publisher(self.publisher)
        self.poses: list[PersonPoseArray] = []
        make = self.node.create_publisher
        self.cameras = {
            Image: make(Image, "image", many),
            CompressedImage: make(CompressedImage, "image/compressed", many),
        }
        self.depth = make(Image, "depth", many)
        self.info = make(CameraInfo, "camera_info", many)
        self.heard_poses = self.node.create_subscription(
            PersonPoseArray, "bharnet/poses", self.poses.append, many
        )

    def ready(self) -> Photographer:
        """Wait until both ends of every topic know each other: each learns it by itself."""
        sources = ("/image", "/image/compressed", "/depth", "/camera_info")
        inputs = [each for each in self.estimator.subscriptions if each.topic_name in sources]
        assert inputs
        self.wait(lambda: all(heard(self.estimator, each) for each in inputs))
        topics = {each.topic_name for each in inputs}
        ours = [each for each in self.node.publishers if each.topic_name in topics]
        self.wait(lambda: all(each.get_subscription_count() for each in ours))
        self.wait(lambda: heard(self.node, self.heard_poses))
        self.wait(self.estimator._poses.get_subscription_count)
        return self

    def show(self, second: float, message: Any = None) -> Any:
        """Publish a picture taken at START + second."""
        message = set_stamp(message or rgb(), START + round(second * NANOSECONDS))
        self.cameras[type(message)].publish(message)
        self.executor.spin_once(timeout_sec=0)
        return message

    def shoot(self, second: float, message: Any = None) -> PersonPoseArray:
        """Publish a picture and wait for its poses."""
        count = len(self.poses)
        self.show(second, message)
        self.wait(lambda: len(self.poses) > count)
        return self.poses[-1]

    def said(self, text: str) -> None:
        """Wait until the node has said so."""
        self.wait(lambda: any(text in line for line in self.log))

    def tells(self, **wanted: str) -> None:
        """Wait until the diagnostics say so; names with _ for blanks."""
        self.wait(
            lambda: (
                self.diagnostics
                and all(
                    self.diagnostics[-1][key.replace("_", " ")] == value
                    for key, value in wanted.items()
                )
            )
        )


@contextlib.contextmanager
def camera(**parameters: Any) -> Iterator[tuple[EstimatorNode, Photographer, FakeEstimator]]:
    """The estimator's node with the fake one in it, and a photographer."""
    fake = FakeEstimator()

    def open_people(settings: Settings) -> PeopleEstimator:
        return PeopleEstimator(fake, reorder_seconds=settings["reorder_seconds"])

    def make(**options: Any) -> EstimatorNode:
        return EstimatorNode(open_people, **options)

    with spinning(make, **(DEEP | parameters)) as (node, outside, log):
        photographer = Photographer(outside, node)
        photographer.log = log
        try:
            yield node, photographer, fake
        finally:
            fake.gate.set()
            in_executor(node, lambda: node.on_shutdown(None))
            photographer.executor.shutdown()
            photographer.node.destroy_node()
