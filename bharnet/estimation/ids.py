# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Body ids as REP-155 wants them: five letters, no two alike in a run."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def body_ids(seed: int | None = None) -> Iterator[str]:
    """Every word of five letters once, in an order that looks random; then those of six, ...

    Without a seed each process begins elsewhere, so that an estimator that was started again does
    not hand out what the one before did. A walk with a step that shares no factor with the number
    of words visits all of them, and nothing has to be remembered.
    """
    chance = random.Random(seed)
    length = 5
    while True:
        words = len(LETTERS) ** length
        step = chance.randrange(words // 3, words)
        while math.gcd(step, words) > 1:
            step += 1
        place = chance.randrange(words)
        for _ in range(words):
            yield _word(place, length)
            place = (place + step) % words
        length += 1


def _word(number: int, length: int) -> str:
    letters = []
    for _ in range(length):
        number, letter = divmod(number, len(LETTERS))
        letters.append(LETTERS[letter])
    return "".join(letters)
