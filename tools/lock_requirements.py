#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Writes requirements/locks: every package with its version and the hashes of its files.

    pip install uv
    python -m tools.lock_requirements           # after a change of requirements/; a minute

The versions are those of requirements/constraints-py3*.txt; uv adds what torch brings, and the
hashes that the Python package index tells. A version that does not exist for its Python is found.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tools.setup_environment import SUPPORTED

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
LOCKS = REQUIREMENTS / "locks"
# Set-up takes the oldest glibc that the wheels of ROS 2 are made for.
PLATFORM = "x86_64-manylinux_2_28"


def lock(uv: str, version: tuple[int, int]) -> int:
    """Write the file of one Python; uv's exit code."""
    major, minor = version
    name = f"py{major}{minor}.txt"
    command = [
        *(uv, "pip", "compile", "--quiet", "--no-config", "--no-header", "--no-annotate"),
        *("--default-index", "https://pypi.org/simple", "--generate-hashes"),
        *("--python-version", f"{major}.{minor}.13", "--python-platform", PLATFORM),
        *("--constraints", str(REQUIREMENTS / f"constraints-{name}")),
        *("--output-file", str(LOCKS / name)),
        *(str(REQUIREMENTS / f"{each}.in") for each in ("project", "ros-wheels")),
    ]
    return subprocess.run(command, check=False).returncode


def main() -> int:
    """All of them."""
    uv = shutil.which("uv")
    if uv is None:
        print("there is no uv; `pip install uv` brings it", file=sys.stderr)
        return 2
    LOCKS.mkdir(exist_ok=True)
    return max(lock(uv, version) for version in SUPPORTED)


if __name__ == "__main__":
    sys.exit(main())
