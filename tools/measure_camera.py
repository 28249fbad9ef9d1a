#!/usr/bin/env python3
"""How the estimator's process behaves under load and after a crash, over real DDS.

    source tools/ros_env.sh
    python tools/measure_camera.py              # two tables; a minute

`parameters`: how soon get_parameters answers while every picture takes two seconds, which
MediaPipe spends computing. `restart`: from `kill -SEGV` and `kill -STOP` of the estimator to its
next poses. Pictures are grey noise, 640 x 480, ten a second: what is in them does not matter here.
How old results are, and what is recognised, is measured by `python -m bharnet_ros.demo.camera`.
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
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from bharnet_ros.camera.poses import to_image
from bharnet_ros.demo.domain import own_domain
from bharnet_ros.msg import PersonPoseArray
from bharnet_ros.stamps import to_time

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
guardian = Guardian([sys.executable, "-c", *sys.argv[1:]], lambda text: None)
signal.signal(signal.SIGINT, lambda *_: guardian.stop())
sys.exit(guardian.run())
"""


class Client:
    """Publishes pictures at RATE, hears the poses."""

    def __init__(self, context: rclpy.Context) -> None:
        self.node = rclpy.create_node("client", context=context)
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.poses = 0
        self._camera = self.node.create_publisher(Image, "image", QoSProfile(depth=1))
        self.node.create_subscription(PersonPoseArray, "bharnet/poses", self._on_poses, 10)
        self.parameters = self.node.create_client(
            GetParameters, "bharnet_estimator/get_parameters"
        )
        noise = np.random.default_rng(0).integers(0, 255, (480, 640, 1), np.uint8)
        self._message = to_image(np.repeat(noise, 3, -1), Header(frame_id="camera"))
        self.node.create_timer(1 / RATE, self._publish)

    def _publish(self) -> None:
        self._message.header.stamp = to_time(time.time_ns())
        self._camera.publish(self._message)

    def _on_poses(self, message: PersonPoseArray) -> None:
        self.poses += 1

    def until(self, done: Callable[[], bool]) -> float:
        """Seconds until something is so. Raises TimeoutError."""
        begun = time.monotonic()
        while not done():
            if time.monotonic() - begun > DEADLINE:
                raise TimeoutError(f"waited {DEADLINE:.0f} s")
            self.executor.spin_once(timeout_sec=0.01)
        return time.monotonic() - begun

    def rest(self, seconds: float) -> None:
        """Go on publishing for a while."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def ask(self) -> float:
        """Seconds until get_parameters has answered."""
        asked = self.parameters.call_async(GetParameters.Request(names=["frame_rate"]))
        return self.until(asked.done)


@contextlib.contextmanager
def estimator(slow_seconds: float) -> Iterator[tuple[Client, Path]]:
    """The node under its guardian, and a client; in the file are the ids of its processes."""
    with (
        tempfile.TemporaryDirectory() as folder,
        own_domain() as domain,
        contextlib.ExitStack() as stack,
    ):
        notes = Path(folder, "processes")
        environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(domain),
            "NOTES": str(notes),
            "SLOW_SECONDS": str(slow_seconds),
        }
        process = subprocess.Popen([sys.executable, "-c", GUARDIAN, NODE], env=environment)
        stack.callback(process.wait)
        stack.callback(process.send_signal, signal.SIGINT)
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=domain)
        stack.callback(rclpy.shutdown, context=context)
        client = Client(context)
        stack.callback(client.node.destroy_node)
        stack.callback(client.executor.shutdown)
        client.until(lambda: client.poses > 0)
        yield client, notes


def resume(client: Client, notes: Path, number: signal.Signals) -> float:
    """Seconds from a signal to the estimator until there are poses again."""
    before = notes.read_text().split()
    os.kill(int(before[-1]), number)
    begun = time.monotonic()
    client.until(lambda: len(notes.read_text().split()) > len(before))
    heard = client.poses
    client.until(lambda: client.poses > heard)
    return time.monotonic() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=500, help="of get_parameters")
    parser.add_argument("--restarts", type=int, default=3, help="of each kind")
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with estimator(SLOW_SECONDS) as (client, _):
        client.until(client.parameters.service_is_ready)
        answers = []
        for _ in range(given.calls):
            answers.append(1e3 * client.ask())
            client.rest(0.02)
        p50, p99 = np.percentile(answers, (50, 99))
        print(
            f"parameters  {given.calls} answers while a picture takes {SLOW_SECONDS:g} s: "
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {max(answers):.1f} ms"
        )
    with estimator(0.0) as (client, notes):
        for number in (signal.SIGSEGV, signal.SIGSTOP):
            took = []
            for _ in range(given.restarts):
                took.append(resume(client, notes, number))
            listed = ", ".join(f"{each:.1f}" for each in took)
            print(f"restart     poses again {listed} s after {number.name}")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
