# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How well takes that were left out are recognised: the honest figure of a few takes."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass

import torch

from bharnet.recording import IDLE
from bharnet_train.datasets.recordings import Sequence
from bharnet_train.evaluation import Result, score_logits
from bharnet_train.finetune.head import Head, Pooled, fit_head
from bharnet_train.finetune.refusal import Refusal, fit_refusal

MOST_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Copies:
    """Disturbed copies: what is read of them, their class (N,), the take each was made of (N,)."""

    pooled: Pooled
    target: torch.Tensor
    take: torch.Tensor


@dataclass(frozen=True)
class Checked:
    """``result`` of all takes, each left out once; ``how`` they were left out.

    refusal    fitted to disturbed copies of takes, and of gestures, left out
    strangers  percentage of takes of a gesture left out altogether that are taken for another
    """

    result: Result
    how: str
    refusal: Refusal
    strangers: float

    @property
    def right(self) -> str:
        """How much of what was left out was right, in words.

        Gestures apart: of a long take of idle every window counts, so that it would drown them.
        """
        *gestures, (calm, windows) = (
            (row[i], sum(row)) for i, row in enumerate(self.result.confusion)
        )
        right, takes = (sum(column) for column in zip(*gestures, strict=True))
        said = f"{100 * right / takes:.1f} % of {takes} takes of gestures"
        if windows:
            said += f", {100 * calm / windows:.1f} % of {windows} windows of {IDLE}"
        return said

    @property
    def confused(self) -> list[tuple[str, str, int, int]]:
        """(true, taken for, how often, of how many), the most frequent first."""
        names, matrix = self.result.classes, self.result.confusion
        pairs = [
            (names[i], names[j], count, sum(row))
            for i, row in enumerate(matrix)
            for j, count in enumerate(row)
            if i != j and count
        ]
        return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))


def make_folds(sequences: Many[Sequence], origin: Many[int]) -> tuple[list[int], str]:
    """For each sequence the fold in which it is left out, and how they were made.

    ``origin`` is the take a sequence was cut from. Whole sittings (person and session) are left
    out if every label has two or more; else neighbouring takes together, for what was recorded
    in one breath is too alike to test each other.
    """
    labels = sorted({each.label for each in sequences})
    sittings = [(each.person, each.session) for each in sequences]
    where = {
        label: {s for s, each in zip(sittings, sequences, strict=True) if each.label == label}
        for label in labels
    }
    if all(len(each) > 1 for each in where.values()):
        order = sorted(set(sittings))
        count = min(MOST_FOLDS, len(order))
        number = {sitting: i % count for i, sitting in enumerate(order)}
        split = [number[each] for each in sittings]
        if _complete(split, sequences, count):
            return split, "whole sittings were left out, one after the other"
    made: dict[str, list[int]] = {label: [] for label in labels}
    for each, take in zip(sequences, origin, strict=True):
        if take not in made[each.label]:
            made[each.label].append(take)
    # A label of one take, as idle may be, is never left out.
    several = [takes for takes in made.values() if len(takes) > 1]
    count = min([MOST_FOLDS, *map(len, several)])
    fold = {
        take: i * count // len(takes) if len(takes) > 1 else -1
        for takes in made.values()
        for i, take in enumerate(takes)
    }
    return [fold[take] for take in origin], (
        "neighbouring takes were left out together, but of the same sitting: expect less on "
        "another day"
    )


def _complete(split: Many[int], sequences: Many[Sequence], count: int) -> bool:
    """Whether every label is there to learn from in every fold."""
    labels = {each.label for each in sequences}
    return all(
        labels == {each.label for each, s in zip(sequences, split, strict=True) if s != fold}
        for fold in range(count)
    )


def cross_validate(
    sequences: Many[Sequence],
    folds: tuple[Many[int], str],
    pooled: Pooled,
    copies: Copies,
    classes: Many[str],
    experts: tuple[str, ...],
    sure: float = 0.6,
    progress: Callable[[], None] = lambda: None,
) -> Checked:
    """Every sequence as a head sees it that knows no copy of it; ``pooled`` are the sequences.

    Copies of a take left out are left out with it, so that none of it is seen. Every gesture is
    left out altogether, too, and should be refused then; ``sure``: the least probability of an
    answer that counts.
    """
    fold, how = torch.tensor(folds[0]), folds[1]
    target = torch.tensor([classes.index(each.label) for each in sequences])
    left_out = []
    for number in sorted(set(folds[0]) - {-1}):
        out = fold == number
        # What is no take of one's own, foreign idle, comes after them and is never left out.
        of_out = torch.isin(copies.take, torch.nonzero(out)[:, 0])
        left_out.append((out, of_out, _fit(copies, ~of_out, len(classes))))
        progress()
    unknown = []
    for gesture in range(len(classes) - 1):
        out = target == gesture
        # Copies of its takes that were turned into somebody at rest are left out, too.
        of_out = torch.isin(copies.take, torch.nonzero(out)[:, 0])
        head = _fit(copies, ~of_out, len(classes))
        unknown.append((out, copies.target == gesture, head))
    refusal = fit_refusal(
        torch.cat([head.logits(copies.pooled.pick(of))[0] for _, of, head in left_out]),
        torch.cat([copies.target[of] for _, of, _ in left_out]),
        torch.cat([head.logits(copies.pooled.pick(of))[0] for _, of, head in unknown]),
        sure,
    )
    scores = torch.zeros(3, len(sequences), len(classes))
    for out, _, head in left_out:
        scores[:, out] = head.refusing(refusal.offset).logits(pooled.pick(out))
    tested = torch.nonzero(fold >= 0)[:, 0]
    result = score_logits(
        scores[:, tested], target[tested], [sequences[i] for i in tested], classes, experts
    )
    taken = [
        takes_for_gesture(head.refusing(refusal.offset), pooled.pick(out), refusal, sure)
        for out, _, head in unknown
    ]
    return Checked(result, how, refusal, 100 * float(torch.cat(taken).float().mean()))


def _fit(copies: Copies, rows: torch.Tensor, classes: int) -> Head:
    return fit_head(copies.pooled.pick(rows), copies.target[rows], classes)


def takes_for_gesture(head: Head, pooled: Pooled, refusal: Refusal, sure: float) -> torch.Tensor:
    """(N,): whether any gesture, the last class is none, is as probable as is asked for."""
    probabilities = torch.softmax(head.logits(pooled)[0] / refusal.temperature, -1)
    return probabilities[:, :-1].amax(1) >= sure
