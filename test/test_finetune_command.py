# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet train --recordings`` from the command line."""

import json

import pytest
from gestures import write_recordings
from typer.testing import CliRunner

from bharnet.checkpoint import load_checkpoint
from bharnet_train.cli import app
from bharnet_train.config import InvalidConfig


def test_the_command_line_teaches_and_tells(tmp_path, monkeypatch):
    monkeypatch.setattr("bharnet_train.finetune.command.console.width", 200, raising=False)
    folder = write_recordings(tmp_path / "mine", takes=2)
    given = ["--recordings", str(folder), "--copies", "2", "--out", str(tmp_path / "runs")]
    done = CliRunner().invoke(app, ["train", *given, "--no-progress"])
    assert done.exit_code == 0, done.output
    assert "takes left out:" in done.output
    assert "doubtful" in done.output
    info = load_checkpoint(tmp_path / "runs" / "mine.safetensors").info
    assert str(tmp_path) not in json.dumps(dict(info.provenance))


def test_takes_that_a_model_was_taught_are_no_news_to_it(tmp_path):
    """Scored on them it is right; the figure says nothing, and nothing told so."""
    folder = write_recordings(tmp_path / "mine", takes=2)
    out = ["--out", str(tmp_path / "runs")]
    CliRunner().invoke(app, ["train", "--recordings", str(folder), "--copies", "1", *out])
    model = str(tmp_path / "runs" / "mine.safetensors")
    write_recordings(folder, takes=3)  # the first two as before
    source = "{file: mine, format: own, test: {person: [p1]}}"
    config = tmp_path / "own.yaml"
    config.write_text(f"name: own\nidle: idle\nsources: [{source}]\n")
    given = ["--config", str(config), "--data", str(tmp_path)]
    for command in (["evaluate", "--model", model, *out], ["robustness", model, *out]):
        told = CliRunner().invoke(app, [*command, *given]).output
        assert "12 sequences held out" in told
        assert "8 of them are trained on, too" in told
    told = CliRunner().invoke(app, ["fuse", model, *given]).output
    assert "8 of them are trained on, too" in told


def test_what_the_network_that_was_taught_had_learnt_is_no_news_either(takes, tmp_path):
    """Its trunk is kept: the people of its data are known."""
    out = ["--out", str(tmp_path)]
    data = ["--config", str(takes / "tiny.yaml"), "--data", str(takes)]
    CliRunner().invoke(app, ["train", *data, *out, "--set", "optimiser.epochs=1"])
    folder = write_recordings(tmp_path / "mine", takes=2)
    base = ["--from", str(tmp_path / "tiny.safetensors"), "--copies", "1"]
    CliRunner().invoke(app, ["train", "--recordings", str(folder), *base, *out])
    renamed = "{fist: wave, open: stop, 'null': idle}"
    source = f"sources.0={{file: takes.npz, labels: {renamed}, test: {{person: [p1, p9]}}}}"
    given = [*data, *out, "--set", source, "--set", "idle=idle"]
    model = str(tmp_path / "mine.safetensors")
    done = CliRunner().invoke(app, ["evaluate", "--model", model, *given])
    assert "24 sequences held out" in done.output
    assert "12 of them are trained on, too" in done.output


@pytest.mark.parametrize("name", ["a/b", "../mine", "", "."])
def test_a_name_stays_in_its_folder(tmp_path, name):
    folder = write_recordings(tmp_path / "mine", takes=2)
    given = ["--recordings", str(folder), "--copies", "1", "--out", str(tmp_path / "runs")]
    done = CliRunner().invoke(app, ["train", *given, "--name", name])
    assert isinstance(done.exception, InvalidConfig), done.output
    assert f"'{name}' is no name for files" in str(done.exception)
    assert list(tmp_path.rglob("*.safetensors")) == []


@pytest.mark.parametrize("seed", [-1, 2**32])
@pytest.mark.parametrize("what", ["--recordings", "--config"])
def test_a_seed_is_what_numpy_takes(what, seed, tmp_path):
    done = CliRunner().invoke(app, ["train", what, str(tmp_path), "--seed", str(seed)])
    assert done.exit_code == 2
    assert "--seed" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--recordings", "x", "--config", "y.yaml"], "--config is not for --recordings"),
        (["--recordings", "x", "--set", "optimiser.epochs=3"], "--set is not for --recordings"),
        (["--recordings", "x", "--resume"], "--resume is not for --recordings"),
        (["--config", "y.yaml", "--name", "mine"], "--name is for --recordings; --set name=NAME"),
        (["--config", "y.yaml", "--from", "base.safetensors"], "--from is for --recordings"),
        (["--config", "y.yaml", "--no-mirror"], "--mirror is for --recordings"),
    ],
)
def test_an_option_of_the_other_kind_of_training_is_refused(given, said):
    """It would be ignored, and nothing would tell."""
    done = CliRunner().invoke(app, ["train", *given])
    assert isinstance(done.exception, InvalidConfig), done.output
    assert said in str(done.exception)


@pytest.mark.parametrize("given", [[], ["--recordings", "nowhere"]])
def test_what_cannot_be_trained_on_is_one_sentence(given, monkeypatch, capsys):
    from bharnet_train.cli import main

    monkeypatch.setattr("sys.argv", ["bharnet", "train", *given])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "bharnet:" in capsys.readouterr().out
