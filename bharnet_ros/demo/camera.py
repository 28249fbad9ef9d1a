# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`make demo`, the camera's act: pixels to actions, through both nodes as a robot runs them.

Clips are played into `image`, one after the other at the speed of a camera, then two of them
beside each other as two people at once. They show people, so they are not part of the project:
the act runs where the recordings are, or with a video of your own.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # before imports of seconds: Ctrl-C ends them without a traceback
    from bharnet_ros.interpreter import main_here

    sys.exit(main_here("bharnet_ros.demo.camera")())

from rich.console import Console

from bharnet.bag import Recorded
from bharnet.judging.labels import Clock, read_texts, to_segments
from bharnet.judging.segments import Segment, Span
from bharnet.share import shared_folder
from bharnet_ros.demo.__main__ import has_ros
from bharnet_ros.demo.clips import Clip, Shot, beside, read_clips, read_signs
from bharnet_ros.demo.domain import own_domain, ros_context
from bharnet_ros.demo.score import score

if TYPE_CHECKING:
    from bharnet_ros.demo.replay import Outcome
    from bharnet_ros.demo.table import Table
    from bharnet_ros.msg import ActionArray

FRAME_ID = "demo_camera_optical_frame"
NOTE = (
    "Known person, unseen recording, as in the act before. People are found in the pictures by "
    "MediaPipe, with ids of its tracker; what is recorded is matched by time and place."
)
# Who is shown beside whom.
PAIR = ("namaste", "woman")
# Publishing must not outrun the subscriber: pictures that wait in DDS.
DEPTH = 10
# What each node says while the other one still starts: no trouble.
WAITING = " arrive on "


def main(arguments: list[str] | None = None) -> int:
    """Play, watch, sum up. 0 when it ran or there is nothing to play, 1 with a sentence when it
    could not.
    """
    parser = argparse.ArgumentParser(prog="demo.camera", description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of the clips; default: $BHARNET_DATA")
    parser.add_argument("--video", type=Path, help="any video instead; no score is known")
    parser.add_argument("--rate", type=float, default=10.0, help="pictures a second")
    parser.add_argument("--only", nargs="+", default=[], help="names of clips to be played")
    parser.add_argument("--pair", nargs=2, default=PAIR, help="names of the two beside each other")
    parser.add_argument(
        "--transport", choices=("compressed", "raw"), default="compressed", help="of the pictures"
    )
    parser.add_argument("--people", type=int, default=2, help="looked for in a picture")
    parser.add_argument("--model", default="", help="file of weights; default: the shipped one")
    given = parser.parse_args(arguments)
    if not (1 <= given.rate <= 120 and 1 <= given.people <= 50):
        parser.error("--rate is 1 to 120, --people 1 to 50")
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    if not has_ros(errors):
        return 1
    try:
        shots = read_shots(given)
        if not shots:
            console.print(
                "\nThe camera's act is left out: its clips show people and are not part of the "
                "project. Point BHARNET_DATA at a folder with clips/*.avi, or VIDEO=<a video of "
                "your own>.",
                soft_wrap=True,
            )
            return 0
        run(shots, given, console)
    except KeyboardInterrupt:
        return 130
    except (RuntimeError, OSError) as error:
        errors.print(f"demo: {error}", markup=False, soft_wrap=True)
        return 1
    return 0


def read_shots(given: argparse.Namespace) -> list[Shot]:
    """What is to be played; [] where there are no clips."""
    if given.video:
        return [Shot((clip,)) for clip in read_clips([given.video], {}, given.rate)]
    data = Path(os.environ.get("BHARNET_DATA", shared_folder("demo").parents[1] / "shared/data"))
    folder = given.clips or data / "clips"
    paths = sorted(path for path in folder.glob("*.avi"))
    if given.only:
        paths = [path for path in paths if path.stem in (*given.only, *given.pair)]
    signs = read_signs(shared_folder("demo") / "segments.csv")
    clips = {clip.name: clip for clip in read_clips(paths, signs, given.rate)}
    shots = [Shot((clip,)) for name, clip in clips.items() if name in (given.only or clips)]
    if shots and all(name in clips for name in given.pair):
        last = max(clips.values(), key=lambda clip: clip.start_ns)
        left, right = (clips[name] for name in given.pair)
        shots.append(beside(left, right, last.stamp(last.gap.stop)))
    return shots


class Stage:
    """Who is who: bodies have ids of the tracker's, clips have their own; time and place tell."""

    def __init__(self, shots: Sequence[Shot]) -> None:
        self._shots = tuple(shots)
        self.ids: dict[str, set[str]] = defaultdict(set)  # by clip

    @property
    def switches(self) -> int:
        """0 = each clip has had one id, and each id one clip."""
        pairs = sum(map(len, self.ids.values()))
        different = len(set(chain.from_iterable(self.ids.values())))
        return (pairs - len(self.ids)) + (pairs - different)

    def rename(self, message: ActionArray) -> None:
        """Give every body the id of its clip, and note which it had.

        Whoever is seen where nothing was shown keeps the id, and what they do is invented.
        """
        for action in message.actions:
            stamp = action.last_seen.sec * 10**9 + action.last_seen.nanosec
            clip = self._clip(stamp, float(action.bbox[0] + action.bbox[2]) / 2)
            if clip is not None:
                self.ids[clip.name].add(action.body_id)
                action.body_id = clip.body_id

    def _clip(self, stamp: int, x: float) -> Clip | None:
        for shot in self._shots:
            if shot.stamp(0) <= stamp <= shot.stamp(shot.length - 1) and x == x:
                return shot.clip_at(x)
        return None


def pictures(shots: Sequence[Shot], transport: str) -> Iterator[Recorded]:
    """Every picture as a message when a camera would give it; nobody is seen between shots."""
    from std_msgs.msg import Header

    from bharnet_ros.camera.poses import to_compressed, to_image
    from bharnet_ros.stamps import to_time

    convert = to_image if transport == "raw" else to_compressed
    for shot in shots:
        gap = len(shot.clips[0].gap)
        # Before the first one too: both nodes get to know each other meanwhile.
        for number in range(-gap if shot is shots[0] else 0, shot.length + gap):
            stamp = shot.stamp(number)
            header = Header(stamp=to_time(stamp), frame_id=FRAME_ID)
            yield Recorded(stamp, stamp, convert(shot.picture(number), header))


def run(shots: Sequence[Shot], given: argparse.Namespace, console: Console) -> None:
    """Everything after the command line. Raises ReplayError."""
    from sensor_msgs.msg import CompressedImage, Image

    from bharnet_ros.demo.recogniser import estimator, recogniser
    from bharnet_ros.demo.replay import Replay
    from bharnet_ros.demo.table import Table

    truth = [clip.truth() for shot in shots for clip in shot.clips]
    first, last = shots[0], shots[-1]
    span = Span(first.stamp(0), last.stamp(last.length - 1))
    segments = to_segments(read_texts(truth, "the clips' table"), Clock(span.start), span)
    known = any(each.label for each in segments)
    stage = Stage(shots)
    table = Table(console, segments)
    raw = given.transport == "raw"
    kind, topic = (Image, "/image") if raw else (CompressedImage, "/image/compressed")
    with (
        own_domain() as domain,
        # The slower one to start first.
        estimator(domain, {"transport": given.transport, "num_poses": given.people}) as eyes,
        recogniser(domain, {"model": given.model}) as node,
        ros_context(domain) as context,
        closing(Replay(context, table.show, topic, kind, DEPTH, stage.rename)) as replay,
    ):

        def alive() -> bool:
            return node.runs and eyes.runs

        def complaints() -> list[str]:
            said = [*eyes.complaints(), *node.complaints()]
            return [line for line in said if WAITING not in line]

        def begin() -> None:
            console.print(
                f"\nthe camera's act: {len(shots)} shots into {topic}, model "
                f"{replay.outcome.model}",
                markup=False,
                soft_wrap=True,
            )
            if known:
                console.print(NOTE, style="italic", soft_wrap=True)
            table.head()

        replay.run(pictures(shots, given.transport), 1.0, alive, complaints, begin)
        sum_up(replay.outcome, segments if known else [], stage, table, console)
        for line in complaints():
            console.print(f"a node said: {line}", style="yellow", soft_wrap=True)


def sum_up(
    outcome: Outcome, segments: Sequence[Segment], stage: Stage, table: Table, console: Console
) -> None:
    """The last lines."""
    result = score(segments, outcome.events, outcome.labels) if segments else None
    table.sum_up(outcome, result)
    told = outcome.camera
    console.print(
        f"estimator   p50 {told['estimator p50 (ms)']} ms, p95 {told['estimator p95 (ms)']} ms a "
        f"picture, of it its networks p50 {told['its networks p50 (ms)']} ms; "
        f"{told['dropped for a newer one']} pictures dropped for a newer one",
        soft_wrap=True,
    )
    several = [f"{len(ids)} in {name}" for name, ids in stage.ids.items() if len(ids) > 1]
    console.print(
        f"ids         {stage.switches} switches ({', '.join(several) or 'one id a clip'}; "
        f"{len(stage.ids)} clips with somebody in them)",
        soft_wrap=True,
    )
