# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is written about people in a picture: small plates with a name, an action and two bars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels

# RGB. From Okabe and Ito's palette, which colour-blind people tell apart; its orange and green
# are kept for the two hands.
PEOPLE: tuple[Colour, ...] = (
    (86, 180, 233),
    (240, 228, 66),
    (204, 121, 167),
    (120, 200, 120),
    (170, 150, 255),
)
ACTIVE = (0, 214, 170)
INK, PAPER, FAINT, RAIL = (16, 20, 28), (255, 255, 255), (168, 178, 190), (74, 82, 94)
PANEL_OPACITY = 0.78


@dataclass(frozen=True)
class Caption:
    """What is said of one person.

    label       the action; "" = none was accepted
    confidence  0..1 of the action, or of the best guess where there is none; NaN = nothing yet
    fill        0..1, how much of the window was seen (Action.coverage); NaN = nothing yet
    active      whether an action runs: its label is drawn strong
    """

    label: str = ""
    confidence: float = float("nan")
    fill: float = float("nan")
    active: bool = False


def colour_of(body_id: str) -> Colour:
    """The same colour for the same id, in every picture and every process."""
    return PEOPLE[sum((i + 1) * ord(letter) for i, letter in enumerate(body_id)) % len(PEOPLE)]


def caption_card(body_id: str, caption: Caption | None, unit: float) -> Image:
    """What is said of one person, as an RGBA picture."""
    pad, gap = round(7 * unit), round(5 * unit)
    small, large = round(11 * unit), round(19 * unit)
    name = _text(body_id, small)
    colour = colour_of(body_id)
    if caption is None:
        card = _panel(name.shape[1] + 2 * pad + gap, name.shape[0] + 2 * gap, unit)
        _print(card, name, (pad + gap, gap), FAINT)
        _edge(card, colour, unit)
        return card
    words, ink = _wording(caption)
    filled = _text("" if math.isnan(caption.fill) else f"seen {_percent(caption.fill)}", small)
    label, share = _text(words, large), _text(_percent(caption.confidence), small)
    width = max(round(140 * unit), label.shape[1] + share.shape[1] + 3 * gap) + 2 * pad
    thick, thin = max(2, round(5 * unit)), max(1, round(3 * unit))
    height = name.shape[0] + label.shape[0] + thick + thin + 6 * gap
    card = _panel(width, height, unit)
    left, right, y = pad + gap, width - pad, gap
    _print(card, name, (left, y), FAINT)
    _print(card, filled, (right - filled.shape[1], y), FAINT)
    y += name.shape[0] + gap
    _print(card, label, (left, y), ink)
    _print(card, share, (right - share.shape[1], y + label.shape[0] - share.shape[0]), ink)
    y += label.shape[0] + 2 * gap
    _bar(card, left, right, y, thick, caption.confidence, ACTIVE if caption.active else FAINT)
    y += thick + gap
    _bar(card, left, right, y, thin, caption.fill, colour)
    _edge(card, colour, unit)
    return card


def _wording(caption: Caption) -> tuple[str, Colour]:
    if caption.label:
        # A label is somebody's data: as long as they like.
        return caption.label[:32], PAPER if caption.active else FAINT
    return ("watching" if math.isnan(caption.confidence) else "unknown"), FAINT


def _percent(share: float) -> str:
    return "" if math.isnan(share) else f"{round(100 * min(max(share, 0.0), 1.0))} %"


@lru_cache(maxsize=256)
def _text(words: str, size: int) -> NDArray[np.float32]:
    """(h, w) opacity 0..1 of a line of text; h depends on the size only."""
    font = _font(size)
    ascent, descent = font.getmetrics()
    mask, (left, top) = font.getmask2(words or " ", mode="L", anchor="ls")
    width, height = mask.size
    glyphs = np.asarray(mask, np.float32).reshape(height, width) / 255
    line = np.zeros((ascent + descent, max(left, 0) + width), np.float32)
    y, x = max(ascent + top, 0), max(left, 0)
    glyphs = glyphs[: line.shape[0] - y]
    line[y : y + glyphs.shape[0], x : x + width] = glyphs
    return line


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(max(size, 6))
    assert isinstance(font, ImageFont.FreeTypeFont)  # since Pillow 10.1, given a size
    return font


def _panel(width: int, height: int, unit: float) -> Image:
    """An RGBA plate with round corners."""
    panel = np.zeros((height, width, 4), np.uint8)
    panel[..., :3] = INK
    radius = min(round(6 * unit), height // 2)
    alpha = np.zeros((height, width), np.uint8)
    cv2.rectangle(alpha, (radius, 0), (width - 1 - radius, height - 1), 255, -1)
    cv2.rectangle(alpha, (0, radius), (width - 1, height - 1 - radius), 255, -1)
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(alpha, (x, y), radius, 255, -1, cv2.LINE_AA)
    panel[..., 3] = (alpha * PANEL_OPACITY).astype(np.uint8)
    return panel


def note_card(note: str, unit: float) -> Image:
    """One line of text, as an RGBA picture."""
    words = _text(note, round(12 * unit))
    pad = round(5 * unit)
    strip = _panel(words.shape[1] + 2 * pad, words.shape[0] + pad, unit)
    _print(strip, words, (pad, pad // 2), PAPER)
    return strip


def _print(
    card: Image, words: NDArray[np.float32], place: tuple[int, int], colour: Colour
) -> None:
    x, y = place
    height, width = words.shape
    part = card[y : y + height, x : x + width]
    opacity = words[: part.shape[0], : part.shape[1], None]
    ink = np.array((*colour, 255), np.float32)
    part[:] = (part * (1 - opacity) + ink * opacity).astype(np.uint8)


def _bar(
    card: Image, left: int, right: int, y: int, thick: int, share: float, colour: Colour
) -> None:
    """A rail from left to right, filled as far as ``share`` says; NaN leaves it empty."""
    for end, ink in ((1.0, RAIL), (share, colour)):
        if not math.isnan(end) and (long := round((right - left) * min(max(end, 0.0), 1.0))):
            cv2.rectangle(card, (left, y), (left + long, y + thick - 1), (*ink, 255), -1)


def _edge(card: Image, colour: Colour, unit: float) -> None:
    """The person's colour, at the plate's left."""
    wide, inset = max(2, round(3 * unit)), round(5 * unit)
    cv2.rectangle(
        card, (wide, inset), (2 * wide - 1, card.shape[0] - 1 - inset), (*colour, 255), -1
    )


def free_place(
    card: Image, head: Box, scale: NDArray[np.float32], taken: list[Box], gap: int
) -> tuple[int, int]:
    """Left, top of the card: over the head, else beside or below it, where least is hidden.

    ``scale``: width and height of the picture, pixels; ``gap``: between head and card.
    """
    height, width = card.shape[:2]
    left, top, right, bottom = head
    middle = (left + right - width) // 2
    most = np.maximum(scale - (width, height), 0).astype(int)
    wishes = [
        (middle, top - height - gap),
        (right + gap, top),
        (left - width - gap, top),
        (middle, bottom + gap),
    ]
    places = [(int(np.clip(x, 0, most[0])), int(np.clip(y, 0, most[1]))) for x, y in wishes]

    def hidden(place: tuple[int, int]) -> int:
        x, y = place
        return sum(
            max(0, min(x + width, right) - max(x, left))
            * max(0, min(y + height, bottom) - max(y, top))
            for left, top, right, bottom in taken
        )

    return min(places, key=hidden)


def blend(canvas: Image, card: Image, place: tuple[int, int]) -> None:
    """Lay an RGBA card onto an RGB picture at (left, top), cut at the picture's border."""
    x, y = max(place[0], 0), max(place[1], 0)
    part = canvas[y : y + card.shape[0], x : x + card.shape[1]]
    card = card[: part.shape[0], : part.shape[1]]
    opacity = card[..., 3:].astype(np.float32) / 255
    part[:] = (part * (1 - opacity) + card[..., :3] * opacity).astype(np.uint8)
