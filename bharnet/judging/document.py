# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An evaluation as plain data for report.json: the same bytes for the same bag, labels, model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bharnet.judging.evaluation import Evaluation
from bharnet.judging.figures import Figures, PersonResult, Spread
from bharnet.judging.metrics import THRESHOLDS
from bharnet.window import NANOSECONDS

FORMAT = 1
MOST_MISTAKES = 50


def describe(evaluation: Evaluation) -> dict[str, Any]:
    """Everything but times of the machine. Times are seconds from the recording's first stamp."""
    request, heard, found = evaluation.request, evaluation.heard, evaluation.judgement
    zero = heard.span.start
    return {
        "format": FORMAT,
        "recording": {
            "bag": request.bag.resolve().name,
            "source": _source(evaluation),
            "first_stamp": zero,
            "seconds": _round(heard.span.length / NANOSECONDS),
            "frames": heard.frames,
            "results": heard.listener.results,
            "left_out": dict(heard.left_out),
            "losses": dict(heard.losses),
            "result_age_ms": _ages(heard.ages),
        },
        "model": heard.model,
        "backend": heard.backend,
        "settings": {key: _round(value) for key, value in sorted(heard.settings.items())},
        "labels": {
            "source": evaluation.labels,
            "renamed": dict(sorted(request.rename.items())),
            "unlabelled": request.unlabelled,
            "offset": float(request.offset),
        },
        "summary": {
            **_figures(found.overall),
            "macro_f1": {f"{t:g}": _round(found.macro_f1[t]) for t in THRESHOLDS},
            "accuracy": _round(found.accuracy),
            "idle_minutes": _round(found.idle_minutes),
            "false_alarms_per_minute": _round(found.false_alarms_per_minute),
            "id_switches": found.id_switches,
            "missed_out_of_view": found.unseen,
            "unknown_classes": {
                "segments": found.unknown_segments,
                "refused": found.unknown_refused,
            },
        },
        "classes": {name: _figures(each) for name, each in found.classes.items()},
        "confusion": {
            "happened": list(found.rows),
            "told": list(found.columns),
            "counts": [list(row) for row in found.confusion],
        },
        "mistakes": [
            {
                "kind": each.kind,
                "person": each.person,
                "start": _seconds(each.start, zero),
                "end": _seconds(each.end, zero),
                "happened": each.happened,
                "told": each.told,
                "confidence": _round(each.confidence),
                "cost": _round(each.cost),
            }
            for each in found.mistakes[:MOST_MISTAKES]
        ],
        "people": [_person(each, zero) for each in found.people],
    }


def describe_timings(evaluation: Evaluation) -> dict[str, Any]:
    """What differs from run to run: how long everything took."""
    length = evaluation.heard.span.length / NANOSECONDS
    return {
        "seconds": _round(evaluation.seconds, 3),
        "times_real_time": _round(length / evaluation.seconds, 1),
        "stages_ms": {
            stage: {
                "times": len(took),
                "mean": _round(float(np.mean(took)), 3),
                "p50": _round(float(np.percentile(took, 50)), 3),
                "p95": _round(float(np.percentile(took, 95)), 3),
            }
            for stage, took in evaluation.milliseconds.items()
            if took
        },
    }


def _source(evaluation: Evaluation) -> str:
    if evaluation.request.recorded:
        return "recorded actions"
    return f"{'pictures' if evaluation.request.camera else 'poses'}, recognised anew"


def _figures(figures: Figures) -> dict[str, Any]:
    lowest = figures.scores[THRESHOLDS[0]]
    return {
        "segments": lowest.happened,
        "events": lowest.told,
        "iou": {
            f"{t:g}": {
                "right": score.true,
                "precision": _round(score.precision),
                "recall": _round(score.recall),
                "f1": _round(score.f1),
            }
            for t, score in figures.scores.items()
        },
        "missed": figures.missed,
        "false_alarms": figures.false_alarms,
        "delay_s": _spread(figures.delay),
        "onset_error_s": {**_spread(figures.onset_error), "bias": _round(figures.onset_bias)},
        "offset_error_s": _spread(figures.offset_error),
    }


def _person(result: PersonResult, zero: int) -> dict[str, Any]:
    return {
        "name": result.person.name,
        "labelled": result.person.labelled,
        "in_view": [
            [_seconds(each.start, zero), _seconds(each.end, zero), each.body_id]
            for each in result.person.sightings
        ],
        "segments": [
            {
                "start": _seconds(segment.start, zero),
                "end": _seconds(segment.end, zero),
                "label": segment.label,
                "result": state,
            }
            for segment, state in result.segments
        ],
        "events": [
            {
                "onset": _seconds(each.event.onset, zero),
                "offset": _seconds(each.event.offset, zero),
                "decided": _seconds(each.event.decided, zero),
                "label": each.event.label,
                "confidence": _round(each.event.confidence),
                "body_id": each.event.body_id,
                "result": each.verdict.value,
                "iou": _round(each.iou),
            }
            for each in result.outcomes
        ],
    }


def _spread(spread: Spread) -> dict[str, float | None]:
    return {"median": _round(spread.median), "p90": _round(spread.p90)}


def _ages(ages: Sequence[float]) -> Mapping[str, float | None] | None:
    if not ages:
        return None
    p50, p95 = np.percentile(ages, (50, 95))
    return {"p50": _round(float(p50), 3), "p95": _round(float(p95), 3)}


def _seconds(stamp: int, zero: int) -> float:
    return (stamp - zero) / NANOSECONDS


def _round(value: float | None, digits: int = 6) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)
