# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the speed benchmarks measure: rounds that take turns, in milliseconds, against GEMM.

Other work on the machine disturbs all rows of a round alike. ``ms`` is wall time, which on a busy
machine counts waiting; ``cpu_ms`` is what the calling thread itself spent, honest with one thread.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

GEMM = "matrix product, 1024"
SIDE = 1024


@dataclass(frozen=True)
class Row:
    """One thing measured: medians and minima over the rounds; gmacs 0 = not counted."""

    name: str
    ms: float
    least_ms: float
    cpu_ms: float
    gmacs: float = 0.0
    windows: int = 1


@dataclass(frozen=True)
class Task:
    """Something to measure; ``windows`` are answered and ``gmacs`` done by one call."""

    run: Callable[[], object]
    gmacs: float = 0.0
    windows: int = 1


def gemm(device: torch.device) -> Task:
    """The yardstick: what this machine does at best, in this moment."""
    a, b = torch.randn(2, SIDE, SIDE, device=device)
    return Task(lambda: a @ b, SIDE**3 / 1e9)


def measure(tasks: dict[str, Task], rounds: int, device: torch.device) -> list[Row]:
    """Every task once a round, in turns."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in tasks}

    def once(task: Task) -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.thread_time()
        with torch.inference_mode():
            task.run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - wall), 1e3 * (time.thread_time() - cpu)

    for task in tasks.values():
        for _ in range(2):
            once(task)
    for _ in range(rounds):
        for name, task in tasks.items():
            took[name].append(once(task))
    return [
        Row(
            name,
            statistics.median(wall for wall, _ in took[name]),
            min(wall for wall, _ in took[name]),
            min(cpu for _, cpu in took[name]),
            task.gmacs,
            task.windows,
        )
        for name, task in tasks.items()
    ]


def report(
    title: str, rows: list[Row], before: dict[str, float], facts: dict[str, Any]
) -> dict[str, Any]:
    """Print a table; the same as a dictionary for JSON. ``before``: ms of an earlier run."""
    peak = next((row.gmacs / row.cpu_ms * 1e3 for row in rows if row.name == GEMM), 0.0)
    made = []
    for row in rows:
        pace = row.gmacs / row.cpu_ms * 1e3 if row.cpu_ms else 0.0
        compared = f"{row.cpu_ms / before[row.name]:.2f} x" if before.get(row.name) else ""
        made.append(
            {
                "": row.name,
                "ms p50": f"{row.ms:.2f}",
                "least": f"{row.least_ms:.2f}" if row.least_ms else "",
                "a second": f"{1e3 / row.ms:.1f}",
                "CPU ms": f"{row.cpu_ms:.2f}" if row.cpu_ms else "",
                "a window": f"{row.cpu_ms / row.windows:.2f}" if row.windows > 1 else "",
                "GMACs/s": f"{pace:.1f}" if pace else "",
                "of GEMM": f"{pace / peak:.0%}" if pace and peak else "",
                "before": compared,
            }
        )
    table = Table(title=title)
    # A column that says nothing here takes the room of the others.
    columns = [name for name in made[0] if any(cells[name] for cells in made)]
    for column in columns:
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for cells in made:
        table.add_row(*(cells[column] for column in columns))
    console = Console()
    console.width = max(console.width, 110)
    console.print(table)
    print(", ".join(f"{key} {value}" for key, value in facts.items()))
    return {"title": title, "facts": facts, "rows": [asdict(row) for row in rows]}


def machine(device: torch.device) -> dict[str, Any]:
    """Where and when this was: what a figure means nothing without."""
    name = platform.processor() or platform.machine()
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else name,
        "threads": torch.get_num_threads(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
    }


def earlier(path: Path | None) -> dict[str, dict[str, float]]:
    """CPU milliseconds of an earlier run's JSON: table, then row."""
    if path is None:
        return {}
    told = json.loads(path.read_text(encoding="utf-8"))
    return {
        table["title"]: {row["name"]: row["cpu_ms"] for row in table["rows"]}
        for table in told["tables"]
    }
