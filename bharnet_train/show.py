# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How scores look on the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from bharnet_train.console import console, counted, say

if TYPE_CHECKING:  # to import them costs seconds
    from bharnet_train.evaluation import Result
    from bharnet_train.fusion import Fused
    from bharnet_train.rgb.evaluation import RGBResult


def show(result: Result) -> None:
    """Scores of one model."""
    _tell_held_out(result.sequences, result.trained_on)
    table = Table("", "top-1 %")
    table.add_row("body + hand", f"{result.top1:.1f}")
    if result.by_class is not None:
        table.add_row("  synonyms apart", f"{result.by_class:.1f}")
    for name in ("body", "hand"):
        value = getattr(result, name)
        table.add_row(f"{name} expert", "-" if value is None else f"{value:.1f}")
    for name, value in result.groups.items():
        table.add_row(escape(f"  {name}"), f"{value:.1f}")
    console.print(table)
    _tell_further(result)


def show_fused(fused: Fused) -> None:
    """Scores of an ensemble and of its members."""
    _tell_held_out(fused.together.sequences, fused.together.trained_on)
    table = Table("", "weight", "top-1 %")
    for name, weight in fused.weights.items():
        table.add_row(escape(name), f"{weight:g}", f"{fused.top1[name]:.1f}")
    origin = f"weights from {fused.chosen_on} validation sequences"
    if fused.known:
        origin += (
            f", {fused.known} of which a network was trained on: hold out others to choose by"
        )
    table.add_row("together", "", f"{fused.together.top1:.1f}")
    console.print(table)
    _tell_further(fused.together)
    say(origin if fused.chosen_on else "weights given, or equal")


def show_robustness(
    curves: Mapping[str, dict[str, dict[float, float]]], sequences: int, also: int
) -> None:
    """Top-1 of several models: {model: {disturbance: {strength: top-1 %}}}."""
    _tell_held_out(sequences, also)
    for kind in next(iter(curves.values())):
        strengths = list(next(iter(curves.values()))[kind])
        table = Table(kind, *(f"{each:g}" for each in strengths))
        for name, each in curves.items():
            table.add_row(escape(name), *(f"{top1:.1f}" for top1 in each[kind].values()))
        console.print(table)


def show_rgb(result: RGBResult) -> None:
    """Scores of picture, skeleton, and both together."""
    say(f"{counted(result.clips, 'clip')}: {result.what}")
    table = Table("", "top-1 %")
    for name in ("fused", "rgb", "skeleton"):
        table.add_row(name, f"{getattr(result, name):.1f}")
    console.print(table)


def _tell_held_out(sequences: int, also: int) -> None:
    """On how many a model was scored, and how many of these were trained on ``also``."""
    say(f"{counted(sequences, 'sequence')} held out")
    if also:
        why = "are trained on, too, joint for joint: these figures flatter"
        say(f"[yellow]{also} of them {why}[/]")


def _tell_further(result: Result) -> None:
    """The figures beside top-1, in a line."""
    told = [f"mean of classes {result.mean_class:.1f} %"]
    if result.top5 is not None:
        told.append(f"top-5 {result.top5:.1f} %")
    if result.calibration_error is not None:
        told.append(f"calibration error (ECE) {result.calibration_error:.1f} %")
    say(", ".join(told))
