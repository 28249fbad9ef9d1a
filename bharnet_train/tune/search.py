# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tries decision parameters on streams that the network has answered for.

Random search (Bergstra and Bengio, JMLR 13, 2012) over steps that a person would try. The lags
of onset and offset need no search: they are what the told times are late by, in the median.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from bharnet.checkpoint import ModelInfo
from bharnet.decision import DecisionConfig
from bharnet.judging.figures import Judgement
from bharnet.judging.matching import Verdict
from bharnet.window import NANOSECONDS
from bharnet_train.streams.run import Answers, decide_and_judge

STEPS: dict[str, tuple[float, ...]] = {
    "smoothing_seconds": (0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0),
    "enter_threshold": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
    "leave_threshold": (0.2, 0.3, 0.4, 0.5, 0.6),
    "enter_seconds": (0.0, 0.1, 0.2, 0.3, 0.5, 1.0),
    "leave_seconds": (0.0, 0.1, 0.2, 0.4, 0.8, 1.5),
    "lowest_coverage": (0.2, 0.4),
    "highest_entropy": (0.5, 0.7, 1.0),
    "shortest_seconds": (0.0, 0.5),
    "refractory_seconds": (0.0, 0.5),
}
# Points of F1 that count as equal: the quicker one is then taken.
ALIKE = 0.01


@dataclass(frozen=True)
class Trial:
    """One setting and what came of it; times in seconds, None = nothing was found."""

    config: DecisionConfig
    f1: float
    false_alarms_per_minute: float
    delay: float | None
    onset_error: float | None
    accuracy: float

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def try_out(answers: Many[Answers], info: ModelInfo, config: DecisionConfig) -> Trial:
    """Judge one setting, its lags fitted first."""
    fitted = with_lags(config, decide_and_judge(answers, info, without_lags(config)))
    return summarise(fitted, decide_and_judge(answers, info, fitted))


def without_lags(config: DecisionConfig) -> DecisionConfig:
    """Onsets and offsets where the evidence begins and ceases."""
    return replace(config, onset_lag_seconds=0.0, offset_lag_seconds=0.0)


def with_lags(config: DecisionConfig, judged: Judgement) -> DecisionConfig:
    """The lags that ``judged``, of ``without_lags``, shows."""
    onset, offset = fit_lags(judged)
    return replace(config, onset_lag_seconds=onset, offset_lag_seconds=offset)


def same_lags(config: DecisionConfig, other: DecisionConfig) -> DecisionConfig:
    """``config`` with the lags of ``other``."""
    return replace(
        config,
        onset_lag_seconds=other.onset_lag_seconds,
        offset_lag_seconds=other.offset_lag_seconds,
    )


def summarise(config: DecisionConfig, found: Judgement) -> Trial:
    """What a judgement means for the choice."""
    return Trial(
        config,
        found.overall.scores[0.5].f1 or 0.0,
        found.false_alarms_per_minute or 0.0,
        found.overall.delay.median,
        found.overall.onset_error.median,
        found.accuracy or 0.0,
    )


def fit_lags(judgement: Judgement) -> tuple[float, float]:
    """What onsets and offsets are told too late by, medians in seconds; never negative."""
    pairs = [
        (outcome.segment, outcome.event)
        for person in judgement.people
        for outcome in person.outcomes
        if outcome.verdict == Verdict.RIGHT and outcome.segment is not None
    ]
    if not pairs:
        return 0.0, 0.0
    late = (
        median((event.onset - segment.start) / NANOSECONDS for segment, event in pairs),
        median((event.offset - segment.end) / NANOSECONDS for segment, event in pairs),
    )
    return tuple(round(min(max(each, 0.0), 10.0), 2) for each in late)  # type: ignore[return-value]


def search(
    answers: Many[Answers],
    info: ModelInfo,
    trials: int,
    start: DecisionConfig,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Trial]:
    """``start`` and settings drawn at random, each judged, in the order tried."""
    tried = []
    for config in draw_settings(trials, start, seed):
        tried.append(try_out(answers, info, config))
        progress(len(tried))
    return tried


def draw_settings(count: int, start: DecisionConfig, seed: int = 0) -> list[DecisionConfig]:
    """``start``, then settings drawn from STEPS."""
    rng = np.random.default_rng(seed)
    configs = [start]
    while len(configs) < count:
        drawn = {name: float(rng.choice(steps)) for name, steps in STEPS.items()}
        if drawn["leave_threshold"] <= drawn["enter_threshold"]:
            configs.append(DecisionConfig(**drawn))
    return configs


def choose(trials: Many[Trial], false_alarms: float, longest_delay: float = math.inf) -> Trial:
    """The operating point: the quickest of those with about the best F1 at IoU 0.5.

    Of the settings with at most ``false_alarms`` a minute and, of those, with a median delay of at
    most ``longest_delay`` seconds. A wish that none fulfils gives way to what comes nearest.
    """
    limit = max(false_alarms, min(each.false_alarms_per_minute for each in trials))
    quiet = [each for each in trials if each.false_alarms_per_minute <= limit]
    within = max(longest_delay, min(map(_delay, quiet)))
    fit = [each for each in quiet if _delay(each) <= within]
    best = max(each.f1 for each in fit)
    alike = [each for each in fit if each.f1 >= best - ALIKE]
    return min(alike, key=lambda each: (_delay(each), -each.f1))


def _delay(trial: Trial) -> float:
    return math.inf if trial.delay is None else trial.delay
