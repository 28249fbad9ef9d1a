# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The core under a soak: windows, recogniser and decider in this process, without ROS."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bharnet.decision import DecisionConfig
from bharnet.judging.hearing import from_tick
from bharnet.observation import Frame, Observation
from bharnet.skeleton import get_layout
from bharnet.stream import ActionStream, Tick
from bharnet.window import NANOSECONDS
from bharnet_ros.worker import adopt  # no ROS in there
from tools.soak.crowd import RATE, Crowd
from tools.soak.ledger import Ledger


@dataclass
class Soak:
    """A world and its stream. ``make()`` is what activates: a new stream."""

    make: Callable[[], ActionStream]
    rng: random.Random
    now: int = 1_700_000_000 * NANOSECONDS
    counts: Counter[str] = field(default_factory=Counter)
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        self.stream = self.make()
        layout = get_layout(self.stream.recognizer.info.features.body_layout)
        self.crowd = Crowd(self.rng, len(layout), self.counts)

    @property
    def wrong(self) -> Counter[str]:
        """What was, and must never be."""
        return self.ledger.wrong

    def run(self, frames: int) -> None:
        """So many frames, with whatever happens between them."""
        for _ in range(frames):
            before = self.now
            self._disturb()
            self.now += NANOSECONDS // RATE
            self.crowd.step(self.now)
            self._push(before)

    def end(self) -> None:
        """All is reset, and nothing may be left."""
        self._hear(self.stream.reset())
        self.wrong["event never ended"] += len(self.ledger.open)
        self.wrong["person kept after reset"] += len(self.stream)

    def _disturb(self) -> None:
        chance = self.rng.random()
        if chance < 0.0005:
            self.counts["stops"] += 1
            self._all_end(self.stream.input_stopped())
            self.now += 5 * NANOSECONDS
        elif chance < 0.0008:
            self.counts["clock jumps"] += 1
            self.now += self.rng.choice((-3600, -2, 3600)) * NANOSECONDS
            self.crowd.leave()
        elif chance < 0.0012:
            self.counts["resets"] += 1
            self._all_end(self.stream.reset())
        elif chance < 0.0020:
            self.counts["parameters changed"] += 1
            enter = self.rng.uniform(0.05, 0.9)
            self.stream.decider.config = DecisionConfig(
                enter_threshold=enter, leave_threshold=enter / 2, enter_seconds=0.2
            )
        elif chance < 0.0022:
            self.counts["activated again"] += 1
            self._all_end(self.stream.reset())
            self.stream.recognizer.close()
            old, self.stream = self.stream, self.make()
            adopt(self.stream, old.decider)

    def _push(self, before: int) -> None:
        seen = tuple(Observation(each, *self.crowd.look(each)) for each in self.crowd.until)
        frame = Frame(self.now, seen)
        ticks = self.stream.advance(frame)
        if self.rng.random() < 0.01:
            self.counts["came twice"] += 1
            ticks += self.stream.advance(frame)
        for tick in ticks:
            # What ends because time jumped back is told with the last stamp before.
            self.wrong["stale or of the future"] += tick.stamp not in (self.now, before)
            self._hear(tick)
        self.counts["frames"] += 1
        if ticks and ticks[-1].stamp == self.now:
            told = {entry.decided.body_id for entry in ticks[-1].entries}
            self.wrong["person lost"] += len(self.crowd.until.keys() - told)
        elif self.stream.due:
            self.wrong["tick left out"] += 1

    def _all_end(self, tick: Tick | None) -> None:
        self._hear(tick)
        self.wrong["event went on"] += len(self.ledger.open)

    def _hear(self, tick: Tick | None) -> None:
        if tick is None:
            return
        self.ledger.hear(from_tick(tick, self.stream.recognizer.info.classes))
