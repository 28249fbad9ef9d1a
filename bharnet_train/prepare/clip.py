# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every reader of original files gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Rejected(ValueError):
    """An original file that cannot be used; the message is the reason, in half a sentence."""


@dataclass(frozen=True)
class Rejection:
    """A file (or a clip of it) that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Clip:
    """One labelled clip of one or two people.

    joints      (B, T, V, 3) float32 in the source's coordinates, NaN = unseen, main actor first
    colour      (B, T, V, 2) float32, the joints in shares of the colour picture; or None
    parts       protocol -> "train" or "test"; a protocol that does not know the clip is absent
    first_frame of the clip in its video
    """

    name: str
    label: str
    person: str
    session: str
    setup: str
    joints: NDArray[np.float32]
    colour: NDArray[np.float32] | None = None
    parts: dict[str, str] = field(default_factory=dict)
    first_frame: int = 0


class Original(Protocol):
    """A data set as its authors give it out. Travels to other processes, so holds no open file."""

    @property
    def kind(self) -> str:
        """ntu, pku or nucla."""
        ...

    def files(self) -> list[Path]:
        """All files that ``read`` takes, sorted; raises NotPrepared when there are none."""
        ...

    def read(self, path: Path) -> Iterator[Clip | Rejection]:
        """The clips of one file. Raises Rejected when all of it is unusable."""
        ...

    def facts(self) -> dict[str, Any]:
        """For the manifest: layout, fps, protocols, picture and whatever a reader should know."""
        ...
