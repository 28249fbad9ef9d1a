# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`make replay BAG=…`: a recording through the real node, its actions recorded and judged.

bag -> /bharnet/poses -> node -> /bharnet/actions -> OUT/BAG-actions (a rosbag2) -> report.html
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

if __name__ == "__main__":  # before imports of seconds: Ctrl-C ends them without a traceback
    from bharnet_ros.interpreter import main_here

    sys.exit(main_here("bharnet_ros.replay")())

from bharnet.bag import InvalidBag, PoseBag, name_of
from bharnet.judging.evaluate import TRUTHS, evaluate, read_rows, to_truth
from bharnet.judging.evaluation import InvalidRequest, Request
from bharnet.judging.invalid import InvalidLabels
from bharnet.judging.report import PAGE, write_report
from bharnet.judging.segments import Span
from bharnet.judging.summary import summarise

NO_ROS = "ROS 2 or our messages are not here: use `make replay`, or source tools/ros_env.sh first"


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, record, judge. Returns 0, or 2 with a sentence where it could not."""
    parser = argparse.ArgumentParser(prog="replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bag", type=Path, help="a rosbag2 with poses")
    parser.add_argument("--labels", type=Path, help="CSV, ELAN or VIA; else a topic of the bag")
    parser.add_argument("--out", type=Path, help="folder; runs/BAG-replay if not given")
    parser.add_argument("--topic", default="", help="its topic of poses, where it has several")
    parser.add_argument("--speed", type=float, default=1.0, help="1 = as recorded")
    parser.add_argument("--model", default="", help="file of weights; the shipped one if empty")
    parser.add_argument("--rename", action="append", default=[], help="label=class, repeatable")
    parser.add_argument("--unlabelled", default="idle", help="time without label: idle, ignored")
    parser.add_argument(
        "--offset", default="0", help="seconds from the bag's start to the labels'"
    )
    parser.add_argument(
        "--running", action="store_true", help="the node was just started in this domain"
    )
    # A launch file's arguments end with ROS's own.
    given = parser.parse_args(_without_ros(sys.argv[1:] if arguments is None else arguments))
    if not 0.05 <= given.speed <= 100:
        parser.error("--speed is 0.05 to 100")
    if given.running and given.model:
        parser.error("--model is for a node that is started here; give it to yours")
    try:
        import rclpy  # noqa: F401

        import bharnet_ros.msg  # noqa: F401
    except ImportError as error:
        print(f"replay: {NO_ROS} ({error})", file=sys.stderr)
        return 2
    try:
        _run(given)
    except KeyboardInterrupt:
        return 130
    except (InvalidBag, InvalidLabels, InvalidRequest, RuntimeError, OSError) as error:
        print(f"replay: {error}", file=sys.stderr)
        return 2
    return 0


def _run(given: argparse.Namespace) -> None:
    request = _request(given)
    out = given.out or Path("runs") / f"{name_of(given.bag)}-replay"
    with PoseBag(given.bag, given.topic) as bag:
        span = Span(*bag.span())
        labelled = given.labels is not None or any(bag.texts(topic) for topic in TRUTHS)
        if labelled:  # better to complain before playing than after
            to_truth(read_rows(request)[0], request, span)
        print(f"{given.bag}: {bag.count} messages, at {given.speed:g} times their speed")
        actions = out / f"{name_of(given.bag)}-actions"
        _play(bag, span, given, actions)
    if not labelled:
        print(f"{actions}\nwhat happens in the recording is not known, so there is no score")
        return
    report = write_report(evaluate(_request(given, actions)), out)
    print(f"{summarise(report)}\n{out / PAGE}")


def _request(given: argparse.Namespace, actions: Path | None = None) -> Request:
    """What to judge: the recorded actions, or before there are any, the bag that is played."""
    pairs = [each.partition("=") for each in given.rename]
    for old, equals, new in pairs:
        if not (old and new):  # "" would stand for nothing being done
            raise InvalidRequest(f"--rename {old}{equals}{new}: write it as LABEL=CLASS")
    try:
        offset = Decimal(given.offset)
    except InvalidOperation:
        raise InvalidRequest(f"--offset {given.offset} is no number") from None
    return Request(
        actions or given.bag,
        given.labels,
        recorded=actions is not None,
        rename={old: new for old, _, new in pairs},
        unlabelled=given.unlabelled,
        offset=offset,
    )


def _play(bag: PoseBag, span: Span, given: argparse.Namespace, actions: Path) -> None:
    """Into the node and out again. Raises ReplayError."""
    from bharnet_ros.action_bag import ActionBag
    from bharnet_ros.demo.domain import own_domain, ros_context
    from bharnet_ros.demo.recogniser import recogniser, stop_after
    from bharnet_ros.demo.replay import Replay

    alive: Callable[[], bool] = lambda: True  # noqa: E731
    complaints: Callable[[], list[str]] = list
    with contextlib.ExitStack() as stack:
        domain = None  # that of the environment
        if not given.running:
            domain = stack.enter_context(own_domain())
            parameters = {"model": given.model, "stop_after_seconds": stop_after(given.speed)}
            node = stack.enter_context(recogniser(domain, parameters))
            alive, complaints = lambda: node.runs, node.complaints
        context = stack.enter_context(ros_context(domain))
        answers = ActionBag()
        replay = Replay(context, answers.take, "/bharnet/poses")
        stack.callback(replay.close)
        replay.run(answers.watch(bag.poses()), given.speed, alive, complaints)
        outcome = replay.outcome
        notes = {
            "span": f"{span.start} {span.end}",
            "sent": str(outcome.sent),
            "lost": str(outcome.lost),
            "skipped": str(outcome.skipped),
        }
        texts = {topic: told for topic in TRUTHS if (told := bag.texts(topic))}
        answers.write(actions, outcome.told_labels, texts, notes)
        for line in complaints():
            print(f"the node said: {line}")


def _without_ros(arguments: Sequence[str]) -> list[str]:
    found = list(arguments)
    return found[: found.index("--ros-args")] if "--ros-args" in found else found
