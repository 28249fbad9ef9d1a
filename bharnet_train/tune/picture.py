# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Delay against false alarms: what a user chooses between."""

from __future__ import annotations

from collections.abc import Sequence as Many
from pathlib import Path

from bharnet_train.lettering import as_written
from bharnet_train.tune.search import Trial

TICKS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@as_written()
def draw(trials: Many[Trial], chosen: Trial, path: Path, title: str) -> None:
    """Every setting tried, coloured by its F1; the operating point is ringed."""
    from matplotlib.figure import Figure

    points_of = [(t.false_alarms_per_minute, t.delay, t.f1) for t in trials if t.delay is not None]
    alarms, delays, scores = zip(*points_of, strict=True) if points_of else ((), (), ())
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    points = axes.scatter(alarms, delays, c=scores, cmap="viridis", vmin=0, vmax=1)
    if chosen.delay is not None:
        axes.plot(
            chosen.false_alarms_per_minute, chosen.delay, "o", ms=14, mfc="none", mec="red", mew=2
        )
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlim(left=-0.02)
    axes.set_xticks([each for each in TICKS if each <= max(alarms, default=0.0) + 0.1])
    axes.xaxis.set_major_formatter("{x:g}")
    if not points_of:
        axes.text(0.5, 0.5, "no setting told of any sign", transform=axes.transAxes, ha="center")
    axes.set_xlabel("false alarms a minute")
    axes.set_ylabel("median delay after onset, s")
    axes.set_title(f"{title}: F1@0.5 {chosen.f1:.3f} at the operating point")
    figure.colorbar(points, label="F1 at IoU 0.5")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
