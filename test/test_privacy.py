# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nothing of people is written to the disk: docs/privacy.md."""

from __future__ import annotations

import os
import sys

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from robot import in_executor, pose, robot, save_model, start

OPENED: list[str] = []
WATCHING: list[bool] = []
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND


def note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and WATCHING:
        path, mode, flags = arguments
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (
            isinstance(flags, int) and flags & WRITES
        ):
            OPENED.append(str(path))


sys.addaudithook(note)  # cannot be removed; it does nothing while nobody watches


def test_the_recogniser_writes_no_file(tmp_path):
    model = str(save_model(tmp_path / "tiny.safetensors"))
    with robot(model=model) as (node, tester):
        WATCHING.append(True)
        try:
            start(node)
            tester.ready().play(pose("ab12c"), pose("cd34e", seed=1), seconds=1.0)
            in_executor(node, node.trigger_deactivate)
            assert OPENED == []
            with open(os.devnull, "w"):
                pass
            assert os.devnull in OPENED  # the watch does see
        finally:
            WATCHING.clear()
            OPENED.clear()
