# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A clip and its pose -> the ST-ROI picture: rows of body parts, columns of moments.

After MMNet: head, right hand, left hand, right foot, left foot below one another, five moments
side by side. MMNet cuts squares of 96 px from NTU's 1920 x 1080; here a square grows with the
person. One person a picture: actions belong to a person in this project.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bharnet.estimation.hands import Crop
from bharnet.skeleton import Layout

# Where a part is: the mean of the first set of joints that the layout has and the frame shows.
# MMNet centres hands on the wrist; where knuckles are known, the hand's middle wastes less.
_CENTRES: dict[str, tuple[tuple[str, ...], ...]] = {
    "head": (("nose",), ("head",), ("left_ear", "right_ear")),
    "right_hand": (
        ("right_hand",),
        ("right_wrist", "right_index", "right_pinky"),
        ("right_wrist",),
    ),
    "left_hand": (("left_hand",), ("left_wrist", "left_index", "left_pinky"), ("left_wrist",)),
    "right_foot": (("right_ankle",), ("right_knee",)),
    "left_foot": (("left_ankle",), ("left_knee",)),
}
PARTS = tuple(_CENTRES)
# Their length tells how large the person is; the longest one is the least foreshortened.
_LIMBS = (
    ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
)
# A smaller square shows nothing; a larger one belongs to a pose that cannot be.
SMALLEST_SIDE, LARGEST_SIDE = 4, 8192


@dataclass(frozen=True)
class CropConfig:
    """How the picture is made; kept in the checkpoint.

    moments       columns of the picture (MMNet: 5)
    cell          pixels a side of one part at one moment (MMNet: 45)
    size          side of the square that is cut, in person units: the longest of shoulder width,
                  upper arm and forearm, about 0.3 m, so 0.9 is 0.27 m. That is what MMNet's 96 px
                  are 3 m from a Kinect v2 (1080 px over 53.8 degrees: 355 px a metre)
    lowest_score  joints scored below count as unseen (a NaN score passes)

    Raises ValueError.
    """

    moments: int = 5
    cell: int = 45
    size: float = 0.9
    lowest_score: float = 0.2

    def __post_init__(self) -> None:
        if not 1 <= self.moments <= 32 or not 8 <= self.cell <= 256:
            raise ValueError(
                f"{self.moments} moments in cells of {self.cell} px make no picture; "
                "1 to 32 moments, 8 to 256 px"
            )
        if not 0.1 <= self.size <= 10:
            raise ValueError(f"size {self.size} is out of 0.1..10 person units")


def person_unit(body: NDArray[np.float32], layout: Layout, lowest_score: float = 0.2) -> float:
    """The person's size in a clip (N, V, 4), in the units of its x, y; NaN if no limb is seen.

    In each frame the longest limb, over the frames the median: one size for all crops.
    """
    seen = _seen(body, lowest_score)
    lengths = np.full((len(body), len(_LIMBS)), -np.inf)
    for column, names in enumerate(_LIMBS):
        a, b = (layout.index(name) for name in names)
        both = seen[:, a] & seen[:, b]
        lengths[both, column] = np.linalg.norm(body[both, a, :2] - body[both, b, :2], axis=-1)
    longest = lengths.max(1, initial=-np.inf)
    known = longest[longest > 0]
    return float(np.median(known)) if len(known) else float("nan")


def part_centres(
    body: NDArray[np.float32], layout: Layout, lowest_score: float = 0.2
) -> NDArray[np.float32]:
    """Middle of each of PARTS in a clip (N, V, 4), in the units of its x, y: (N, 5, 2).

    NaN where the part is unseen or the layout has no joint for it.
    """
    seen = _seen(body, lowest_score)
    centres = np.full((len(body), len(PARTS), 2), np.nan, np.float32)
    for row, alternatives in enumerate(_CENTRES.values()):
        for names in reversed(alternatives):  # the first one has the last word
            if all(name in layout.joints for name in names):
                joints = [layout.index(name) for name in names]
                shown = seen[:, joints].all(1)
                centres[shown, row] = body[shown][:, joints, :2].mean(1)
    return centres


def _seen(body: NDArray[np.float32], lowest_score: float) -> NDArray[np.bool_]:
    return np.isfinite(body[..., :2]).all(-1) & ~(body[..., 3] < lowest_score)


def cut_parts(
    picture: NDArray[np.uint8], centres: NDArray[np.float32], side: float, cell: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Squares of one RGB picture (H, W, 3), resized: (5, cell, cell, 3), and which show anything.

    centres (5, 2) and side in pixels. A part whose middle is unseen or outside the picture is
    black; what stands out over the border is black too.
    """
    height, width = picture.shape[:2]
    cells = np.zeros((len(centres), cell, cell, 3), np.uint8)
    # NaN compares as False, a side as well as a centre.
    inside = (centres >= 0) & (centres < (width, height))
    usable = SMALLEST_SIDE <= side <= LARGEST_SIDE
    shown = np.asarray(inside.all(1) & usable)
    if shown.any():
        size = round(side)
        corners = np.round(centres[shown] - size / 2).astype(int)
        squares = np.stack([Crop(int(x), int(y), size).cut(picture) for x, y in corners])
        resized = torch.nn.functional.interpolate(
            torch.from_numpy(squares).movedim(-1, 1), (cell, cell), mode="bilinear", antialias=True
        )
        cells[shown] = resized.movedim(1, -1).numpy()
    return cells, shown


def crop_clip(
    pictures: Iterable[NDArray[np.uint8]],
    body: NDArray[np.float32],
    layout: Layout,
    config: CropConfig,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Every frame's parts: cells (N, 5, cell, cell, 3) and which show anything (N, 5).

    ``body`` (N, V, 4) is in picture heights, as Window keeps it. Raises ValueError if there are
    not as many pictures as poses.
    """
    unit = person_unit(body, layout, config.lowest_score)
    centres = part_centres(body, layout, config.lowest_score)
    cells = np.zeros((len(body), len(PARTS), config.cell, config.cell, 3), np.uint8)
    shown = np.zeros((len(body), len(PARTS)), np.bool_)
    count = 0
    for picture in pictures:
        if count < len(body):
            height = picture.shape[0]
            side = config.size * unit * height
            cells[count], shown[count] = cut_parts(
                picture, centres[count] * height, side, config.cell
            )
        count += 1
    if count != len(body):
        raise ValueError(f"{count} pictures for {len(body)} poses; give one pose a picture")
    return cells, shown


def choose_moments(
    count: int, moments: int, rng: np.random.Generator | None = None
) -> NDArray[np.intp]:
    """Indices of ``moments`` frames out of ``count``, rising: one of each equal stretch.

    Its middle, or with ``rng`` any of its frames. Few frames are shown more than once.
    Raises ValueError without frames.
    """
    if count < 1:
        raise ValueError("no frame to choose from")
    within = np.full(moments, 0.5) if rng is None else rng.uniform(0, 1, moments)
    return np.minimum(((np.arange(moments) + within) * count / moments).astype(np.intp), count - 1)


def tile(cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(moments, 5, cell, cell, 3) -> the picture (5 cell, moments cell, 3)."""
    moments, parts, cell = cells.shape[:3]
    return cells.transpose(1, 2, 0, 3, 4).reshape(parts * cell, moments * cell, 3)
