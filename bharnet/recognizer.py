# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Windows of several people -> class probabilities, in one batch, on CPU or GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bharnet.backends import Answer, OutOfMemory, make_backend, without_gpu
from bharnet.checkpoint import Checkpoint
from bharnet.features import resample_all
from bharnet.reporting import Report, ignore
from bharnet.window import Window


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says of one person's window.

    probabilities (L,) of the labels, calibrated, sum 1; body, hand (L,): each expert's own, None =
    it saw nothing. coverage: observed share of the window. window_start: stamp of the oldest
    frame used.
    """

    probabilities: NDArray[np.float32]
    body: NDArray[np.float32] | None
    hand: NDArray[np.float32] | None
    coverage: float
    frames_used: int
    window_start: int


def choose_device(name: str) -> torch.device:
    """``auto`` takes the GPU if there is one. Raises ValueError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device '{name}' is none of auto, cpu, cuda, cuda:0 ...") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device '{name}' is not there ({torch.cuda.device_count()} CUDA GPUs seen); "
            "use device:=cpu, or install a torch built for CUDA"
        )
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device '{name}' is none of auto, cpu, cuda, cuda:0 ...")
    return device


class Recognizer:
    """A checkpoint at work, on one of ``bharnet.backends``.

    ``info`` describes what is told: its classes are the model's labels, those that mean the same
    being one. ``warn(key, message)`` is told once if another backend or device is used than was
    asked for.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: str = "auto",
        backend: str = "auto",
        warn: Report = ignore,
    ) -> None:
        self.info = checkpoint.info.told()
        self.model_id = f"{self.info.name}-{self.info.version}-{checkpoint.digest}"
        self.device = choose_device(device)
        self._checkpoint, self._warn = checkpoint, warn
        try:
            self._backend = make_backend(backend, checkpoint, self.device, warn)
        except OutOfMemory as error:
            self._leave_gpu(error)

    @property
    def backend(self) -> str:
        """The backend in use, never auto."""
        return self._backend.name

    def close(self) -> None:
        """Give the device's memory back; nothing can be recognised any more."""
        self._backend.close()

    def recognize(
        self, windows: Sequence[Window], end: int, lengths: Sequence[float] = ()
    ) -> list[Prediction]:
        """All windows as seen at ``end`` (nanoseconds), in one forward pass a length.

        ``lengths``: seconds of each window that are read; () = the model's own. With several, the
        answer is the mean of their probabilities, each counting by its coverage: a short one
        knows sooner, a long one knows better.
        """
        if not windows:
            return []
        lengths = tuple(lengths) or (self.info.features.window_seconds,)
        read = [self._read(windows, end, seconds) for seconds in lengths]
        return read[0] if len(read) == 1 else [_mean(of_one) for of_one in zip(*read, strict=True)]

    def _read(self, windows: Sequence[Window], end: int, seconds: float) -> list[Prediction]:
        position, seen = resample_all(windows, self.info.features, end, seconds)
        scores = self._run(position, seen)
        stacked = np.stack((scores.fused, scores.body, scores.hand))
        probabilities = _softmax(stacked / np.float32(self.info.temperature))
        if self._checkpoint.info.synonyms:
            probabilities = self._checkpoint.info.sum_up(probabilities)
        present = np.stack((scores.body_present, scores.hand_present))
        coverages = seen.any(2).mean(1)
        first = end - round(seconds * 1e9)
        predictions = []
        for i, window in enumerate(windows):
            used = window.stamps[window.stamps >= first]
            body, hand = (
                probabilities[1 + k, i] if present[k, i] and name in self._experts else None
                for k, name in enumerate(("body", "hand"))
            )
            fused = probabilities[0, i]
            start = int(used[0]) if len(used) else 0
            coverage = float(coverages[i])
            predictions.append(Prediction(fused, body, hand, coverage, len(used), start))
        return predictions

    def _run(self, position: NDArray[np.float32], seen: NDArray[np.bool_]) -> Answer:
        try:
            return self._backend.run(position, seen)
        except OutOfMemory as error:
            if self.device.type == "cpu":
                raise
            self._backend.close()
            self._leave_gpu(error)
            return self._backend.run(position, seen)

    def _leave_gpu(self, error: OutOfMemory) -> None:
        self.device = torch.device("cpu")
        self._backend = without_gpu(self._checkpoint, error, self._warn)

    @property
    def _experts(self) -> tuple[str, ...]:
        return self.info.network.experts


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True), np.float32)


def _mean(several: Sequence[Prediction]) -> Prediction:
    """One person's windows of several lengths as one answer."""
    weights = np.array([each.coverage for each in several], np.float32)
    weights = weights if weights.any() else np.ones_like(weights)

    def mean(of: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
        there = [each for each in of if each is not None]
        if not there:
            return None
        counts = weights[[each is not None for each in of]] + 1e-9
        return np.average(there, 0, counts).astype(np.float32)

    fused = mean([each.probabilities for each in several])
    assert fused is not None
    longest = max(several, key=lambda each: each.frames_used)
    return Prediction(
        fused,
        mean([each.body for each in several]),
        mean([each.hand for each in several]),
        float(max(each.coverage for each in several)),
        longest.frames_used,
        longest.window_start,
    )
