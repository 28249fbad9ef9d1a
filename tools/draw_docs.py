# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Draws docs/images/architecture.svg and network.svg: boxes and arrows, nothing measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
INK, QUIET, LINE = "#1b2a41", "#5b6b7f", "#8b9bb0"
ROS, CORE, BODY, HAND, BOTH = "#e3ecf7", "#e6f3ee", "#e3ecf7", "#fbe9e3", "#efe8f7"


@dataclass
class Drawing:
    """Shapes in pixels, x to the right and y down, on a white sheet that dark pages show too."""

    width: int
    height: int
    title: str
    shapes: list[str] = field(default_factory=list)

    def group(self, x: int, y: int, width: int, height: int, name: str) -> None:
        """A dashed frame around what runs or belongs together."""
        self.shapes.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="10" fill="none" '
            f'stroke="{LINE}" stroke-dasharray="5 4"/>'
        )
        self.text(x + 12, y + 19, name, size=12, colour=QUIET, anchor="start")

    def box(
        self, x: int, y: int, width: int, lines: tuple[str, ...], fill: str, height: int = 56
    ) -> None:
        """A box; its first line names it, the others say where and what it is."""
        self.shapes.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="7" fill="{fill}" '
            f'stroke="{INK}" stroke-width="1"/>'
        )
        top = y + height / 2 - 8 * (len(lines) - 1) + 5
        for i, line in enumerate(lines):
            self.text(
                x + width / 2,
                top + 16 * i,
                line,
                size=12 if i else 14,
                colour=QUIET if i else INK,
            )

    def arrow(self, *points: tuple[int, int], label: str = "", up: bool = False) -> None:
        """A line through the points with a head at its end; the label beside its first piece."""
        path = " ".join(f"{x},{y}" for x, y in points)
        self.shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-width="1.3" '
            'marker-end="url(#head)"/>'
        )
        if label:
            (x, y), (to_x, to_y) = points[:2]
            if x == to_x:
                self.text(x + 8, (y + to_y) / 2 + 4, label, size=12, colour=QUIET, anchor="start")
            else:
                middle = (x + to_x) / 2
                self.text(middle, y - 6 if up else y + 16, label, size=12, colour=QUIET)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: int = 13,
        colour: str = INK,
        anchor: str = "middle",
    ) -> None:
        """One line of text."""
        self.shapes.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}">{escape(text)}</text>'
        )

    def write(self, path: Path) -> None:
        """Write the drawing as SVG."""
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" '
            'font-family="DejaVu Sans, Helvetica, Arial, sans-serif">',
            f"<title>{escape(self.title)}</title>",
            '<defs><marker id="head" markerWidth="9" markerHeight="8" refX="8" refY="4" '
            f'orient="auto"><path d="M0,0 L9,4 L0,8 z" fill="{INK}"/></marker></defs>',
            f'<rect width="{self.width}" height="{self.height}" rx="12" fill="#ffffff"/>',
            *self.shapes,
            "</svg>",
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def architecture() -> Drawing:
    """The two processes, and what travels between them."""
    d = Drawing(980, 470, "One frame's way from the camera to an action")
    d.box(20, 70, 110, ("camera", "Image"), "#ffffff")
    d.group(170, 20, 360, 150, "process bharnet_estimator, under a guardian")
    d.box(190, 70, 140, ("RGB picture", "bharnet_ros/camera"), ROS)
    d.box(370, 70, 140, ("people, with ids", "bharnet/estimation"), CORE)
    d.arrow((130, 98), (190, 98))
    d.arrow((330, 98), (370, 98))
    for y, line in (
        (143, "only the newest picture is estimated;"),
        (158, "a crash or a hang stays in here"),
    ):
        d.text(350, y, line, size=11, colour=QUIET)
    d.box(610, 70, 160, ("bharnet/poses", "PersonPoseArray"), "#ffffff")
    d.arrow((510, 98), (610, 98))
    d.box(810, 70, 150, ("another source", "of your own"), "#ffffff")
    d.arrow((810, 98), (770, 98))

    d.group(20, 205, 940, 175, "process bharnet")
    row = 260
    steps = (
        ("Observation", "poses.py", "observation.py"),
        ("windows", "window.py", "of each person, s"),
        ("features", "features.py", "T even instants"),
        ("network", "recognizer.py", "all people, a batch"),
        ("decision", "decision/", "idle and unknown too"),
    )
    width, gap, x = 150, 30, 40
    for i, lines in enumerate(steps):
        d.box(x, row, width, lines, CORE, height=84)
        if i + 1 < len(steps):
            d.arrow((x + width, row + 42), (x + width + gap, row + 42))
        x += width + gap
    d.arrow((690, 126), (690, 190), (160, 190), (160, row))
    d.text(
        490,
        366,
        "bharnet/stream.py joins these five; no ROS in them, and training computes the "
        "same features",
        size=11,
        colour=QUIET,
    )
    d.box(400, 400, 180, ("/bharnet/actions", "ActionArray"), "#ffffff", height=52)
    d.arrow((835, row + 84), (835, 426), (580, 426), label="convert.py")
    d.text(290, 430, "stamped with the newest frame used", size=11, colour=QUIET)
    return d


def network() -> Drawing:
    """Variant P: two experts that look at each other once, in the pooling."""
    d = Drawing(980, 400, "BHaRNet-P: a body expert and a hand expert")
    d.group(15, 15, 165, 370, "features.py")
    d.box(30, 70, 135, ("body", "11 joints", "joint, bone, motion"), BODY, height=84)
    d.box(30, 250, 135, ("two hands", "2 x 21 joints", "left one mirrored"), HAND, height=84)
    d.group(205, 15, 250, 370, "backbone.py: four blocks an expert")
    for y, fill in ((70, BODY), (250, HAND)):
        d.box(
            220,
            y,
            220,
            ("trunk", "graph, then time, 4 times", "32, 48, 64, 96 channels"),
            fill,
            height=84,
        )
        d.arrow((165, y + 42), (220, y + 42))
        d.arrow((440, y + 42), (505, y + 42))
    d.group(480, 15, 190, 370, "interaction.py")
    for y, fill in ((70, BODY), (250, HAND)):
        d.box(
            505, y, 145, ("pooling attention", "over time, joints,", "instances"), fill, height=84
        )
        d.box(720, y + 14, 110, ("classifier", "logits"), fill)
        d.arrow((650, y + 42), (720, y + 42))
    d.arrow((560, 154), (560, 250))
    d.arrow((600, 250), (600, 154))
    d.text(616, 207, "each", size=12, colour=QUIET, anchor="start")
    d.text(616, 222, "asks the", size=12, colour=QUIET, anchor="start")
    d.text(616, 237, "other", size=12, colour=QUIET, anchor="start")
    d.box(880, 170, 80, ("sum", "= answer"), BOTH)
    d.arrow((830, 112), (920, 112), (920, 170))
    d.arrow((830, 292), (920, 292), (920, 226))
    d.text(775, 205, "an expert that saw nothing", size=11, colour=QUIET)
    d.text(775, 220, "adds nothing", size=11, colour=QUIET)
    return d


def main() -> None:
    """Write both."""
    architecture().write(IMAGES / "architecture.svg")
    network().write(IMAGES / "network.svg")


if __name__ == "__main__":
    main()
