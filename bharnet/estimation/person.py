"""What every estimator returns for one person in one picture."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PersonEstimate:
    """One person's joints. Left and right are the person's own.

    Coordinates are those of PersonPoseArray.COORDINATES_IMAGE: x / width, y / height, y down,
    z in image widths; joints outside the picture keep their guessed place.

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
    """Turns pictures of one camera, in the order of their stamps, into people."""

    name: str  # for PersonPoseArray.estimator
    body_layout: str  # a name in bharnet.skeleton.LAYOUTS

    def estimate(self, image_rgb: NDArray[np.uint8], stamp_ns: int) -> list[PersonEstimate]:
        """Everybody in an (H, W, 3) picture; raises ValueError for one it cannot take."""
        ...

    def reset(self) -> None:
        """Forget what was tracked, for a new stream or a stamp that went back."""
        ...

    def close(self) -> None:
        """Give everything back; may be called twice."""
        ...

    def __enter__(self) -> Estimator: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
