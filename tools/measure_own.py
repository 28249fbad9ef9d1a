#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
r"""How well a network learns gestures from five takes: other takes, other days, other people.

The shipped network was trained on these very recordings, so an honest figure needs a base network
that was not. Without the Korean, Indian and webcam words (8 to 12 minutes each):

    base() { bharnet train --config config/train/robot_words.yaml --data DATA --out runs/bases \
      --set 'synonyms={}' --set name=without_$1 --set "$2"; }
    base webcam 'sources.1={file: webcam_words.npz, test: {person: [p1, p2, p3, p4, p5, p6, p7]}}'
    base isl 'sources.2.test={person: [p1]}'
    base ksl 'sources.3.test={person: [p1]}'
    python tools/measure_own.py --data DATA --bases runs/bases
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bharnet.checkpoint import Checkpoint, load_checkpoint
from bharnet.models import SHIPPED
from bharnet.recording import IDLE
from bharnet.skeleton import get_layout
from bharnet.window import Window
from bharnet_train.datasets.recordings import Sequence, read_recordings
from bharnet_train.finetune.copies import STRONG, plain, rounds
from bharnet_train.finetune.crossval import (
    Copies,
    cross_validate,
    make_folds,
    takes_for_gesture,
)
from bharnet_train.finetune.experts import only, seeing
from bharnet_train.finetune.head import Head, Pooled, fit_head
from bharnet_train.finetune.refusal import Refusal

TAKES, CLASSES, SURE = 5, 10, 0.6
SKIPPED = {"isl": 1, "webcam": 1, "ksl": 0}  # leading frames of the take before


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bases", type=Path, help="folder with without_ksl.safetensors, ...")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--copies", type=int, default=40)
    parser.add_argument("--sets", nargs="*", default=["ksl", "isl", "webcam"])
    parser.add_argument("--every", type=int, default=1, help="test every n-th take only")
    parser.add_argument("--no-shipped", action="store_true", help="only the honest base")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.sets:
        honest = given.bases / f"without_{name}.safetensors" if given.bases else None
        for path in filter(None, (honest, None if given.no_shipped else SHIPPED)):
            base = load_checkpoint(path)
            recorded = read(given.data / f"{name}_words.npz", base, SKIPPED[name])
            rows: dict[str, list[float]] = defaultdict(list)
            began = time.monotonic()
            for seed in given.seeds:
                measure = people if name == "webcam" else words
                for what, figure in measure(base, recorded, seed, given.copies, given.every):
                    rows[what].append(figure)
            seconds = (time.monotonic() - began) / len(given.seeds)
            known = "trained on them" if path == SHIPPED else "never saw them"
            print(f"{name}, base {known}, {seconds:.0f} s a seed", flush=True)
            for what, figures in rows.items():
                each = " ".join(f"{figure:.1f}" for figure in figures)
                print(f"  {what:42s} {np.mean(figures):5.1f}   ({each})", flush=True)


def read(path: Path, base: Checkpoint, skipped: int) -> list[Sequence]:
    """The recordings of a file, each without the frames of the take before."""
    layout = get_layout(base.info.features.body_layout)
    made = []
    for each in read_recordings(path, layout):
        w = each.window
        window = Window(w.stamps[skipped:], w.body[skipped:], w.hands[skipped:])
        made.append(replace(each, window=window))
    return made


def words(
    base: Checkpoint, recorded: list[Sequence], seed: int, copies: int, every: int
) -> Iterable[tuple[str, float]]:
    """Ten words, five takes of each at one session; the other takes and sessions tested."""
    rng = random.Random(seed)
    labels = sorted({each.label for each in recorded})
    taught = sorted(rng.sample(labels, CLASSES))
    sessions = sorted({each.session for each in recorded})
    session = sessions[seed % len(sessions)]
    here = [each for each in recorded if each.session == session]
    takes = [
        take
        for label in taught
        for take in rng.sample([each for each in here if each.label == label], TAKES)
    ]
    base, head, refusal, classes = teach(base, takes, taught, seed, copies)
    mine = {id(each) for each in takes}
    spare = [each for each in recorded if each.label in taught and id(each) not in mine][::every]
    right, sure, which = hits(base, head, refusal, spare, classes)
    here_too = np.array([each.session == session for each in spare])
    for what, rows in (("other takes of the session", here_too), ("other sessions", ~here_too)):
        if rows.any():
            yield what, 100 * right[rows].mean()
            yield f"{what}, and sure", 100 * (right & sure)[rows].mean()
            yield f"{what}, as one of the ten", 100 * which[rows].mean()
    yield "all of them", 100 * right.mean()
    foreign = [each for each in recorded if each.label not in taught][::every]
    taken = takes_for_gesture(head, read_by(base, foreign), refusal, SURE)
    yield f"words not taught, taken for one at {SURE:g}", 100 * float(taken.float().mean())


def people(
    base: Checkpoint, recorded: list[Sequence], seed: int, copies: int, every: int
) -> Iterable[tuple[str, float]]:
    """Each person's words taught by five takes of each; tested on all others who make them."""
    rng = random.Random(seed)
    counted = []
    for person in sorted({each.person for each in recorded}):
        own = [each for each in recorded if each.person == person and each.label != "null"]
        taught = sorted({each.label for each in own})
        others = [each for each in recorded if each.label in taught and each.person != person]
        others = others[::every]
        if len(taught) < 2 or not others:
            continue
        takes = [
            take
            for label in taught
            for take in rng.sample([each for each in own if each.label == label], TAKES)
        ]
        reading, head, refusal, classes = teach(base, takes, taught, seed, copies)
        figure = 100 * float(hits(reading, head, refusal, others, classes)[0].mean())
        mine = {id(each) for each in takes}
        left = [each for each in own if id(each) not in mine][::every]
        counted.append((figure, len(others)))
        yield (
            f"{person} teaches {len(taught)}: other takes",
            100 * hits(reading, head, refusal, left, classes)[0].mean(),
        )
        yield f"{person} teaches {len(taught)}: other people", figure
    yield "all other people", sum(f * n for f, n in counted) / sum(n for _, n in counted)


def teach(
    base: Checkpoint, takes: list[Sequence], taught: list[str], seed: int, copies: int
) -> tuple[Checkpoint, Head, Refusal, list[str]]:
    """A head as ``bharnet train --recordings`` fits it, without takes of idle; its base first."""
    classes = [*taught, IDLE]
    features = base.info.features
    base = only(base, seeing(takes, features))
    made = rounds(base.network, features, takes, classes, IDLE, STRONG, copies, seed)
    pooled, target, of = zip(*made, strict=True)
    together = Copies(Pooled.join(list(pooled)), torch.cat(target), torch.cat(of))
    checked = cross_validate(
        takes,
        make_folds(takes, range(len(takes))),
        plain(base.network, features, takes),
        together,
        classes,
        base.info.network.experts,
        SURE,
    )
    head = fit_head(together.pooled, together.target, len(classes))
    return base, head.refusing(checked.refusal.offset), checked.refusal, classes


def hits(
    base: Checkpoint, head: Head, refusal: Refusal, tested: list[Sequence], classes: list[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each is recognised, idle among the answers; whether as surely as the node asks;
    whether it is recognised among the gestures alone.
    """
    logits = head.logits(read_by(base, tested))[0] / refusal.temperature
    sure, best = torch.softmax(logits, -1).max(-1)
    truth = torch.tensor([classes.index(each.label) for each in tested])
    which = logits[:, :-1].argmax(-1)
    return (best == truth).numpy(), (sure >= SURE).numpy(), (which == truth).numpy()


def read_by(base: Checkpoint, tested: list[Sequence]) -> Pooled:
    """What the classifiers read of undisturbed takes."""
    starts = range(0, len(tested), 256)
    features = base.info.features
    return Pooled.join([plain(base.network, features, tested[i : i + 256]) for i in starts])


if __name__ == "__main__":
    main()
