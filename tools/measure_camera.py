#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the estimator's process behaves under load and after a crash, over real DDS.

    source tools/ros_env.sh
    python tools/measure_camera.py              # a minute or two
    python tools/measure_camera.py --calls 0 --pictures 0 --restarts 5

`parameters`: how soon get_parameters answers while every picture takes two seconds, which
MediaPipe spends computing, and while it has nothing to do, for comparison. `restart`: from
`kill -SEGV` and `kill -STOP` of the estimator to its next poses, once it has worked for some
seconds; what the guardian says goes to stderr. `transport`: how many of a camera's raw pictures
arrive in another process, by reliability. Pictures are grey noise of 640 x 480, ten a second: what
is in them does not matter here. How old results are, and what is recognised, is measured by
`python -m bharnet_ros.demo.camera`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import rclpy
from rcl_interfaces.srv import GetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from bharnet_ros.camera.guardian import STEADY_SECONDS
from bharnet_ros.demo.domain import own_domain, ros_context
from bharnet_ros.msg import PersonPoseArray

RATE = 10.0
SLOW_SECONDS = 2.0
DEADLINE = 120.0
# The real node; its estimator works on a picture again and again until the time is up.
NODE = """
import os, sys, time
seconds = float(os.environ["SLOW_SECONDS"])
from bharnet.estimation import choose
with open(os.environ["NOTES"], "a") as file:
    print(os.getpid(), file=file, flush=True)
if seconds:
    from bharnet.estimation.mediapipe_estimator import MediaPipeEstimator
    class Slow(MediaPipeEstimator):
        def estimate(self, image, stamp):
            begun = time.monotonic()
            while True:
                found = super().estimate(image, stamp)
                if time.monotonic() - begun > seconds:
                    return found
                stamp += 1_000_000
    choose.ESTIMATORS["mediapipe"] = lambda config: Slow()
from bharnet_ros.camera.node import main
sys.exit(main())
"""
GUARDIAN = """
import signal, sys
from bharnet_ros.camera.guardian import Guardian
command = [sys.executable, "-c", *sys.argv[1:]]
guardian = Guardian(command, lambda text: print(text, file=sys.stderr))
signal.signal(signal.SIGINT, lambda *_: guardian.stop())
sys.exit(guardian.run())
"""


# Pictures by a process of its own, as a driver gives them: sharing the asker's DDS participant,
# they would be in the way of its requests. Ends after so many, once they had time to arrive.
CAMERA = """
import sys, time, numpy, rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from bharnet_ros.camera.poses import to_image
from bharnet_ros.stamps import to_time
rclpy.init()
node = rclpy.create_node("camera")
publisher = node.create_publisher(Image, "image", QoSProfile(depth=1))
noise = numpy.random.default_rng(0).integers(0, 255, (480, 640, 1), numpy.uint8)
message = to_image(numpy.repeat(noise, 3, -1), Header(frame_id="camera"))
while not publisher.get_subscription_count():
    time.sleep(0.01)
time.sleep(0.5)
rate, left = float(sys.argv[1]), int(sys.argv[2])
begun = time.monotonic()
for number in range(left):
    time.sleep(max(0.0, begun + number / rate - time.monotonic()))
    message.header.stamp = to_time(time.time_ns())
    publisher.publish(message)
time.sleep(1.0)
"""


class Client:
    """Hears poses and pictures, asks for parameters."""

    def __init__(self, context: rclpy.Context) -> None:
        self.node = rclpy.create_node("client", context=context)
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.poses = self.pictures = 0
        self.node.create_subscription(PersonPoseArray, "bharnet/poses", self._on_poses, 10)
        self.parameters = self.node.create_client(
            GetParameters, "bharnet_estimator/get_parameters"
        )

    def look(self, reliability: str) -> None:
        """Count pictures from now on."""
        qos = QoSProfile(depth=1, reliability=ReliabilityPolicy[reliability])
        self.node.create_subscription(Image, "image", self._on_picture, qos)

    def close(self) -> None:
        """Leave the graph."""
        self.executor.shutdown()
        self.node.destroy_node()

    def has_poses(self) -> bool:
        """Whether any have come."""
        return self.poses > 0

    def _on_poses(self, message: PersonPoseArray) -> None:
        self.poses += 1

    def _on_picture(self, message: Image) -> None:
        self.pictures += 1

    def until(self, done: Callable[[], object]) -> float:
        """Seconds until something is so. Raises TimeoutError."""
        begun = time.monotonic()
        while not done():
            if time.monotonic() - begun > DEADLINE:
                raise TimeoutError(f"waited {DEADLINE:.0f} s")
            self.executor.spin_once(timeout_sec=0.01)
        return time.monotonic() - begun

    def rest(self, seconds: float) -> None:
        """Listen for a while."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def ask(self) -> float:
        """Seconds until get_parameters has answered."""
        asked = self.parameters.call_async(GetParameters.Request(names=["frame_rate"]))
        return self.until(asked.done)


@contextlib.contextmanager
def client() -> Iterator[tuple[Client, dict[str, str]]]:
    """A client in a domain of its own, and the environment for the other processes there."""
    with (
        own_domain() as domain,
        ros_context(domain) as context,
        contextlib.closing(Client(context)) as listening,
    ):
        yield listening, {**os.environ, "ROS_DOMAIN_ID": str(domain)}


@contextlib.contextmanager
def camera(
    environment: dict[str, str], pictures: int = 10**6
) -> Iterator[subprocess.Popen[bytes]]:
    """A camera as long as the context lasts."""
    command = [sys.executable, "-c", CAMERA, str(RATE), str(pictures)]
    process = subprocess.Popen(command, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def estimator(
    environment: dict[str, str], notes: Path, slow_seconds: float = 0.0
) -> Iterator[None]:
    """The node under its guardian; the ids of its processes come into the file."""
    more = {"NOTES": str(notes), "SLOW_SECONDS": str(slow_seconds)}
    process = subprocess.Popen([sys.executable, "-c", GUARDIAN, NODE], env={**environment, **more})
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def measure_parameters(calls: int, folder: Path) -> None:
    """How soon they are told, with and without work."""
    for slow, meanwhile in ((SLOW_SECONDS, f"a picture takes {SLOW_SECONDS:g} s"), (0.0, "idle")):
        with (
            client() as (asker, environment),
            estimator(environment, folder / "parameters", slow),
            camera(environment) as source,
        ):
            asker.until(asker.has_poses)
            asker.until(asker.parameters.service_is_ready)
            if not slow:
                source.kill()
            answers = []
            for _ in range(calls):
                answers.append(1e3 * asker.ask())
                asker.rest(0.02)
        p50, p99 = np.percentile(answers, (50, 99))
        print(
            f"parameters  {calls} answers, {meanwhile}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
            f"longest {max(answers):.1f} ms"
        )


def measure_restarts(times: int, folder: Path) -> None:
    """How soon there are poses again."""
    notes = folder / "restarts"
    with (
        client() as (listener, environment),
        estimator(environment, notes),
        camera(environment),
    ):
        listener.until(listener.has_poses)
        for number in (signal.SIGSEGV, signal.SIGSTOP):
            took = [f"{resume(listener, notes, number):.1f}" for _ in range(times)]
            print(f"restart     poses again {', '.join(took)} s after {number.name}")


def resume(listener: Client, notes: Path, number: signal.Signals) -> float:
    """Seconds from a signal to the estimator until there are poses again."""
    listener.rest(STEADY_SECONDS)  # one that dies at once is made to wait
    before = notes.read_text().split()
    os.kill(int(before[-1]), number)
    begun = time.monotonic()
    listener.until(lambda: len(notes.read_text().split()) > len(before))
    heard = listener.poses
    listener.until(lambda: listener.poses > heard)
    return time.monotonic() - begun


def measure_transport(pictures: int) -> None:
    """How many raw pictures arrive."""
    for reliability in ("BEST_EFFORT", "RELIABLE"):
        with client() as (listener, environment):
            listener.look(reliability)
            with camera(environment, pictures) as source:
                while source.poll() is None:
                    listener.rest(0.1)
            print(
                f"transport   {listener.pictures} of {pictures} raw pictures arrive, {reliability}"
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=500, help="of get_parameters; 0 = not")
    parser.add_argument("--restarts", type=int, default=3, help="of each kind; 0 = not")
    parser.add_argument("--pictures", type=int, default=80, help="by each transport; 0 = not")
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        if given.calls:
            measure_parameters(given.calls, Path(folder))
        if given.restarts:
            measure_restarts(given.restarts, Path(folder))
    if given.pictures:
        measure_transport(given.pictures)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
