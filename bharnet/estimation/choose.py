# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which estimator: a few settings in, an opened estimator out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bharnet.estimation.estimator import Estimator, EstimatorUnavailable
from bharnet.reporting import PACKAGES


@dataclass(frozen=True)
class EstimatorConfig:
    """What a user may choose.

    estimator       "mediapipe", or "wholebody" (an ONNX file of 133 COCO-WholeBody keypoints)
    model           mediapipe: "lite", "full" or "heavy"; wholebody: path of the ONNX file
    max_people      how many people are looked for; each costs time, and looking for one who is
                    not there does too. wholebody always finds one at most
    min_confidence  0..1, of a person and of a hand; raising it: fewer ghosts, fewer people
    delegate        "cpu" or "gpu"
    models          folder of MediaPipe's files; None = the user's cache, filled when need be

    Raises ValueError for what is out of range.
    """

    estimator: str = "mediapipe"
    model: str = "full"
    max_people: int = 2
    min_confidence: float = 0.5
    delegate: str = "cpu"
    models: Path | None = None

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            raise ValueError(
                f"unknown estimator '{self.estimator}'; known: {', '.join(ESTIMATORS)}"
            )
        if not 1 <= self.max_people <= 50:
            raise ValueError(f"max_people {self.max_people} is out of 1..50")
        if not 0.0 <= self.min_confidence <= 1.0:
            raise ValueError(f"min_confidence {self.min_confidence:g} is out of 0..1")
        if self.delegate not in ("cpu", "gpu"):
            raise ValueError(f"delegate '{self.delegate}' is neither cpu nor gpu")


def open_estimator(config: EstimatorConfig) -> Estimator:
    """The estimator, ready to work. Raises EstimatorUnavailable with cause and cure."""
    try:
        return ESTIMATORS[config.estimator](config)
    except ImportError as error:
        raise EstimatorUnavailable(
            f"estimator {config.estimator} needs a package that is not here ({error}); {PACKAGES}"
        ) from error


def _mediapipe(config: EstimatorConfig) -> Estimator:
    from bharnet.estimation.mediapipe_estimator import MediaPipeEstimator

    return MediaPipeEstimator(
        config.model, config.max_people, config.min_confidence, config.delegate, config.models
    )


def _wholebody(config: EstimatorConfig) -> Estimator:
    from bharnet.estimation.wholebody import WholeBodyEstimator

    return WholeBodyEstimator(Path(config.model), config.min_confidence, config.delegate)


ESTIMATORS: dict[str, Callable[[EstimatorConfig], Estimator]] = {
    "mediapipe": _mediapipe,
    "wholebody": _wholebody,
}
