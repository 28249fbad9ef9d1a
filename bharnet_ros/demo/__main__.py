# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`make demo`: recorded people, the real node, what it recognises, and the score."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

if __name__ == "__main__":  # before imports of seconds: Ctrl-C ends them without a traceback
    from bharnet_ros.interpreter import main_here

    sys.exit(main_here("bharnet_ros.demo.__main__")())

from rich.console import Console

from bharnet.bag import TRUTH, InvalidBag, PoseBag
from bharnet.judging.invalid import InvalidLabels
from bharnet.judging.labels import Clock, read_texts, to_segments
from bharnet.judging.segments import Span
from bharnet.share import shared_folder
from bharnet_ros.demo.domain import own_domain, ros_context

NO_ROS = "ROS 2 or our messages are not here: use `make demo`, or `source tools/ros_env.sh` first"
SHIPPED_NOTE = (
    "Known person, unseen recording: the model was trained on other recordings of the same "
    "source, not on these.\nIt says nothing about new people. What was recorded is our own "
    "judgement, made by eye from the pictures."
)


def main(arguments: list[str] | None = None) -> int:
    """Play, watch, sum up. Returns 0 when it ran, 1 with a sentence when it could not."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--bag", type=Path, help="a rosbag2 with poses; default: the shipped one")
    parser.add_argument("--topic", default="", help="its topic of poses, where it has several")
    parser.add_argument("--speed", type=float, default=1.0, help="1 = as recorded")
    parser.add_argument("--model", default="", help="file of weights; default: the shipped one")
    given = parser.parse_args(arguments)
    if not 0.05 <= given.speed <= 100:
        parser.error("--speed is 0.05 to 100")
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    if not has_ros(errors):
        return 1
    try:
        run(given, console)
    except KeyboardInterrupt:
        return 130
    except (InvalidBag, InvalidLabels, RuntimeError, OSError) as error:
        errors.print(f"demo: {error}", markup=False, soft_wrap=True)
        return 1
    return 0


def has_ros(errors: Console) -> bool:
    """Whether ROS 2 and our messages are here; says what to do if not."""
    try:
        import rclpy  # noqa: F401

        import bharnet_ros.msg  # noqa: F401
    except ImportError as error:
        errors.print(f"demo: {NO_ROS} ({error})", markup=False, soft_wrap=True)
        return False
    return True


def run(given: argparse.Namespace, console: Console) -> None:
    """Everything after the command line. Raises InvalidBag, InvalidLabels, ReplayError."""
    from bharnet_ros.demo.recogniser import recogniser, stop_after
    from bharnet_ros.demo.replay import Replay
    from bharnet_ros.demo.score import score
    from bharnet_ros.demo.table import Table

    path = given.bag or shared_folder("demo") / "signs"
    with PoseBag(path, given.topic) as bag, own_domain() as domain:
        span = Span(*bag.span())
        segments = to_segments(read_texts(bag.truth(), TRUTH), Clock(span.start), span)
        console.print(
            f"{path}: {bag.count} messages on {bag.topic}, at {given.speed:g} times the speed of "
            f"recording\nROS_DOMAIN_ID={domain} lets other terminals listen along",
            markup=False,
            soft_wrap=True,
        )
        if given.bag is None:
            console.print(SHIPPED_NOTE, style="italic", soft_wrap=True)
        parameters = {"model": given.model, "stop_after_seconds": stop_after(given.speed)}
        table = Table(console, segments)
        with (
            recogniser(domain, parameters) as node,
            ros_context(domain) as context,
            closing(Replay(context, table.show, "/bharnet/poses")) as replay,
        ):

            def begin() -> None:
                console.print(f"model {replay.outcome.model}\n", markup=False, soft_wrap=True)
                table.head()

            replay.run(bag.poses(), given.speed, lambda: node.runs, node.complaints, begin)
            outcome = replay.outcome
            result = score(segments, outcome.events, outcome.labels) if segments else None
            table.sum_up(outcome, result)
            for line in node.complaints():
                console.print(f"the node said: {line}", style="yellow", soft_wrap=True)
