# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What both nodes' diagnostics and warnings are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from bharnet_ros.levels import Finding

LONGEST_WAIT = 60.0  # seconds: a camera that is off for the night fills no disk


class Rises:
    """How much counts rose since they were last asked for."""

    def __init__(self) -> None:
        self._told: Counter[str] = Counter()

    def since_told(self, **counts: int) -> dict[str, int]:
        """The same names, with what came since the last call."""
        rose = {name: count - self._told[name] for name, count in counts.items()}
        self._told.update(rose)
        return rose


class Reminder:
    """When a silence is to be told: after ``seconds``, and then after twice as long each time."""

    def __init__(self, seconds: float) -> None:
        self._first = self._wait = self._next = seconds

    def due(self, silence: float) -> bool:
        """Whether to tell it now, ``silence`` seconds after something was heard."""
        if silence <= self._first:
            self._wait = self._next = self._first
            return False
        if silence < self._next:
            return False
        self._wait = min(2 * self._wait, LONGEST_WAIT)
        self._next = silence + self._wait
        return True


def make_status(name: str, told: Finding, values: Mapping[str, str]) -> DiagnosticStatus:
    """A level with its message, and everything that was measured."""
    level = bytes([told.level])
    status = DiagnosticStatus(name=name, level=level, message=told.message)
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    return status


def to_diagnostics(node: Node, status: DiagnosticStatus) -> DiagnosticArray:
    """One status as /diagnostics takes it."""
    message = DiagnosticArray(status=[status])
    message.header.stamp = node.get_clock().now().to_msg()
    return message


def milliseconds(seconds: Iterable[float], percentile: float) -> str:
    """A percentile of durations, "nan" where there are none."""
    values = list(seconds)
    return f"{1e3 * np.percentile(values, percentile):.1f}" if values else "nan"


def why_silent(node: Node, topic: str, kind: str, what: str, cure: str) -> str:
    """Why none of ``what`` (messages of type ``kind``) come on a topic, and what to do."""
    publishers = node.get_publishers_info_by_topic(topic)
    nothing = f"no {what} arrive on {topic}"
    if not publishers:
        return f"{nothing}: nobody publishes there; {cure}; both need the same ROS_DOMAIN_ID"
    names = ", ".join(sorted({each.node_name for each in publishers}))
    wrong = sorted({each.topic_type for each in publishers} - {kind})
    if wrong:
        return f"{nothing}: {names} publishes {wrong[0]} there; it must be {kind}"
    return f"{nothing}, though {names} could publish there; see whether its camera runs"
