# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint as an ONNX graph: made, checked against torch, kept in the user's cache.

The graph reads joints, ``position`` (people, T, J, 3) float32 and ``seen`` (people, T, J) bool,
and answers ``fused``, ``body``, ``hand`` (people, classes) logits, ``body_present`` and
``hand_present`` (people,). Its metadata hold what the checkpoint says of itself.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bharnet.backends.interface import NAMES, BackendUnavailable, WindowNetwork, example
from bharnet.backends.torch_backends import Eager
from bharnet.checkpoint import Checkpoint
from bharnet.estimation.models import cache_folder
from bharnet.network.folding import fold
from bharnet.reporting import PACKAGES

OPSET = 18
FORM = 1  # of what is kept in the cache; a new one makes graphs anew
MOST_PEOPLE = 4096
# Largest difference of a logit that rounding may explain, against the largest logit or 1.
TOLERANCE = 1e-3


def cached_graph(checkpoint: Checkpoint) -> Path:
    """Where the graph of this checkpoint is kept: ``$XDG_CACHE_HOME/bharnet/graphs``."""
    return cache_folder() / "graphs" / f"{checkpoint.digest}-{FORM}.onnx"


def write_graph(checkpoint: Checkpoint, path: Path) -> float:
    """Export, check, write all or nothing; returns the largest error of a logit.

    Takes 10 to 60 s. Raises BackendUnavailable without onnx, onnxscript or onnxruntime, and if the
    graph does not answer as torch does.
    """
    content = export_graph(checkpoint)
    error = largest_error(checkpoint, content)
    if not error <= TOLERANCE:
        raise BackendUnavailable(
            f"the ONNX graph differs from torch by {error:.2g} of the largest logit, more than "
            f"{TOLERANCE:g}; nothing was written. Please report it with your versions of torch, "
            "onnxscript and onnxruntime"
        )
    write_whole(path, content)
    return error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, all or nothing. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def export_graph(checkpoint: Checkpoint, half: bool = False) -> bytes:
    """The folded network, in 16 bits if ``half``, and its features as an ONNX file's content.

    Raises BackendUnavailable without torch's exporter.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise BackendUnavailable(f"making an ONNX graph needs {error.name}; {PACKAGES}") from error
    info = checkpoint.info
    module = WindowNetwork(fold(checkpoint.network), info.features, half).eval()
    people = torch.export.Dim("people", min=1, max=MOST_PEOPLE)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            module,
            example(info.features, 3),
            dynamo=True,
            opset_version=OPSET,
            input_names=["position", "seen"],
            output_names=list(NAMES),
            dynamic_shapes=({0: people}, {0: people}),
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    onnx.helper.set_model_props(
        graph, {"bharnet": json.dumps({**asdict(info), "digest": checkpoint.digest})}
    )
    return bytes(graph.SerializeToString())


def open_graph(content: bytes, providers: list[Any], threads: int) -> Any:
    """An onnxruntime.InferenceSession. Raises BackendUnavailable."""
    try:
        import onnxruntime
    except ImportError:
        raise BackendUnavailable(f"there is no onnxruntime; {PACKAGES}") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that wait must not burn the cores that the camera needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # onnxruntime's own have no common base
        raise BackendUnavailable(f"onnxruntime refuses the graph: {error}") from error


def largest_error(checkpoint: Checkpoint, content: bytes) -> float:
    """How far the graph's logits are from torch's at most, as a share of the largest, or of 1.

    Raises BackendUnavailable for a graph of another kind.
    """
    session = open_graph(content, ["CPUExecutionProvider"], 1)
    position, seen = (each.numpy() for each in example(checkpoint.info.features, 5))
    wanted = Eager(checkpoint, torch.device("cpu")).run(position, seen)
    try:
        answered = session.run(list(NAMES), {"position": position, "seen": seen})
    except Exception as error:  # onnxruntime's own have no common base
        raise BackendUnavailable(f"the graph is that of something else: {error}") from error
    scale = max(1.0, *(float(np.abs(each).max()) for each in wanted))
    return max(
        float(np.abs(want - got).max()) / scale for want, got in zip(wanted, answered, strict=True)
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells of packages that nobody needs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
