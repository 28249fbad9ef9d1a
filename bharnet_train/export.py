# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet export``: a checkpoint as an ONNX graph, in 32, 16 or 8 bits, with what that costs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.markup import escape

from bharnet.models import SHIPPED
from bharnet_train.console import say
from bharnet_train.datasets.recordings import Sequence
from bharnet_train.options import DATA, Data, ModelOrShipped, Overrides

if TYPE_CHECKING:
    import torch

    from bharnet.checkpoint import Checkpoint, ModelInfo

# Largest error of a logit, as a share of the largest; beyond it nothing is written.
BOUNDS = {"fp32": 1e-3, "fp16": 0.05, "int8": 0.5}
CALIBRATED_ON = 256  # windows


class ExportFailed(ValueError):
    """No graph was written; the message names the cause and the cure."""


@dataclass(frozen=True)
class Exported:
    """What was written. top1 (percent): of torch and of the graph, on ``sequences`` held out."""

    path: Path
    kind: str
    error: float
    top1: tuple[float, float] | None
    sequences: int


def export_command(
    model: ModelOrShipped = None,
    to: Annotated[str, typer.Option(help="onnx.")] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write; default: the cache, where backend:=auto finds it, or of 16 and 8 "
            "bits MODEL.KIND.onnx here."
        ),
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="8 bits; needs --config.")] = False,
    fp16: Annotated[bool, typer.Option("--fp16", help="16 bits.")] = False,
    config: Annotated[
        Path | None, typer.Option(help="Measure on the people that this configuration holds out.")
    ] = None,
    data: Data = DATA,
    overrides: Overrides = None,
) -> None:
    """Write an ONNX graph, compare it with torch, and refuse it if it answers otherwise."""
    if to != "onnx":
        raise ExportFailed(f"--to {to}: only onnx can be written")
    if int8 and fp16:
        raise ExportFailed("--int8 and --fp16 exclude each other")
    kind = "int8" if int8 else "fp16" if fp16 else "fp32"
    done = export(model or SHIPPED, kind, out, config, data, overrides or [])
    say(escape(f"{done.path}: {done.path.stat().st_size / 1e6:.2f} MB"))
    say(f"largest error of a logit {done.error:.2g} of the largest (bound {BOUNDS[kind]:g})")
    if done.top1 is not None:
        before, after = done.top1
        say(f"top-1 {after:.2f} %, torch {before:.2f} %, on {done.sequences} sequences held out")


def export(
    model: Path,
    kind: str,
    out: Path | None = None,
    config: Path | None = None,
    data: Path = Path("."),
    overrides: Many[str] = (),
) -> Exported:
    """Export as fp32, fp16 or int8. Raises ExportFailed and what the readers of files raise."""
    from bharnet.backends import BackendUnavailable
    from bharnet.backends.onnx_graph import cached_graph, export_graph, largest_error, write_whole
    from bharnet.checkpoint import load_checkpoint

    if kind == "int8" and config is None:
        raise ExportFailed(
            "int8 has to see recordings to choose its ranges: give --config and --data"
        )
    if out is not None and out.is_dir():
        raise ExportFailed(f"--out {out} is a folder; name the file to write, as model.onnx")
    checkpoint = load_checkpoint(model)
    tested: list[Sequence] = []
    trained: list[Sequence] = []
    if config is not None:
        trained, tested = _recordings(checkpoint.info, config, data, overrides)
    if kind == "int8" and not trained:
        raise ExportFailed(f"{config} trains on nothing that {model} knows; int8 needs some of it")
    try:
        content = export_graph(checkpoint, half=kind == "fp16")
        if kind == "int8":
            content = _eighth(content, trained, checkpoint)
        error = largest_error(checkpoint, content)
        if not error <= BOUNDS[kind]:
            raise ExportFailed(
                f"the graph differs from torch by {error:.2g} of the largest logit, more than "
                f"{BOUNDS[kind]:g}; nothing was written"
            )
        top1 = compare(checkpoint, content, tested) if tested else None
    except BackendUnavailable as failed:
        raise ExportFailed(str(failed)) from failed
    default = cached_graph(checkpoint) if kind == "fp32" else Path(f"{model.stem}.{kind}.onnx")
    path = out or default
    try:
        write_whole(path, content)
    except OSError as failed:
        raise ExportFailed(f"cannot write {path} ({failed.strerror})") from failed
    return Exported(path, kind, error, top1, len(tested))


def _recordings(
    info: ModelInfo, config: Path, data: Path, overrides: Many[str]
) -> tuple[list[Sequence], list[Sequence]]:
    """Of the model's classes: what to choose ranges on, and what to be tested on."""
    from bharnet_train.config import read_config
    from bharnet_train.datasets.select import load_split

    values = read_config(config, list(overrides))
    same_features = values.model_copy(update={"features": info.features})
    split = load_split(same_features, data, config.parent, info.classes)
    return (
        [each for each in split.train if each.label in info.classes],
        [each for each in split.test if each.label in info.classes],
    )


def compare(
    checkpoint: Checkpoint, content: bytes, sequences: Many[Sequence]
) -> tuple[float, float]:
    """Top-1 of labels in percent, of torch and of the graph."""
    from bharnet.backends.onnx_graph import open_graph
    from bharnet_train.evaluation import predict, told_right

    info = checkpoint.info
    session = open_graph(content, ["CPUExecutionProvider"], 1)
    logits, targets = predict(checkpoint.network, info.features, sequences, info.classes)
    graph = _predict(session, sequences, checkpoint)
    return told_right(logits[0], targets, info), told_right(graph, targets, info)


def _eighth(content: bytes, sequences: Many[Sequence], checkpoint: Checkpoint) -> bytes:
    """Convolutions in 8 bits, ranges from windows of people trained on.

    They are nearly all of the work; products with learned graphs stay as they are.
    """
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationDataReader
    from onnxruntime.quantization.shape_inference import quant_pre_process

    batches = _batches(sequences[:: max(1, len(sequences) // CALIBRATED_ON)], checkpoint)

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, Any] | None:
            position, seen = next(batches, (None, None))
            return None if position is None else {"position": position, "seen": seen}

    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, small = (Path(folder) / f"{name}.onnx" for name in ("a", "b", "c"))
        plain.write_bytes(content)
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(small),
            Reader(),
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
        )
        return small.read_bytes()


def _batches(
    sequences: Many[Sequence], checkpoint: Checkpoint
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    from torch.utils.data import DataLoader

    from bharnet_train.sampling import Windows

    windows = Windows(sequences, checkpoint.info.classes, checkpoint.info.features)
    for position, seen, _ in DataLoader(windows, 16):
        yield position.numpy(), seen.numpy()


def _predict(session: Any, sequences: Many[Sequence], checkpoint: Checkpoint) -> torch.Tensor:
    """Fused logits (N, classes) of a graph."""
    import torch

    return torch.cat(
        [
            torch.from_numpy(session.run(["fused"], {"position": position, "seen": seen})[0])
            for position, seen in _batches(sequences, checkpoint)
        ]
    )
