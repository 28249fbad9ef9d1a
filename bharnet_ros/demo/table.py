# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The demo's table, row by row: in colours on a terminal, plain lines in a pipe."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.text import Text

from bharnet.judging.segments import Segment
from bharnet_ros.demo.replay import Outcome
from bharnet_ros.demo.score import Score
from bharnet_ros.msg import Action, ActionArray
from bharnet_ros.stamps import nanoseconds

COLUMNS = (("time", 8), ("person", 10), ("recorded", 14), ("recognised", 28), ("sure", 6))
STEADY = 1_000_000_000  # unknown and idle are shown once they last; they need no hurry
REASONS = ("", "", ", left", ", input stopped", ", reset")


class Table:
    """Shows what changes: an action begins or ends, or somebody stays idle or unknown."""

    def __init__(self, console: Console, segments: Sequence[Segment]) -> None:
        self._console, self._segments = console, segments
        self._first = 0
        self._resting: dict[str, tuple[str, int, bool]] = {}  # body: what, since when, shown

    def head(self) -> None:
        """Name the columns."""
        row = "".join(f"{name:<{width}}" for name, width in COLUMNS) + "age"
        self._print(row, "bold")

    def show(self, message: ActionArray, age: float) -> None:
        """One result."""
        stamp = nanoseconds(message.header.stamp)
        self._first = self._first or stamp
        for action in message.actions:
            if action.state == Action.ONSET:
                self._row(stamp, action, f"{action.label} begins", age, "bold green")
                self._resting.pop(action.body_id, None)
            elif action.state == Action.OFFSET:
                ends = f"{action.label} ends{REASONS[action.reason]}"
                self._row(nanoseconds(action.offset), action, ends, math.nan, "green")
            elif action.state in (Action.IDLE, Action.UNKNOWN):
                self._rest(stamp, action, age)

    def _rest(self, stamp: int, action: Action, age: float) -> None:
        what = "idle" if action.state == Action.IDLE else "unknown"
        before, since, shown = self._resting.get(action.body_id, ("", 0, False))
        if before != what:
            since, shown = stamp, False
        if not shown and stamp - since >= STEADY:
            self._row(stamp, action, what, age, "dim")
            shown = True
        self._resting[action.body_id] = what, since, shown

    def _row(self, stamp: int, action: Action, what: str, age: float, style: str) -> None:
        seconds = max(0.0, (stamp - self._first) / 1e9)
        sure = "" if math.isnan(action.confidence) else f"{100 * action.confidence:.0f} %"
        cells = (
            f"{int(seconds // 60)}:{seconds % 60:04.1f}",
            action.body_id[:9],
            self._recorded(action.body_id, stamp),
            what[:27],
            sure,
        )
        row = "".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, COLUMNS, strict=True))
        self._print(row + ("" if math.isnan(age) else f"{1e3 * age:.0f} ms"), style)

    def _recorded(self, body_id: str, stamp: int) -> str:
        for each in self._segments:
            if each.person == body_id and each.label and each.start <= stamp <= each.end:
                return each.label
        return "-" if self._segments else ""

    def _print(self, text: str, style: str = "") -> None:
        # Text, not markup: names come from messages.
        self._console.print(Text(text.rstrip(), style), soft_wrap=True)

    def sum_up(self, outcome: Outcome, result: Score | None) -> None:
        """The last lines."""
        self._print("")
        if result is not None:
            self._sum_up_score(result)
        else:
            told = [each.label for each in outcome.events]
            self._print(f"recognised  {len(told)}: {', '.join(told) or 'nothing'}", "bold")
            self._print("            what is in this recording is not known, so there is no score")
        lost, skipped = outcome.lost, outcome.skipped
        self._print(
            f"lost        {lost} of {outcome.sent} messages, {skipped} results skipped",
            "bold red" if lost or skipped else "",
        )
        if outcome.ages:
            middle, late = 1e3 * np.percentile(outcome.ages, (50, 95))
            self._print(
                f"age         p50 {middle:.0f} ms, p95 {late:.0f} ms from a frame's publication "
                "to the arrival of its result"
            )

    def _sum_up_score(self, result: Score) -> None:
        known = len(result.recognised) + len(result.missed)
        named = ", ".join(each.label for each in result.recognised)
        self._print(f"recognised  {len(result.recognised)} of {known}: {named}", "bold")
        missed = ", ".join(each.label for each in result.missed)
        self._print(f"missed      {len(result.missed)}{': ' if missed else ''}{missed}")
        wrong = ", ".join(f"{each.label} for {sign.label}" for each, sign in result.wrong)
        self._print(f"wrong       {len(result.wrong)}{': ' if wrong else ''}{wrong}")
        invented = ", ".join(each.label for each in result.invented)
        self._print(
            f"invented    {len(result.invented)}{': ' if invented else ''}{invented} "
            "(said while nothing was signed)"
        )
        for each in result.refused:
            self._print(f"refused     {each.label}: the model has no such class, and said nothing")
