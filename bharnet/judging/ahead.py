# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The core on several processor cores, with the very results of one.

Which windows the network is asked about depends on the frames alone, never on its answers. So a
scout runs ahead of the deciding stream and asks worker processes; each tick is still one batch of
its own, because batches of another size would round differently. Deciding stays in order.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from bharnet.checkpoint import ModelInfo, load_checkpoint
from bharnet.judging.evaluation import InvalidRequest
from bharnet.observation import Frame
from bharnet.recognizer import Prediction, Recognizer
from bharnet.skeleton import HAND_21, get_layout
from bharnet.stream import ActionStream, Tick
from bharnet.window import Window

MakeStream = Callable[[Recognizer], ActionStream]
Took = Callable[[str, float], None]
# Ticks that the scout is ahead, for each worker: enough to keep it busy, little to hold.
AHEAD = 16

_recognizer: Recognizer  # of a worker process


def run(
    frames: Iterable[Frame],
    recognizer: Recognizer,
    make_stream: MakeStream,
    model: Path,
    jobs: int,
    took: Took,
) -> Iterator[Tick]:
    """Every tick of a stream that is shown the frames; running events end after the last.

    ``jobs`` > 1 starts so many workers, each with the model of this file on the CPU.
    ``took(stage, milliseconds)`` is told of "recognise" (a tick) and "decide" (a frame: windows
    and decision). Raises InvalidRequest if a worker ends.
    """
    if jobs <= 1:
        asked: _Timed | _Oracle = _Timed(recognizer)
        stream = make_stream(cast(Recognizer, asked))
        for frame in frames:
            yield from _advance(stream, frame, asked, took)
    else:
        with _workers(model, recognizer.backend, jobs) as pool, _said_in_words():
            answers: deque[_Answer] = deque()
            asked = _Oracle(recognizer, answers)
            stream = make_stream(cast(Recognizer, asked))
            scout = ActionStream(
                cast(Recognizer, _Scout(recognizer, pool, answers)), config=stream.config
            )
            waiting: deque[Frame] = deque()
            for frame in frames:
                scout.advance(frame)
                waiting.append(frame)
                while len(answers) > AHEAD * jobs:
                    yield from _advance(stream, waiting.popleft(), asked, took)
            for frame in waiting:
                yield from _advance(stream, frame, asked, took)
    if (ended := stream.input_stopped()) is not None:
        yield ended


def _advance(stream: ActionStream, frame: Frame, asked: _Asked, took: Took) -> list[Tick]:
    begun = time.perf_counter()
    ticks = stream.advance(frame)
    milliseconds = 1e3 * (time.perf_counter() - begun)
    for each in asked.took:
        took("recognise", each)
    took("decide", max(0.0, milliseconds - asked.waited))
    asked.took.clear()
    asked.waited = 0.0
    return ticks


class _Asked:
    """Counts what recognition costs: ``took`` its own milliseconds, ``waited`` the stream's."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self.took: list[float] = []
        self.waited = 0.0


class _Timed(_Asked):
    """A recogniser under a stopwatch."""

    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__(recognizer.info)
        self._recognizer = recognizer

    def recognize(
        self, windows: Sequence[Window], end: int, lengths: Sequence[float] = ()
    ) -> list[Prediction]:
        begun = time.perf_counter()
        found = self._recognizer.recognize(windows, end, lengths)
        milliseconds = 1e3 * (time.perf_counter() - begun)
        self.waited += milliseconds
        self.took.append(milliseconds)
        return found


class _Answer:
    """What was asked and will be answered."""

    def __init__(self, asked: tuple[int, int], future: Future[Any]) -> None:
        self.asked, self.future = asked, future


class _Scout:
    """Passes on what it is asked, and answers the same to all."""

    def __init__(
        self, recognizer: Recognizer, pool: ProcessPoolExecutor, answers: deque[_Answer]
    ) -> None:
        self.info: ModelInfo = recognizer.info
        self._pool, self._answers = pool, answers
        joints = len(get_layout(self.info.features.body_layout))
        nobody = (
            np.zeros((1, joints, 4), np.float32),
            np.zeros((1, 2, len(HAND_21), 4), np.float32),
        )
        (self._always,) = recognizer.recognize([Window(np.zeros(1, np.int64), *nobody)], 0)

    def recognize(
        self, windows: Sequence[Window], end: int, lengths: Sequence[float] = ()
    ) -> list[Prediction]:
        future = self._pool.submit(_recognize, list(windows), end, tuple(lengths))
        self._answers.append(_Answer((len(windows), end), future))
        return [self._always] * len(windows)


class _Oracle(_Asked):
    """Answers with what was asked ahead."""

    def __init__(self, recognizer: Recognizer, answers: deque[_Answer]) -> None:
        super().__init__(recognizer.info)
        self._answers = answers

    def recognize(
        self, windows: Sequence[Window], end: int, lengths: Sequence[float] = ()
    ) -> list[Prediction]:
        answer = self._answers.popleft()
        if answer.asked != (len(windows), end):
            raise RuntimeError("what is asked of the network depends on its answers: use one job")
        begun = time.perf_counter()
        found, milliseconds = answer.future.result()
        self.waited += 1e3 * (time.perf_counter() - begun)
        self.took.append(milliseconds)
        return cast(list[Prediction], found)


@contextlib.contextmanager
def _said_in_words() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        raise InvalidRequest(
            "a process that recognises ended, as where memory is short; use one (--jobs 1)"
        ) from None


def _workers(model: Path, backend: str, jobs: int) -> ProcessPoolExecutor:
    # Not forked: torch and what loaded it may hold threads and locks.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, _load, (str(model), backend))


def _load(model: str, backend: str) -> None:
    """In a worker, once; on another backend it would round differently."""
    global _recognizer
    torch.set_num_threads(1)
    _recognizer = Recognizer(load_checkpoint(Path(model)), "cpu", backend)
    if _recognizer.backend != backend:
        raise RuntimeError(f"a worker would run {_recognizer.backend} where {backend} runs")


def _recognize(
    windows: list[Window], end: int, lengths: tuple[float, ...]
) -> tuple[list[Prediction], float]:
    """In a worker, each tick."""
    begun = time.perf_counter()
    found = _recognizer.recognize(windows, end, lengths)
    return found, 1e3 * (time.perf_counter() - begun)
