# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Windows cut at random from streams: what a live window shows, half a sign included.

The label is what is under way at the window's END, the moment at which a robot would ask. So the
network learns to answer half-way into a sign, and to fall silent as soon as the sign is over.
"""

from __future__ import annotations

from collections.abc import Sequence as Many

import numpy as np
import torch

from bharnet.features import FeatureConfig, resample
from bharnet.skeleton import get_layout
from bharnet.window import NANOSECONDS, Window
from bharnet_train.config import Augmentation, Streams
from bharnet_train.datasets.recordings import Sequence
from bharnet_train.sampling import Item, Windows
from bharnet_train.streams.compose import compose
from bharnet_train.streams.labelled import LabelledStream


class StreamWindows(Windows):
    """Windows that end somewhere in a stream; a share of them, the others as ``Windows``.

    A sequence that was recorded with its surroundings is seen in them. Any other is put between
    two takes of the same person (``compose``), anew each time it is drawn; windows may then end on
    the way there or back too, which is labelled ``idle``. Windows that end within
    ``unsure_seconds`` of a beginning or an end are not drawn. The same seed, epoch and index give
    the same window. Without an augmentation every window is of a stream.
    """

    def __init__(
        self,
        sequences: Many[Sequence],
        classes: Many[str],
        features: FeatureConfig,
        streams: Streams,
        idle: str,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(sequences, classes, features, augmentation, seed)
        self._streams, self._classes = streams, tuple(classes)
        self._idle = idle if idle in classes else ""
        self._layout = get_layout(features.body_layout)
        self._share = 1.0 if augmentation is None else streams.share
        self._rests = [each for each in sequences if each.label == self._idle]
        self._of: dict[tuple[str, str], list[Sequence]] = {}
        for each in sequences:
            self._of.setdefault((each.source, each.person), []).append(each)

    def __getitem__(self, place: int | tuple[int, int]) -> Item:
        epoch, index = place if isinstance(place, tuple) else (0, place)
        rng = np.random.default_rng((self._seed, epoch, index, 1))
        if rng.random() >= self._share:
            return super().__getitem__(place)
        sequence = self._sequences[index]
        pace = float(np.exp(rng.uniform(-1, 1) * self._streams.pace))
        if sequence.around is not None:
            window, label = sequence.around, sequence.label
            first, last = sequence.window.stamps[[0, -1]].tolist()
            end = round(rng.uniform(first, last))
        else:
            stream, own = self._surround(sequence, rng)
            window = stream.window
            end = self._end(stream, own, rng)
            label = stream.label_at(end) or self._idle
        seconds = self._features.window_seconds * pace
        joints = resample(_until(window, end, seconds), self._features, end, seconds)
        return (
            torch.from_numpy(joints.position),
            torch.from_numpy(joints.seen),
            self._classes.index(label),
        )

    def _surround(
        self, sequence: Sequence, rng: np.random.Generator
    ) -> tuple[LabelledStream, tuple[int, int]]:
        """A stream with the sequence in it, and the stamps between which windows may end."""
        chosen = self._streams
        before: list[Sequence] = []
        if rng.random() >= chosen.enter:
            frames = 1.5 * self._features.window_seconds * chosen.frame_rate
            while frames > 0:
                before.insert(0, self._neighbour(sequence, rng))
                frames -= len(before[0].window.stamps)
        takes = [*before, sequence, self._neighbour(sequence, rng)]
        ways = rng.uniform(*chosen.way_seconds, len(takes) - 1).tolist()
        stream = compose(takes, ways, self._layout, chosen.frame_rate, self._idle)
        counts = [0]
        for i, take in enumerate(takes):
            way = max(1, round(ways[i] * chosen.frame_rate)) if i < len(ways) else 0
            counts.append(counts[-1] + len(take.window.stamps) + way)
        stamps, at = stream.window.stamps, len(before)
        begin, own_end = counts[at], counts[at] + len(sequence.window.stamps)
        if self._idle:  # the ways to it and from it count as well
            first = counts[at - 1] + len(before[-1].window.stamps) if before else begin
            return stream, (int(stamps[first]), int(stamps[counts[at + 1] - 1]))
        return stream, (int(stamps[begin]), int(stamps[own_end - 1]))

    def _end(self, stream: LabelledStream, own: tuple[int, int], rng: np.random.Generator) -> int:
        unsure = round(self._streams.unsure_seconds * NANOSECONDS)
        bounds = [stamp for each in stream.segments for stamp in (each.start, each.end)]
        # The very first frame of a stream is no change: somebody came in.
        bounds = [each for each in bounds if each > stream.span.start]
        for _ in range(20):
            end = round(rng.uniform(*own))
            if all(abs(end - each) >= unsure for each in bounds):
                break
        return end

    def _neighbour(self, sequence: Sequence, rng: np.random.Generator) -> Sequence:
        """Another take of the person: one that rests or, sometimes, one that does something."""
        of_person = self._of[sequence.source, sequence.person]
        rests = [each for each in of_person if each.label == self._idle] or self._rests
        busy = [each for each in of_person if each.label != self._idle]
        if busy and (not rests or rng.random() < self._streams.follow):
            return busy[int(rng.integers(len(busy)))]
        return rests[int(rng.integers(len(rests)))]


def _until(window: Window, end: int, seconds: float) -> Window:
    """What a live window would hold: nothing after ``end``, and no more than it needs before."""
    stop = max(1, int(np.searchsorted(window.stamps, end, side="right")))
    first = np.searchsorted(window.stamps, end - round((seconds + 1.0) * NANOSECONDS))
    kept = slice(min(int(first), stop - 1), stop)
    return Window(window.stamps[kept], window.body[kept], window.hands[kept])
