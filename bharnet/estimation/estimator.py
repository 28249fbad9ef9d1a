# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What an estimator is, and what it finds: the one interface behind which all of them stand.

Another estimator (another network, a depth camera's own body tracker) is one file with one class
that has these methods and a line in `choose.py`; `wholebody.py` is the example. Ids are not its
business, the tracker gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class EstimatorUnavailable(RuntimeError):
    """An estimator that cannot work here; the message names the cause and the cure."""


class InvalidFrame(ValueError):
    """A picture or a stamp that cannot be used; it left no trace. The message names the cure.

    ``key`` tells the causes apart: "image", "no_stamp" or "old_stamp".
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key

    def __reduce__(self) -> tuple[type[InvalidFrame], tuple[str, str]]:
        """An exception that cannot be unpickled leaves a process pool waiting for ever."""
        return type(self), (self.key, str(self))


@dataclass(frozen=True, eq=False)
class Detection:
    """One person's joints in one picture. Left and right are the person's own.

    Coordinates are those of PersonPoseArray.COORDINATES_IMAGE: x / width, y / height, y down,
    z in image widths (NaN = the estimator gives no depth); joints outside the picture keep their
    guessed place. An unseen joint is NaN with score 0.

    body        (V, 4) float32  x, y, z, score
    left_hand, right_hand  (21, 4) float32 or None  x, y, z, score (NaN = not given)
    confidences 0..1, NaN = not given
    """

    body: NDArray[np.float32]
    left_hand: NDArray[np.float32] | None = None
    right_hand: NDArray[np.float32] | None = None
    confidence: float = float("nan")
    left_hand_confidence: float = float("nan")
    right_hand_confidence: float = float("nan")


class Estimator(Protocol):
    """Turns pictures of one camera, in the order of their stamps, into people.

    Made with everything it needs, so that a missing model is told at once; raises
    EstimatorUnavailable then. Used by one thread at a time. Pictures may change their size.
    """

    name: str  # for PersonPoseArray.estimator
    body_layout: str  # a name in bharnet.skeleton.LAYOUTS
    smooths: bool  # whether the last picture's bodies came steadied; if not, the caller does it

    @property
    def network_ms(self) -> Mapping[str, float]:
        """Milliseconds the last ``estimate`` spent inside each foreign network or library."""
        ...

    def estimate(self, image: NDArray[np.uint8], stamp: int) -> list[Detection]:
        """Everybody in an (H, W, 3) RGB picture taken at ``stamp`` nanoseconds, in any order.

        Raises InvalidFrame for what is no picture and for a stamp that does not rise.
        """
        ...

    def reset(self) -> None:
        """Forget what was followed; the next picture may have any stamp and size."""
        ...

    def close(self) -> None:
        """Give everything back; may be called twice. Nothing may be asked afterwards."""
        ...
