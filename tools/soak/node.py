# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The recogniser's process under a soak: real messages over DDS, on simulated time.

    python -m tools.soak.node --minutes 30

Frames are stamped ten a second and sent as fast as results come. Between them all that befalls a
node on a robot: see ``disturbances.py``. After every tenth the process is looked at from outside.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rclpy

from bharnet.models import SHIPPED
from bharnet_ros.demo.domain import own_domain
from bharnet_ros.demo.recogniser import NodeProcess, recogniser
from tools.soak.camera import START, Camera
from tools.soak.crowd import RATE
from tools.soak.disturbances import Disturbances
from tools.soak.footprint import Footprint, footprint, row

MOST_GROWTH = 16  # MiB of resident memory after the first tenth
# Times the CPU of a frame in the first tenth; other programs on the cores alone make it double.
MOST_SLOWER = 3.0
# What the node never says when all is well, however badly it is treated.
NEVER_SAID = ("Traceback", "recognition failed", "[ERROR]", "[FATAL]")


class NodeDied(RuntimeError):
    """The process ended; the message is the end of what it wrote."""


@dataclass
class NodeSoak:
    """A node's process, the camera before it, and what it was after every tenth."""

    process: NodeProcess
    camera: Camera
    disturbances: Disturbances
    prints: list[Footprint] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)  # CPU ms a frame
    ages: list[tuple[float, float]] = field(default_factory=list)  # ms, p50 and p95

    def tenth(self, seconds: float) -> None:
        """So much of real time, and a look at the process. Raises NodeDied."""
        before, frames = footprint(self.process.pid), self.camera.number
        self.camera.ages.clear()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.disturbances.sometimes()
            self.camera.film()
            self.camera.keep_up()
            if not self.process.runs:
                raise NodeDied(self.process.log()[-3000:])
        now = footprint(self.process.pid)
        self.prints.append(now)
        self.paces.append(1e3 * (now.cpu - before.cpu) / max(1, self.camera.number - frames))
        p50, p95 = 1e3 * np.percentile(self.camera.ages or [np.nan], (50, 95))
        self.ages.append((float(p50), float(p95)))

    def end(self) -> None:
        """The node is alive and active, and leaves nothing open when it is deactivated."""
        self.disturbances.end()
        wrong, log = self.camera.wrong, self.process.log()
        for text in NEVER_SAID:
            wrong[f"the log says {text}"] += text in log

    def verdict(self) -> dict[str, float]:
        """Whatever was wrong; of what grows, how much."""
        wrong: dict[str, float] = {key: n for key, n in self.camera.wrong.items() if n}
        first, last = self.prints[0], self.prints[-1]
        if last.memory - first.memory > MOST_GROWTH:
            wrong["memory grew by MiB"] = round(last.memory - first.memory)
        if last.threads > first.threads:
            wrong["threads more"] = last.threads - first.threads
        if last.files > first.files:
            wrong["open files more"] = last.files - first.files
        if self.paces[-1] > MOST_SLOWER * self.paces[0]:
            wrong["CPU of a frame rose to the times"] = round(self.paces[-1] / self.paces[0], 1)
        return wrong


@contextlib.contextmanager
def node_soak(model: Path, seed: int) -> Iterator[NodeSoak]:
    """The node's process in a domain of its own, ready and heard."""
    with (
        tempfile.TemporaryDirectory() as folder,
        own_domain() as domain,
        recogniser(domain, {"model": str(model)}) as process,
    ):
        other = Path(folder, "other.safetensors")
        other.write_bytes(model.read_bytes())
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=domain)
        camera = Camera(context, random.Random(seed))
        try:
            missing = "the node is not there"
            camera.listen(lambda: camera.ready or not process.runs, missing, START)
            yield NodeSoak(process, camera, Disturbances(camera, (str(other), str(model))))
        finally:
            camera.close()
            rclpy.shutdown(context=context)


def main() -> int:
    """Run, print what happened and what it cost; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="of real time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    given = parser.parse_args()
    with node_soak(given.model, given.seed) as soak:
        try:
            for _ in range(10):
                soak.tenth(6 * given.minutes)
        except NodeDied as error:
            print(f"the node died after {soak.camera.number} frames:\n{error}")
            return 1
        soak.end()
    camera, wrong = soak.camera, soak.verdict()
    hours = camera.number / RATE / 3600
    print(
        f"{hours:.2f} h of stream in {given.minutes:g} min, seed {given.seed}, "
        f"{given.model.stem}, {camera.number} frames"
    )
    counts = camera.counts + camera.ledger.counts
    print(", ".join(f"{key} {count}" for key, count in sorted(counts.items())))
    print(f"the node after each tenth: memory, MiB {row([p.memory for p in soak.prints])}")
    print(f"  threads {row([p.threads for p in soak.prints], 0)}")
    print(f"  open files {row([p.files for p in soak.prints], 0)}")
    print(f"  CPU ms a frame {row(soak.paces, 2)}")
    print(f"  age of a result, ms, p50 {row([p50 for p50, _ in soak.ages])}")
    print(f"  p95 {row([p95 for _, p95 in soak.ages])}")
    print(f"wrong: {wrong or 'nothing'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
