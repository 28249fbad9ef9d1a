# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet tune``, from the command line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer


def tune(
    model: Annotated[Path, typer.Argument(help="Checkpoint (.safetensors).")],
    config: Annotated[Path, typer.Option(help="Configuration that names validation people.")],
    data: Annotated[Path, typer.Option(help="Folder that holds the recordings.")] = Path(
        "../shared/data"
    ),
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path("runs/tune"),
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Override of the configuration.")
    ] = None,
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
    seed: Annotated[int, typer.Option(help="Of streams and settings.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    save: Annotated[
        bool, typer.Option("--save", help="Also write the model with what was chosen.")
    ] = False,
) -> None:
    """Choose when an action counts, on streams of the validation people.

    Writes OUT/tune.json, OUT/tune.png (delay against false alarms) and, with --save, the model.
    """
    from rich.console import Console
    from rich.table import Table

    from bharnet_train.tune.run import tune as run

    console = Console()
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
            device=device,
            save=save,
            progress=lambda done: status.update(f"{done} of {trials} settings"),
        )
    title = f"{found.streams} streams, {found.minutes:.1f} minutes of validation people"
    table = Table("", "before", "chosen", title=title)
    for name in ("f1", "false_alarms_per_minute", "delay", "onset_error", "accuracy"):
        cells = (getattr(each, name) for each in (found.before, found.chosen))
        table.add_row(name, *("-" if each is None else f"{each:.3f}" for each in cells))
    for name, value in vars(found.chosen.config).items():
        table.add_row(name, f"{getattr(found.before.config, name):g}", f"{value:g}")
    table.add_row("temperature", "", f"{found.temperature:g}")
    console.print(table)
    console.print(str(out / "tune.json"), highlight=False)
