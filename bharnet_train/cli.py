# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet``: trains and scores from the command line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from bharnet_train import camera
from bharnet_train.config import InvalidConfig
from bharnet_train.console import console, fail, fail_to_write
from bharnet_train.evaluate_bag import evaluate_bag
from bharnet_train.export import ExportFailed, export_command
from bharnet_train.options import (
    DATA,
    OUT,
    Accelerator,
    Config,
    Data,
    Device,
    ModelOrShipped,
    Out,
    Overrides,
    Precision,
    Resume,
    ShowProgress,
)
from bharnet_train.prepare import commands
from bharnet_train.record import record
from bharnet_train.show import show, show_fused, show_rgb, show_robustness
from bharnet_train.tune.command import tune

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

app.command()(camera.models)
app.command()(camera.watch)
app.command()(record)
app.add_typer(commands.prepare, name="prepare")
app.command()(commands.extract)

# Of `train`.
Workers = Annotated[
    int | None, typer.Option(help="Loading processes; default: by cores and device.", min=0)
]
Seed = Annotated[
    int | None,
    typer.Option(help="Replaces the configuration's seed.", min=0, max=2**32 - 1),
]
# Of `train --recordings`, which teaches your own gestures.
Recordings = Annotated[
    Path | None, typer.Option(help="A folder of your own takes, to be learnt instead.")
]
Base = Annotated[
    str, typer.Option("--from", help="With --recordings: a checkpoint, or the one that ships.")
]
Name = Annotated[
    str | None, typer.Option(help="With --recordings: the model's; default: the folder's.")
]
Copies = Annotated[
    int, typer.Option(help="With --recordings: disturbed copies of each take.", min=1)
]
Mirror = Annotated[
    bool | None,
    typer.Option(
        "--mirror/--no-mirror", help="Also mirrored; default: if no gesture is another's."
    ),
]
Nulls = Annotated[
    Path | None, typer.Option(help="With --recordings: a .npz with takes of null, for idle.")
]
# Of M, which looks at pictures too.
RGBConfig = Annotated[Path, typer.Option(help="Configuration of M, see config/rgb/.")]
Videos = Annotated[Path, typer.Option(help="Folder that holds the videos.")]


@app.callback()
def _main() -> None:
    """Train BHaRNet on recorded people and score it."""


# Options of `train` that mean nothing to the one of its two kinds, or to the other.
OF_RECORDINGS = ("base", "name", "copies", "mirror", "nulls")
OF_CONFIG = (
    *("config", "data", "overrides", "accelerator", "devices", "nodes", "precision"),
    *("workers", "log_dir", "resume"),
)


@app.command()
def train(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Training configuration, see config/train/.")
    ] = None,
    recordings: Recordings = None,
    base: Base = "shipped",
    name: Name = None,
    copies: Copies = 40,
    mirror: Mirror = None,
    nulls: Nulls = None,
    data: Data = DATA,
    out: Out = OUT,
    overrides: Overrides = None,
    accelerator: Accelerator = "auto",
    devices: Annotated[
        int | None, typer.Option(help="Devices on each machine; default: as started, else 1.")
    ] = None,
    nodes: Annotated[int | None, typer.Option(help="Machines; default: as started.")] = None,
    precision: Precision = "32-true",
    workers: Workers = None,
    log_dir: Annotated[Path | None, typer.Option(help="Folder for TensorBoard.")] = None,
    seed: Seed = None,
    resume: Resume = False,
    progress: ShowProgress = True,
) -> None:
    """Train, score on the people held out, and write one checkpoint.

    Writes OUT/NAME.safetensors, NAME.json (scores) and NAME.png (confusion). With --recordings a
    network that is there learns your own gestures: docs/own-gestures.md.
    """
    _refuse_others(context, recordings is not None)
    if recordings is not None:
        from bharnet_train.finetune.command import teach

        teach(recordings, base, name, out, copies, mirror, nulls, seed or 0, progress)
        return
    if config is None:
        raise InvalidConfig("what to train on? give --config FILE, or --recordings FOLDER")
    from bharnet_train.run import train_and_score

    changed = [*(overrides or []), *([] if seed is None else [f"seed={seed}"])]
    result = train_and_score(
        config,
        data,
        out,
        changed,
        _command("train", config, changed, precision),
        accelerator=accelerator,
        devices=devices,
        nodes=nodes,
        precision=precision,
        workers=workers,
        log_dir=log_dir,
        resume=resume,
        progress=progress,
    )
    if result is not None:
        show(result)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="Checkpoint (.safetensors).")],
    config: Config,
    data: Data = DATA,
    out: Out = OUT,
    overrides: Overrides = None,
    device: Device = "cpu",
) -> None:
    """Score a checkpoint on the people that a configuration holds out.

    Writes OUT/MODEL-on-NAME.json (scores) and .png (confusion); NAME is the configuration's.
    """
    from bharnet_train.run import score

    show(score(model, config, data, out, overrides or [], device))


@app.command("train-rgb")
def train_rgb(
    config: RGBConfig,
    data: Videos = DATA / "clips",
    out: Out = OUT,
    overrides: Overrides = None,
    accelerator: Accelerator = "auto",
    precision: Precision = "32-true",
    resume: Resume = False,
    progress: ShowProgress = True,
) -> None:
    """Train M: pictures of head, hands and feet beside a trained skeleton model.

    Writes OUT/NAME.safetensors and NAME.json (scores); poses and crops are kept in OUT/prepared.
    """
    from bharnet_train.rgb.run import train_rgb as run

    result = run(
        config,
        data,
        out,
        overrides or [],
        _command("train-rgb", config, overrides or []),
        accelerator=accelerator,
        precision=precision,
        resume=resume,
        progress=progress,
    )
    if result is not None:
        show_rgb(result)


@app.command("evaluate-rgb")
def evaluate_rgb(
    model: Annotated[Path, typer.Option(help="Checkpoint of M (.safetensors).")],
    config: RGBConfig,
    data: Videos = DATA / "clips",
    out: Out = OUT,
    overrides: Overrides = None,
    device: Device = "cpu",
) -> None:
    """Score a checkpoint of M on the clips that a configuration holds out.

    Writes OUT/MODEL-on-NAME.json (scores); NAME is the configuration's.
    """
    from bharnet_train.rgb.run import score_rgb

    show_rgb(score_rgb(model, config, data, out, overrides or [], device))


@app.command()
def fuse(
    models: Annotated[list[Path], typer.Argument(help="Checkpoints, e.g. one of each stream.")],
    config: Config,
    data: Data = DATA,
    overrides: Overrides = None,
    weights: Annotated[
        list[float] | None, typer.Option(help="One a checkpoint; default: by validation.")
    ] = None,
    device: Device = "cpu",
) -> None:
    """Score several checkpoints as an ensemble; weights come from validation people."""
    from bharnet_train.config import read_config
    from bharnet_train.fusion import fuse as fuse_scores

    values = read_config(config, overrides or [])
    fused = fuse_scores(models, values, data, config.parent, weights, device)
    show_fused(fused)


@app.command()
def robustness(
    models: Annotated[list[Path], typer.Argument(help="Checkpoints to compare.")],
    config: Config,
    data: Data = DATA,
    out: Out = OUT,
    overrides: Overrides = None,
    device: Device = "cpu",
) -> None:
    """Score checkpoints with noise, dropped frames and missing hands.

    Writes OUT/robustness.json and OUT/robustness.png.
    """
    from bharnet.checkpoint import load_checkpoint
    from bharnet_train.config import read_config
    from bharnet_train.datasets.overlap import learnt_by, overlap
    from bharnet_train.datasets.select import load_split, tested
    from bharnet_train.fusion import names_of
    from bharnet_train.robustness import draw_robustness
    from bharnet_train.robustness import robustness as measure

    values, curves, also = read_config(config, overrides or []), {}, 0
    for name, model in zip(names_of(models), models, strict=True):
        checkpoint = load_checkpoint(model)
        known = values.model_copy(update={"features": checkpoint.info.features})
        classes = checkpoint.info.classes
        split = load_split(known, data, config.parent, classes)
        chosen = tested(split, classes, model)
        curves[name] = measure(checkpoint, chosen, device)
        learnt = learnt_by([checkpoint.info], known, data)
        also = max(also, overlap(split.test, split.train, learnt))
    out.mkdir(parents=True, exist_ok=True)
    (out / "robustness.json").write_text(json.dumps(curves, indent=1) + "\n", encoding="utf-8")
    draw_robustness(curves, out / "robustness.png")
    show_robustness(curves, len(chosen), also)


app.command("evaluate-bag")(evaluate_bag)
app.command("export")(export_command)
app.command()(tune)


@app.command()
def info(model: ModelOrShipped = None) -> None:
    """Print what a checkpoint says of itself."""
    from dataclasses import asdict

    from bharnet.checkpoint import load_checkpoint
    from bharnet.models import SHIPPED

    loaded = load_checkpoint(model or SHIPPED)
    console.print_json(json.dumps({"digest": loaded.digest, **asdict(loaded.info)}))


def _refuse_others(context: typer.Context, own: bool) -> None:
    """What is asked of the other kind of training would be ignored. Raises InvalidConfig."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name not in (OF_CONFIG if own else OF_RECORDINGS) or source is None:
            continue
        if source.name == "COMMANDLINE":
            if own:
                raise InvalidConfig(f"{option.opts[0]} is not for --recordings; leave one out")
            instead = "--set name=NAME renames" if option.name == "name" else "leave it out"
            raise InvalidConfig(f"{option.opts[0]} is for --recordings; {instead}")


def _command(name: str, config: Path, overrides: list[str], precision: str = "32-true") -> str:
    """The command for the provenance, without the folders, which name somebody's machine."""
    given = [part for each in overrides for part in ("--set", each)]
    flags = [] if precision == "32-true" else ["--precision", precision]
    where = config.name if config.is_absolute() else str(config)
    return shlex.join(["bharnet", name, "--config", where, *given, *flags])


def main() -> None:
    """Run the command line; a known failure is one sentence and exit code 2."""
    from bharnet.bag import InvalidBag
    from bharnet.checkpoint import InvalidCheckpoint
    from bharnet.judging.evaluation import InvalidRequest
    from bharnet.judging.invalid import InvalidLabels
    from bharnet.recording import InvalidRecordings
    from bharnet.rgb.weights import InvalidWeights
    from bharnet_train.config import NothingToResume
    from bharnet_train.datasets.recordings import UnreadableData

    invalid = (InvalidBag, InvalidCheckpoint, InvalidConfig, InvalidLabels, InvalidRequest)
    try:
        app()
    except (
        *invalid,
        ExportFailed,
        InvalidRecordings,
        InvalidWeights,
        NothingToResume,
        UnreadableData,
    ) as error:
        fail(str(error))
    except OSError as error:
        fail_to_write(error)


if __name__ == "__main__":
    main()
