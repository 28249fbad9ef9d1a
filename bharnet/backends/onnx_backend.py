# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime as a backend, on the CPU, by CUDA or by TensorRT."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bharnet.backends.interface import NAMES, Answer, BackendUnavailable, OutOfMemory
from bharnet.backends.onnx_graph import (
    TOLERANCE,
    cached_graph,
    largest_error,
    open_graph,
    write_graph,
)
from bharnet.checkpoint import Checkpoint
from bharnet.estimation.models import ModelUnavailable
from bharnet.reporting import PACKAGES

# Parameters from which on several threads are faster at one operation (docs/speed.md): with two a
# network of 0.1 M takes twice as long or more, one of 0.4 M as long, one of 1.5 M three quarters.
LARGE = 1_000_000


class Onnx:
    """The graph of a checkpoint in ONNX Runtime, compared with torch before it is used.

    On the CPU, several threads (torch's number) share people. A single person has them all for
    a large network only: an operation of a small one is too little for two.

    A graph that is not in the cache, or is no longer right, is made with ``make`` and refused
    without. Raises BackendUnavailable, also without onnxruntime or the wanted provider.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: torch.device,
        tensorrt: bool = False,
        make: bool = True,
    ) -> None:
        self.name = "tensorrt" if tensorrt else "onnx"
        providers = _providers(device, tensorrt)
        content = _content(checkpoint, make)
        threads = torch.get_num_threads()
        share = threads > 1 and device.type == "cpu"
        alone = 1 if share and _parameters(checkpoint) < LARGE else threads
        self._session: Any = open_graph(content, providers, alone)
        used = self._session.get_providers()
        if providers[0][0] not in used:
            raise BackendUnavailable(f"onnxruntime would run without {providers[0][0]} ({used})")
        self._part: Any = self._session  # of the people, one a thread
        self._pool: ThreadPoolExecutor | None = None
        self._threads = threads if share else 1
        if share:
            self._pool = ThreadPoolExecutor(threads - 1, "onnx")
            self._part = self._session if alone == 1 else open_graph(content, providers, 1)

    def run(self, position: NDArray[np.float32], seen: NDArray[np.bool_]) -> Answer:
        count = min(self._threads, len(position))
        if self._pool is None or count < 2:
            return self._answer(self._session, position, seen)
        parts = zip(np.array_split(position, count), np.array_split(seen, count), strict=True)
        mine, *others = parts
        asked = [self._pool.submit(self._answer, self._part, *other) for other in others]
        answers = [self._answer(self._part, *mine), *(each.result() for each in asked)]
        return Answer(*map(np.concatenate, zip(*answers, strict=True)))

    @staticmethod
    def _answer(session: Any, position: NDArray[np.float32], seen: NDArray[np.bool_]) -> Answer:
        try:
            return Answer(*session.run(list(NAMES), {"position": position, "seen": seen}))
        except Exception as error:  # onnxruntime's own have no common base
            if "allocate memory" in str(error) or "out of memory" in str(error).lower():
                raise OutOfMemory(str(error).splitlines()[0]) from error
            raise

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self._session = self._part = None


def _parameters(checkpoint: Checkpoint) -> int:
    return sum(each.numel() for each in checkpoint.network.parameters())


def _content(checkpoint: Checkpoint, make: bool) -> bytes:
    """The cached graph, made anew if need be. Raises BackendUnavailable."""
    try:
        path = cached_graph(checkpoint)
    except ModelUnavailable as error:
        raise BackendUnavailable(f"a graph cannot be kept: {error}") from error
    try:
        content = path.read_bytes()
        if largest_error(checkpoint, content) <= TOLERANCE:
            return content
        cause = f"{path} does not answer as the checkpoint does"
    except (OSError, BackendUnavailable) as error:
        cause = str(error)
    if not make:
        raise BackendUnavailable(cause)
    try:
        write_graph(checkpoint, path)
        return path.read_bytes()
    except OSError as error:
        raise BackendUnavailable(f"cannot keep the graph in {path} ({error})") from error


def _providers(device: torch.device, tensorrt: bool) -> list[tuple[str, dict[str, Any]]]:
    """The provider wanted, then those that take what it cannot. Raises BackendUnavailable."""
    try:
        import onnxruntime
    except ImportError:
        raise BackendUnavailable(f"there is no onnxruntime; {PACKAGES}") from None
    if tensorrt and device.type != "cuda":
        raise BackendUnavailable("TensorRT needs a CUDA GPU; use backend onnx")
    wanted: list[tuple[str, dict[str, Any]]] = [("CPUExecutionProvider", {})]
    if device.type == "cuda":
        wanted.insert(0, ("CUDAExecutionProvider", {"device_id": device.index or 0}))
    if tensorrt:
        wanted.insert(0, ("TensorrtExecutionProvider", {"device_id": device.index or 0}))
    if wanted[0][0] not in onnxruntime.get_available_providers():
        raise BackendUnavailable(
            f"this onnxruntime has no {wanted[0][0]}; install onnxruntime-gpu, or use another "
            "backend"
        )
    return wanted
