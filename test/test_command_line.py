# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`bharnet` as people call it: train, then every command that reads what was trained."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from typer.testing import CliRunner

from bharnet_train.cli import app
from bharnet_train.config import InvalidConfig
from bharnet_train.console import fail
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.export import ExportFailed


def bharnet(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def trained(takes, tmp_path_factory):
    """What `bharnet train` wrote."""
    out = tmp_path_factory.mktemp("runs")
    data = ("--config", takes / "tiny.yaml", "--data", takes)
    bharnet("train", *data, "--out", out, "--set", "optimiser.epochs=2", "--no-progress")
    (model,) = out.glob("*.safetensors")
    return model, data


def test_train_writes_model_and_scores(trained):
    model, _ = trained
    assert json.loads(model.with_suffix(".json").read_text())["sequences"] > 0
    assert model.with_suffix(".png").stat().st_size > 0


def test_evaluate_finds_the_same_accuracy(trained, tmp_path):
    model, data = trained
    said = bharnet("evaluate", "--model", model, *data, "--out", tmp_path)
    top1 = json.loads(model.with_suffix(".json").read_text())["top1"]
    assert f"{top1:.1f}" in said


def test_evaluate_leaves_what_training_wrote(trained, tmp_path):
    """In the same folder, and of another model with the same configuration, too."""
    model, (_, config, *data) = trained
    here = tmp_path / "tiny.safetensors"
    for suffix in (".safetensors", ".json", ".png"):
        shutil.copy(model.with_suffix(suffix), here.with_suffix(suffix))
    other = shutil.copy(model, tmp_path / "other.safetensors")
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    for which in (here, other):
        given = ("--model", which, "--config", config, *data, "--out", tmp_path)
        said = bharnet("evaluate", *given, "--set", "sources.0.test={person: [p1]}")
        assert f"{which.stem}-on-tiny.json written" in said
    assert {each: each.read_bytes() for each in before} == before
    new = {each.name for each in tmp_path.iterdir()} - {each.name for each in before}
    assert new == {f"{a}-on-tiny.{b}" for a in ("tiny", "other") for b in ("json", "png")}


def test_fuse_of_one_is_that_one(trained):
    model, data = trained
    top1 = json.loads(model.with_suffix(".json").read_text())["top1"]
    table, _, further = bharnet("fuse", model, *data).partition("mean of classes")
    assert table.count(f"{top1:.1f}") == 2
    assert "calibration error (ECE)" in further


def test_robustness_writes_curves(trained, tmp_path):
    model, data = trained
    bharnet("robustness", model, *data, "--out", tmp_path)
    (curves,) = json.loads((tmp_path / "robustness.json").read_text()).values()
    assert all(0 <= top1 <= 100 for curve in curves.values() for top1 in curve.values())
    assert (tmp_path / "robustness.png").stat().st_size > 0


def test_info_and_export_know_the_model_that_ships(tmp_path):
    from bharnet.models import SHIPPED

    assert json.loads(bharnet("info"))["name"] == SHIPPED.stem
    done = CliRunner().invoke(app, ["export", "--out", str(tmp_path)])
    assert isinstance(done.exception, ExportFailed)  # not that a model is missing


def test_info_tells_the_classes(trained):
    model, _ = trained
    told = json.loads(bharnet("info", model))
    assert len(told["classes"]) > 1
    assert told["digest"]


def test_a_failure_is_one_sentence_with_its_brackets(capsys):
    with pytest.raises(SystemExit) as ended:
        fail("no camera here; pip install '.[camera]'")
    assert ended.value.code == 2
    assert capsys.readouterr().out == "bharnet: no camera here; pip install '.[camera]'\n"


def refused(*arguments: object) -> str:
    """The sentence with which a command is refused; its exit code is 2 then (``main``)."""
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    assert isinstance(done.exception, (InvalidConfig, UnreadableData)), done.exception
    assert "\n" not in str(done.exception)
    return str(done.exception)


@pytest.mark.parametrize("command", [("evaluate", "--model"), ("robustness",), ("fuse",)])
@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (("--set", "sources.0.test={}"), "holds nobody out"),
        (("--set", "sources.0.test.person=[p99]"), "has no such person; it has p1, p2"),
        (("--set", "sources.0.drop=[fits]"), "has no such label"),
        (("--device", "cuda:7"), "cuda:7"),
        (("--device", "hal9000"), "none of auto, cpu, cuda"),
    ],
)
def test_what_cannot_be_scored_is_said_in_one_line(trained, command, options, cause):
    model, data = trained
    assert cause in refused(*command, model, *data, *options)


@pytest.mark.parametrize("command", [("evaluate", "--model"), ("robustness",), ("fuse",)])
def test_classes_that_a_checkpoint_does_not_know_are_named(trained, command):
    model, data = trained
    renamed = ("--set", "sources.0.labels={fist: punch, open: open, 'null': 'null'}")
    said = refused(*command, model, *data, *renamed)
    assert "does not know punch; it knows fist, null, open." in said


@pytest.mark.parametrize("command", [("evaluate", "--model"), ("robustness",), ("fuse",)])
def test_a_checkpoint_may_be_scored_on_everybody(trained, tmp_path, command):
    """As on recordings made for that; nobody is trained on then."""
    model, data = trained
    everybody = ("--set", "sources.0={file: takes.npz, test: {person: [p1, p2, p8, p9]}}")
    where = () if command == ("fuse",) else ("--out", tmp_path)
    said = bharnet(*command, model, *data, *everybody, *where)
    assert "48 sequences held out" in said
    assert "24 of them are trained on, too" in said
    assert "no sequence is left to train on" in refused("train", *data, *everybody)


@pytest.mark.parametrize("command", [("evaluate", "--model"), ("robustness",)])
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(trained, command, tmp_path):
    model, data = trained
    (tmp_path / "file").touch()
    said = refused(*command, model, *data, "--out", tmp_path / "file")
    assert "no folder that can be written" in said


@pytest.mark.parametrize("weights", [(1,), (0, 0), (1, -1), (1, "nan"), (1, "inf")])
def test_weights_of_an_ensemble_must_fit(trained, tmp_path, weights):
    model, data = trained
    other = shutil.copy(model, tmp_path / "other.safetensors")
    given = [part for each in weights for part in ("--weights", each)]
    assert "networks need" in refused("fuse", model, other, *data, *given)


def test_checkpoints_of_one_name_are_told_apart(trained, tmp_path):
    model, data = trained
    same = shutil.copy(model, tmp_path / model.name)
    bharnet("robustness", model, same, *data, "--out", tmp_path)
    assert len(json.loads((tmp_path / "robustness.json").read_text())) == 2
    assert "given twice" in refused("fuse", model, model, *data)


def test_sequences_that_are_trained_on_too_are_counted(takes, trained, tmp_path):
    """As Northwestern-UCLA has them: the same joints in two views."""
    model, _ = trained
    with np.load(takes / "takes.npz") as file:
        arrays = dict(file)
    people, offsets = arrays["person"], arrays["offsets"]
    first, tested = (int(np.flatnonzero(people == who)[0]) for who in ("p1", "p9"))
    for key in ("body", "left_hand", "right_hand"):
        rows = arrays[key][offsets[first] : offsets[first + 1]]
        arrays[key][offsets[tested] : offsets[tested + 1]] = rows
    np.savez(tmp_path / "takes.npz", **arrays)
    data = ("--config", takes / "tiny.yaml", "--data", tmp_path)
    out = ("--out", tmp_path)
    for command in (("evaluate", "--model", model, *out), ("robustness", model, *out)):
        assert "1 of them are trained on, too" in bharnet(*command, *data)
    assert "1 of them are trained on, too" in bharnet("fuse", model, *data)
    assert json.loads((tmp_path / "tiny-on-tiny.json").read_text())["trained_on"] == 1


def test_people_whom_the_model_itself_was_trained_on_are_counted(takes, trained, tmp_path):
    """Another split than the model's: p1 is held out here, and taught it."""
    model, data = trained
    other = ("--set", "sources.0.test={person: [p1, p9]}")
    for command in (("evaluate", "--model", model), ("robustness", model)):
        said = bharnet(*command, *data, "--out", tmp_path, *other)
        assert "24 sequences held out" in said
        assert "12 of them are trained on, too" in said
    assert "12 of them are trained on, too" in bharnet("fuse", model, *data, *other)
    assert "trained on, too" not in bharnet("fuse", model, *data)


@pytest.mark.parametrize(
    "other",
    ["sources.0.skip_frames=2", "sources.0.file=./takes.npz"],
    ids=["other frames left out", "another way to the file"],
)
def test_whoever_was_trained_on_is_known_however_the_takes_are_read(
    takes, trained, tmp_path, other
):
    """The shipped model leaves out the first frame of some takes; others need not."""
    model, data = trained
    held_out = ("--set", "sources.0.test={person: [p1, p9]}", "--set", other)
    said = bharnet("evaluate", "--model", model, *data, "--out", tmp_path, *held_out)
    assert "12 of them are trained on, too" in said


def test_people_are_named_as_they_are_written(takes, trained, tmp_path):
    """Brackets are rich's markup."""
    model, _ = trained
    with np.load(takes / "takes.npz") as file:
        arrays = dict(file)
    arrays["person"] = np.where(arrays["person"] == "p9", "p9 [/]", arrays["person"])
    np.savez(tmp_path / "takes.npz", **arrays)
    config = (takes / "tiny.yaml").read_text().replace("[p9]", "['p9 [/]']")
    (tmp_path / "tiny.yaml").write_text(config)
    data = ("--config", tmp_path / "tiny.yaml", "--data", tmp_path, "--out", tmp_path)
    assert "takes p9 [/]" in bharnet("evaluate", "--model", model, *data)


def test_training_without_anybody_to_test_says_where_the_model_is(takes, tmp_path):
    data = ("--config", takes / "tiny.yaml", "--data", takes, "--out", tmp_path)
    said = bharnet("train", *data, "--set", "optimiser.epochs=1", "--set", "sources.0.test={}")
    assert "tiny.safetensors written; nobody is held out" in said
    assert "Epoch" not in said  # no progress bars where nobody looks


def test_a_write_that_the_system_refuses_is_one_line(takes):
    # Where even root may not write, so that no look beforehand finds it.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bharnet_train.cli", "train", "--out", "/proc/none"),
            *("--config", str(takes / "tiny.yaml"), "--data", str(takes)),
            *("--set", "optimiser.epochs=1"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.startswith("bharnet: /proc/none")
