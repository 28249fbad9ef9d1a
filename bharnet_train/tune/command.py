# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet tune``, from the command line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bharnet_train.console import console, counted, say
from bharnet_train.options import DATA, OUT, Data, Device, Model, Out, Overrides

if TYPE_CHECKING:
    from bharnet_train.tune.run import Tuned

Paces = Annotated[
    list[float] | None,
    typer.Option(
        help="Speed of the takes, 1 as streams.frame_rate says; may be given again.",
        min=0.05,
        max=20,
    ),
]


def tune(
    model: Model,
    config: Annotated[Path, typer.Option(help="Configuration that names validation people.")],
    data: Data = DATA,
    out: Out = OUT / "tune",
    overrides: Overrides = None,
    trials: Annotated[int, typer.Option(help="Settings tried.", min=1)] = 60,
    false_alarms: Annotated[
        float, typer.Option(help="A minute, at most, at the operating point.", min=0)
    ] = 0.5,
    delay: Annotated[
        float, typer.Option(help="Seconds, at most, after the onset (median), if possible.", min=0)
    ] = 1e9,
    keep_lags: Annotated[
        bool,
        typer.Option("--keep-lags", help="Lags stay the model's: takes are labelled too widely."),
    ] = False,
    keep_temperature: Annotated[
        bool,
        typer.Option("--keep-temperature", help="The model's own, instead of the ticks'."),
    ] = False,
    stride: Annotated[float, typer.Option(help="Seconds between two results.")] = 0.1,
    signs: Annotated[int, typer.Option(help="Most signs of a composed stream.", min=1)] = 150,
    pace: Paces = None,
    seed: Annotated[int, typer.Option(help="Of streams and settings.", min=0)] = 0,
    device: Device = "cpu",
    save: Annotated[
        bool, typer.Option("--save", help="Also write the model with what was chosen.")
    ] = False,
) -> None:
    """Choose when an action counts, on streams of the validation people.

    Writes OUT/tune.json, OUT/tune.png (delay against false alarms) and, with --save, the model.
    """
    from bharnet_train.tune.run import tune as run

    with Console(stderr=True).status("asking the network") as status:
        found = run(
            model,
            config,
            data,
            out,
            overrides or [],
            trials=trials,
            false_alarms=false_alarms,
            longest_delay=delay if delay < 1e9 else math.inf,
            keep_lags=keep_lags,
            keep_temperature=keep_temperature,
            stride_seconds=stride,
            most_signs=signs,
            seed=seed,
            paces=pace or [1.0],
            device=device,
            save=save,
            progress=lambda done: status.update(f"{done} of {trials} settings"),
        )
    _show(found)
    console.print(str(out / "tune.json"), highlight=False)


def _show(found: Tuned) -> None:
    """Who was known, the figures before and after, then the settings."""
    if found.known:
        say(
            f"[yellow]{found.known} of {found.sequences} validation sequences are trained on, "
            "joint for joint: the model is surer of these than of anybody else. Hold out others "
            "to choose by[/]"
        )
    streams = counted(found.streams, "stream")
    title = f"{streams}, {found.minutes:.1f} minutes of validation people"
    table = Table("", "before", "chosen", title=title)
    for name in ("f1", "false_alarms_per_minute", "delay", "onset_error", "accuracy"):
        cells = (getattr(each, name) for each in (found.before, found.chosen))
        table.add_row(name, *("-" if each is None else f"{each:.3f}" for each in cells))
    for name, value in vars(found.chosen.config).items():
        table.add_row(name, f"{getattr(found.before.config, name):g}", f"{value:g}")
    table.add_row("temperature", "", f"{found.temperature:g}")
    console.print(table)
