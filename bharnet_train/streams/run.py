# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Labelled streams through the very core, and what is told of them judged.

The network is asked once: which windows it is shown depends on the frames alone, never on the
decisions. So they can be made again and again, with other parameters, at little cost.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from bharnet.checkpoint import ModelInfo
from bharnet.decision import Decided, Decider, DecisionConfig, Reason
from bharnet.judging.figures import Judgement
from bharnet.judging.hearing import Listener, from_tick
from bharnet.judging.metrics import IDLE_NAMES, judge
from bharnet.judging.segments import Event, Span
from bharnet.observation import Observation
from bharnet.recognizer import Prediction, Recognizer
from bharnet.stream import ActionStream, Entry, StreamConfig, Tick
from bharnet.window import Window
from bharnet_train.streams.labelled import LabelledStream

BATCH = 256


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network said of one stream: stamp and prediction of every tick."""

    stream: LabelledStream
    ticks: tuple[tuple[int, Prediction], ...]


def ask(
    streams: Many[LabelledStream], recognizer: Recognizer, config: StreamConfig
) -> list[Answers]:
    """Every tick of the core's, its windows read in large batches."""
    answered = []
    for stream in streams:
        scout = _Scout(recognizer.info)
        core = ActionStream(cast(Recognizer, scout), config=config)
        for frame in stream.frames():
            core.advance(frame)
        predictions = []
        for start in range(0, len(scout.asked), BATCH):
            asked = scout.asked[start : start + BATCH]
            # Counted from their ends, windows of different moments fit one batch.
            shifted = [replace(window, stamps=window.stamps - end) for window, end in asked]
            found = recognizer.recognize(shifted, 0, config.window_seconds)
            for (_, end), each in zip(asked, found, strict=True):
                predictions.append(replace(each, window_start=each.window_start + end))
        ends = [end for _, end in scout.asked]
        answered.append(Answers(stream, tuple(zip(ends, predictions, strict=True))))
    return answered


def decide(answers: Answers, info: ModelInfo, config: DecisionConfig) -> list[Event]:
    """The events that the core would tell of a stream."""
    decider, listener, name = Decider(config, info.idle_id), Listener(), answers.stream.name
    nobody = Observation(name, np.empty((0, 4), np.float32), np.empty((2, 0, 4), np.float32))

    def hear(stamp: int, decisions: list[Decided]) -> None:
        entries = tuple(Entry(each, nobody, stamp) for each in decisions)
        listener.hear(stamp, from_tick(Tick(stamp, entries), info.classes))

    stamp = 0
    for stamp, prediction in answers.ticks:
        hear(stamp, decider.decide(name, stamp, prediction))
    hear(stamp, decider.finish_all(Reason.INPUT_STOPPED))
    return listener.events


def judge_streams(
    streams: Many[LabelledStream], events: Many[Event], info: ModelInfo
) -> Judgement:
    """What was told of some streams, against their labels; all of them in one."""
    span = Span(min(s.span.start for s in streams), max(s.span.end for s in streams))
    return judge(
        [segment for stream in streams for segment in stream.segments],
        events,
        span,
        [stream.sighting for stream in streams],
        info.classes,
        IDLE_NAMES | {info.idle},
    )


def decide_and_judge(answers: Many[Answers], info: ModelInfo, config: DecisionConfig) -> Judgement:
    """Decide anew, and judge."""
    events = [event for each in answers for event in decide(each, info, config)]
    return judge_streams([each.stream for each in answers], events, info)


class _Scout:
    """Notes what the core asks; one person at a time."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self.asked: list[tuple[Window, int]] = []
        nothing = np.full(len(info.classes), 1 / len(info.classes), np.float32)
        self._always = Prediction(nothing, None, None, 0.0, 0, 0)

    def recognize(
        self, windows: Many[Window], end: int, lengths: Many[float] = ()
    ) -> list[Prediction]:
        self.asked += [(window, end) for window in windows]
        return [self._always] * len(windows)
