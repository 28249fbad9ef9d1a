# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often a model tells an action while people do something else: none of it is in its classes.

    python tools/measure_false_alarms.py [MODEL]

everyday     Northwestern-UCLA: ten people pick up, drop, carry, throw, sit down, walk; no hands
marshalling  vehicle_signals: five people's signals to vehicles and standby; no hands
other signs  words of asl_words and isl_words that are no classes of the shipped model and that it
             never saw; with hands
rest         webcam_words and asl_words: people who do nothing, as they were recorded

Takes of one person follow each other with a made-up way between (bharnet_train/streams), 0.2 to
0.5 s; marshalling is continuous as recorded. An event is what the node would publish as an ONSET.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from bharnet.checkpoint import load_checkpoint
from bharnet.decision import DecisionConfig, decision_config
from bharnet.models import SHIPPED
from bharnet.recognizer import Recognizer
from bharnet.skeleton import Layout, get_layout
from bharnet.stream import StreamConfig
from bharnet_train.datasets.nucla import FPS, read_nucla
from bharnet_train.datasets.recordings import Sequence as Take
from bharnet_train.datasets.recordings import read_recordings
from bharnet_train.streams.compose import compose
from bharnet_train.streams.frame_labels import read_frame_labels
from bharnet_train.streams.labelled import LabelledStream
from bharnet_train.streams.run import ask, decide

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
STREAM = StreamConfig(stride_seconds=0.1)
WAY_SECONDS = (0.2, 0.5)
SIGNS_RATE = 20.0  # frames a second, as tools/measure_streams.py plays these recordings
UNKNOWN = {
    "asl_words": ("can", "muffin"),
    "isl_words": ("deaf", "hearing", "indian", "language", "sign", "teacher"),
}
SHORTEST = 5  # frames; a few sequences of Northwestern-UCLA have fewer


def everyday(data: Path, layout: Layout) -> list[LabelledStream]:
    """One stream for each person and view."""
    return joined(read_nucla(data / "nucla.npz", layout), layout, FPS)


def marshalling(data: Path, layout: Layout) -> list[LabelledStream]:
    """The clips as they are."""
    return read_frame_labels(data / "vehicle_signals.npz", layout)


def other_signs(data: Path, layout: Layout) -> list[LabelledStream]:
    """Words that the shipped model was not taught, nor shown as null."""
    takes = [
        take
        for name, words in UNKNOWN.items()
        for take in read_recordings(data / f"{name}.npz", layout)
        if take.label in words
    ]
    return joined(takes, layout, SIGNS_RATE)


def rest(data: Path, layout: Layout) -> list[LabelledStream]:
    """Takes of nothing in which no hand is seen: a waving p1 of asl_words is called null, too."""
    files = ("webcam_words.npz", "asl_words.npz")
    takes = [take for file in files for take in read_recordings(data / file, layout)]
    still = [
        t for t in takes if t.label == "null" and not np.isfinite(t.window.hands[..., 0]).any()
    ]
    return joined(still, layout, SIGNS_RATE)


TABLES: dict[str, Callable[[Path, Layout], list[LabelledStream]]] = {
    "everyday": everyday,
    "marshalling": marshalling,
    "other signs": other_signs,
    "rest": rest,
}


def joined(takes: Iterable[Take], layout: Layout, rate: float) -> list[LabelledStream]:
    """Everybody's takes of a session in an order drawn with seed 0, one after the other."""
    of: dict[str, list[Take]] = {}
    for take in takes:
        if len(take.window.stamps) >= SHORTEST and np.isfinite(take.window.body[..., 0]).any():
            of.setdefault(f"{take.source} {take.person} {take.session}", []).append(take)
    streams = []
    for name, mine in of.items():
        rng = np.random.default_rng(0)
        order = [mine[i] for i in rng.permutation(len(mine))]
        ways = rng.uniform(*WAY_SECONDS, len(order) - 1).tolist()
        streams.append(compose(order, ways, layout, rate, idle="", name=name))
    return streams


def row(
    name: str, streams: Sequence[LabelledStream], recognizer: Recognizer, config: DecisionConfig
) -> str:
    """A line of the table."""
    minutes = sum(each.seconds for each in streams) / 60
    answers = ask(streams, recognizer, STREAM)
    events = [event for each in answers for event in decide(each, recognizer.info, config)]
    told = Counter(event.label for event in events).most_common(4)
    labels = ", ".join(f"{label} {count}" for label, count in told)
    people = len({each.person for each in streams})
    return (
        f"| {name} | {people} | {minutes:.0f} | {len(events)} | {len(events) / minutes:.2f} "
        f"| {labels or '-'} |"
    )


def main() -> None:
    """Print the table for one model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?", default=SHIPPED)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--decision-of", type=Path, help="decided as this model decides")
    given = parser.parse_args()
    torch.set_num_threads(1)
    recognizer = Recognizer(load_checkpoint(given.model), "cpu")
    layout = get_layout(recognizer.info.features.body_layout)
    decider = load_checkpoint(given.decision_of).info if given.decision_of else recognizer.info
    config = decision_config(decider)
    print("| | people | minutes | actions told | a minute | which |\n" + "|---" * 6 + "|")
    for name in given.tables:
        print(row(name, TABLES[name](given.data, layout), recognizer, config), flush=True)


if __name__ == "__main__":
    main()
