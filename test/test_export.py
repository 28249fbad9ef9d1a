# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet export`` writes only what answers as torch does, and says what it cost."""

from __future__ import annotations

from unittest import mock

import onnx
import pytest
from typer.testing import CliRunner

from bharnet.backends import onnx_graph
from bharnet.checkpoint import load_checkpoint
from bharnet_train import cli
from bharnet_train.export import BOUNDS, ExportFailed, export


@pytest.fixture
def model(exported):
    """The path of a checkpoint whose graph is there at once."""
    path, graph = exported
    with mock.patch.object(onnx_graph, "export_graph", return_value=graph):
        yield path


def test_the_graph_describes_itself(exported):
    read = onnx.load_from_string(exported[1])
    assert [each.name for each in read.graph.input] == ["position", "seen"]
    assert [each.name for each in read.graph.output] == list(onnx_graph.NAMES)
    assert "fist" in {each.key: each.value for each in read.metadata_props}["bharnet"]


def test_the_command_line_fills_the_cache_and_says_the_error(model, tmp_path):
    given = {"XDG_CACHE_HOME": str(tmp_path)}
    done = CliRunner().invoke(cli.app, ["export", str(model)], env=given)
    assert done.exit_code == 0, done.output
    assert "bound 0.001" in done.output
    (path,) = tmp_path.rglob("*.onnx")
    assert load_checkpoint(model).digest in path.name


def test_half_precision_differs_and_not_by_much(exported, tmp_path):
    done = export(exported[0], "fp16", tmp_path / "half.onnx")
    assert 1e-7 < done.error < BOUNDS["fp16"]
    assert done.path.is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--int8"], "give --config"),
        (["--int8", "--fp16"], "exclude each other"),
        (["--to", "tflite"], "only onnx"),
    ],
)
def test_impossible_requests(model, arguments, says):
    done = CliRunner().invoke(cli.app, ["export", str(model), *arguments])
    assert isinstance(done.exception, ExportFailed)
    assert says in str(done.exception)


def test_a_graph_that_answers_otherwise_is_refused(model, tmp_path):
    with (
        mock.patch.object(onnx_graph, "largest_error", return_value=0.2),
        pytest.raises(ExportFailed, match="differs from torch"),
    ):
        export(model, "fp32", tmp_path / "bad.onnx")
    assert not list(tmp_path.iterdir())


def test_an_unwritable_place_is_said(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportFailed, match="cannot write"):
        export(model, "fp32", tmp_path / "file" / "graph.onnx")


@pytest.mark.parametrize("folder", [".", "made"])
def test_a_folder_is_refused_before_the_work(model, folder, tmp_path, monkeypatch):
    (tmp_path / "made").mkdir()
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.app, ["export", str(model), "--out", folder])
    assert isinstance(done.exception, ExportFailed)
    assert "is a folder; name the file" in str(done.exception)


def test_eight_bits_need_people_who_show_what_the_model_knows(model, takes, tmp_path):
    others = ["sources.0.labels={fist: a, open: b}", "idle=''"]
    with pytest.raises(ExportFailed, match="trains on nothing that"):
        export(model, "int8", tmp_path / "x.onnx", takes / "tiny.yaml", takes, others)


def test_known_failures_are_one_sentence(model, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bharnet", "export", str(model), "--to", "tflite"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    assert "only onnx" in capsys.readouterr().out


def test_eight_bits_are_calibrated_and_measured_on_people_held_out(model, takes, tmp_path):
    done = export(model, "int8", tmp_path / "small.onnx", takes / "tiny.yaml", takes)
    assert done.top1 is not None
    assert done.sequences == 12
    assert 1e-5 < done.error < BOUNDS["int8"]
    assert b"QuantizeLinear" in done.path.read_bytes()
