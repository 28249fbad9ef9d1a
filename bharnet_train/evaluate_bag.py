# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet evaluate-bag``: a recording against its labels, from the command line."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bharnet.reporting import PACKAGES
from bharnet_train.options import writable

if TYPE_CHECKING:
    from bharnet.estimation.people import PeopleEstimator
    from bharnet.judging.evaluation import Request

Labels = Annotated[
    Path | None, typer.Option(help="CSV, ELAN (.eaf) or VIA (.json, .csv); else a topic.")
]
Images = Annotated[bool, typer.Option("--images", help="Estimate people in the bag's pictures.")]
Recorded = Annotated[
    bool, typer.Option("--recorded", help="Judge the recorded actions, do not recognise.")
]
Offset = Annotated[str, typer.Option(help="Seconds from the bag's start to the labels'.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Setting, e.g. enter_threshold=0.7.")
]
Rename = Annotated[
    list[str] | None, typer.Option("--rename", help="Label to class, e.g. stop=dont.")
]
Idle = Annotated[
    list[str] | None, typer.Option("--idle", help="A further label that means nothing is done.")
]
Backend = Annotated[
    str, typer.Option(help="auto, eager, onnx ...: what runs the network (docs/speed.md).")
]


def evaluate_bag(
    bag: Annotated[Path, typer.Argument(help="A rosbag2: mcap or sqlite3, compressed or not.")],
    labels: Labels = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder; runs/BAG-report if not given.", callback=writable),
    ] = None,
    images: Images = False,
    pose: Annotated[str, typer.Option(help="With --images: lite, full or heavy.")] = "full",
    max_people: Annotated[int, typer.Option(help="With --images: how many to look for.")] = 2,
    model: Annotated[Path | None, typer.Option(help="Checkpoint; else the shipped one.")] = None,
    recorded: Recorded = False,
    topic: Annotated[str, typer.Option(help="Topic of poses (or actions), of several.")] = "",
    labels_topic: Annotated[str, typer.Option(help="Topic of labels, std_msgs/String.")] = "",
    unlabelled: Annotated[str, typer.Option(help="Time without a label: idle, ignored.")] = "idle",
    offset: Offset = "0",
    settings: Settings = None,
    rename: Rename = None,
    idle: Idle = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
    backend: Backend = "auto",
    jobs: Annotated[int, typer.Option(help="Processes; 0 as many as cores.")] = 0,
    timings: Annotated[bool, typer.Option(help="Report how long everything took.")] = True,
) -> None:
    """Recognise a recording of poses and judge what is told by its labels.

    Writes OUT/report.json, report.html and timings.json; docs/evaluation.md defines the figures.
    """
    from bharnet.judging.evaluation import InvalidRequest, Request
    from bharnet.models import SHIPPED

    given = _pairs(settings, "--set")
    try:
        seconds = Decimal(offset)
    except InvalidOperation:
        raise InvalidRequest(f"--offset {offset}: it must be a number of seconds") from None
    try:
        values = {name: float(value) for name, value in given.items()}
    except ValueError as error:
        raise InvalidRequest(f"--set wants numbers: {error}") from None
    request = Request(
        bag,
        labels,
        topic=topic,
        labels_topic=labels_topic,
        camera=_camera(pose, max_people) if images else None,
        recorded=recorded,
        model=model or SHIPPED,
        device=device,
        backend=backend,
        settings=values,
        rename=_pairs(rename, "--rename"),
        idle=idle or (),
        unlabelled=unlabelled,
        offset=seconds,
        jobs=jobs,
    )
    _evaluate_and_report(request, out or _default_folder(bag), timings)


def _default_folder(bag: Path) -> Path:
    """runs/BAG-report."""
    from bharnet.bag import name_of

    return Path("runs") / f"{name_of(bag)}-report"


def _evaluate_and_report(request: Request, folder: Path, timings: bool) -> None:
    from rich.console import Console

    from bharnet.judging.evaluate import evaluate
    from bharnet.judging.evaluation import InvalidRequest
    from bharnet.judging.report import PAGE, write_report
    from bharnet.judging.summary import summarise

    with Console(stderr=True).status("reading") as status:
        evaluation = evaluate(request, lambda done, of: status.update(f"{done} of {of} frames"))
    try:
        report = write_report(evaluation, folder, timings)
    except OSError as error:
        raise InvalidRequest(
            f"the report cannot be written to {folder}: {error.strerror or error}"
        ) from None
    print(f"{summarise(report)}\n{folder / PAGE}")


def _camera(pose: str, max_people: int) -> Callable[[], PeopleEstimator]:
    """Opens an estimator that gives the same ids in every run."""
    from bharnet.judging.evaluation import InvalidRequest

    def opened() -> PeopleEstimator:
        try:
            from bharnet.estimation.choose import EstimatorConfig, open_estimator
            from bharnet.estimation.estimator import EstimatorUnavailable
            from bharnet.estimation.ids import body_ids
            from bharnet.estimation.people import PeopleEstimator
            from bharnet.estimation.tracker import Tracker
        except ImportError as error:
            raise InvalidRequest(f"pictures cannot be read: {error}; {PACKAGES}") from None
        try:
            estimator = open_estimator(EstimatorConfig(model=pose, max_people=max_people))
        except (EstimatorUnavailable, ValueError) as error:
            raise InvalidRequest(str(error)) from None
        return PeopleEstimator(estimator, Tracker(ids=body_ids(0)))

    return opened


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    from bharnet.judging.evaluation import InvalidRequest

    pairs = [each.partition("=") for each in given or ()]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise InvalidRequest(f"{option} {name}{equals}{value}: write it as NAME=VALUE")
    return {name: value for name, _, value in pairs}
