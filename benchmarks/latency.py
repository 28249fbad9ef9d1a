#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A window in, an action out: how much later, for 1, 5 and 20 people.

    source tools/ros_env.sh
    python benchmarks/latency.py            # a table; --json FILE keeps the numbers

Two parts. `node`: from the publication of a frame to the arrival of its result, over real DDS, the
node in a process of its own. `core`: the same ticks without ROS, split into features (resampling
windows), network (streams and forward pass) and decision. Both with the model that ships.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
import torch
from numpy.typing import NDArray
from rclpy.serialization import serialize_message
from rich.console import Console
from rich.table import Table

from bharnet import recognizer as recognizer_module
from bharnet.bag import Recorded
from bharnet.checkpoint import load_checkpoint
from bharnet.models import SHIPPED
from bharnet.poses import to_frame
from bharnet.recognizer import Recognizer
from bharnet.skeleton import MEDIAPIPE_33, get_layout
from bharnet.stream import ActionStream, ignore
from bharnet_ros.convert import to_action_array
from bharnet_ros.demo.domain import own_domain
from bharnet_ros.demo.recogniser import recogniser
from bharnet_ros.demo.replay import Replay
from bharnet_ros.msg import PersonPose, PersonPoseArray
from bharnet_ros.stamps import to_time

START = 1_700_000_000 * 1_000_000_000
RATE = 30.0
WARM_UP_SECONDS = 3.0


def main() -> None:
    """Measure, print, and keep the numbers if told to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--seconds", type=float, default=15.0, help="of frames at 30 Hz, each")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    results = []
    for people in given.people:
        frames = [pose_array(i / RATE, people) for i in range(round(given.seconds * RATE))]
        measured = {**through_node(frames, given), **through_core(frames, given.device)}
        results.append({"people": people, **measured})
    machine = f"{platform.machine()}, {torch.get_num_threads()} torch thread(s), {given.device}"
    show(results, machine)
    if given.json:
        told = {"machine": machine, "model": SHIPPED.name, "rate_hz": RATE, "results": results}
        given.json.write_text(json.dumps(told, indent=2) + "\n")


def pose_array(seconds: float, people: int) -> PersonPoseArray:
    """People in a row who move; MediaPipe's joints, as cameras give them."""
    rng = np.random.default_rng(0)
    message = PersonPoseArray(
        body_layout=MEDIAPIPE_33.name,
        hand_layout="hand_21",
        coordinates=PersonPoseArray.COORDINATES_IMAGE,
        image_width=1280,
        image_height=720,
    )
    message.header.stamp = to_time(START + round(seconds * 1e9))
    for i in range(people):
        joints = rng.random((len(MEDIAPIPE_33) + 42, 4), np.float32)
        joints[:, 0] += 0.1 * np.float32(np.sin(3 * seconds + i))
        joints[:, 3] = 1.0
        body, left, right = np.split(joints, (33, 54))
        message.people.append(
            PersonPose(
                body_id=f"body{i}",
                body=body.ravel(),
                left_hand=left.ravel(),
                right_hand=right.ravel(),
            )
        )
    return message


def through_node(frames: list[PersonPoseArray], given: argparse.Namespace) -> dict[str, Any]:
    """Publication to arrival, warm-up left out."""
    parameters = {"device": given.device, "torch_threads": given.threads, "use_sim_time": False}
    recorded = [
        Recorded(START + round(i / RATE * 1e9), START + round(i / RATE * 1e9), data)
        for i, data in enumerate(map(serialize_message, frames))
    ]
    with own_domain() as domain, recogniser(domain, parameters) as node:
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=domain)
        replay = Replay(context, lambda *_: None, "/bharnet/poses")
        try:
            replay.wait_for_node(lambda: node.runs, node.complaints)
            replay.play(recorded, 1.0, lambda: node.runs)
            replay.finish()
        finally:
            replay.close()
            rclpy.shutdown(context=context)
    outcome = replay.outcome
    first = round(WARM_UP_SECONDS / 0.2)
    return {
        "node": percentiles(outcome.ages[first:]),
        "lost": outcome.lost,
        "skipped": outcome.skipped,
    }


def through_core(frames: list[PersonPoseArray], device: str) -> dict[str, Any]:
    """The same ticks without ROS, split into their parts."""
    recognizer = Recognizer(load_checkpoint(SHIPPED), device)
    info, stream = recognizer.info, ActionStream(recognizer)
    layout = get_layout(info.features.body_layout)
    took: dict[str, list[float]] = {
        name: [] for name in ("convert in", "features", "recognise", "tick", "convert out")
    }
    with timed(recognizer_module, "resample_all", took["features"]) as per_tick:
        recognize = recognizer.recognize

        def timed_recognize(*arguments: Any) -> Any:
            begun = time.perf_counter()
            result = recognize(*arguments)
            took["recognise"].append(time.perf_counter() - begun)
            return result

        setattr(recognizer, "recognize", timed_recognize)  # noqa: B010 - mypy minds
        for message in frames:
            begun = time.perf_counter()
            frame = to_frame(message, layout, ignore)
            took["convert in"].append(time.perf_counter() - begun)
            assert frame is not None
            stream.push(frame)
            if not stream.due:
                continue
            begun = time.perf_counter()
            tick = stream.tick()
            took["tick"].append(time.perf_counter() - begun)
            per_tick()
            begun = time.perf_counter()
            to_action_array(tick, info, recognizer.model_id, "", 3)
            took["convert out"].append(time.perf_counter() - begun)
    first = round(WARM_UP_SECONDS / 0.2)
    features, recognise, ticks = (
        np.array(took[name][first:]) for name in ("features", "recognise", "tick")
    )
    return {
        "convert in": percentiles(took["convert in"][round(WARM_UP_SECONDS * RATE) :]),
        "features": percentiles(features),
        "network": percentiles(recognise - features),
        "decision": percentiles(ticks - recognise),
        "core": percentiles(ticks),
        "convert out": percentiles(took["convert out"][first:]),
    }


class timed:  # noqa: N801 - reads as a verb
    """Sums the time spent in a module's function; the value of the context closes a tick."""

    def __init__(self, module: Any, name: str, sums: list[float]) -> None:
        self._module, self._name, self._sums = module, name, sums
        self._function = getattr(module, name)
        self._spent = 0.0

    def __enter__(self) -> Callable[[], None]:
        def function(*arguments: Any) -> Any:
            begun = time.perf_counter()
            result = self._function(*arguments)
            self._spent += time.perf_counter() - begun
            return result

        setattr(self._module, self._name, function)
        return self._close_tick

    def __exit__(self, *_: object) -> None:
        setattr(self._module, self._name, self._function)

    def _close_tick(self) -> None:
        self._sums.append(self._spent)
        self._spent = 0.0


def percentiles(seconds: list[float] | NDArray[np.float64]) -> dict[str, float]:
    """Milliseconds."""
    p50, p95 = 1e3 * np.percentile(np.asarray(seconds), (50, 95))
    return {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2)}


def show(results: list[dict[str, Any]], machine: str) -> None:
    """One column for each number of people."""
    table = Table(title=f"added latency, p50 / p95 in ms ({machine})")
    table.add_column("part")
    for result in results:
        table.add_column(f"{result['people']} people", justify="right")
    for name, part in rows():
        values = [f"{r[part]['p50_ms']:.1f} / {r[part]['p95_ms']:.1f}" for r in results]
        table.add_row(name, *values)
    table.add_row("frames lost", *(str(result["lost"]) for result in results))
    table.add_row("results skipped", *(str(result["skipped"]) for result in results))
    Console().print(table)


def rows() -> Iterator[tuple[str, str]]:
    """What the table calls each part."""
    yield "frame published -> result arrived, over DDS", "node"
    yield "core: one tick", "core"
    yield "  features", "features"
    yield "  network", "network"
    yield "  decision", "decision"
    yield "message -> frame, every frame", "convert in"
    yield "tick -> message", "convert out"


if __name__ == "__main__":
    main()
