# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a process holds, from /proc."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE, CLOCK = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Footprint:
    """Resident memory in MiB, threads, open files, seconds of CPU used so far."""

    memory: float
    threads: int
    files: int
    cpu: float


def footprint(pid: int | str = "self") -> Footprint:
    """Of a process now. Raises OSError if there is none."""
    proc = Path("/proc", str(pid))
    pages = int((proc / "statm").read_text(encoding="ascii").split()[1])
    # The name in brackets may hold spaces.
    stat = (proc / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    ticks = int(stat[11]) + int(stat[12])
    return Footprint(
        pages * PAGE / 2**20,
        len(os.listdir(proc / "task")),
        len(os.listdir(proc / "fd")),
        ticks / CLOCK,
    )


def row(values: Sequence[float], digits: int = 1) -> str:
    """One figure for each tenth, to be printed."""
    return " ".join(f"{each:.{digits}f}" for each in values)
