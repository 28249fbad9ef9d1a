# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Measures what docs/results.md says of streams: trains, chooses, judges, prints a table.

    python tools/measure_streams.py vehicle
    python tools/measure_streams.py words
    python tools/measure_streams.py shipped

vehicle  vehicle_signals.npz, one person after the other left out, beside ExtraTrees on 20-frame
         windows with a majority of 9 (needs scikit-learn: pip install '.[bench]')
words    streams composed of asl_words at 20 frames/s: trained on p1 and p3, tested on p2
shipped  the model that ships (or --model), decided as it says, on streams composed of whom its
         configuration holds out, at 20 frames/s and half as fast; nothing is trained

Decision parameters are never chosen on the person tested. vehicle: on the four others, each
answered for by the network that was trained without them. words: on p5 and p6 of webcam_words,
who sign three of the words and rest. Trained networks are kept in OUT and not trained again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from numpy.typing import NDArray

from bharnet.checkpoint import load_checkpoint
from bharnet.decision import DecisionConfig, decision_config
from bharnet.judging.figures import Judgement
from bharnet.judging.matching import Verdict
from bharnet.judging.metrics import judge
from bharnet.judging.segments import Event, Span
from bharnet.models import SHIPPED
from bharnet.recognizer import Recognizer
from bharnet.skeleton import get_layout
from bharnet.stream import StreamConfig
from bharnet_train.config import read_config
from bharnet_train.datasets.recordings import Sequence as Take
from bharnet_train.datasets.recordings import read_recordings
from bharnet_train.datasets.select import load_split
from bharnet_train.run import train_and_score
from bharnet_train.streams.compose import compose_people, compose_stream
from bharnet_train.streams.frame_labels import IDLE, LABELS, read_frame_labels
from bharnet_train.streams.labelled import LabelledStream
from bharnet_train.streams.run import Answers, ask, decide, judge_streams
from bharnet_train.tune.search import (
    choose,
    draw_settings,
    search,
    summarise,
    with_lags,
    without_lags,
)

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "config" / "train"
STREAM = StreamConfig(stride_seconds=0.1)
LAYOUT = get_layout("upper_body_11")
LONGEST_DELAY = 0.5  # seconds: what is asked for, so the choice may know it
PEOPLE = ("p1", "p2", "p3", "p4", "p5")
HEADER = (
    "| | time right % | of it live % | F1@0.1 | F1@0.25 | F1@0.5 | false alarms | a minute "
    "| delay s | onset error s | bias s | missed, of | right, wrong, twice |\n" + "|---" * 13 + "|"
)


def trained(config: str, name: str, overrides: list[str], data: Path, out: Path) -> Recognizer:
    """The network of a configuration; one that is there is not trained again."""
    path = out / f"{name}.safetensors"
    if not path.exists():
        changes = [*overrides, f"name={name}"]
        command = "tools/measure_streams.py"
        train_and_score(CONFIGS / config, data, out, changes, command, progress=False)
    return Recognizer(load_checkpoint(path), "cpu")


def vehicle(data: Path, out: Path, trials: int, signs: int, people: list[str]) -> None:
    """Leave one person out, five folds."""
    streams = read_frame_labels(data / "vehicle_signals.npz", LAYOUT)
    answers: dict[str, list[Answers]] = {}
    for person in people:
        changes = [f"sources.0.test.person=[{person}]"]
        name = f"vehicle_without_{person}"
        recognizer = trained("vehicle_signals.yaml", name, changes, data, out)
        answers[person] = ask([s for s in streams if s.person == person], recognizer, STREAM)
        info = recognizer.info
        print(f"{person}: {ticks_right(answers[person], info.classes, IDLE):.1f} % of ticks")
    # Decided once a setting and person, judged by whom each choice may see.
    settings = [without_lags(each) for each in draw_settings(trials, DecisionConfig())]
    told = [
        {who: [e for each in answers[who] for e in decide(each, info, config)] for who in people}
        for config in settings
    ]
    print(HEADER)
    judged, rivals = {}, {}
    for person in people:
        others = [who for who in people if who != person]
        seen = [each.stream for who in others for each in answers[who]]
        found = [
            judge_streams(seen, [e for who in others for e in by_person[who]], info)
            for by_person in told
        ]
        tried = [summarise(*each) for each in zip(settings, found, strict=True)]
        best = tried.index(choose(tried, 0.1))
        chosen = with_lags(settings[best], found[best])
        events = [event for each in answers[person] for event in decide(each, info, chosen)]
        mine = [each.stream for each in answers[person]]
        judged[person] = (mine, events)
        print(row(person, mine, events))
        note(out, person, chosen)
    for person in people:
        mine, _ = judged[person]
        rivals[person] = (mine, extra_trees([s for s in streams if s.person != person], mine))
        print(row(f"ExtraTrees {person}", *rivals[person]))
    for name, results in (("**BHaRNet, body**", judged), ("ExtraTrees", rivals)):
        print(row(name, *together(results)))
        right = mean(100 * (verdict(*each).accuracy or 0.0) for each in results.values())
        standby = {s.name for some, _ in results.values() for s in some if not s.segments}
        alarms = sum(e.body_id in standby for _, events in results.values() for e in events)
        print(f"{name}: mean of people {right:.1f} % of time right; {alarms} events in standby")


def words(data: Path, out: Path, trials: int, signs: int, people: list[str]) -> None:
    """Composed streams of p2, who was never trained on nor chosen by."""
    recognizer = trained("asl_stream_p2.yaml", "asl_stream_p2", [], data, out)
    info = recognizer.info
    names = {"hello": "hello", "thanks": "thank_you", "no": "no", "null": "null"}
    webcam = [
        replace(each, label=names[each.label])
        for each in read_recordings(data / "webcam_words.npz", LAYOUT)
        if each.label in names
    ]
    asl = [e for e in read_recordings(data / "asl_words.npz", LAYOUT) if e.label in info.classes]
    others = [composed(webcam, person, signs) for person in ("p5", "p6")]
    answers = ask(others, recognizer, STREAM)
    tried = search(answers, info, trials, decision_config(info))
    chosen = choose(tried, 0.5, LONGEST_DELAY).config
    note(out, "words", chosen)
    heard = ask([composed(asl, "p2", signs)], recognizer, STREAM)
    print(f"p2: {ticks_right(heard, info.classes, info.idle):.1f} % of ticks")
    print(HEADER)
    for name, some in (("chosen on: webcam p5, p6", answers), ("**p2**", heard)):
        told = [event for each in some for event in decide(each, info, chosen)]
        print(row(name, [each.stream for each in some], told))


def shipped(data: Path, model: Path, signs: int) -> None:
    """Streams of whom the shipped model's configuration holds out, at two speeds."""
    checkpoint = load_checkpoint(model)
    recognizer = Recognizer(checkpoint, "cpu")
    info = recognizer.info
    held_out = load_split(read_config(CONFIGS / "robot_words.yaml"), data, CONFIGS).test
    answers: list[Answers] = []
    for rate in (20.0, 10.0):
        streams = compose_people(
            held_out, LAYOUT, info.idle, rate, signs, suffix=f", {rate:g} frames/s"
        )
        renamed = [each.renamed(checkpoint.info.synonyms) for each in streams]
        answers += ask(renamed, recognizer, STREAM)
    told = {each.stream.name: decide(each, info, decision_config(info)) for each in answers}
    print(HEADER)
    for each in answers:
        print(row(each.stream.name, [each.stream], told[each.stream.name]))
    everything = [event for events in told.values() for event in events]
    print(row("**all**", [each.stream for each in answers], everything))


def composed(takes: Sequence[Take], person: str, most: int) -> LabelledStream:
    """Up to so many signs of a person, in an order drawn with seed 0, rests between."""
    mine = [each for each in takes if each.person == person]
    rng = np.random.default_rng(0)
    signs = [each for each in mine if each.label != "null"]
    order = [signs[i] for i in rng.permutation(len(signs))[:most]]
    rests = [each for each in mine if each.label == "null"]
    return compose_stream(order, rests, LAYOUT, rng, name=person)


def ticks_right(answers: Sequence[Answers], classes: Sequence[str], idle: str) -> float:
    """Percent of ticks at which the network alone is right, before any decision."""
    right = [
        classes[int(prediction.probabilities.argmax())] == (each.stream.label_at(stamp) or idle)
        for each in answers
        for stamp, prediction in each.ticks
    ]
    return 100 * mean(right)


def verdict(streams: Sequence[LabelledStream], events: Sequence[Event]) -> Judgement:
    """Judged together; a stream's name is its person's."""
    truth = [segment for stream in streams for segment in stream.segments]
    span = Span(min(s.span.start for s in streams), max(s.span.end for s in streams))
    return judge(truth, events, span, [stream.sighting for stream in streams], None)


def together(
    results: dict[str, tuple[list[LabelledStream], list[Event]]],
) -> tuple[list[LabelledStream], list[Event]]:
    """Everybody's streams and events."""
    pairs = results.values()
    return [s for some, _ in pairs for s in some], [e for _, some in pairs for e in some]


def row(name: str, streams: Sequence[LabelledStream], events: Sequence[Event]) -> str:
    """A line of the table. Live: what was told by then, onsets not dated back."""
    found = verdict(streams, events)
    late = [replace(e, onset=e.decided, offset=max(e.offset, e.decided)) for e in events]
    overall = found.overall
    scores = " | ".join(f"{overall.scores[t].f1 or 0:.3f}" for t in (0.1, 0.25, 0.5))
    times = (overall.delay.median, overall.onset_error.median, overall.onset_bias)
    shown = " | ".join("-" if each is None else f"{each:.2f}" for each in times)
    a_minute = found.false_alarms_per_minute
    verdicts = [outcome.verdict for person in found.people for outcome in person.outcomes]
    counted = (Verdict.RIGHT, Verdict.WRONG, Verdict.REPEATED)
    counts = ", ".join(str(verdicts.count(each)) for each in counted)
    return (
        f"| {name} | {100 * (found.accuracy or 0):.1f} "
        f"| {100 * (verdict(streams, late).accuracy or 0):.1f} | {scores} "
        f"| {overall.false_alarms} | {'-' if a_minute is None else f'{a_minute:.2f}'} "
        f"| {shown} | {overall.missed}, {sum(len(each.segments) for each in streams)} "
        f"| {counts} |"
    )


def note(out: Path, name: str, chosen: DecisionConfig) -> None:
    """Keep what was chosen beside the networks."""
    (out / f"decision_{name}.json").write_text(json.dumps(asdict(chosen), indent=1) + "\n")


FRAMES, MAJORITY = 20, 9


def extra_trees(train: Sequence[LabelledStream], test: Sequence[LabelledStream]) -> list[Event]:
    """The rival: each frame by the 20 up to it, then by the majority of the last 9 answers."""
    from sklearn.ensemble import ExtraTreesClassifier

    trees = ExtraTreesClassifier(300, random_state=0, n_jobs=1)
    pairs = [windows_of(stream) for stream in train]
    step = 3  # neighbouring windows say the same
    trees.fit(
        np.concatenate([x[::step] for x, _ in pairs]),
        np.concatenate([y[::step] for _, y in pairs]),
    )
    events = []
    for stream in test:
        answers = trees.predict(windows_of(stream)[0])
        smooth = np.array(
            [
                np.bincount(answers[max(0, i - MAJORITY + 1) : i + 1], minlength=11).argmax()
                for i in range(len(answers))
            ]
        )
        bounds = [0, *(np.flatnonzero(np.diff(smooth)) + 1).tolist(), len(smooth)]
        stamps = [*stream.window.stamps.tolist(), stream.span.end]
        events += [
            Event(stream.name, LABELS[smooth[a]], stamps[a], stamps[b], stamps[a], 1.0)
            for a, b in pairwise(bounds)
            if LABELS[smooth[a]] != IDLE
        ]
    return events


def windows_of(stream: LabelledStream) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(N, 20 x joints x 2), the first frames repeated before the beginning; labels (N,)."""
    seen = np.isfinite(stream.window.body[0, :, 0])
    flat = stream.window.body[:, seen, :2].reshape(len(stream.window.stamps), -1)
    rows = np.arange(len(flat))[:, None] + np.arange(1 - FRAMES, 1)
    names = [stream.label_at(int(stamp)) or IDLE for stamp in stream.window.stamps]
    labels = np.array([LABELS.index(each) for each in names])
    return flat[rows.clip(0)].reshape(len(flat), -1), labels


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=("vehicle", "words", "shipped"))
    parser.add_argument("--model", type=Path, default=SHIPPED, help="of shipped")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=Path("runs/streams"))
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--signs", type=int, default=400, help="of a composed stream, at most")
    parser.add_argument("--people", nargs="+", default=PEOPLE, help="of vehicle: two or more")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.table == "shipped":
        shipped(chosen.data, chosen.model, chosen.signs)
        return
    measure = {"vehicle": vehicle, "words": words}[chosen.table]
    measure(chosen.data, chosen.out, chosen.trials, chosen.signs, chosen.people)


if __name__ == "__main__":
    main()
