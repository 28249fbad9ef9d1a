#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How long `bharnet evaluate-bag` takes for an hour of poses, and whether it repeats itself.

Needs no ROS. The hour is the demo's recording again and again, one person at RATE frames a second.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from bharnet.bag import POSE_TYPE, POSES, PoseBag, known_types
from bharnet.judging.evaluate import evaluate
from bharnet.judging.evaluation import Request
from bharnet.judging.segments import Event
from bharnet.window import NANOSECONDS

DEMO = Path(__file__).resolve().parents[1] / "demo" / "signs"
START = 1_767_225_600 * NANOSECONDS


def main() -> None:
    """Write the recording, evaluate it, compare."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=30.0, help="frames a second")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--backend", default="auto", help="as bharnet evaluate-bag has it")
    parser.add_argument("--jobs", type=int, default=0, help="0 = as many as cores")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bag, labels = Path(folder, "hour"), Path(folder, "labels.csv")
        write(bag, round(given.minutes * 60 * given.rate), given.rate)
        labels.write_text("start,end,label\n")
        size = sum(file.stat().st_size for file in bag.iterdir()) / 1e6
        print(f"{given.minutes:g} minutes at {given.rate:g} frames/s, {size:.0f} MB")
        request = Request(bag, labels, backend=given.backend, jobs=given.jobs)
        told = [time_once(request) for _ in range(given.runs)]
        if given.runs > 1:
            print("all the same" if all(each == told[0] for each in told) else "THEY DIFFER")


def time_once(request: Request) -> list[Event]:
    """Evaluate, print how long it took, return what was told."""
    begun, before = time.monotonic(), sum(os.times()[:4])
    found = evaluate(request)
    seconds = time.monotonic() - begun
    means = (f"{stage} {np.mean(took):.3f}" for stage, took in found.milliseconds.items())
    spent = sum(os.times()[:4]) - before
    print(
        f"{seconds:.1f} s, {spent:.1f} s of processor, {found.heard.listener.results} results, "
        f"{found.heard.backend}"
    )
    print(f"mean ms: {', '.join(means)}")
    return found.heard.listener.events


def write(folder: Path, frames: int, rate: float) -> None:
    """The demo's people, one after the other, until there are enough frames."""
    store = known_types()
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection(POSES, POSE_TYPE, typestore=store)
        for number, message in zip(range(frames), people(), strict=False):
            stamp = START + round(number * NANOSECONDS / rate)
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, NANOSECONDS)
            writer.write(topic, stamp, store.serialize_cdr(message, POSE_TYPE))


def people() -> Iterator[Any]:
    """The demo's pictures with somebody in them, without end."""
    with PoseBag(DEMO) as bag:
        seen = [bag.deserialize(each.data, POSE_TYPE) for each in bag.poses()]
    while True:
        yield from (each for each in seen if each.people)


if __name__ == "__main__":
    main()
