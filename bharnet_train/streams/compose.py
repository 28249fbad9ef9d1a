# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Takes of one person, one after the other, with the way between them -> a labelled stream.

Recorded takes show the middle of a sign. What a robot sees besides is the way there and back,
and the time in which nothing is done. The way is made up: each joint goes from where the one
take leaves it to where the next one wants it, slowly at both ends, as arms do (minimum jerk,
Flash and Hogan, J. Neurosci. 1985). It belongs to no sign.
"""

from __future__ import annotations

from collections.abc import Sequence as Many

import numpy as np
from numpy.typing import NDArray

from bharnet.judging.segments import Segment
from bharnet.skeleton import Layout
from bharnet.window import NANOSECONDS, Window
from bharnet_train.datasets.recordings import Sequence, UnreadableData
from bharnet_train.streams.labelled import LabelledStream

FIRST_STAMP = NANOSECONDS  # a stamp of zero means none


def compose(
    takes: Many[Sequence],
    ways: Many[float],
    layout: Layout,
    frame_rate: float,
    idle: str,
    name: str = "stream",
) -> LabelledStream:
    """Join ``takes`` at ``frame_rate``, with ``ways[i]`` seconds from take i to take i + 1.

    Everybody is moved to where the first take's person sits, and made as large. A take labelled
    ``idle`` is no segment. Raises ValueError if there is no take or not one way less.
    """
    if not takes or len(ways) != len(takes) - 1:
        raise ValueError(f"{len(takes)} takes need one way less, not {len(ways)}")
    step = NANOSECONDS / frame_rate
    target = _place(takes[0].window, layout)
    parts: list[tuple[NDArray, NDArray]] = []
    bounds: list[tuple[int, int, str]] = []
    count = 0
    for i, take in enumerate(takes):
        body, hands = _moved(take.window, target, layout)
        if i:
            length = max(1, round(ways[i - 1] * frame_rate))
            last = (parts[-1][0][-1], parts[-1][1][-1])
            way = _way(last, (body[0], hands[0]), length, layout)
            parts.append(way)
            count += length
        parts.append((body, hands))
        if take.label != idle:
            bounds.append((count, count + len(body), take.label))
        count += len(body)
    stamps = FIRST_STAMP + np.round(np.arange(count + 1) * step).astype(np.int64)
    return LabelledStream(
        name,
        Window(
            stamps[:-1],
            np.concatenate([body for body, _ in parts]),
            np.concatenate([hands for _, hands in parts]),
        ),
        tuple(Segment(int(stamps[a]), int(stamps[b]), label, name) for a, b, label in bounds),
        takes[0].person,
    )


def compose_stream(
    signs: Many[Sequence],
    rests: Many[Sequence],
    layout: Layout,
    rng: np.random.Generator,
    frame_rate: float = 20.0,
    rest_seconds: tuple[float, float] = (1.0, 4.0),
    way_seconds: tuple[float, float] = (0.2, 0.5),
    name: str = "stream",
) -> LabelledStream:
    """All ``signs`` in the order given, a rest drawn from ``rests`` before, between and after.

    A rest is as many takes as it needs to last a time drawn from ``rest_seconds``.
    """
    if not signs or not rests:
        raise ValueError("a stream needs signs and rests")
    takes: list[Sequence] = []

    def rest() -> None:
        missing = rng.uniform(*rest_seconds)
        while missing > 0:
            takes.append(rests[int(rng.integers(len(rests)))])
            missing -= len(takes[-1].window.stamps) / frame_rate

    for sign in signs:
        rest()
        takes.append(sign)
    rest()
    ways = rng.uniform(*way_seconds, len(takes) - 1).tolist()
    return compose(takes, ways, layout, frame_rate, rests[0].label, name)


def compose_people(
    takes: Many[Sequence],
    layout: Layout,
    idle: str,
    frame_rate: float = 20.0,
    most_signs: int = 150,
    seed: int = 0,
    suffix: str = "",
) -> list[LabelledStream]:
    """A stream of each person of each file, of up to ``most_signs`` takes in an order drawn.

    Who never rests in the takes is given the others' rests. ``suffix`` ends the streams' names.
    Raises UnreadableData if nobody rests.
    """
    of: dict[tuple[str, str], list[Sequence]] = {}
    for each in takes:
        of.setdefault((each.source, each.person), []).append(each)
    everybodys_rests = [each for each in takes if each.label == idle]
    streams = []
    for (source, person), mine in of.items():
        rng = np.random.default_rng(seed)
        signs = [each for each in mine if each.label != idle]
        rests = [each for each in mine if each.label == idle] or everybodys_rests
        if not rests:
            lack = f"nobody shows '{idle}'" if idle else "idle is empty: no class means rest"
            raise UnreadableData(f"{lack}; streams need rests")
        order = [signs[i] for i in rng.permutation(len(signs))[:most_signs]]
        if order:
            name = f"{source} {person}{suffix}"
            streams.append(compose_stream(order, rests, layout, rng, frame_rate, name=name))
    return streams


Place = tuple[NDArray[np.float32], float]  # middle of the shoulders (3,), their width


def _place(window: Window, layout: Layout) -> Place | None:
    left, right = layout.index("left_shoulder"), layout.index("right_shoulder")
    a, b = window.body[:, left, :3], window.body[:, right, :3]
    both = np.isfinite(a[:, 0]) & np.isfinite(b[:, 0])
    if not both.any():
        return None
    middle = np.nan_to_num((a[both] + b[both]).mean(0) / 2)
    return middle, float(np.linalg.norm((a - b)[both, :2], axis=-1).mean())


def _moved(
    window: Window, target: Place | None, layout: Layout
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Body and hands as if the person sat at ``target``."""
    here = _place(window, layout)
    body, hands = window.body.copy(), window.hands.copy()
    if target is not None and here is not None:
        scale = target[1] / max(here[1], 1e-3)
        for joints in (body, hands):
            joints[..., :3] = (joints[..., :3] - here[0]) * scale + target[0]
    return body, hands


def _way(
    start: tuple[NDArray, NDArray], end: tuple[NDArray, NDArray], count: int, layout: Layout
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``count`` frames between two poses: body (count, V, 4), hands (count, 2, 21, 4)."""
    share = np.arange(1, count + 1) / (count + 1)
    gone = share**3 * (10 - 15 * share + 6 * share**2)
    body = _between(start[0], end[0], gone)
    hands = _between(start[1], end[1], gone)
    for i, side in enumerate(("left", "right")):
        # A hand that only one end shows goes with its wrist, and is seen in that half.
        wrist = layout.index(f"{side}_wrist")
        for there, shown in ((start, share < 0.5), (end, share >= 0.5)):
            other = end if there is start else start
            if np.isfinite(there[1][i, 0, 0]) and not np.isfinite(other[1][i, 0, 0]):
                shift = body[:, wrist, :3] - there[0][wrist, :3]
                carried = np.repeat(there[1][i][None], count, 0)
                carried[..., :3] += np.nan_to_num(shift)[:, None]
                hands[:, i] = np.where(shown[:, None, None], carried, hands[:, i])
    return body, hands


def _between(start: NDArray, end: NDArray, gone: NDArray[np.float64]) -> NDArray[np.float32]:
    """Joints (..., 4) on the way; one that either end lacks is NaN with score 0."""
    weight = gone.reshape(-1, *([1] * start.ndim))
    joints = start + (end - start) * weight
    unseen = ~np.isfinite(joints[..., 0])
    joints[unseen, :3], joints[unseen, 3] = np.nan, 0.0
    return joints.astype(np.float32)
