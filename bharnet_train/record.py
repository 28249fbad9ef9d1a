# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet record``: takes of one's own gestures, from a webcam, a video file or a rosbag2."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from bharnet.recording import (
    IDLE,
    InvalidRecordings,
    Recordings,
    check_label,
    check_name,
    sitting,
)
from bharnet.reporting import PACKAGES
from bharnet.skeleton import get_layout
from bharnet_train.console import counted, say
from bharnet_train.cut_takes import estimated, from_bag, from_video

if TYPE_CHECKING:
    from bharnet.coach import Coach
    from bharnet.estimation.people import PeopleEstimator

IDLE_SECONDS = 6.0
# Options that would be ignored with a bag or a video.
OF_WEBCAM = ("camera", "takes", "seconds", "base", "idle", "countdown", "save", "window")

Seconds = Annotated[
    float | None,
    typer.Option(help="Webcam: how long each lasts; default: what the network looks back."),
]
Base = Annotated[
    str, typer.Option("--from", help="Webcam: the checkpoint to be taught, or the one that ships.")
]


def record(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(help="The gesture, or idle. With --labels: only this one."),
    ] = "",
    into: Annotated[Path, typer.Option(help="Folder of the takes.")] = Path("recordings"),
    camera: Annotated[int, typer.Option(help="Number of the webcam.")] = 0,
    video: Annotated[Path | None, typer.Option(help="A video file instead of a webcam.")] = None,
    bag: Annotated[Path | None, typer.Option(help="A rosbag2 with poses instead.")] = None,
    topic: Annotated[str, typer.Option(help="With --bag: the topic of poses, of several.")] = "",
    labels: Annotated[
        Path | None, typer.Option(help="start,end,label of the video or bag: a take for each.")
    ] = None,
    takes: Annotated[int, typer.Option(help="Webcam: how many takes.", min=1, max=100)] = 5,
    seconds: Seconds = None,
    base: Base = "shipped",
    idle: Annotated[int, typer.Option(help="Webcam: takes of doing nothing after.", min=0)] = 1,
    countdown: Annotated[float, typer.Option(help="Webcam: seconds before each take.")] = 3.0,
    person: Annotated[str, typer.Option(help="Who it is, for the table.")] = "p1",
    session: Annotated[str, typer.Option(help="The sitting; default: day and hour.")] = "",
    estimator: Annotated[str, typer.Option(help="mediapipe or wholebody.")] = "mediapipe",
    pose: Annotated[str, typer.Option(help="lite, full, heavy; or the ONNX file.")] = "full",
    save: Annotated[
        Path | None, typer.Option(help="Webcam: also write an MP4 with the pictures.")
    ] = None,
    window: Annotated[bool, typer.Option(help="Webcam: show the picture.")] = True,
    discard: Annotated[
        bool, typer.Option("--discard", help="Remove the newest take of NAME, record nothing.")
    ] = False,
) -> None:
    """Record takes of a gesture: joints only, no pictures unless --save asks for them.

    From a webcam it shows the skeleton, counts down and records; D discards the last take, Q ends.
    From a video or bag everything is one take, or with labels each segment is one.
    """
    try:
        recordings = Recordings(into)
        if discard:
            _discard(recordings, check_label(name))
            return
        _check(context, name, bag, video, labels)
        who = check_name(person), sitting(session)
        if bag is not None:
            kept = from_bag(recordings, bag, topic, labels, name, who)
        elif video is not None:
            with _camera(estimator, pose) as people:
                kept = from_video(recordings, video, people, labels, name, who)
        else:
            length = _length(name, seconds, base)
            wishes = [(name, length)] * takes
            wishes += [(IDLE, max(length, IDLE_SECONDS))] * (idle if name != IDLE else 0)
            with _camera(estimator, pose) as people:
                coach = _coach(recordings, wishes, who, people, countdown)
                kept = _guided(coach, people, camera, save, window)
    except OSError as error:
        raise InvalidRecordings(
            f"{into} cannot be written: {error.strerror or error}; what was kept before is whole"
        ) from None
    _sum_up(recordings, kept, bool(bag or video))


def _sum_up(recordings: Recordings, kept: int, asked: bool) -> None:
    """``asked``: takes were asked for, so that none is a failure. Raises InvalidRecordings."""
    if asked and not kept:
        raise InvalidRecordings("no take was kept; the lines above say why")
    held = ", ".join(f"{label} {n}" for label, n in sorted(recordings.count().items()))
    told = counted(kept, "take")
    say(escape(f"{told} kept; {recordings.folder} now holds {held or 'none'}"))


def _check(
    context: typer.Context, name: str, bag: Path | None, video: Path | None, labels: Path | None
) -> None:
    """Before any network is loaded: what was asked for can be done. Raises InvalidRecordings."""
    if bag and video:
        raise InvalidRecordings("--bag and --video exclude each other; give one of them")
    if not (bag or video):
        if labels:
            raise InvalidRecordings("--labels belongs to a recording; give --video or --bag too")
        if not name:
            raise InvalidRecordings("which gesture? give its name, as in `bharnet record wave`")
    elif not (name or labels or bag):
        raise InvalidRecordings("what does the video show? give the gesture's name, or --labels")
    if name:
        check_label(name)
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if (bag or video) and option.name in OF_WEBCAM and source and source.name == "COMMANDLINE":
            raise InvalidRecordings(f"{option.opts[0]} is for a webcam; leave it out")


def _length(name: str, seconds: float | None, base: str) -> float:
    """How long a take lasts, s; said where nobody asked for it, or where it is too long.

    Raises InvalidCheckpoint.
    """
    from bharnet.checkpoint import load_checkpoint
    from bharnet.models import SHIPPED
    from bharnet_train.finetune.inspect import longest_take

    features = load_checkpoint(SHIPPED if base == "shipped" else Path(base)).info.features
    back = f"{features.window_seconds:g} s that the network looks back"
    if seconds is None:
        say(f"each take lasts the {back}: make the whole gesture in it, or give --seconds")
        return features.window_seconds
    if name != IDLE and seconds > (longest := longest_take(features)):
        say(f"[yellow]takes of more than {longest:.1f} s are too long for the {back}[/]")
    return seconds


def _coach(
    recordings: Recordings,
    wishes: list[tuple[str, float]],
    who: tuple[str, str],
    people: PeopleEstimator,
    countdown: float,
) -> Coach:
    from bharnet.coach import Coach, Who, Wish

    made = [Wish(label, seconds) for label, seconds in wishes]
    try:
        return Coach(recordings, made, Who(*who, people.estimator.name), countdown)
    except ValueError as error:
        raise InvalidRecordings(str(error)) from None


def _guided(
    coach: Coach, people: PeopleEstimator, camera: int, save: Path | None, window: bool
) -> int:
    """Before the webcam, until every take is there or the user wants no more."""
    from bharnet.drawing import draw
    from bharnet.video import Film, VideoUnavailable, Window, open_camera

    layout = get_layout(people.estimator.body_layout)
    try:
        with contextlib.ExitStack() as opened:
            source = open_camera(camera)
            screen = Window("bharnet record", "--no-window needs none") if window else None
            film = Film(save, source.rate) if save else None
            if screen:
                opened.callback(screen.close)
            if film:
                opened.callback(film.close)
            note, recording = coach.note, False
            for (image, seen), frame in estimated(source, people, layout):
                text = coach.see(frame, layout)
                if coach.note != note:
                    note = coach.note
                    say(escape(note))
                if screen is None and coach.recording and not recording:
                    say(escape(text))  # nobody sees the countdown
                recording = coach.recording
                picture = draw(image, seen, {}, text) if screen or film else image
                if film:
                    film.show(picture)
                if screen and not screen.show(picture):
                    break
                if screen and screen.key in (ord("d"), ord("D"), 8, 127):
                    coach.discard()
                if coach.finished:
                    break
            else:
                raise VideoUnavailable(
                    f"camera {camera} gives no more pictures; the {len(coach.kept)} takes that "
                    "were kept are whole"
                )
    except VideoUnavailable as error:
        raise InvalidRecordings(str(error)) from None
    return len(coach.kept)


def _camera(estimator: str, pose: str) -> PeopleEstimator:
    """An estimator of one person. Raises InvalidRecordings."""
    try:
        from bharnet.estimation.choose import EstimatorConfig, open_estimator
        from bharnet.estimation.estimator import EstimatorUnavailable
        from bharnet.estimation.people import PeopleEstimator
    except ImportError as error:
        raise InvalidRecordings(f"pictures cannot be read: {error}; {PACKAGES}") from None
    try:
        return PeopleEstimator(open_estimator(EstimatorConfig(estimator, pose, max_people=1)))
    except (EstimatorUnavailable, ValueError) as error:
        raise InvalidRecordings(str(error)) from None


def _discard(recordings: Recordings, label: str) -> None:
    same = [line for line in recordings.lines if line.label == label]
    if not same:
        raise InvalidRecordings(f"{recordings.folder} holds no take of '{label}'")
    recordings.discard(same[-1])
    say(escape(f"{same[-1].take} discarded, {len(same) - 1} takes of '{label}' are left"))
