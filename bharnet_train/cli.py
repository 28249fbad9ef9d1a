"""``bharnet``: trains and scores from the command line."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bharnet_train import camera

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()

app.command()(camera.models)
app.command()(camera.watch)

Data = Annotated[Path, typer.Option(help="Folder that holds the recordings.")]
Config = Annotated[Path, typer.Option(help="Training configuration, see config/train/.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", help="Override, e.g. optimiser.epochs=5.")
]
Out = Annotated[Path, typer.Option(help="Folder for what is written.")]
Accelerator = Annotated[str, typer.Option(help="auto, cpu or gpu.")]


@app.callback()
def _main() -> None:
    """Train BHaRNet on recorded people and score it."""


@app.command()
def train(
    config: Config,
    data: Data = Path("../shared/data"),
    out: Out = Path("runs"),
    overrides: Sets = None,
    accelerator: Accelerator = "auto",
    devices: Annotated[int, typer.Option(help="Devices on each machine.")] = 1,
    nodes: Annotated[int, typer.Option(help="Machines.")] = 1,
    precision: Annotated[str, typer.Option(help="32-true, 16-mixed or bf16-mixed.")] = "32-true",
    seed: Annotated[int | None, typer.Option(help="Replaces the configuration's seed.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on after the last finished epoch.")] = False,
    progress: Annotated[bool, typer.Option(help="Show progress bars.")] = True,
) -> None:
    """Train, score on the people held out, and write one checkpoint.

    Writes OUT/NAME.safetensors, NAME.json (scores) and NAME.png (confusion).
    """
    from bharnet_train.run import train_and_score

    extra = [] if seed is None else [f"seed={seed}"]
    # Without the folders, which name somebody's machine.
    given = [part for each in [*(overrides or []), *extra] for part in ("--set", each)]
    where = config.name if config.is_absolute() else str(config)
    command = shlex.join(["bharnet", "train", "--config", where, *given])
    result = train_and_score(
        config,
        data,
        out,
        [*(overrides or []), *extra],
        command,
        accelerator=accelerator,
        devices=devices,
        nodes=nodes,
        precision=precision,
        resume=resume,
        progress=progress,
    )
    if result is not None:
        _show(result)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="Checkpoint (.safetensors).")],
    config: Config,
    data: Data = Path("../shared/data"),
    out: Out = Path("runs"),
    overrides: Sets = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Score a checkpoint on the people that a configuration holds out."""
    from bharnet_train.run import score

    _show(score(model, config, data, out, overrides or [], device))


@app.command()
def info(model: Annotated[Path, typer.Argument(help="Checkpoint (.safetensors).")]) -> None:
    """Print what a checkpoint says of itself."""
    from dataclasses import asdict

    from bharnet.checkpoint import load_checkpoint

    loaded = load_checkpoint(model)
    console.print_json(json.dumps({"digest": loaded.digest, **asdict(loaded.info)}))


def _show(result) -> None:  # type: ignore[no-untyped-def]  # Result; its import costs seconds
    table = Table("", "top-1 %", title=f"{result.sequences} sequences of held-out people")
    table.add_row("body + hand", f"{result.top1:.1f}")
    for name in ("body", "hand"):
        value = getattr(result, name)
        table.add_row(f"{name} expert", "-" if value is None else f"{value:.1f}")
    for name, value in result.groups.items():
        table.add_row(f"  {name}", f"{value:.1f}")
    console.print(table)


def main() -> None:
    """Run the command line; a known failure is one sentence and exit code 2."""
    from bharnet.checkpoint import InvalidCheckpoint
    from bharnet_train.config import InvalidConfig, NothingToResume
    from bharnet_train.datasets.recordings import UnreadableData

    try:
        app()
    except (InvalidCheckpoint, InvalidConfig, UnreadableData, NothingToResume) as error:
        console.print(f"[red]bharnet:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
