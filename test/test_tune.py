# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Decision parameters chosen on labelled streams, and the streams through the core."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_streams import write_clips
from typer.testing import CliRunner

from bharnet.checkpoint import ModelInfo, load_checkpoint, save_checkpoint
from bharnet.decision import DecisionConfig, State, decision_config
from bharnet.features import FeatureConfig
from bharnet.judging.segments import Event, Segment
from bharnet.network import BHaRNet, NetworkConfig
from bharnet.recognizer import Prediction, Recognizer
from bharnet.stream import ActionStream, StreamConfig
from bharnet.window import NANOSECONDS, Window
from bharnet_train.cli import app
from bharnet_train.config import InvalidConfig, Source, TrainConfig, read_config
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.datasets.select import load_split
from bharnet_train.streams.labelled import LabelledStream
from bharnet_train.streams.run import Answers, ask, decide, decide_and_judge, judge_streams
from bharnet_train.tune.calibrate import fit_on_ticks, retemper
from bharnet_train.tune.run import tune, validation_streams
from bharnet_train.tune.search import Trial, choose, fit_lags, search, try_out

INFO = ModelInfo("known", "1", ("fist", "open", "null"), idle="null")
LAG = 0.3
SHARP = DecisionConfig(
    smoothing_seconds=0.0, enter_seconds=0.0, leave_seconds=0.0, lowest_coverage=0.0
)


def invented(signs=12, sure=0.9, lag=LAG, flicker=True, name="a"):
    """Answers that follow the truth ``lag`` seconds late, with a wrong tick in each rest."""
    stamps, segments, ticks = 1 + np.arange(signs * 40) * (NANOSECONDS // 20), [], []
    for k in range(signs):
        start = 1 + (2 * k + 1) * NANOSECONDS
        label = INFO.classes[k % 2]
        segments.append(Segment(start, start + NANOSECONDS, label, name))
    unseen = np.full((len(stamps), 2, 21, 4), np.nan, np.float32)
    window = Window(stamps, np.zeros((len(stamps), 11, 4), np.float32), unseen)
    stream = LabelledStream(name, window, tuple(segments), "p")
    for i, stamp in enumerate(stamps[::2].tolist()):
        label = stream.label_at(stamp - round(lag * NANOSECONDS)) or "null"
        if flicker and i % 20 == 7:
            label = "open"
        scores = np.full(3, (1 - sure) / 2, np.float32)
        scores[INFO.classes.index(label)] = sure
        ticks.append((stamp, Prediction(scores, None, None, 1.0, 10, stamp)))
    return Answers(stream, tuple(ticks))


def test_lags_are_what_onsets_and_offsets_are_late_by():
    found = decide_and_judge([invented(flicker=False)], INFO, SHARP)
    onset, offset = fit_lags(found)
    assert onset == pytest.approx(LAG, abs=0.06)
    assert offset == pytest.approx(LAG, abs=0.06)
    tried = try_out([invented(flicker=False)], INFO, SHARP)
    assert tried.f1 == 1.0
    assert tried.onset_error < 0.06
    assert tried.delay == pytest.approx(LAG, abs=0.1)


def test_the_search_finds_what_refuses_flicker_and_stays_quick():
    answers = [invented()]
    tried = search(answers, INFO, 25, SHARP)
    assert tried[0].false_alarms_per_minute > 10
    chosen = choose(tried, 0.5)
    assert chosen.false_alarms_per_minute == 0
    assert chosen.f1 > 0.9 > tried[0].f1
    assert chosen.delay == min(
        each.delay
        for each in tried
        if each.f1 >= chosen.f1 - 0.01 and each.false_alarms_per_minute <= 0.5
    )
    assert [each.config for each in tried] == [
        each.config for each in search(answers, INFO, 25, SHARP)
    ]


def trial(f1, alarms, delay):
    return Trial(SHARP, f1, alarms, delay, 0.1, 0.9)


def test_the_operating_point_is_quiet_then_quick_enough_then_good():
    loud, slow, quick = trial(0.99, 9.0, 0.1), trial(0.9, 0.1, 0.8), trial(0.7, 0.2, 0.3)
    alike = trial(0.895, 0.3, 0.5)
    every = [loud, slow, quick, alike]
    assert choose(every, 0.5) is alike
    assert choose(every, 0.15) is slow
    assert choose(every, 0.5, 0.4) is quick
    assert choose(every, 0.5, 0.01) is quick
    assert choose([trial(0.0, 0.0, None)], 0.5, 0.4).delay is None


def test_without_a_quiet_setting_the_quietest_is_taken():
    tried = search([invented()], INFO, 3, SHARP)
    loud = [replace(each, false_alarms_per_minute=5.0 + i) for i, each in enumerate(tried)]
    assert choose(loud, 0.5) == loud[0]


def test_temperature_of_the_ticks():
    """Answers that are right nine times in ten should be nine tenths sure."""
    rng = np.random.default_rng(0)
    honest = invented(40, lag=0.0, flicker=False)
    ticks = []
    for stamp, prediction in honest.ticks:
        scores = np.roll(prediction.probabilities, int(rng.random() < 0.1))
        ticks.append((stamp, replace(prediction, probabilities=scores)))
    honest = Answers(honest.stream, tuple(ticks))
    assert fit_on_ticks([honest], INFO) == pytest.approx(1.0, abs=0.15)
    boasting = retemper([honest], 0.25)
    assert boasting[0].ticks[0][1].probabilities.max() > 0.99
    assert fit_on_ticks(boasting, INFO) == pytest.approx(4.0, rel=0.15)
    for (_, a), (_, b) in zip(honest.ticks, retemper(boasting, 4.0)[0].ticks, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-3)
    with pytest.raises(ValueError, match="no tick"):
        fit_on_ticks([], INFO)


@pytest.fixture(scope="module")
def model(takes, tmp_path_factory):
    """Untrained: what is tested is how its answers are used."""
    torch.manual_seed(0)
    network = NetworkConfig(blocks=((8, 2), (8, 1)), attention_width=8)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    info = ModelInfo(
        "tiny",
        "1",
        ("fist", "open", "null"),
        idle="null",
        network=network,
        features=FeatureConfig(frames=8, window_seconds=0.6),
    )
    save_checkpoint(path, BHaRNet(network, info.features, 3), info)
    return path


def shown(config, data, signs=2, paces=(1.0,)):
    return validation_streams(load_split(config, data), config, data, signs, 0, paces)


def streams_of(takes, *overrides):
    return shown(read_config(takes / "tiny.yaml", list(overrides)), takes)


def test_takes_are_played_at_every_pace(takes):
    config = read_config(takes / "tiny.yaml")
    one, slow = shown(config, takes, paces=(1.0, 0.5))
    assert slow.name == f"{one.name} at 0.5"
    assert {each.person for each in slow.segments} == {slow.name}
    lengths = [[each.end - each.start for each in some.segments] for some in (one, slow)]
    np.testing.assert_allclose(lengths[1], np.multiply(lengths[0], 2), rtol=1e-6)


def test_cached_answers_decide_as_the_core_does(takes, model):
    (stream,) = streams_of(takes)
    recognizer = Recognizer(load_checkpoint(model), "cpu")
    config = StreamConfig(stride_seconds=0.1)
    decision = replace(SHARP, enter_threshold=0.34, leave_threshold=0.33)
    core = ActionStream(recognizer, decision, config)
    live = [tick for frame in stream.frames() for tick in core.advance(frame)]
    (answers,) = ask([stream], recognizer, config)
    assert [stamp for stamp, _ in answers.ticks] == [tick.stamp for tick in live]
    for (_, cached), tick in zip(answers.ticks, live, strict=True):
        seen = tick.entries[-1].decided.prediction
        np.testing.assert_allclose(cached.probabilities, seen.probabilities, atol=1e-4)
        assert (cached.coverage, cached.window_start) == (seen.coverage, seen.window_start)
    begun = [
        (recognizer.info.classes[e.decided.class_id], tick.stamp)
        for tick in live
        for e in tick.entries
        if e.decided.state == State.ONSET
    ]
    events = decide(answers, recognizer.info, decision)
    assert begun
    assert [(each.label, each.decided) for each in events] == begun


def test_validation_people_make_the_streams(takes):
    (stream,) = streams_of(takes)
    assert (stream.person, len(stream.segments)) == ("p8", 2)
    with pytest.raises(UnreadableData, match="nobody out for validation"):
        streams_of(takes, "sources.0.validation={}")
    with pytest.raises(UnreadableData, match="shows 'sleep'"):
        streams_of(takes, "idle=sleep")
    with pytest.raises(UnreadableData, match="idle is empty"):
        streams_of(takes, "idle=''")


def test_people_of_files_of_one_name_are_streams_of_their_own(takes, tmp_path):
    """As recordings of two days are called: who is `p8` in both is not one person."""
    for day in ("monday", "tuesday"):
        (tmp_path / day).mkdir()
        shutil.copy(takes / "takes.npz", tmp_path / day)
    given = [
        {"file": f"{day}/takes.npz", "validation": {"person": ["p8"]}}
        for day in ("monday", "tuesday")
    ]
    config = read_config(takes / "tiny.yaml", [f"sources={json.dumps(given)}"])
    streams = shown(config, tmp_path, signs=20)
    assert [each.name for each in streams] == ["monday/takes.npz p8", "tuesday/takes.npz p8"]
    assert [len(each.segments) for each in streams] == [8, 8]


def test_only_recorded_streams_that_are_held_out_are_tuned_on(tmp_path):
    """The same person's others are trained on."""
    labels = np.repeat([10, 3, 10, 3], [40, 50, 30, 60]).astype(np.int16)
    write_clips(tmp_path / "clips.npz", person=np.array(["p1", "p1"]), frame_label=labels)
    source = {"file": "clips.npz", "format": "frame_labels"}
    held = {"session": ["p1_standby_stop"]}
    config = TrainConfig(name="clips", idle="standby", sources=[Source(**source, validation=held)])
    streams = shown(config, tmp_path)
    assert [each.name for each in streams] == ["p1_standby_stop"]


def test_recorded_streams_are_labelled_with_classes(tmp_path):
    """As training has them: renamed, those of one class joined, the idle one no segment."""
    named = [10, 3, 4, 5, 10, *(10, 3, 4, 0)]  # and the one trained on
    labels = np.repeat(named, [40, 20, 15, 15, 30, 20, 10, 10, 20]).astype(np.int16)
    write_clips(tmp_path / "clips.npz", frame_label=labels)
    source = {"file": "clips.npz", "format": "frame_labels", "validation": {"person": ["p1"]}}
    renamed = {"standby": "null", "stop": "halt", "move": "halt", "attention": "look"}

    def segments(**chosen):
        config = TrainConfig(name="c", idle="null", sources=[Source(**source, **chosen)])
        (stream,) = shown(config, tmp_path)
        return stream.segments

    halt, turn = segments(labels=renamed)
    assert (halt.label, turn.label) == ("halt", "(turn_left)")  # of no class
    assert halt.length / NANOSECONDS == pytest.approx(35 / 30)
    unused = segments(drop=["stop", "standby"])
    labels = [each.label for each in unused]
    assert labels == ["(standby)", "(stop)", "move", "turn_left", "(standby)"]


def test_a_stream_held_out_of_one_source_is_not_that_of_another(tmp_path):
    """Two files may call their clips alike."""
    for name in ("a.npz", "b.npz"):
        write_clips(tmp_path / name, person=np.array([name[0], "p2"]))
    sources = [Source(file=f"{name}.npz", format="frame_labels") for name in "ab"]
    sources[1].validation = {"person": ["b"]}
    config = TrainConfig(name="c", idle="standby", sources=sources)
    streams = shown(config, tmp_path)
    assert [each.person for each in streams] == ["b"]


def test_clips_of_one_name_are_judged_apart(tmp_path):
    """Of two files, and within one: whoever is told right is not also told twice."""
    labels = np.repeat([10, 3, 10, 10, 3], [40, 50, 30, 35, 25]).astype(np.int16)
    for name in "abc":
        alike = np.array(["wave", "wave"])
        write_clips(tmp_path / f"{name}.npz", clip=alike, frame_label=labels)
    sources = [Source(file=f"{name}.npz", format="frame_labels") for name in "abc"]
    for each in sources[:2]:
        each.validation = {"session": ["wave"]}
    config = TrainConfig(name="c", idle="standby", sources=sources)
    streams = shown(config, tmp_path)
    assert len({each.name for each in streams}) == len(streams) == 4
    events = [
        Event(each.name, "stop", s.start, s.end, s.start, 0.9)
        for each in streams
        for s in each.segments
    ]
    info = replace(INFO, classes=("stop", "standby"), idle="standby")
    judged = judge_streams(streams, events, info)
    assert [len(each.outcomes) for each in judged.people] == [1, 1, 1, 1]
    assert judged.overall.scores[0.5].f1 == 1.0
    assert judged.accuracy == 1.0


def test_the_command_writes_what_it_chose(takes, model, tmp_path):
    arguments = ["tune", str(model), "--config", str(takes / "tiny.yaml"), "--data", str(takes)]
    options = ["--out", str(tmp_path), "--trials", "4", "--signs", "2", "--save"]
    result = CliRunner().invoke(app, [*arguments, *options])
    assert result.exit_code == 0, result.output
    assert "tune.json" in result.output
    found = json.loads((tmp_path / "tune.json").read_text())
    assert found["people"] == ["p8"]
    assert len(found["trials"]) == 4
    assert (tmp_path / "tune.png").read_bytes()[:4] == b"\x89PNG"
    tuned = load_checkpoint(tmp_path / model.name)
    assert decision_config(tuned.info) == DecisionConfig(**found["chosen"]["config"])
    assert tuned.info.temperature == found["temperature"]
    assert math.isfinite(found["chosen"]["f1"])


def test_lags_can_stay_the_models(takes, model, tmp_path):
    found = tune(model, takes / "tiny.yaml", takes, tmp_path, [], trials=2, keep_lags=True)
    usual = decision_config(load_checkpoint(model).info)
    chosen = found.chosen.config
    assert found.before.config == usual  # the model as it was, no lags fitted
    assert usual.onset_lag_seconds > 0
    assert chosen.onset_lag_seconds == usual.onset_lag_seconds
    assert chosen.offset_lag_seconds == usual.offset_lag_seconds


def test_what_cannot_be_tuned_is_said(takes, model, tmp_path):
    nobody = ["sources.0.validation={}"]
    with pytest.raises(InvalidConfig, match="nothing to tune on: the configuration holds nobody"):
        tune(model, takes / "tiny.yaml", takes, tmp_path, nobody, trials=2)
    renamed = ["sources.0.labels={fist: punch, open: wave, 'null': 'null'}"]
    with pytest.raises(InvalidConfig, match=r"show punch, wave; .*knows none of that, but fist"):
        tune(model, takes / "tiny.yaml", takes, tmp_path, renamed, trials=2)
    resting = ["sources.0={file: takes.npz, drop: [fist, open], validation: {person: [p8]}}"]
    with pytest.raises(InvalidConfig, match="nothing but rest"):
        tune(model, takes / "tiny.yaml", takes, tmp_path, resting, keep_temperature=True)
    assert not list(tmp_path.iterdir())


def test_everybody_may_be_tuned_on(takes, model, tmp_path):
    """A checkpoint is there already: nobody has to be left to train on."""
    everybody = ["sources.0={file: takes.npz, validation: {person: [p1, p2, p8, p9]}}"]
    found = tune(model, takes / "tiny.yaml", takes, tmp_path, everybody, trials=1, most_signs=2)
    assert found.streams == 4


def test_validation_people_whom_the_model_was_trained_on_are_counted(takes, model, tmp_path):
    """It is surer of these than of anybody else, and so the decision would be."""
    checkpoint = load_checkpoint(model)
    sources = [each.model_dump() for each in read_config(takes / "tiny.yaml").sources]
    taught = replace(checkpoint.info, provenance={"sources": sources})
    save_checkpoint(tmp_path / "taught.safetensors", checkpoint.network, taught)
    arguments = ["tune", str(tmp_path / "taught.safetensors"), "--trials", "1"]
    arguments += ["--config", str(takes / "tiny.yaml"), "--data", str(takes), "--signs", "2"]

    def said(*people):
        held_out = f"sources.0.validation={{person: [{', '.join(people)}]}}"
        options = ["--set", held_out, "--out", str(tmp_path / "out")]
        done = CliRunner().invoke(app, [*arguments, *options])
        assert done.exit_code == 0, done.output
        return done.output

    assert "12 of 24 validation sequences are trained on" in said("p1", "p8")
    assert json.loads((tmp_path / "out" / "tune.json").read_text())["trained_on"] == 12
    assert "trained on" not in said("p8")


def test_the_model_itself_is_not_replaced(takes, model):
    """The network would be the same, and the decision that it was trained with lost."""
    before = model.read_bytes()
    with pytest.raises(InvalidConfig, match=r"would replace .* give another folder"):
        tune(model, takes / "tiny.yaml", takes, model.parent, [], trials=1, save=True)
    assert model.read_bytes() == before
