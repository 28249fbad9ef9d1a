# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""People and what they do, drawn into the picture they were seen in.

For the node's debug image and for `bharnet watch`; needs OpenCV and Pillow, nothing of ROS.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from bharnet.captions import (
    ACTIVE,
    INK,
    PAPER,
    Box,
    Caption,
    Colour,
    Image,
    blend,
    caption_card,
    colour_of,
    free_place,
    note_card,
)
from bharnet.estimation.estimator import Detection
from bharnet.estimation.people import PeopleFrame
from bharnet.skeleton import HAND_21, Layout, get_layout

__all__ = ["Caption", "draw"]

LEFT, RIGHT = (255, 128, 48), ACTIVE
# A joint seen less surely than this is a guess, and not drawn.
LOWEST_SCORE = 0.3

LIMBS = (
    ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"),
    ("left_hip", "right_hip"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
)


def draw(
    image: Image, people: PeopleFrame, captions: Mapping[str, Caption], note: str = ""
) -> Image:
    """A copy of the (H, W, 3) RGB picture with everybody's skeleton, hands, id and caption.

    ``captions`` by body id; ``note`` is one line for the picture's corner, for example the rate.
    A person without a caption gets skeleton and id only.
    """
    canvas: Image = np.ascontiguousarray(image).copy()
    height, width = canvas.shape[:2]
    layout = get_layout(people.body_layout)
    unit = min(max(min(height / 480, width / 640), 0.6), 4.0)
    scale = np.array((width, height), np.float32)
    for body_id, person in people.people:
        _draw_person(canvas, person, layout, colour_of(body_id), scale, unit)
    # Cards keep off each other and off every head.
    taken = [_head(person, scale) for _, person in people.people]
    for (body_id, _), head in zip(people.people, list(taken), strict=True):
        card = caption_card(body_id, captions.get(body_id), unit)
        place = free_place(card, head, scale, taken, round(6 * unit))
        taken.append((*place, place[0] + card.shape[1], place[1] + card.shape[0]))
        blend(canvas, card, place)
    if note:
        strip = note_card(note, unit)
        margin = round(8 * unit)
        blend(canvas, strip, (margin, height - strip.shape[0] - margin))
    return canvas


def _draw_person(
    canvas: Image,
    person: Detection,
    layout: Layout,
    colour: Colour,
    scale: NDArray[np.float32],
    unit: float,
) -> None:
    body = person.body
    lines = []
    for names in LIMBS:
        if all(name in layout.joints for name in names):
            ends = body[[layout.index(name) for name in names]]
            if _seen(ends).all():
                lines.append(ends[:, :2] * scale)
    _strokes(canvas, lines, colour, max(1, round(3 * unit)))
    _draw_head(canvas, body, layout, colour, scale, unit)
    for hand, side in ((person.left_hand, LEFT), (person.right_hand, RIGHT)):
        if hand is None:
            continue
        seen, points = _seen(hand), hand[:, :2] * scale
        bones = [points[[c, p]] for c, p in HAND_21.bones if seen[c] and seen[p]]
        palm = float(np.hypot(*(points[9] - points[0]))) if seen[[0, 9]].all() else 0.0
        # Fingers of somebody far away are closer together than a normal line is wide.
        thick = max(1, round(min(2 * unit, palm / 12)))
        _strokes(canvas, bones, side, thick)
        for point in points[seen]:
            _dot(canvas, point, max(0.8, 0.6 * thick), PAPER)


def _draw_head(
    canvas: Image,
    body: NDArray[np.float32],
    layout: Layout,
    colour: Colour,
    scale: NDArray[np.float32],
    unit: float,
) -> None:
    """A ring around the ears; without them nothing."""
    if not {"left_ear", "right_ear", "nose"} <= set(layout.joints):
        return
    face = body[[layout.index(name) for name in ("left_ear", "right_ear", "nose")]]
    if not _seen(face).all():
        return
    points = face[:, :2] * scale
    centre = points[:2].mean(0)
    radius = 0.85 * max(float(np.hypot(*(points[i] - points[j]))) for i, j in ((0, 1), (0, 2)))
    for extra, ink in ((2, INK), (0, colour)):
        thick = max(1, round(2 * unit)) + extra
        cv2.circle(canvas, _fixed(centre), round(radius * 16), ink, thick, cv2.LINE_AA, 4)


def _seen(joints: NDArray[np.float32]) -> NDArray[np.bool_]:
    score = joints[:, 3]
    placed = np.isfinite(joints[:, :2]).all(1) & (np.abs(joints[:, :2]) < 4).all(1)
    return np.asarray(placed & (np.isnan(score) | (score >= LOWEST_SCORE)))


def _strokes(canvas: Image, lines: list[NDArray[np.float32]], colour: Colour, thick: int) -> None:
    """Lines with a dark rim, so that they are seen on any background."""
    for extra, ink in ((2, INK), (0, colour)):
        for line in lines:
            begin, end = _fixed(line[0]), _fixed(line[1])
            cv2.line(canvas, begin, end, ink, thick + extra, cv2.LINE_AA, 4)


def _dot(canvas: Image, point: NDArray[np.float32], radius: float, colour: Colour) -> None:
    cv2.circle(canvas, _fixed(point), round(radius * 16), colour, -1, cv2.LINE_AA, 4)


def _fixed(point: NDArray[np.float32]) -> tuple[int, int]:
    """OpenCV's coordinates in sixteenths of a pixel."""
    return int(point[0] * 16), int(point[1] * 16)


def _head(person: Detection, scale: NDArray[np.float32]) -> Box:
    """The box of the head, hair included, as far as the joints tell: in pixels."""
    seen = person.body[_seen(person.body), :2] * scale
    if not len(seen):
        seen = np.nan_to_num(person.body[:1, :2] * scale)
    # Whatever the layout: of somebody upright the highest joints are those of the head.
    head = seen[np.argsort(seen[:, 1])[:7]]
    (left, top), (right, bottom) = head.min(0), head.max(0)
    hair = 0.8 * (right - left)
    return int(left), int(top - hair), int(right), int(bottom)
