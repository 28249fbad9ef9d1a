# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The same person keeps the same id from picture to picture.

Detections are paired with the people followed so far, all at once, by object keypoint similarity
(OKS, the measure of the COCO keypoint challenge) to where each person should be by now. How sure
that place is fades with the time unseen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bharnet.estimation.assignment import pair
from bharnet.estimation.estimator import Detection
from bharnet.estimation.ids import body_ids
from bharnet.skeleton import UPPER_BODY_11, Layout, convert
from bharnet.window import NANOSECONDS

# How far annotators scatter, in person sizes: COCO's 2 sigma of the joints of UPPER_BODY_11.
SCATTER = np.array(
    [0.052, 0.07, 0.07, 0.158, 0.158, 0.144, 0.144, 0.124, 0.124, 0.214, 0.214], np.float32
)
# Nose, ears, shoulders, hips: they move with the person, arms move by themselves.
TRUNK = [0, 1, 2, 3, 4, 9, 10]
# A person starts or turns: the place expected gets worse by this many person sizes a second.
DRIFT = 0.7
# Somebody new may already be walking, by as much; it is known once the velocity is.
NEWCOMER_DRIFT = 2.0
# A pairing below this is none: the joints lie about 1.6 tolerances apart.
LOWEST_SIMILARITY = 0.3
# Two detections as like as this, without any drift, are one person found twice.
SAME_PERSON = 0.75
# People do not walk on for ever: time constants of the coasting and of the velocity's mean.
COAST_SECONDS, SMOOTH_SECONDS = 1.0, 0.25


@dataclass
class _Track:
    body_id: str
    joints: NDArray[np.float32]  # (11, 3) x, y in picture heights, weight
    size: float  # in picture heights
    seen: int  # stamp in nanoseconds
    first: int  # stamp in nanoseconds
    velocity: NDArray[np.float32] = field(default_factory=lambda: np.zeros(2, np.float32))


@dataclass
class Tracker:
    """Ids for one camera's detections.

    keep_seconds  how long somebody unseen is waited for; longer: who left and another who came to
                  the same place may be taken for one
    ids           where new ids come from; none may come twice
    """

    keep_seconds: float = 1.5
    ids: Iterator[str] = field(default_factory=body_ids)
    _tracks: list[_Track] = field(default_factory=list, init=False)

    def assign(
        self, detections: Sequence[Detection], stamp: int, layout: Layout, aspect: float
    ) -> list[tuple[str, Detection]]:
        """Each person of a picture with an id, no id twice; somebody found twice is given once.

        ``stamp`` in nanoseconds, not before the last one; ``aspect`` is width / height. A
        detection without a usable joint is left out.
        """
        self._tracks = [
            t for t in self._tracks if stamp - t.seen <= self.keep_seconds * NANOSECONDS
        ]
        places = [_place(each, layout, aspect) for each in detections]
        kept = _distinct(places)
        if not kept:
            return []
        similarity = np.empty((len(self._tracks), len(kept)))
        there = np.stack([places[i] for i in kept])
        for row, one in enumerate(self._tracks):
            tolerance = one.size * (SCATTER + _doubt(one, stamp))
            similarity[row] = _similarity(there, _expected(one, stamp), tolerance)
        known = {kept[i]: self._tracks[t] for t, i in pair(similarity, LOWEST_SIMILARITY)}
        people = []
        for i in kept:
            track = known.get(i)
            if track is None:
                track = _Track(next(self.ids), places[i], _size(places[i]), stamp, stamp)
                self._tracks.append(track)
            else:
                _follow(track, places[i], stamp)
            people.append((track.body_id, detections[i]))
        return people

    def reset(self) -> None:
        """Forget everybody; whoever is seen next gets a new id."""
        self._tracks.clear()


def _place(detection: Detection, layout: Layout, aspect: float) -> NDArray[np.float32]:
    """(11, 3): x, y in picture heights and how much the joint counts, 0..1."""
    body = convert(detection.body, layout, UPPER_BODY_11)
    place = body[:, [0, 1, 3]] * np.array((aspect, 1.0, 1.0), np.float32)
    place[np.isnan(place[:, 2]), 2] = 1.0  # score not given
    place[~np.isfinite(place[:, :2]).all(1)] = 0.0
    return place


def _size(place: NDArray[np.float32]) -> float:
    """Diagonal of head and trunk, in picture heights; never 0."""
    trunk = place[TRUNK]
    seen = trunk[trunk[:, 2] >= 0.3]
    if len(seen) < 2:
        seen = place[place[:, 2] > 0]
    return max(float(np.hypot(*np.ptp(seen[:, :2], axis=0))), 1e-3) if len(seen) else 1e-3


def _similarity(
    places: NDArray[np.float32], place: NDArray[np.float32], tolerance: NDArray[np.float32]
) -> NDArray[np.float32]:
    """OKS of each of (N, 11, 3) places to one, 0..1, with a tolerance (11,) in picture heights.

    The mean over joints, each weighted by how well both are seen.
    """
    weight = np.minimum(places[..., 2], place[:, 2])
    apart = np.square(places[..., :2] - place[:, :2]).sum(-1)
    like = np.exp(-apart / (2 * np.square(tolerance)))
    total: NDArray[np.float32] = (weight * like).sum(-1) / np.maximum(weight.sum(-1), 1e-6)
    return total


def _distinct(places: list[NDArray[np.float32]]) -> list[int]:
    """Indices, in order, of the people, without those found twice: the better seen one stays."""
    weights = [float(place[:, 2].sum()) for place in places]
    kept: list[int] = []
    for i in sorted(range(len(places)), key=lambda i: -weights[i]):
        if weights[i] <= 0:
            break
        others = np.array([places[k] for k in kept]).reshape(-1, len(SCATTER), 3)
        if not (_similarity(others, places[i], _size(places[i]) * SCATTER) > SAME_PERSON).any():
            kept.append(i)
    return sorted(kept)


def _expected(track: _Track, stamp: int) -> NDArray[np.float32]:
    """Where the person should be by now: the last place, coasting."""
    seconds = (stamp - track.seen) / NANOSECONDS
    reach = COAST_SECONDS * (1 - math.exp(-seconds / COAST_SECONDS))
    place = track.joints.copy()
    place[:, :2] += track.velocity * np.float32(reach)
    return place


def _doubt(track: _Track, stamp: int) -> float:
    """How far from the place expected the person may be, in person sizes."""
    unseen, known = (stamp - track.seen) / NANOSECONDS, (track.seen - track.first) / NANOSECONDS
    return (DRIFT + NEWCOMER_DRIFT * math.exp(-known / SMOOTH_SECONDS)) * unseen


def _follow(track: _Track, place: NDArray[np.float32], stamp: int) -> None:
    """Take the new place over, and what it says of size and velocity."""
    seconds = max((stamp - track.seen) / NANOSECONDS, 1e-3)
    both = [i for i in TRUNK if min(place[i, 2], track.joints[i, 2]) > 0]
    keep = math.exp(-seconds / SMOOTH_SECONDS)
    if both:
        moved = np.median(place[both, :2] - track.joints[both, :2], axis=0) / seconds
        track.velocity = (keep * track.velocity + (1 - keep) * moved).astype(np.float32)
    track.size = keep * track.size + (1 - keep) * _size(place)
    track.joints, track.seen = place, stamp
