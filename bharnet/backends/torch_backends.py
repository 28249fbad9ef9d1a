# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The backends inside torch: folded as it is, compiled, and recorded as CUDA graphs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from bharnet.backends.interface import (
    Answer,
    BackendUnavailable,
    OutOfMemory,
    WindowNetwork,
    example,
)
from bharnet.checkpoint import Checkpoint
from bharnet.features import FeatureConfig
from bharnet.network.folding import fold

# Batches a CUDA graph is recorded for; others are filled up to the next, larger ones are cut.
RECORDED = (1, 2, 4, 8, 16, 32, 64)
Forward = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, ...]]


class Eager:
    """torch, operation by operation, with a folded network."""

    name = "eager"

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.device = device
        self.features: FeatureConfig = checkpoint.info.features
        with _telling_memory():
            folded = fold(checkpoint.network)
            self._network: WindowNetwork | None = WindowNetwork(folded, self.features).to(device)
            self._forward: Forward = self._network

    def run(self, position: NDArray[np.float32], seen: NDArray[np.bool_]) -> Answer:
        with _telling_memory(), torch.inference_mode():
            joints = torch.from_numpy(position).to(self.device)
            answered = self._forward(joints, torch.from_numpy(seen).to(self.device))
            return Answer(*(each.cpu().numpy() for each in answered))

    def close(self) -> None:
        self._network, self._forward = None, _closed


class Compiled(Eager):
    """torch.compile, for any number of people. The first run takes a minute or so.

    Raises BackendUnavailable where there is no compiler.
    """

    name = "compile"

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        super().__init__(checkpoint, device)
        self._forward = torch.compile(self._network, dynamic=True)  # type: ignore[assignment]
        try:
            for people in (1, 2):  # it makes one person a case of its own
                position, seen = example(self.features, people)
                self.run(position.numpy(), seen.numpy())
        except OutOfMemory:
            raise
        except Exception as error:  # a compiler may fail in a hundred ways
            cause = str(error).strip().splitlines()
            raise BackendUnavailable(
                f"torch.compile failed ({cause[0][:200] if cause else type(error).__name__}); "
                "it needs a C++ compiler, on GPUs triton"
            ) from error


class CudaGraphs(Eager):
    """The GPU's work for a batch, recorded once, launched as one. **Never run on a GPU here.**

    Raises BackendUnavailable for a device that is no CUDA GPU.
    """

    name = "cuda_graphs"

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        if device.type != "cuda":
            raise BackendUnavailable("CUDA graphs need a CUDA GPU; use backend eager or onnx")
        super().__init__(checkpoint, device)
        self._graphs: dict[int, tuple[torch.cuda.CUDAGraph, tuple[torch.Tensor, ...]]] = {}
        self._inputs: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def run(self, position: NDArray[np.float32], seen: NDArray[np.bool_]) -> Answer:
        most = RECORDED[-1]
        parts = [
            self._replay(position[first : first + most], seen[first : first + most])
            for first in range(0, len(position), most)
        ]
        return Answer(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def close(self) -> None:
        self._graphs.clear()
        self._inputs.clear()
        super().close()

    def _replay(self, position: NDArray[np.float32], seen: NDArray[np.bool_]) -> Answer:
        people = len(position)
        size = next(size for size in RECORDED if size >= people)
        with _telling_memory(), torch.inference_mode():
            if size not in self._graphs:
                self._record(size)
            graph, outputs = self._graphs[size]
            for kept, given in zip(self._inputs[size], (position, seen), strict=True):
                kept[:people].copy_(torch.from_numpy(given))
            graph.replay()
            return Answer(*(each[:people].cpu().numpy() for each in outputs))

    def _record(self, size: int) -> None:
        position, seen = example(self.features, size)
        inputs = position.to(self.device), seen.to(self.device)
        # Libraries make their workspaces in the first runs, which must not be recorded.
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self._forward(*inputs)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = self._forward(*inputs)
        self._inputs[size], self._graphs[size] = inputs, (graph, outputs)


@contextlib.contextmanager
def _telling_memory() -> Iterator[None]:
    """Says of torch's error what it means."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(str(error).splitlines()[0]) from error


def _closed(*_: torch.Tensor) -> tuple[torch.Tensor, ...]:
    raise RuntimeError("this backend is closed")
