#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A simulated day of people through the core, fast, and what it leaves behind.

    python -m tools.soak                    # 24 h of stream at 10 Hz
    python -m tools.soak --hours 0.5 --seed 3

People come, stay and leave; the topic stops; the clock jumps back and forth; frames come twice
and with broken people; thresholds change; all is reset as a deactivated node does. Checked all the
time: no tick is left out, its stamp is no later than the newest frame's, everybody in view is in
it, every event that began ends once, and memory stays where it was after the first tenth. Without
ROS.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bharnet.checkpoint import load_checkpoint
from bharnet.decision import DecisionConfig, State
from bharnet.models import SHIPPED
from bharnet.observation import Frame, Observation
from bharnet.recognizer import Recognizer
from bharnet.skeleton import get_layout
from bharnet.stream import ActionStream, StreamConfig, Tick
from bharnet.window import NANOSECONDS

RATE = 10
MOST_GROWTH = 32  # MiB of resident memory after the first tenth


@dataclass
class Soak:
    """A world and its stream. ``wrong`` counts what must never be."""

    stream: ActionStream
    rng: random.Random
    now: int = 1_700_000_000 * NANOSECONDS
    people: dict[str, int] = field(default_factory=dict)  # until when each stays
    open: dict[tuple[str, int], bool] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    born: int = 0

    def run(self, frames: int) -> None:
        """So many frames, with whatever happens between them."""
        for _ in range(frames):
            self._come_and_go()
            self._disturb()
            self.now += NANOSECONDS // RATE
            self._push()

    def _come_and_go(self) -> None:
        for body_id in [each for each, until in self.people.items() if until < self.now]:
            del self.people[body_id]
            self.counts["left"] += 1
        if len(self.people) < 4 and self.rng.random() < 0.01:
            self.born += 1
            stay = self.rng.choice((1, 10, 60, 300)) * NANOSECONDS
            self.people[f"body{self.born}"] = self.now + stay
            self.counts["came"] += 1

    def _disturb(self) -> None:
        chance = self.rng.random()
        if chance < 0.0005:
            self.counts["topic stopped"] += 1
            self._hear(self.stream.input_stopped())
            self.now += 5 * NANOSECONDS
        elif chance < 0.0008:
            self.counts["clock jumped"] += 1
            self.now += self.rng.choice((-3600, -2, 3600)) * NANOSECONDS
            self.people.clear()
        elif chance < 0.0012:
            self.counts["reset"] += 1
            self._hear(self.stream.reset())
        elif chance < 0.0020:
            self.counts["parameters changed"] += 1
            enter = self.rng.uniform(0.05, 0.9)
            self.stream.decider.config = DecisionConfig(
                enter_threshold=enter, leave_threshold=enter / 2, enter_seconds=0.2
            )

    def _push(self) -> None:
        layout = get_layout(self.stream.recognizer.info.features.body_layout)
        seen = tuple(self._person(each, len(layout)) for each in self.people)
        frame = Frame(self.now, seen)
        ticks = self.stream.advance(frame)
        if self.rng.random() < 0.01:
            self.counts["came twice"] += 1
            ticks += self.stream.advance(frame)
        for tick in ticks:
            self._hear(tick)
        self.counts["frames"] += 1
        if ticks and ticks[-1].stamp == self.now:
            told = {entry.decided.body_id for entry in ticks[-1].entries}
            self.wrong["person lost"] += len(self.people.keys() - told)
        elif self.stream.due:
            self.wrong["tick left out"] += 1

    def _person(self, body_id: str, joints: int) -> Observation:
        values = np.random.default_rng(self.rng.getrandbits(32)).random
        body, hands = values((joints, 4), np.float32), values((2, 21, 4), np.float32)
        chance = self.rng.random()
        if chance < 0.02:
            body[:], hands[:] = np.nan, np.nan
        elif chance < 0.1:
            hands[:] = np.nan
        return Observation(body_id, body, hands)

    def _hear(self, tick: Tick | None) -> None:
        if tick is None:
            return
        self.counts["ticks"] += 1
        if tick.stamp > self.now:
            self.wrong["stamp from the future"] += 1
        for entry in tick.entries:
            decided = entry.decided
            key = decided.body_id, decided.event_id
            if decided.state == State.ONSET:
                self.wrong["event began twice"] += key in self.open
                self.open[key] = True
                self.counts["events"] += 1
            elif decided.state == State.OFFSET:
                self.wrong["event ended that never began"] += self.open.pop(key, None) is None


def resident() -> float:
    """MiB of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def main() -> int:
    """Run, print what happened and what it cost; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0, help="of stream")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    given = parser.parse_args()
    stream = ActionStream(Recognizer(load_checkpoint(given.model), "cpu"), config=StreamConfig())
    soak = Soak(stream, random.Random(given.seed))
    frames = round(given.hours * 3600 * RATE / 10)
    began, sizes, paces = time.monotonic(), [], []
    for _ in range(10):
        before, ticks = time.thread_time(), soak.counts["ticks"]
        soak.run(frames)
        gc.collect()
        sizes.append(resident())
        spent = time.thread_time() - before
        paces.append(1e3 * spent / max(1, soak.counts["ticks"] - ticks))
    soak._hear(stream.reset())
    soak.wrong["event never ended"] += len(soak.open)
    soak.wrong["person kept after reset"] += len(stream)
    wrong = {key: count for key, count in soak.wrong.items() if count}
    print(
        f"{given.hours:g} h of stream in {(time.monotonic() - began) / 60:.1f} min, "
        f"seed {given.seed}, {stream.recognizer.backend}"
    )
    print(", ".join(f"{key} {count}" for key, count in sorted(soak.counts.items())))
    print(f"memory after each tenth, MiB: {' '.join(f'{each:.1f}' for each in sizes)}")
    print(f"CPU ms a tick in each tenth: {' '.join(f'{each:.1f}' for each in paces)}")
    if sizes[-1] - sizes[0] > MOST_GROWTH:
        wrong["memory grew by MiB"] = round(sizes[-1] - sizes[0])
    print(f"wrong: {wrong or 'nothing'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
