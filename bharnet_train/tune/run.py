# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One tuning run: streams, answers, temperature, search, files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bharnet.checkpoint import Checkpoint, ModelInfo, load_checkpoint, save_checkpoint
from bharnet.decision import DecisionConfig, decision_config
from bharnet.recognizer import Recognizer
from bharnet.skeleton import Layout, get_layout
from bharnet.stream import StreamConfig
from bharnet_train.config import InvalidConfig, Source, TrainConfig, read_config
from bharnet_train.datasets.overlap import learnt_by, overlap
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.datasets.select import Split, class_name, load_split, part_of
from bharnet_train.streams.compose import compose_people
from bharnet_train.streams.frame_labels import LABELS, read_frame_labels
from bharnet_train.streams.labelled import LabelledStream, apart
from bharnet_train.streams.run import Answers, ask, decide_and_judge
from bharnet_train.tune.calibrate import as_told, fit_on_ticks, retemper
from bharnet_train.tune.picture import draw
from bharnet_train.tune.search import Trial, choose, same_lags, search, summarise


@dataclass(frozen=True)
class Tuned:
    """What a run found. ``temperature``: the model's own, times what the ticks asked for.

    ``before``: the model as it was, with its own lags and temperature. ``known``: how many of the
    ``sequences`` that the streams are made of the model was trained on.
    """

    before: Trial
    chosen: Trial
    temperature: float
    streams: int
    minutes: float
    sequences: int
    known: int


def tune(
    model: Path,
    config_path: Path,
    data: Path,
    out: Path,
    overrides: list[str],
    *,
    trials: int = 60,
    false_alarms: float = 0.5,
    longest_delay: float = math.inf,
    keep_lags: bool = False,
    keep_temperature: bool = False,
    stride_seconds: float = 0.1,
    most_signs: int = 150,
    seed: int = 0,
    paces: Many[float] = (1.0,),
    device: str = "cpu",
    save: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Tuned:
    """Choose decision parameters on the validation people of a configuration.

    Writes OUT/tune.json and OUT/tune.png; with ``save`` also OUT/MODEL.safetensors, the same
    network with the temperature and the decision found. ``keep_lags``: with the model's own lags,
    not those of these streams; ``keep_temperature`` likewise. ``paces``: ``validation_streams``.
    Raises UnreadableData without validation people, InvalidCheckpoint, and InvalidConfig, also if
    ``model`` itself would be replaced.
    """
    if save and (out / model.name).resolve() == model.resolve():
        raise InvalidConfig(f"--save would replace {model} itself; give another folder as --out")
    checkpoint = load_checkpoint(model)
    info = checkpoint.info
    config = read_config(config_path, overrides).model_copy(update={"features": info.features})
    try:
        start = decision_config(info)
        stream = StreamConfig(stride_seconds=stride_seconds)
        split = load_split(config, data, config_path.parent, info.classes)
        shown = validation_streams(split, config, data, most_signs, seed, paces, info)
        answers = ask(shown, _of_classes(checkpoint, device), stream)
        factor = 1.0 if keep_temperature else fit_on_ticks(answers, info)
    except ValueError as error:
        raise InvalidConfig(f"nothing to tune on: {error}") from error
    told = info.told()
    before = _judged(as_told(answers, info), told, start)
    answers = as_told(retemper(answers, factor), info)
    tried = search(answers, told, trials, start, seed, progress)
    chosen = choose(tried, false_alarms, longest_delay)
    if keep_lags:
        chosen = _judged(answers, told, same_lags(chosen.config, start))
    temperature = round(min(max(info.temperature * factor, 0.01), 100.0), 3)
    known = overlap(split.validation, split.train, learnt_by([info], config, data))
    minutes, sequences = sum(s.seconds for s in shown) / 60, len(split.validation)
    found = Tuned(before, chosen, temperature, len(shown), minutes, sequences, known)
    asked = _asked(model, shown, stride_seconds, paces, false_alarms, longest_delay)
    _write(out, asked, found, tried)
    if save:
        tuned = replace(info, temperature=temperature, decision=asdict(chosen.config))
        save_checkpoint(out / model.name, checkpoint.network, tuned)
    return found


def _refuse_strangers(info: ModelInfo, streams: Many[LabelledStream]) -> None:
    """Where a model knows nothing of what is shown, saying nothing is best: of no use to anybody.

    Raises UnreadableData.
    """
    shown = {segment.label for stream in streams for segment in stream.segments}
    if not shown:
        raise UnreadableData("the validation people do nothing but rest; hold others out")
    if not shown & set(info.classes):
        raise UnreadableData(
            f"the validation people show {', '.join(sorted(shown))[:200]}; {info.name} knows none "
            f"of that, but {', '.join(info.classes)[:200]}. A source's labels rename"
        )


def _judged(answers: Many[Answers], info: ModelInfo, config: DecisionConfig) -> Trial:
    return summarise(config, decide_and_judge(answers, info, config))


def _of_classes(checkpoint: Checkpoint, device: str) -> Recognizer:
    """Answers of classes, not of labels: a temperature is of the logits."""
    return Recognizer(replace(checkpoint, info=replace(checkpoint.info, synonyms={})), device)


def _asked(
    model: Path,
    shown: Many[LabelledStream],
    stride_seconds: float,
    paces: Many[float],
    false_alarms: float,
    longest_delay: float,
) -> dict[str, Any]:
    """What a run was given, for tune.json."""
    return {
        "model": model.name,
        "people": sorted({each.person for each in shown}),
        "stride_seconds": stride_seconds,
        "paces": list(paces),
        "most_false_alarms_a_minute": false_alarms,
        "longest_delay": longest_delay if math.isfinite(longest_delay) else None,
    }


def _write(out: Path, asked: dict[str, Any], found: Tuned, tried: Many[Trial]) -> None:
    """tune.json: what was asked for, what was found, every trial; tune.png: their trade-off."""
    told = asked | {
        "minutes": round(found.minutes, 2),
        "sequences": found.sequences,
        "trained_on": found.known,
        "temperature": found.temperature,
        "chosen": found.chosen.to_json(),
        "before": found.before.to_json(),
        "trials": [each.to_json() for each in tried],
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "tune.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    draw(tried, found.chosen, out / "tune.png", Path(asked["model"]).stem)


def validation_streams(
    split: Split,
    config: TrainConfig,
    data: Path,
    most_signs: int,
    seed: int,
    paces: Many[float] = (1.0,),
    info: ModelInfo | None = None,
) -> list[LabelledStream]:
    """The validation people's streams: recorded ones whole, takes composed with their rests.

    Who never rests in the takes is given the others' rests. Takes are played at each of ``paces``,
    shares of ``streams.frame_rate``: at 0.5 half as fast. ``info``: the model to be tuned. Raises
    UnreadableData if there is nobody, nobody who rests, or nobody who does what the model knows.
    """
    layout = get_layout(config.features.body_layout)
    takes = split.validation
    if not takes:
        raise UnreadableData("the configuration holds nobody out for validation; name somebody")
    alone = [each for each in takes if each.around is None]
    streams = []
    for pace in paces:
        rate, suffix = pace * config.streams.frame_rate, f" at {pace:g}" if pace != 1 else ""
        streams += compose_people(alone, layout, config.idle, rate, most_signs, seed, suffix)
    for part in config.sources:
        if part.format == "frame_labels":
            streams += _recorded(part, data, layout, config.idle)
    if info:
        _refuse_strangers(info, streams)
    return apart(streams)


def _recorded(source: Source, data: Path, layout: Layout, idle: str) -> list[LabelledStream]:
    """Streams of a source that are held out for validation, labelled with classes.

    A label that is not used is none of them: what a model cannot know it should refuse.
    """
    names = [class_name(label, source) or f"({label})" for label in LABELS]
    streams = read_frame_labels(data / source.file, layout, idle, names)
    return [s for s in streams if part_of(s.person, s.name, source) == "validation"]
