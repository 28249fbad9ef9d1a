# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Draws docs/images/demo.png: the demo's recording through the core, no ROS node running."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from rclpy.serialization import deserialize_message

from bharnet.bag import PoseBag
from bharnet.checkpoint import load_checkpoint
from bharnet.decision import State
from bharnet.models import SHIPPED
from bharnet.observation import Frame, Observation
from bharnet.poses import to_frame
from bharnet.recognizer import Recognizer
from bharnet.reporting import ignore
from bharnet.skeleton import HAND_21, UPPER_BODY_11
from bharnet.stream import ActionStream
from bharnet.window import NANOSECONDS
from bharnet_ros.msg import PersonPoseArray

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("hello", "namaste", "you", "woman", "blank")
LIMBS = (
    ("left_shoulder", "right_shoulder"),
    ("left_elbow", "left_shoulder"),
    ("right_elbow", "right_shoulder"),
    ("left_wrist", "left_elbow"),
    ("right_wrist", "right_elbow"),
    ("left_hip", "left_shoulder"),
    ("right_hip", "right_shoulder"),
)
INK, BODY, LEFT, RIGHT = "#1b2a41", "#324a5f", "#c8553d", "#2a9d8f"
CORRECT, WRONG = "#9fd8cb", "#f2b5a7"


@dataclass(frozen=True)
class Span:
    """Something from second to second of the stream."""

    begin: float
    end: float
    label: str


def recognise(frames: list[Frame], start: int) -> tuple[list[Span], dict[str, Span]]:
    """Every event as a span; and for each body what was told longest."""
    recognizer = Recognizer(load_checkpoint(SHIPPED), "cpu")
    stream = ActionStream(recognizer)
    spans: list[Span] = []
    by_body: dict[str, Span] = {}
    for frame in frames:
        for tick in stream.advance(frame):
            for entry in tick.entries:
                decided = entry.decided
                if decided.state != State.OFFSET:
                    continue
                ends = (decided.onset, decided.offset)
                begin, end = ((each - start) / NANOSECONDS for each in ends)
                span = Span(begin, end, recognizer.info.classes[decided.class_id])
                spans.append(span)
                longest = by_body.get(decided.body_id)
                if longest is None or span.end - span.begin > longest.end - longest.begin:
                    by_body[decided.body_id] = span
    return spans, by_body


def draw_person(axes: Axes, person: Observation, title: str, answer: str) -> None:
    """Skeleton and hands, in picture heights."""
    joint = UPPER_BODY_11.index
    limbs = [(joint(child), joint(parent)) for child, parent in LIMBS]
    parts = [
        (person.body, limbs, BODY, 3.0),
        (person.hands[0], HAND_21.bones, LEFT, 1.4),
        (person.hands[1], HAND_21.bones, RIGHT, 1.4),
    ]
    ears = person.body[[joint("left_ear"), joint("right_ear")], :2]
    radius = 0.75 * float(np.hypot(*(ears[0] - ears[1])))
    axes.add_patch(Circle(tuple(ears.mean(0)), radius, fill=False, color=BODY, lw=3.0))
    for joints, bones, colour, width in parts:
        for child, parent in bones:
            ends = joints[[child, parent]]
            if np.isfinite(ends[:, 0]).all() and not (ends[:, 3] < 0.05).any():
                axes.plot(ends[:, 0], ends[:, 1], color=colour, lw=width, solid_capstyle="round")
    axes.set(xlim=(0.1, 1.25), ylim=(1.0, 0.12), xticks=[], yticks=[], aspect="equal")
    axes.set_title(answer, color=INK, fontsize=12, fontweight="bold")
    axes.set_xlabel(title, color=INK, fontsize=9)
    for spine in axes.spines.values():
        spine.set_color("#d0d5dd")


def is_right(span: Span, truth: list[Span]) -> bool:
    """Whether that was being signed, as the demo counts it."""
    return any(
        each.label == span.label and each.begin < span.end and span.begin < each.end
        for each in truth
    )


def draw_timeline(axes: Axes, truth: list[Span], spans: list[Span], seconds: float) -> None:
    """Recorded above, recognised below; what was recognised wrongly stands out."""
    for row, each in enumerate((truth, spans)):
        for span in each:
            narrow = span.end - span.begin < 2.2
            colour = "#cbd5e1" if row == 0 else CORRECT if is_right(span, truth) else WRONG
            axes.barh(1 - row, span.end - span.begin, left=span.begin, height=0.7, color=colour)
            axes.text(
                (span.begin + span.end) / 2,
                1 - row,
                span.label,
                ha="center",
                va="center",
                rotation=90 if narrow else 0,
                fontsize=6 if narrow else 7.5,
                color=INK,
            )
    axes.set(xlim=(0, seconds), ylim=(-0.5, 1.5), xlabel="seconds of the stream")
    axes.set_yticks([1, 0], ["recorded", "recognised"])
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def main() -> None:
    """Write the picture."""
    with PoseBag(ROOT / "demo" / "signs") as bag:
        messages = [deserialize_message(each.data, PersonPoseArray) for each in bag.poses()]
        truths = [json.loads(text) for text in bag.truth()]
    read = (to_frame(message, UPPER_BODY_11, ignore) for message in messages)
    frames = [frame for frame in read if frame is not None]
    start = frames[0].stamp
    spans, by_body = recognise(frames, start)
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[1.9, 1])
    top, bottom = halves
    chosen = [each for name in SHOWN for each in truths if each["clip"] == name]
    for axes, each in zip(np.ravel(top.subplots(1, len(chosen))), chosen, strict=True):
        span = by_body.get(each["body_id"])
        middle = (each["clip_start"] + each["clip_end"]) // 2
        if span is not None:
            middle = start + round((span.begin + span.end) / 2 * NANOSECONDS)
        here = [
            (abs(frame.stamp - middle), person)
            for frame in frames
            for person in frame.people
            if person.body_id == each["body_id"]
        ]
        with_hands = [pair for pair in here if np.isfinite(pair[1].hands[..., 0]).any()]
        nearest = min(with_hands or here, key=lambda pair: pair[0])[1]
        recorded = each["sign"] or "nothing is signed"
        draw_person(axes, nearest, f"recorded: {recorded}", span.label if span else "idle")
    truth = [
        Span((t["start"] - start) / NANOSECONDS, (t["end"] - start) / NANOSECONDS, t["sign"])
        for t in truths
        if t["sign"]
    ]
    draw_timeline(bottom.subplots(), truth, spans, (frames[-1].stamp - start) / NANOSECONDS)
    path = ROOT / "docs" / "images" / "demo.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    print(path.relative_to(ROOT), json.dumps({"events": len(spans)}))


if __name__ == "__main__":
    main()
