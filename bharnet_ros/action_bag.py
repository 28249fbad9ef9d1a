# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the node said during a replay, as a rosbag2 of its own."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rclpy.serialization import serialize_message
from rosbags.rosbag2 import StoragePlugin, Writer

from bharnet.bag import ACTION_TYPE, ACTIONS, LABELS_TYPE, TEXT_TYPE, Recorded, known_types
from bharnet.poses import nanoseconds
from bharnet_ros.msg import ActionArray, ActionLabels

LABELS = "/bharnet/labels"


class ActionBag:
    """Remembers every result; ``write`` leaves a whole bag or none.

    A result is logged at the moment at which its newest frame was, plus its age: as if it had
    been recorded on the robot, however fast it was played.
    """

    def __init__(self) -> None:
        self._logged: dict[int, int] = {}  # of a stamp, as it was recorded
        self._newest = 0
        self._taken: list[tuple[int, bytes]] = []

    def watch(self, recording: Iterable[Recorded]) -> Iterator[Recorded]:
        """Pass a recording on, and remember its times."""
        for recorded in recording:
            self._logged[recorded.stamp] = self._newest = recorded.logged
            yield recorded

    def take(self, message: ActionArray, age: float) -> None:
        """One result; ``age`` in seconds, NaN = it has none."""
        logged = self._logged.get(nanoseconds(message.header.stamp), self._newest)
        if math.isfinite(age):
            logged += round(age * 1e9)
        # Results stay in their order, even where playing fast made some of them late.
        last = self._taken[-1][0] if self._taken else 0
        self._taken.append((max(logged, last + 1), serialize_message(message)))

    def write(
        self,
        folder: Path,
        labels: ActionLabels | None,
        texts: Mapping[str, Sequence[str]],
        notes: Mapping[str, str],
    ) -> None:
        """Write the bag; an older one is replaced once all went well.

        ``labels`` as the node latched them, ``texts`` of other topics, ``notes`` for
        bharnet/judging/recorded.py.
        """
        store = known_types()
        first = self._taken[0][0] if self._taken else self._newest
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bag-") as temporary:
            fresh = Path(temporary) / folder.name
            # 8: Humble cannot read the QoS of 9.
            writer = Writer(fresh, version=8, storage_plugin=StoragePlugin.MCAP)
            for key, value in notes.items():
                writer.set_custom_data(f"bharnet.{key}", value)
            with writer:
                if labels is not None:
                    topic = writer.add_connection(LABELS, LABELS_TYPE, typestore=store)
                    writer.write(topic, first, serialize_message(labels))
                for name, told in texts.items():
                    topic = writer.add_connection(name, TEXT_TYPE, typestore=store)
                    for text in told:
                        message = store.types[TEXT_TYPE](data=text)
                        writer.write(topic, first, store.serialize_cdr(message, TEXT_TYPE))
                topic = writer.add_connection(ACTIONS, ACTION_TYPE, typestore=store)
                for logged, data in self._taken:
                    writer.write(topic, logged, data)
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
