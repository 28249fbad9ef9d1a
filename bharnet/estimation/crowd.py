# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One person by MediaPipe's better half: it is steadier and quicker where it looks for one only.

A landmarker of one person follows and steadies it. One of several detects people anew in every
picture as long as it finds fewer than it looks for, and steadies nobody. So a person who is alone
is left to the former, and the latter has a look now and then whether that is so.
"""

from __future__ import annotations

import contextlib
from typing import Any

from bharnet.window import NANOSECONDS

# How often is looked for others, and how long somebody must be alone before it is believed.
LOOK_SECONDS, ALONE_SECONDS = 0.5, 2.0


def close_all(*landmarkers: Any) -> None:
    """Each of them, whatever the others say: one that stays open can hang the process for good.

    What went wrong inside a landmarker it says again when it is closed; it was told before.
    """
    for each in landmarkers:
        with contextlib.suppress(RuntimeError, ValueError):
            each.close()


class OneOrMany:
    """Two pose landmarkers in VIDEO mode, asked as if they were one. Takes them over."""

    def __init__(self, one: Any, many: Any) -> None:
        self._one, self._many = one, many
        self._looked: int | None = None
        self._together_until: int | None = None
        self._anybody = False
        self.alone = True  # whether the last answer was the one's, which is steadied

    def detect(self, picture: Any, milliseconds: int, stamp: int) -> list[Any]:
        """Landmarks of everybody in the picture; ``milliseconds`` and ``stamp`` (ns) must rise."""
        together = self._together_until is not None and stamp <= self._together_until
        due = self._looked is None or stamp - self._looked >= LOOK_SECONDS * NANOSECONDS
        if together or due:
            several = self._look(picture, milliseconds, stamp)
            if together or len(several) > 1:
                return self._tell(several, alone=False)
        single = list(self._one.detect_for_video(picture, milliseconds).pose_landmarks)
        if single and not self._anybody and stamp != self._looked:  # who comes may not come alone
            several = self._look(picture, milliseconds, stamp)
            if len(several) > 1:
                return self._tell(several, alone=False)
        return self._tell(single, alone=True)

    def _look(self, picture: Any, milliseconds: int, stamp: int) -> list[Any]:
        self._looked = stamp
        found = list(self._many.detect_for_video(picture, milliseconds).pose_landmarks)
        if len(found) > 1:
            self._together_until = stamp + round(ALONE_SECONDS * NANOSECONDS)
        return found

    def _tell(self, found: list[Any], alone: bool) -> list[Any]:
        self._anybody, self.alone = bool(found), alone
        return found

    def close(self) -> None:
        """Close both."""
        close_all(self._one, self._many)


class Always:
    """One landmarker, whoever is there."""

    def __init__(self, landmarker: Any, alone: bool) -> None:
        self._landmarker, self.alone = landmarker, alone

    def detect(self, picture: Any, milliseconds: int, stamp: int) -> list[Any]:
        """As OneOrMany."""
        return list(self._landmarker.detect_for_video(picture, milliseconds).pose_landmarks)

    def close(self) -> None:
        """Close it."""
        self._landmarker.close()
