# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is evaluated and how, and what comes of it: the data between the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from bharnet.judging.figures import Judgement
from bharnet.judging.hearing import Listener
from bharnet.judging.segments import Span
from bharnet.models import SHIPPED

if TYPE_CHECKING:
    from bharnet.estimation.people import PeopleEstimator


MOST_OFFSET = 10**10  # seconds: from 1970 to any camera's clock, and room to spare


class InvalidRequest(ValueError):
    """What was asked for cannot be done; the message says why."""


@dataclass(frozen=True)
class Request:
    """What to evaluate, and how.

    backend   what runs the network, one of bharnet.backends.BACKENDS
    settings  fields of DecisionConfig and StreamConfig, instead of the model's and the defaults
    camera    opens the estimator; given, the bag's pictures are read and not its poses
    recorded  judge the actions in the bag instead of recognising its poses anew
    rename    label in the labels -> class of the model
    idle      further labels that mean nothing is done
    offset    seconds from the bag's first stamp to the zero of the labels
    jobs      processes that recognise; 0 = as many as there are cores, if it is worth it. More
              than one start this program's main module anew: it must be guarded, as Python's
              multiprocessing asks

    Raises InvalidRequest for what cannot be.
    """

    bag: Path
    labels: Path | None = None
    topic: str = ""
    labels_topic: str = ""
    camera: Callable[[], PeopleEstimator] | None = None
    recorded: bool = False
    model: Path = SHIPPED
    device: str = "cpu"
    backend: str = "auto"
    settings: Mapping[str, float] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    idle: Sequence[str] = ()
    unlabelled: str = "idle"
    offset: Decimal = Decimal(0)
    jobs: int = 1

    def __post_init__(self) -> None:
        if self.unlabelled not in ("idle", "ignored"):
            raise InvalidRequest(f"unlabelled time is idle or ignored, not '{self.unlabelled}'")
        if self.camera and self.recorded:
            raise InvalidRequest("recorded actions are judged without pictures; ask for one")
        if not self.offset.is_finite() or abs(self.offset) > MOST_OFFSET:
            raise InvalidRequest(f"an offset of {self.offset} seconds is no time")
        if not 0 <= self.jobs <= 64:
            raise InvalidRequest(f"{self.jobs} jobs; 0 (as many as cores) to 64 can work")


@dataclass(frozen=True)
class Heard:
    """What was told of a recording, by whom."""

    listener: Listener
    span: Span  # of the recording's stamps
    model: str
    classes: tuple[str, ...] | None  # what the model can say; None = not recorded
    idle: str  # the model's idle class
    frames: int
    backend: str = ""  # what ran the network; none where actions were recorded
    settings: Mapping[str, float] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)  # what could not be used, by kind
    ages: Sequence[float] = ()  # ms from a stamp to the recording of its result; recorded only
    losses: Mapping[str, int] = field(default_factory=dict)  # of a replay


@dataclass(frozen=True)
class Evaluation:
    """Everything that a report needs. ``seconds`` and ``milliseconds`` differ in every run."""

    request: Request
    heard: Heard
    labels: str  # where the labels came from
    judgement: Judgement
    seconds: float  # that it took
    milliseconds: Mapping[str, Sequence[float]]  # by stage, each time
