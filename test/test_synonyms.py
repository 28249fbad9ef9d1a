# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Classes that mean the same are told as one label, with the sum of their probabilities."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from people import START
from test_recognizer import moving
from test_tune import INFO, SHARP, invented
from tiny import CLASSES, rewrite, save_model

from bharnet.backends import onnx_graph
from bharnet.backends.interface import NAMES, WindowNetwork
from bharnet.checkpoint import InvalidCheckpoint, load_checkpoint, save_checkpoint
from bharnet.recognizer import Recognizer
from bharnet.stream import ActionStream
from bharnet_train.config import InvalidConfig, read_config
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.datasets.select import load_split
from bharnet_train.export import compare
from bharnet_train.fusion import fuse
from bharnet_train.robustness import robustness
from bharnet_train.run import score, train_and_score
from bharnet_train.streams.labelled import LabelledStream
from bharnet_train.streams.run import decide
from bharnet_train.tune.calibrate import as_told, retemper
from bharnet_train.tune.run import tune

SYNONYMS = {"wave": "hello", "yes": "hello"}
HAND = ["synonyms={fist: hand, open: hand}"]


@pytest.fixture
def model(tmp_path):
    path = save_model(tmp_path / "tiny.safetensors")
    rewrite(path, synonyms=SYNONYMS)
    return path


def test_labels_stand_where_their_first_class_does(model):
    info = load_checkpoint(model).info
    assert (info.labels, info.label_ids) == (("idle", "hello"), (0, 1, 1))
    told = info.told()
    assert (told.classes, told.labels, told.idle_id) == (info.labels, info.labels, 0)
    assert load_checkpoint(save_model(model)).info.labels == CLASSES


@pytest.mark.parametrize(
    ("synonyms", "cause"),
    [
        ({"nod": "yes"}, "'nod' of the synonyms is not among the classes"),
        ({"idle": "nothing"}, "can have no synonyms"),
        ({"wave": "idle"}, "can have no synonyms"),
        ({"wave": ""}, "is empty"),
        (["wave"], "description cannot be used"),
    ],
)
def test_synonyms_that_make_no_sense_are_refused(model, synonyms, cause):
    rewrite(model, synonyms=synonyms)
    with pytest.raises(InvalidCheckpoint, match=cause):
        load_checkpoint(model)


def test_a_file_of_before_there_were_synonyms_is_read(model):
    content = model.read_bytes()
    model.write_bytes(content.replace(b'\\"synonyms\\"', b'\\"formerly\\"'))
    assert load_checkpoint(model).info.labels == CLASSES


def test_probabilities_are_summed_also_the_experts(model):
    apart = Recognizer(load_checkpoint(save_model(model.with_name("b.safetensors"))), "cpu")
    summed = Recognizer(load_checkpoint(model), "cpu")
    window = moving(1.0)
    end = int(window.stamps[-1])
    for lengths in ((), (0.5, 1.0)):
        (of_classes,) = apart.recognize([window], end, lengths)
        (of_labels,) = summed.recognize([window], end, lengths)
        for name in ("probabilities", "body", "hand"):
            idle, wave, yes = getattr(of_classes, name)
            np.testing.assert_allclose(getattr(of_labels, name), [idle, wave + yes], rtol=1e-5)


def test_the_core_decides_on_labels(model):
    stream = ActionStream(Recognizer(load_checkpoint(model), "cpu"))
    window, told = moving(2.0), set()
    assert int(window.stamps[0]) == START
    for frame in LabelledStream("a", window, ()).frames():
        for tick in stream.advance(frame):
            told |= {each.decided.class_id for each in tick.entries}
    assert told == {-1, 1}
    assert stream.recognizer.info.classes[1] == "hello"


class Graph:
    """An ONNX session of this checkpoint, as it were."""

    def __init__(self, checkpoint):
        self.network = WindowNetwork(checkpoint.network, checkpoint.info.features)

    def run(self, names, given):
        with torch.inference_mode():
            answers = self.network(*map(torch.from_numpy, given.values()))
        return [answers[NAMES.index(name)].numpy() for name in names]


def test_trained_and_scored_by_label(takes, tmp_path):
    options = {"accelerator": "cpu", "progress": False}
    result = train_and_score(takes / "tiny.yaml", takes, tmp_path, HAND, "test", **options)
    assert result.classes == ("hand", "null")
    assert result.top1 >= result.by_class >= 90.0
    assert sum(map(sum, result.confusion)) == result.sequences
    model = tmp_path / "tiny.safetensors"
    info = load_checkpoint(model).info
    assert info.classes == ("fist", "open", "null")
    assert info.provenance["scores"]["test_top1_by_class"] == result.by_class
    assert score(model, takes / "tiny.yaml", takes, tmp_path / "b", [], "cpu") == result
    # The very weights without synonyms: each class stands for itself.
    rewrite(model, synonyms={})
    apart = score(model, takes / "tiny.yaml", takes, tmp_path / "b", [], "cpu")
    assert (apart.classes, apart.top1, apart.by_class) == (info.classes, result.by_class, None)


def test_fused_disturbed_and_exported_by_label(takes, tmp_path, monkeypatch):
    config = takes / "tiny.yaml"
    options = {"accelerator": "cpu", "progress": False}
    train_and_score(config, takes, tmp_path, HAND, "test", **options)
    trained = load_checkpoint(tmp_path / "tiny.safetensors")
    with torch.no_grad():  # who knows them now takes fist for open
        for name, values in trained.network.state_dict().items():
            if "classify" in name:
                values[:2] = values[:2].flip(0)
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, trained.network, trained.info)
    result = score(other, config, takes, tmp_path, [], "cpu")
    assert result.top1 > 90 > result.by_class
    alone = fuse([other], read_config(config), takes, takes)
    assert alone.together.classes == ("hand", "null")
    assert alone.top1["other"] == alone.together.top1 == result.top1
    test = load_split(read_config(config), takes, takes).test
    for curve in robustness(load_checkpoint(other), test).values():
        assert curve[0.0] == result.top1
    # A graph that answers as torch does, in place of half a minute of export.
    monkeypatch.setattr(onnx_graph, "open_graph", lambda *_: Graph(load_checkpoint(other)))
    exported = compare(load_checkpoint(other), b"", test)
    assert exported == pytest.approx((result.top1, result.top1), abs=0.01)
    rewrite(other, synonyms={})
    with pytest.raises(UnreadableData, match="other classes as one label"):
        fuse([tmp_path / "tiny.safetensors", other], read_config(config), takes, takes)


def test_a_synonym_of_no_class_is_said_before_training(takes, tmp_path):
    def train(*overrides):
        options = {"accelerator": "cpu", "progress": False}
        train_and_score(takes / "tiny.yaml", takes, tmp_path, [*overrides], "test", **options)

    with pytest.raises(InvalidConfig, match="'wave' is no class; the classes are fist, open"):
        train("synonyms={wave: hand}")
    with pytest.raises(InvalidConfig, match="can have no synonyms"):
        train("synonyms={fist: 'null'}")
    # A class that is left out on purpose needs no other configuration.
    train(*HAND, "sources.0.drop=[open]", "optimiser.epochs=1")
    assert load_checkpoint(tmp_path / "tiny.safetensors").info.synonyms == {"fist": "hand"}


def test_sums_are_the_same_for_any_number_of_people(model):
    info = load_checkpoint(model).info
    several = np.random.default_rng(0).random((3, 20, 3), np.float32)
    np.testing.assert_array_equal(info.sum_up(several)[1, 4], info.sum_up(several[1, 4]))
    kept = several.copy()
    info.sum_up(several)
    np.testing.assert_array_equal(several, kept)


def test_tuning_tempers_classes_and_decides_on_labels():
    info = replace(INFO, synonyms={"fist": "hand", "open": "hand"})
    answers = invented(flicker=False)
    (warm,) = as_told(retemper([answers], 2.0), info)
    assert {each.label for each in warm.stream.segments} == {"hand"}
    (_, before), (_, after) = answers.ticks[0], warm.ticks[0]
    fist, opened, null = np.sqrt(before.probabilities) / np.sqrt(before.probabilities).sum()
    np.testing.assert_allclose(after.probabilities, [fist + opened, null], rtol=1e-4)
    assert {each.label for each in decide(warm, info.told(), SHARP)} == {"hand"}


def test_tune_writes_a_model_that_keeps_its_synonyms(takes, tmp_path):
    options = {"accelerator": "cpu", "progress": False}
    train_and_score(takes / "tiny.yaml", takes, tmp_path, HAND, "test", **options)
    found = tune(
        tmp_path / "tiny.safetensors",
        takes / "tiny.yaml",
        takes,
        tmp_path / "tuned",
        [],
        trials=3,
        save=True,
    )
    assert found.chosen.f1 is not None
    assert json.loads((tmp_path / "tuned" / "tune.json").read_text())["people"] == ["p8"]
    info = load_checkpoint(tmp_path / "tuned" / "tiny.safetensors").info
    assert info.labels == ("hand", "null")
