# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The poses or pictures of a bag through the core: what it tells of them."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

import torch

from bharnet.bag import EmptyBag, ImageBag, PoseBag, TopicBag
from bharnet.checkpoint import ModelInfo, load_checkpoint
from bharnet.decision import DecisionConfig, decision_config
from bharnet.judging.ahead import run
from bharnet.judging.evaluation import Heard, InvalidRequest, Request
from bharnet.judging.hearing import Listener, from_tick
from bharnet.judging.segments import Span
from bharnet.judging.sources import Stopwatch, image_frames, pose_frames
from bharnet.observation import Frame
from bharnet.recognizer import Recognizer
from bharnet.reporting import Report
from bharnet.skeleton import Layout, get_layout
from bharnet.stream import ActionStream, StreamConfig

# Below so many messages, starting workers takes longer than they save.
WORTH_WORKERS = 5000
DECISION = frozenset(each.name for each in fields(DecisionConfig))
STREAM = frozenset(each.name for each in fields(StreamConfig))


def recognise(
    request: Request,
    check: Callable[[Span], object],
    stopwatch: Stopwatch,
    progress: Callable[[int, int], None],
) -> Heard:
    """Drive the core by the bag's stamps.

    ``check`` is told the recording's span before the work begins, and may raise. Raises
    InvalidRequest, InvalidCheckpoint, InvalidBag.
    """
    # One thread, as the node by default: another number might round differently.
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(request.model)
    try:
        recognizer = Recognizer(checkpoint, request.device, request.backend, refuse)
        info = recognizer.info
        decision, config = configure(request.settings, info)
    except ValueError as error:
        raise InvalidRequest(str(error)) from None
    left_out: Counter[str] = Counter()

    def report(key: str, _: str) -> None:
        left_out[key] += 1

    def make_stream(asked: Recognizer) -> ActionStream:
        return ActionStream(asked, decision, config, report)

    listener = Listener()
    layout = get_layout(info.features.body_layout)
    with _opened(request, layout, report, stopwatch) as (bag, source):
        span = Span(*bag.span())
        check(span)
        frames = _Counted(source, bag.count, progress)
        jobs = request.jobs or (_cores() if bag.count > WORTH_WORKERS else 1)
        if recognizer.device.type != "cpu":
            jobs = 1
        for tick in run(frames, recognizer, make_stream, request.model, jobs, stopwatch.took):
            listener.hear(tick.stamp, from_tick(tick, info.classes))
    if not frames.number:
        raise EmptyBag(
            f"{request.bag}: none of the {bag.count} messages on {bag.topic} can be used "
            f"({', '.join(sorted(left_out))}); what they must hold is said in msg/"
        )
    return Heard(
        listener=listener,
        span=span,
        model=recognizer.model_id,
        backend=recognizer.backend,
        classes=info.classes,
        idle=info.idle,
        frames=frames.number,
        settings={
            **asdict(decision),
            **asdict(config),
            # --set takes numbers, so there is at most one length.
            "window_seconds": (*config.window_seconds, info.features.window_seconds)[0],
        },
        left_out=dict(sorted(left_out.items())),
    )


class _Counted:
    """Frames on their way, counted; ``progress`` is told now and then."""

    def __init__(
        self, frames: Iterable[Frame], of: int, progress: Callable[[int, int], None]
    ) -> None:
        self._frames, self._of, self._progress = frames, of, progress
        self.number = 0

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            self.number += 1
            if not self.number % 500:
                self._progress(self.number, self._of)
            yield frame


@contextlib.contextmanager
def _opened(
    request: Request, layout: Layout, report: Report, stopwatch: Stopwatch
) -> Iterator[tuple[TopicBag, Iterator[Frame]]]:
    """The bag and its frames: of poses as recorded, of pictures as the camera finds them."""
    if request.camera is None:
        with PoseBag(request.bag, request.topic) as poses:
            yield poses, pose_frames(poses, layout, report, stopwatch)
    else:
        with ImageBag(request.bag, request.topic) as pictures, request.camera() as camera:
            yield pictures, image_frames(pictures, camera, layout, report, stopwatch)


def refuse(key: str, message: str) -> None:
    """Another backend than was asked for would round otherwise, unseen. Raises InvalidRequest."""
    raise InvalidRequest(message)


def configure(
    settings: Mapping[str, float], info: ModelInfo
) -> tuple[DecisionConfig, StreamConfig]:
    """The model's and the default settings, changed as asked. Raises ValueError."""
    unknown = sorted(set(settings) - DECISION - STREAM)
    if unknown:
        raise ValueError(
            f"there is no setting {unknown[0]}; there are {', '.join(sorted(DECISION | STREAM))}"
        )
    decision = {key: value for key, value in settings.items() if key in DECISION}
    stream: dict[str, Any] = {key: value for key, value in settings.items() if key in STREAM}
    if "max_people" in stream:
        if not float(stream["max_people"]).is_integer():
            raise ValueError(f"max_people {stream['max_people']:g} is no whole number")
        stream["max_people"] = int(stream["max_people"])
    if "window_seconds" in stream:
        stream["window_seconds"] = (stream["window_seconds"],)
    return decision_config(info, decision), StreamConfig(**stream)


def _cores() -> int:
    given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(4, given or 1)
