# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands of ``bharnet`` share, each with its one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DATA = Path("../shared/data")
OUT = Path("runs")

Model = Annotated[Path, typer.Argument(help="Checkpoint (.safetensors).")]
Config = Annotated[Path, typer.Option(help="Training configuration, see config/train/.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="Override, e.g. optimiser.epochs=5.")
]
Data = Annotated[Path, typer.Option(help="Folder that holds the recordings.")]
Out = Annotated[Path, typer.Option(help="Folder for what is written.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]

Accelerator = Annotated[str, typer.Option(help="auto, cpu or gpu.")]
Precision = Annotated[str, typer.Option(help="32-true, 16-mixed or bf16-mixed.")]
Resume = Annotated[bool, typer.Option(help="Go on after the last finished epoch.")]
ShowProgress = Annotated[bool, typer.Option(help="Show progress bars.")]
