# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What was told, and what must never be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bharnet.decision import Reason, State
from bharnet.judging.hearing import Told


@dataclass
class Ledger:
    """Follows every event from ONSET to OFFSET. ``wrong`` counts what must never be."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    open: dict[int, str] = field(default_factory=dict)  # running events: id -> body
    newest: int = 0  # id of an event

    def hear(self, told: Iterable[Told]) -> None:
        """One result, whole."""
        self.counts["results"] += 1
        offsets: set[str] = set()
        others: set[str] = set()
        for each in told:
            self.counts["people told of"] += 1
            listed = offsets if each.state == State.OFFSET else others
            self.wrong["body listed twice"] += each.body_id in listed
            listed.add(each.body_id)
            if each.state == State.ONSET:
                self._begins(each)
            elif each.state == State.ONGOING:
                self.wrong["event runs that is not open"] += (
                    self.open.get(each.event_id) != each.body_id
                )
            elif each.state == State.OFFSET:
                self._ends(each)

    def _begins(self, each: Told) -> None:
        self.counts["events"] += 1
        self.wrong["event id not new"] += each.event_id <= self.newest
        self.wrong["two events of one body"] += each.body_id in self.open.values()
        self.newest = max(self.newest, each.event_id)
        self.open[each.event_id] = each.body_id

    def _ends(self, each: Told) -> None:
        body_id = self.open.pop(each.event_id, None)
        self.wrong["event ended that never began"] += body_id != each.body_id
        self.wrong["event ended without a reason"] += each.reason == Reason.NONE
        self.wrong["event ended before it began"] += each.offset < each.onset
        self.counts[f"ended: {each.reason.name.lower()}"] += 1
