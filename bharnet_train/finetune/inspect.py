# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Says before training where a few takes cannot work, or will work badly, and what to do.

What can be seen in the joints themselves is asked first; then what the network makes of them: two
gestures whose takes lie nearer to each other's than to their own are alike to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from itertools import combinations

import torch

from bharnet.features import FeatureConfig, sighted
from bharnet.judging.metrics import IDLE_NAMES
from bharnet.skeleton import get_layout
from bharnet_train.datasets.recordings import Sequence
from bharnet_train.finetune.copies import STRONG
from bharnet_train.finetune.experts import blind, seeing, shows
from bharnet_train.finetune.head import Pooled

# Takes of a gesture: below, nothing can be left out; from here on it is well.
FEWEST, ENOUGH = 2, 5
SHORTEST_SECONDS, FEWEST_FRAMES = 0.4, 5
SLOWEST_RATE = 8.0  # frames a second
SEEN = 0.5  # share of frames in which shoulders must be seen
ALIKE = 0.25  # share of takes that lie nearer to the other gesture


@dataclass(frozen=True)
class Finding:
    """One sentence with cause and cure. ``fatal``: training makes no sense like this."""

    text: str
    fatal: bool = False


def unusable(sequence: Sequence, features: FeatureConfig, hands_do: bool = True) -> str:
    """Why a take cannot be used; "" if it can. ``hands_do``: hands without a body will do."""
    frames = len(sequence.window.stamps)
    if sequence.seconds < SHORTEST_SECONDS or frames < FEWEST_FRAMES:
        return f"it lasts {sequence.seconds:.2f} s ({frames} frames); record the whole gesture"
    layout = get_layout(features.body_layout)
    both = [layout.index(f"{side}_shoulder") for side in ("left", "right")]
    shoulders = sequence.window.body[:, both]
    shown = float(sighted(shoulders, features).all(1).mean())
    alone = not shows("body", sequence, features) and shows("hand", sequence, features) >= SEEN
    if shown < SEEN and not (alone and hands_do):
        return (
            f"both shoulders are seen in {100 * shown:.0f} % of its frames; step back until the "
            "upper body is in view"
        )
    return ""


def longest_take(features: FeatureConfig) -> float:
    """Seconds. Of a longer take a live window never holds the share that the copies show."""
    return features.window_seconds / STRONG.shortest


def look_at_joints(sequences: Many[Sequence], idle: str, features: FeatureConfig) -> list[Finding]:
    """What the recordings themselves tell; ``sequences`` are usable takes."""
    takes: dict[str, list[Sequence]] = {}
    for each in sequences:
        takes.setdefault(each.label, []).append(each)
    gestures = {label: made for label, made in takes.items() if label != idle}
    found = []
    if len(gestures) < 2:
        there = ", ".join(gestures) or "none"
        found.append(
            Finding(
                f"there are takes of {len(gestures)} gesture(s) ({there}); two or more are needed",
                fatal=True,
            )
        )
    for label, made in gestures.items():
        if len(made) < FEWEST:
            needed = f"at least {FEWEST} are needed, {ENOUGH} are better"
            found.append(Finding(f"'{label}' has {len(made)} take; {needed}", fatal=True))
        elif len(made) < ENOUGH:
            found.append(
                Finding(f"'{label}' has {len(made)} takes only; {ENOUGH} or more are better")
            )
        longest = longest_take(features)
        long = [each for each in made if each.seconds > longest]
        if long:
            found.append(
                Finding(
                    f"{len(long)} of {len(made)} takes of '{label}' last longer than "
                    f"{longest:.1f} s, too long for the {features.window_seconds:g} s that the "
                    "network looks back; cut the rest off"
                )
            )
    for label in gestures:
        if label.casefold() in IDLE_NAMES:
            found.append(
                Finding(
                    f"'{label}' will be taught as a gesture, for doing nothing is written "
                    f"'{idle}'; rename it in labels.csv if that is meant"
                )
            )
    if idle not in takes:
        found.append(
            Finding(
                f"there is no take of '{idle}': what you do while you do nothing will be taken "
                f"for a gesture more often; record it with `bharnet record {idle}`"
            )
        )
    found += _unseen(gestures, features)
    found += _rates(sequences)
    if len({(each.person, each.session) for each in sequences}) == 1:
        found.append(
            Finding(
                "all takes are of one person at one sitting: the figures below say nothing of "
                "others, nor of another day; record another session"
            )
        )
    return found


def _unseen(gestures: Mapping[str, Many[Sequence]], features: FeatureConfig) -> list[Finding]:
    """Where takes show no body, or no hand."""
    every = [each for made in gestures.values() for each in made]
    experts = seeing(every, features)
    if experts == ("hand",):
        text = "no body is seen: the model will look at hands alone, also where it sees bodies"
        return [Finding(f"{text}; step back until the upper body is in view if arms matter")]
    cure = "keep the hands in the picture, and well lit"
    if experts == ("body",):
        without = len(blind("hand", every, features))
        return [
            Finding(
                f"no hand is seen in any take of {without} of {len(gestures)} gestures: the model "
                f"will look at the arms alone, also where it sees hands; {cure}"
            )
        ]
    found = []
    for label, made in gestures.items():
        without = sum(not shows("hand", each, features) for each in made)
        if without == len(made):
            text = f"any take of '{label}': it will be told only while no hand is in view; {cure}"
        elif without:
            text = (
                f"{without} of {len(made)} takes of '{label}': only its arms can tell it apart "
                f"there; {cure}"
            )
        else:
            continue
        found.append(Finding(f"no hand is seen in {text}"))
    return found


def _rates(sequences: Many[Sequence]) -> list[Finding]:
    rates = [(len(each.window.stamps) - 1) / each.seconds for each in sequences]
    slow = sum(rate < SLOWEST_RATE for rate in rates)
    if not slow:
        return []
    return [
        Finding(
            f"{slow} of {len(rates)} takes have fewer than {SLOWEST_RATE:g} frames a second (the "
            f"slowest {min(rates):.1f}); fast gestures are lost between them"
        )
    ]


def look_alike(labels: Many[str], pooled: Pooled, idle: str) -> list[Finding]:
    """Pairs of gestures that the network, before it is trained on them, mistakes for each other.

    A take counts if its nearest other take, among those of both gestures, is of the other one.
    """
    vectors = scaled(pooled.flat())
    apart = torch.cdist(vectors, vectors).fill_diagonal_(torch.inf)
    found = []
    for one, other in combinations(sorted(set(labels) - {idle}), 2):
        rows = torch.tensor([i for i, label in enumerate(labels) if label in (one, other)])
        nearest = rows[apart[rows][:, rows].argmin(1)]
        wrong = sum(labels[i] != labels[j] for i, j in zip(rows, nearest, strict=True))
        if wrong >= ALIKE * len(rows):
            found.append(
                Finding(
                    f"'{one}' and '{other}' look alike: of their {len(rows)} takes {wrong} lie "
                    "nearest to one of the other gesture; make them more different, or record "
                    "one name for both"
                )
            )
    return found


def mirror_twins(labels: Many[str], pooled: Pooled, mirrored: Pooled) -> list[tuple[str, str]]:
    """Pairs of gestures of which one is the other in a mirror, as pointing left and right are.

    They are if each one's mirrored takes lie about as near to the other's takes as these do to
    each other.
    """
    vectors = scaled(torch.cat((pooled.flat(), mirrored.flat())))
    plain, flipped = vectors[: len(pooled)], vectors[len(pooled) :]
    rows: Mapping[str, torch.Tensor] = {
        label: torch.tensor([i for i, each in enumerate(labels) if each == label])
        for label in sorted(set(labels))
    }

    def spread(label: str) -> float:
        apart = torch.cdist(plain[rows[label]], plain[rows[label]])
        return float(apart.fill_diagonal_(torch.inf).min(1).values.median())

    def near(one: str, other: str) -> bool:
        apart = torch.cdist(flipped[rows[one]], plain[rows[other]]).min(1).values.median()
        return float(apart) < 1.5 * spread(other)

    several = [label for label in rows if len(rows[label]) > 1]
    return [(a, b) for a, b in combinations(several, 2) if near(a, b) and near(b, a)]


def scaled(vectors: torch.Tensor) -> torch.Tensor:
    """Every feature as important as any other."""
    return (vectors - vectors.mean(0)) / (vectors.std(0) + 1e-2)
