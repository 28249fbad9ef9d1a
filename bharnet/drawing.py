"""People and what they do, drawn into the picture they were seen in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bharnet.estimation.people import PeopleFrame


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


def draw(
    image: NDArray[np.uint8],
    people: PeopleFrame,
    captions: Mapping[str, Caption],
    note: str = "",
) -> NDArray[np.uint8]:
    """A copy of the (H, W, 3) RGB picture with everybody's skeleton, hands, id and caption.

    ``captions`` by body id; ``note`` is one line for the picture's corner, for example the rate.
    """
    return image.copy()  # the interface is fixed first; the drawing follows
