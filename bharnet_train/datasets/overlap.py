# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sequences held out that a network was trained on all the same: scores of them flatter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bharnet.checkpoint import ModelInfo
from bharnet.skeleton import get_layout
from bharnet_train.config import Source, TrainConfig
from bharnet_train.datasets.prepared import StoredWindow
from bharnet_train.datasets.recordings import Sequence, UnreadableData
from bharnet_train.datasets.select import used_in_training

# Sequences that are compared with each other; more take minutes.
MOST_COMPARED = 20_000


@dataclass(frozen=True)
class Learnt:
    """What networks learnt besides the people whom a configuration trains on.

    ``sequences``: of the configuration's files; ``fingerprints``: of the takes that taught own
    gestures.
    """

    sequences: tuple[Sequence, ...] = ()
    fingerprints: frozenset[str] = frozenset()


def learnt_by(models: Iterable[ModelInfo], config: TrainConfig, data: Path) -> Learnt:
    """What checkpoints say that they learnt, where that differs from ``config``."""
    told = [each.provenance for each in models]
    sources: list[Any] = []
    for each in map(sources_of, told):
        if each not in sources:
            sources.append(each)
    return Learnt(
        tuple(s for each in sources for s in _learnt_elsewhere(config, data, each)),
        frozenset().union(*map(fingerprints_of, told)),
    )


def overlap(held_out: Many[Sequence], train: Many[Sequence], learnt: Learnt | None = None) -> int:
    """How many sequences held out are trained on, too, under whatever name: the same joints.

    Of large sets, of which reading every sequence takes long, only clips of prepared folders are
    compared, by their place.
    """
    learnt = learnt or Learnt()
    train = [*train, *learnt.sequences]
    if len(train) + len(held_out) > MOST_COMPARED:
        places = {each.window.place for each in train if isinstance(each.window, StoredWindow)}
        return sum(
            each.window.place in places
            for each in held_out
            if isinstance(each.window, StoredWindow)
        )
    known = {*learnt.fingerprints, *(each.fingerprint() for each in train)}
    return sum(each.fingerprint() in known for each in held_out)


def fingerprints_of(provenance: Mapping[str, Any]) -> set[str]:
    """Of the takes that taught a checkpoint own gestures; empty for any other."""
    return set(str(provenance.get("fingerprints", "")).split())


def sources_of(provenance: Mapping[str, Any]) -> Any:
    """What a checkpoint says of its sources, or of those of the network that was taught."""
    base = provenance.get("base")
    own = provenance.get("sources")
    return own or (base.get("sources") if isinstance(base, Mapping) else None)


def _learnt_elsewhere(config: TrainConfig, data: Path, told: Any) -> list[Sequence]:
    """What a checkpoint learnt of a configuration's files, where that one holds out others.

    ``told``: ``sources_of`` the checkpoint. Empty where they are the configuration's own, or none
    that can be read.
    """
    layout = get_layout(config.features.body_layout)
    files = {(each.format, (data / each.file).resolve()) for each in config.sources}
    try:
        own = [Source.model_validate(each) for each in told or ()]
        if own == config.sources:
            return []
        shared = [each for each in own if (each.format, (data / each.file).resolve()) in files]
        return [one for each in shared for one in used_in_training(each, data, layout)]
    except (TypeError, UnreadableData, ValidationError):
        return []
