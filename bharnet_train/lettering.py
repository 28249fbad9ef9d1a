# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Names in pictures: gestures, people and files are called as their users like."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

# matplotlib's own font lacks these scripts; a machine may have one of these.
FONTS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "WenQuanYi Zen Hei"),
    *("Droid Sans Fallback", "Yu Gothic", "Hiragino Sans", "Malgun Gothic", "Microsoft YaHei"),
    *("Apple SD Gothic Neo", "Arial Unicode MS", "Noto Sans Devanagari", "Noto Sans Thai"),
)
LONGEST = 32


@contextmanager
def as_written() -> Iterator[None]:
    """A picture made within shows names as they are written: `$` begins no formula.

    Letters that no font of this machine has are boxes; the log says so, once a picture.
    """
    import matplotlib
    from matplotlib.font_manager import fontManager

    there = set(fontManager.get_font_names())
    family = [*matplotlib.rcParams["font.family"], *(each for each in FONTS if each in there)]
    with (
        matplotlib.rc_context({"text.parse_math": False, "font.family": family}),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always", UserWarning)
        yield
    lacking = [each for each in told if str(each.message).startswith("Glyph ")]
    for each in told:
        if each not in lacking:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    if lacking:
        log.warning(
            "no font of this machine has all letters of the names in the picture: they are boxes "
            "there; install one that has, as fonts-noto-cjk for Chinese, Japanese and Korean"
        )


def short(name: str) -> str:
    """A name that leaves room for the picture beside it."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
