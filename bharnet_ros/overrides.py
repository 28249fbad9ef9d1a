# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters that a launch file gives, before whatever the user's file says.

ROS puts what launch gives under ``/**``, and reads sections in the order in which their names came
first: beside a file with the sections ``/**`` and ``/robot1/bharnet`` the latter would win. A
section of a name that no file has is read last of all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

# Both name every node; the second is for distributions that know but the first.
SECTIONS = ("/**/*", "/**")
_folders: list[tempfile.TemporaryDirectory[str]] = []  # they go with the process


def file_of(values: Mapping[str, Any]) -> str:
    """The path of a parameter file with these, which is there as long as this process."""
    folder = tempfile.TemporaryDirectory(prefix="bharnet_")
    _folders.append(folder)
    path = Path(folder.name) / "given_to_launch.yaml"
    # One by one: rcl knows no aliases, with which yaml would write the second.
    sections = (yaml.safe_dump({name: {"ros__parameters": dict(values)}}) for name in SECTIONS)
    path.write_text("".join(sections), encoding="utf-8")
    return str(path)
