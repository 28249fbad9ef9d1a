# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`bharnet` as people call it: train, then every command that reads what was trained."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from bharnet_train.cli import app
from bharnet_train.console import fail


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


def test_fuse_of_one_is_that_one(trained):
    model, data = trained
    top1 = json.loads(model.with_suffix(".json").read_text())["top1"]
    assert bharnet("fuse", model, *data).count(f"{top1:.1f}") == 2


def test_robustness_writes_curves(trained, tmp_path):
    model, data = trained
    bharnet("robustness", model, *data, "--out", tmp_path)
    (curves,) = json.loads((tmp_path / "robustness.json").read_text()).values()
    assert all(0 <= top1 <= 100 for curve in curves.values() for top1 in curve.values())
    assert (tmp_path / "robustness.png").stat().st_size > 0


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
