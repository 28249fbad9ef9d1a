# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""From a name to a backend that runs here, with a warning where it is another than was asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import torch

from bharnet.backends.interface import Backend, BackendUnavailable, OutOfMemory
from bharnet.backends.onnx_backend import Onnx
from bharnet.backends.onnx_graph import cached_graph
from bharnet.backends.torch_backends import Compiled, CudaGraphs, Eager
from bharnet.checkpoint import Checkpoint
from bharnet.estimation.models import ModelUnavailable
from bharnet.reporting import Report

MAKE: dict[str, Callable[[Checkpoint, torch.device], Backend]] = {
    "eager": Eager,
    "compile": Compiled,
    "onnx": Onnx,
    "tensorrt": lambda checkpoint, device: Onnx(checkpoint, device, tensorrt=True),
    "cuda_graphs": CudaGraphs,
}
BACKENDS = ("auto", *MAKE)


def make_backend(name: str, checkpoint: Checkpoint, device: torch.device, warn: Report) -> Backend:
    """A backend ready to run, its first run behind it where that takes long.

    One that is missing here becomes eager, and ``warn`` is told. Raises ValueError for a name that
    is none of BACKENDS, OutOfMemory if the device has none left.
    """
    if name not in BACKENDS:
        raise ValueError(f"backend '{name}' is none of {', '.join(BACKENDS)}")
    try:
        if name == "auto":
            return _fastest_ready(checkpoint, device)
        return MAKE[name](checkpoint, device)
    except BackendUnavailable as error:
        warn("backend", f"backend {name} cannot be used, eager is: {error}")
        return Eager(checkpoint, device)


def _fastest_ready(checkpoint: Checkpoint, device: torch.device) -> Backend:
    """By measurement (docs/speed.md), without making anybody wait for an export."""
    if device.type == "cpu" and _is_cached(checkpoint):
        with contextlib.suppress(BackendUnavailable):
            return Onnx(checkpoint, device, make=False)
    return Eager(checkpoint, device)


def _is_cached(checkpoint: Checkpoint) -> bool:
    """Whether its graph is there: in a home that is missing, or may not be read, it is not."""
    try:
        return cached_graph(checkpoint).is_file()
    except (OSError, ModelUnavailable):
        return False


def without_gpu(checkpoint: Checkpoint, error: OutOfMemory, warn: Report) -> Backend:
    """What goes on when the GPU's memory is full."""
    warn(
        "gpu_memory",
        f"the GPU has no memory left ({error}); the network runs on the CPU from now on. Free "
        "some and set the parameter device again, or choose device:=cpu",
    )
    return _fastest_ready(checkpoint, torch.device("cpu"))
