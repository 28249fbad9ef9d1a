#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera's path without ROS: how fast, how many hands, how stable the ids.

    source tools/ros_env.sh
    python benchmarks/camera.py speed recall ids trembling     # or some; --json FILE keeps numbers

`speed`: clips of one person at 640x480 through estimator, tracker, recogniser and drawing, split
into MediaPipe's share and ours. `recall`: hands found of the wrists that are in sight, by squares
around the wrists and in the whole picture, the clips scaled down inside the same 640x480 canvas:
equivalents of 2 and 3 m, not recordings at 2 and 3 m. `ids`: how often somebody's id changes.
`trembling`: how steady joints are where one person is looked for, or two.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bharnet.checkpoint import load_checkpoint
from bharnet.drawing import Caption, draw
from bharnet.estimation.choose import EstimatorConfig, open_estimator
from bharnet.estimation.estimator import Detection, EstimatorUnavailable
from bharnet.estimation.hands import REACH, WRISTS, Crop, arm_unit
from bharnet.estimation.mediapipe_estimator import MediaPipeEstimator
from bharnet.estimation.people import PeopleEstimator
from bharnet.estimation.tracker import Tracker
from bharnet.models import SHIPPED
from bharnet.recognizer import Recognizer
from bharnet.skeleton import MEDIAPIPE_33, get_layout
from bharnet.stream import ActionStream
from bharnet.video import distinct, open_video

ROOT = Path(__file__).resolve().parents[1]
Image = NDArray[np.uint8]
STEP = 100_000_000  # the clips' pictures are about 0.1 s apart
DISTANCES = {"1 m": 1.0, "2 m": 1 / 2, "3 m": 1 / 3}  # the clips are of people at about 1 m
SEEN = 0.5  # a wrist's score from which its hand should be found


def main() -> int:
    """Measure what was asked for, print it, and keep the numbers if told to."""
    parts = {"speed": speed, "recall": recall, "ids": ids, "trembling": trembling}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", help=", ".join(parts))
    parser.add_argument("--clips", type=Path, default=ROOT.parent / "shared" / "data" / "clips")
    parser.add_argument("--pose", default="full", help="lite, full or heavy")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(parts):
        parser.error(f"unknown part {', '.join(unknown)}; known: {', '.join(parts)}")
    paths = sorted(given.clips.glob("*.avi"))
    if not paths:
        print(f"no .avi file in {given.clips}; give the folder with --clips", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    clips = {path.stem: [image for image, _ in distinct(open_video(path))] for path in paths}
    two = given.clips / "two_people.mp4"
    if two.is_file():
        clips[two.stem] = [image for image, _ in distinct(open_video(two))]
    try:
        results = {name: parts[name](clips, given.pose) for name in given.parts or parts}
    except EstimatorUnavailable as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def speed(clips: dict[str, list[Image]], pose: str) -> dict[str, Any]:
    """Milliseconds a picture, by part, of one person after the other."""
    took: dict[str, list[float]] = {}
    estimator = open_estimator(EstimatorConfig(model=pose, max_people=1))
    stream = ActionStream(Recognizer(load_checkpoint(SHIPPED), "cpu"))
    layout = get_layout(stream.recognizer.info.features.body_layout)
    stamp = STEP
    with PeopleEstimator(estimator) as people:
        for image in (
            each for name, clip in clips.items() if name != "two_people" for each in clip
        ):
            frame = people.estimate(image, stamp := stamp + STEP)
            begun = time.perf_counter()
            converted = frame.to_frame(layout)
            pushed = time.perf_counter()
            stream.advance(converted)
            recognised = time.perf_counter()
            draw(
                image, frame, {each: Caption("hello", 0.8, 1.0, True) for each, _ in frame.people}
            )
            drawn = time.perf_counter()
            parts = dict(frame.milliseconds)
            mediapipe = parts["pose"] + parts["hands"]
            parts["recognise"] = 1e3 * (recognised - pushed)
            parts["own"] += 1e3 * (pushed - begun)
            parts["all"] = parts["total"] + 1e3 * (recognised - begun)
            for name, value in {**parts, "mediapipe": mediapipe}.items():
                took.setdefault(name, []).append(value)
            took.setdefault("draw", []).append(1e3 * (drawn - recognised))
    warm = {name: np.array(values[5:]) for name, values in took.items()}
    table = Table("part", "mean ms", "p50", "p95", title=f"one person, 640x480, pose {pose}")
    shown = {
        "pose": "MediaPipe pose",
        "hands": "MediaPipe hands",
        "recognise": "recogniser (a tick every other picture)",
        "own": "everything else",
        "all": "pixels to actions",
        "draw": "drawing, only when somebody looks",
    }
    result: dict[str, Any] = {}
    for key, name in shown.items():
        p50, p95 = np.percentile(warm[key], (50, 95))
        result[key] = {"mean": float(warm[key].mean()), "p50": float(p50), "p95": float(p95)}
        table.add_row(name, f"{warm[key].mean():.1f}", f"{p50:.1f}", f"{p95:.1f}")
    result["pictures_per_second"] = 1e3 / float(warm["all"].mean())
    result["mediapipe_share"] = float(warm["mediapipe"].sum() / warm["all"].sum())
    Console().print(table)
    print(
        f"{result['pictures_per_second']:.1f} pictures/s, of the time "
        f"{100 * result['mediapipe_share']:.0f} % inside MediaPipe"
    )
    return result


def recall(clips: dict[str, list[Image]], pose: str) -> dict[str, Any]:
    """Hands found of the wrists in sight of the unscaled pictures, at each equivalent distance."""
    alone = {name: clip for name, clip in clips.items() if name != "two_people"}
    truth = {name: find(clip, pose) for name, clip in alone.items()}
    table = Table("equivalent", "wrists", "squares", "whole picture", title="hands found, %")
    result: dict[str, Any] = {}
    for distance, scale in DISTANCES.items():
        wrists = squares = whole = 0
        for name, clip in alone.items():
            small = [shrink(image, scale) for image in clip]
            for seen, with_squares, in_whole in zip(
                truth[name], find(small, pose), find(small, pose, whole=True), strict=True
            ):
                for wrist, reach in wrists_in_sight(seen, clip[0].shape, scale):
                    wrists += 1
                    squares += near(with_squares, wrist, reach, clip[0].shape)
                    whole += near(in_whole, wrist, reach, clip[0].shape)
        result[distance] = {"wrists": wrists, "squares": squares, "whole": whole}
        shares = (f"{100 * found / wrists:.0f}" for found in (squares, whole))
        table.add_row(distance, str(wrists), *shares)
    Console().print(table)
    return result


def find(clip: list[Image], pose: str, whole: bool = False) -> list[list[Detection]]:
    """Everybody in each picture; ``whole``: hands looked for in the whole picture."""
    estimator = MediaPipeEstimator(pose, 1)
    if whole:
        height, width = clip[0].shape[:2]
        size = max(width, height)
        # One square that holds all of the picture, in place of one round each wrist.
        everything = Crop((width - size) // 2, (height - size) // 2, size)
        estimator._crop = lambda *_: everything  # type: ignore[method-assign]
    try:
        return [estimator.estimate(image, (i + 1) * STEP) for i, image in enumerate(clip)]
    finally:
        estimator.close()


def shrink(image: Image, scale: float) -> Image:
    """The picture smaller, in the middle of a black canvas of the old size."""
    canvas = np.zeros_like(image)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (np.array(image.shape[:2]) - small.shape[:2]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def wrists_in_sight(
    seen: list[Detection], shape: tuple[int, ...], scale: float
) -> Iterable[tuple[NDArray[np.float32], float]]:
    """Where in the shrunken picture each wrist is, and how far from it its hand may begin."""
    size = np.array(shape[1::-1], np.float32)
    for person in seen:
        for side, wrist in enumerate(WRISTS):
            x, y, _, score = person.body[wrist]
            if score >= SEEN and 0 <= x < 1 and 0 <= y < 1:
                place = (np.array((x, y), np.float32) - 0.5) * scale * size + size / 2
                yield place, REACH * scale * arm_unit(person.body[:, :2] * size, side)


def near(
    found: list[Detection], wrist: NDArray[np.float32], reach: float, shape: tuple[int, ...]
) -> bool:
    """Whether a hand begins within reach of the wrist."""
    size = np.array(shape[1::-1], np.float32)
    hands = (hand for each in found for hand in (each.left_hand, each.right_hand))
    return any(
        float(np.hypot(*(hand[0, :2] * size - wrist))) <= reach
        for hand in hands
        if hand is not None
    )


def ids(clips: dict[str, list[Image]], pose: str) -> dict[str, Any]:
    """How many ids each number of people got: more than people are switches."""
    table = Table("what", "pictures", "people", "ids given", title="ids")
    result: dict[str, Any] = {}

    def note(what: str, pictures: int, people: int, given: int) -> None:
        result[what] = {"pictures": pictures, "people": people, "ids": given}
        table.add_row(what, str(pictures), str(people), str(given))

    alone = {name: clip for name, clip in clips.items() if name != "two_people"}
    given = [ids_given(clip, pose) for clip in alone.values()]
    note(f"{len(alone)} clips, one by one", sum(map(len, alone.values())), len(alone), sum(given))
    names = list(alone)
    # Neighbours in the alphabet: as good a choice as any.
    pairs = [(alone[a], alone[b]) for a, b in zip(names[::2], names[1::2], strict=False)]
    beside = [
        [np.hstack(both) for both in zip(left, right, strict=False)] for left, right in pairs
    ]
    given = [ids_given(clip, pose) for clip in beside]
    note(f"{len(pairs)} pairs side by side", sum(map(len, beside)), 2 * len(pairs), sum(given))
    if "two_people" in clips:
        clip = clips["two_people"]
        note("two_people.mp4", len(clip), 2, ids_given(clip, pose))
    result["crossings"] = crossed = cross(find(alone["blank"][:8], pose)[-1][0])
    Console().print(table)
    print(
        f"{crossed['crossings']} synthetic crossings of two people: ids swapped in "
        f"{crossed['swapped']}, a new id in {crossed['renewed']}"
    )
    return result


def ids_given(clip: list[Image], pose: str) -> int:
    """How many ids a clip's people got; two people are looked for."""
    given: set[str] = set()
    with PeopleEstimator(open_estimator(EstimatorConfig(model=pose))) as people:
        for i, image in enumerate(clip):
            frame = people.estimate(image, (i + 1) * STEP)
            given |= {body_id for body_id, _ in frame.people}
    return len(given)


def cross(person: Detection) -> dict[str, int]:
    """Two copies of somebody walk past each other, one hidden while they overlap.

    At all speeds (picture heights a second), rates, distances in height and hidden widths.
    """
    crossings = swapped = renewed = 0
    for walk, rate, apart, hidden in (
        (walk, rate, apart, hidden)
        for walk in (0.15, 0.3, 0.6, 1.0)
        for rate in (6, 12, 30)
        for apart in (0.0, 0.05, 0.15)
        for hidden in (0.0, 0.1, 0.25)
    ):
        tracker, history = Tracker(), list[dict[int, str]]()
        rng = np.random.default_rng(crossings)
        for i in range(round(1.2 / walk * rate)):
            x = walk * i / rate
            shown = [(0, x - 0.6, 0.0)]
            if abs(2 * x - 1.2) >= hidden:
                shown.append((1, 0.6 - x, apart))
            people = [moved(person, dx, dy, rng, who) for who, dx, dy in shown]
            stamp = STEP + round(i * 1e9 / rate)
            given = tracker.assign(people, stamp, MEDIAPIPE_33, 4 / 3)
            history.append({int(seen.confidence): body_id for body_id, seen in given})
        crossings += 1
        before, after = history[0], history[-1]
        same = set(before.values()) == set(after.values())
        swapped += same and before != after
        renewed += not same
    return {"crossings": crossings, "swapped": swapped, "renewed": renewed}


def moved(
    person: Detection, dx: float, dy: float, rng: np.random.Generator, who: int
) -> Detection:
    """The person at half the size elsewhere, with noise of a pixel; ``who`` as confidence."""
    body = person.body.copy()
    body[:, :2] = 0.25 + body[:, :2] / 2 + (dx * 3 / 4, dy) + rng.normal(0, 0.002, (33, 2))
    return replace(person, body=body.astype(np.float32), confidence=float(who))


def trembling(clips: dict[str, list[Image]], pose: str) -> dict[str, Any]:
    """Joints of head, shoulders and arms: how they tremble, and how far from one person's."""
    ways = ("one person", "two, as MediaPipe gives them", "two, steadied")
    rows: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
    for clip in clips.values():
        bodies = [
            bodies_of(clip, pose, looked_for, steady)
            for looked_for, steady in ((1, False), (2, False), (2, True))
        ]
        both = np.isfinite(bodies).all((0, 2, 3))
        one = bodies[0][both]
        width = float(np.median(np.linalg.norm(one[:, 1, :2] - one[:, 2, :2], axis=-1)))
        for way, other in zip(ways, bodies, strict=True):
            joints = other[both]
            turns = np.linalg.norm(np.diff(joints[..., :2], 2, axis=0), axis=-1).mean() / width
            apart = np.linalg.norm((joints - one)[..., :2], axis=-1).mean() / width
            score = np.abs(joints - one)[..., 3].mean()
            rows[way].append((float(turns), float(apart), float(score)))
    table = Table("looked for", "trembling", "from one person's", "score apart")
    means = {way: [float(each) for each in np.mean(found, 0)] for way, found in rows.items()}
    for way, figures in means.items():
        table.add_row(way, *(f"{each:.3f}" for each in figures))
    Console().print(table)
    return means


def bodies_of(clip: list[Image], pose: str, looked_for: int, steady: bool) -> NDArray[np.float32]:
    """Nose, shoulders, elbows, wrists (T, 7, 4) of the first person, in picture heights."""
    found = np.full((len(clip), 7, 4), np.nan, np.float32)
    estimator = MediaPipeEstimator(pose, looked_for, alternate=False)
    with PeopleEstimator(estimator) as people:
        for i, image in enumerate(clip):
            stamp = (i + 1) * STEP
            if steady:
                seen = [person for _, person in people.estimate(image, stamp).people]
            else:
                seen = estimator.estimate(image, stamp)
            for person in seen[:1]:
                found[i] = person.body[[0, 11, 12, 13, 14, 15, 16]]
                found[i, :, 0] *= image.shape[1] / image.shape[0]
    return found


if __name__ == "__main__":
    sys.exit(main())
