# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands of ``bharnet`` share, each with its one help text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from bharnet_train.config import InvalidConfig

DATA = Path("../shared/data")
OUT = Path("runs")


def writable(folder: Path | None) -> Path | None:
    """The folder, though nothing is made yet: hours of work should not end at a closed door."""
    if folder is None:
        return None
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise InvalidConfig(f"--out {folder}: {there} is no folder that can be written to")
    return folder


def _there(device: str) -> str:
    """The device, if this machine has it."""
    if device != "cpu":
        from bharnet.recognizer import choose_device

        try:
            return str(choose_device(device))
        except ValueError as error:
            raise InvalidConfig(f"--device: {error}") from None
    return device


Model = Annotated[Path, typer.Argument(help="Checkpoint (.safetensors).")]
ModelOrShipped = Annotated[
    Path | None, typer.Argument(help="Checkpoint (.safetensors); default: the one that ships.")
]
Config = Annotated[Path, typer.Option(help="Training configuration, see config/train/.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="Override, e.g. optimiser.epochs=5.")
]
Data = Annotated[Path, typer.Option(help="Folder that holds the recordings.")]
Out = Annotated[Path, typer.Option(help="Folder for what is written.", callback=writable)]
Device = Annotated[str, typer.Option(help="cpu or cuda.", callback=_there)]

Accelerator = Annotated[str, typer.Option(help="auto, cpu or gpu.")]
Precision = Annotated[str, typer.Option(help="32-true, 16-mixed or bf16-mixed.")]
Resume = Annotated[bool, typer.Option(help="Go on after the last finished epoch.")]
ShowProgress = Annotated[bool, typer.Option(help="Show progress bars.")]
