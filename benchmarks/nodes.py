# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Both nodes as processes, over real DDS: until they are ready, and from pixels to action.

A table of benchmarks/speed.py: `python -m benchmarks.speed --tables nodes`. Clips of people are
played into the estimator at the rate of a camera; what is measured is from the publication of a
picture to the arrival of the actions with its stamp. CPU milliseconds are those of both
processes, children included, for one start or one picture.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import rclpy
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from benchmarks.measuring import Row
from bharnet.bag import Recorded
from bharnet_ros.camera.poses import to_compressed
from bharnet_ros.demo.clips import START_NS, read_pictures
from bharnet_ros.demo.domain import own_domain
from bharnet_ros.demo.recogniser import NodeProcess, estimator, recogniser
from bharnet_ros.demo.replay import Replay
from bharnet_ros.msg import PersonPoseArray
from bharnet_ros.stamps import to_time

RATE = 10  # pictures a second
PICTURES = 20  # of each round
WARM_UP = 5  # results
STARTS = 3
CLOCK = os.sysconf("SC_CLK_TCK")


def nodes_table(given: argparse.Namespace) -> tuple[str, list[Row]]:
    """Starts of the recogniser, a start of both, and pixels to action.

    Raises SystemExit where there are no clips.
    """
    paths = sorted(given.clips.glob("*.avi"))
    if not paths:
        raise SystemExit(f"no .avi file in {given.clips}; give the folder with --clips")
    starts = []
    for _ in range(STARTS):
        with _running(given, PersonPoseArray, "/bharnet/poses", False) as (_, took):
            starts.append(took)
    rows = [_row("recogniser, started until ready", starts)]
    with _running(given, CompressedImage, "/image/compressed", True) as (stage, took):
        rows.append(_row("both nodes, started until ready", [took]))
        rows += stage.play(paths, PICTURES * given.rounds)
    return f"nodes, pictures at {RATE} Hz", rows


class _Stage:
    """What runs, and who plays into it."""

    def __init__(self, processes: list[NodeProcess], replay: Replay) -> None:
        self._processes, self.replay = processes, replay

    @property
    def alive(self) -> bool:
        return all(each.runs for each in self._processes)

    def complaints(self) -> list[str]:
        # That nothing arrives yet is no trouble while the other one starts.
        said = [line for each in self._processes for line in each.complaints()]
        return [line for line in said if " arrive on " not in line]

    def cpu_ms(self) -> float:
        """Of every process that they started, each in a session of its own."""
        sessions, spent = {each.pid for each in self._processes}, 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
                if int(fields[3]) in sessions:
                    spent += int(fields[11]) + int(fields[12])
        return 1e3 * spent / CLOCK

    def play(self, paths: list[Path], count: int) -> list[Row]:
        """Rows of ``count`` pictures, warm-up left out."""
        pictures = [picture for path in paths for picture in read_pictures(path)[0]]

        def filmed() -> Iterator[Recorded]:
            for number, picture in enumerate(islice(cycle(pictures), count)):
                stamp = START_NS + number * 10**9 // RATE
                yield Recorded(stamp, stamp, to_compressed(picture, Header(stamp=to_time(stamp))))

        before = self.cpu_ms()
        self.replay.play(filmed(), 1.0, lambda: self.alive)
        self.replay.finish()
        cpu = (self.cpu_ms() - before) / count
        ages = [1e3 * age for age in self.replay.outcome.ages[WARM_UP:]]
        if not ages:
            raise SystemExit(f"too few results of {count} pictures; give more --rounds")
        p95 = statistics.quantiles(ages, n=20)[-1] if len(ages) > 1 else ages[0]
        told = self.replay.outcome.camera
        return [
            Row("picture published -> actions arrived", statistics.median(ages), min(ages), cpu),
            Row("  the same, p95", p95, min(ages), cpu),
            Row("  of it the estimator", float(told.get("estimator p50 (ms)", "nan")), 0.0, 0.0),
        ]


@contextlib.contextmanager
def _running(
    given: argparse.Namespace, kind: type, topic: str, camera: bool
) -> Iterator[tuple[_Stage, tuple[float, float]]]:
    """The nodes, ready; milliseconds on the clock and of CPU that this took."""
    with own_domain() as domain, contextlib.ExitStack() as stack:
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=domain)
        stack.callback(rclpy.shutdown, context=context)
        replay = Replay(context, lambda *_: None, topic, kind)
        stack.callback(replay.close)
        begun = time.perf_counter()
        processes = []
        if camera:  # the slower one to start first
            processes.append(stack.enter_context(estimator(domain, {"transport": "compressed"})))
        parameters = {
            "model": str(given.model),
            "device": given.device,
            "torch_threads": given.threads,
        }
        processes.append(stack.enter_context(recogniser(domain, parameters)))
        stage = _Stage(processes, replay)
        replay.wait_for_node(lambda: stage.alive, stage.complaints)
        yield stage, (1e3 * (time.perf_counter() - begun), stage.cpu_ms())


def _row(name: str, starts: list[tuple[float, float]]) -> Row:
    walls, cpu = zip(*starts, strict=True)
    return Row(name, statistics.median(walls), min(walls), min(cpu))
