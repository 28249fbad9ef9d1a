# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Backends agree; what is missing is said; a full GPU costs a warning, not the robot."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from unittest import mock

import numpy as np
import onnxruntime
import pytest
import torch
from people import START
from tiny import save_model

from bharnet import backends
from bharnet.backends import choose, onnx_backend, onnx_graph, torch_backends
from bharnet.backends.interface import Answer, BackendUnavailable, OutOfMemory, example
from bharnet.checkpoint import load_checkpoint
from bharnet.features import make_streams
from bharnet.recognizer import Recognizer
from bharnet.window import Window

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A checkpoint; only what needs its graph waits for the export."""
    return load_checkpoint(save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors"))


@pytest.fixture
def exported_model(exported):
    return load_checkpoint(exported[0])


@pytest.fixture
def cached(exported, exported_model, tmp_path, monkeypatch):
    """A checkpoint whose graph is in the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with mock.patch.object(onnx_graph, "export_graph", return_value=exported[1]):
        error = onnx_graph.write_graph(exported_model, onnx_graph.cached_graph(exported_model))
    assert 0 <= error < 1e-5
    return exported_model


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A cache with nothing in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def told():
    lines: list[tuple[str, str]] = []
    return lines, lambda key, message: lines.append((key, message))


def wanted(model, position, seen):
    with torch.inference_mode():
        return model.network(make_streams(position, seen, model.info.features))


@pytest.mark.parametrize("people", [1, 3, 9])
@pytest.mark.parametrize("name", ["eager", "onnx"])
def test_they_answer_as_the_network_does(cached, name, people):
    lines, warn = told()
    backend = backends.make_backend(name, cached, CPU, warn)
    assert (backend.name, lines) == (name, [])
    position, seen = example(cached.info.features, people)
    answer = backend.run(position.numpy(), seen.numpy())
    for name_, got in answer._asdict().items():
        want = getattr(wanted(cached, position, seen), name_)
        np.testing.assert_allclose(got, want.numpy(), atol=2e-5)
    assert len(np.unique(answer.fused, axis=0)) == people
    backend.close()


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("large", [0, onnx_backend.LARGE])
@pytest.mark.parametrize("people", [1, 2, 3, 7])
def test_threads_share_people_and_answer_in_their_order(
    cached, people, large, three_threads, monkeypatch
):
    monkeypatch.setattr(onnx_backend, "LARGE", large)
    backend = onnx_backend.Onnx(cached, CPU)
    position, seen = example(cached.info.features, people)
    answer = backend.run(position.numpy(), seen.numpy())
    for name, got in answer._asdict().items():
        want = getattr(wanted(cached, position, seen), name)
        np.testing.assert_allclose(got, want.numpy(), atol=2e-5)
    at_work = [each for each in threading.enumerate() if each.name.startswith("onnx")]
    assert bool(at_work) == (people > 1)
    backend.close()
    assert not any(each.is_alive() for each in at_work)


def test_auto_is_onnx_once_the_graph_is_there(cached):
    assert Recognizer(cached, "cpu").backend == "onnx"


def test_auto_never_waits_for_an_export(empty, model):
    lines, warn = told()
    assert Recognizer(model, "cpu", warn=warn).backend == "eager"
    assert lines == []
    assert not list(empty.rglob("*.onnx"))


def test_a_damaged_graph_is_not_used(empty, model):
    path = onnx_graph.cached_graph(model)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no graph")
    assert Recognizer(model, "cpu").backend == "eager"


def test_a_graph_of_something_else_is_not_used(empty, model):
    onnx = pytest.importorskip("onnx")
    path = onnx_graph.cached_graph(model)
    path.parent.mkdir(parents=True)
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "else", ends[:1], ends[1:])
    opset = onnx.helper.make_opsetid("", onnx_graph.OPSET)
    made = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)
    path.write_bytes(made.SerializeToString())
    assert Recognizer(model, "cpu").backend == "eager"


@pytest.mark.parametrize("trouble", [PermissionError("denied"), RuntimeError("no home")])
def test_without_a_home_that_can_be_read_eager_runs(model, monkeypatch, trouble):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    lines, warn = told()
    whose = (Path, "is_file") if isinstance(trouble, OSError) else (Path, "home")
    with mock.patch.object(*whose, side_effect=trouble):
        assert Recognizer(model, "cpu", warn=warn).backend == "eager"
        assert lines == []
        if isinstance(trouble, RuntimeError):
            assert Recognizer(model, "cpu", "onnx", warn).backend == "eager"
            assert "set XDG_CACHE_HOME" in lines[0][1]


def test_the_graph_of_another_network_is_not_used(cached, monkeypatch):
    """A file of the right name with other weights: compared with torch, it is found out."""
    other = load_checkpoint(save_model(onnx_graph.cached_graph(cached).with_suffix(".st"), "yes"))
    path = onnx_graph.cached_graph(cached)
    monkeypatch.setattr(onnx_backend, "cached_graph", lambda _: path)
    with pytest.raises(BackendUnavailable, match="does not answer"):
        onnx_backend.Onnx(other, CPU, make=False)


@pytest.mark.parametrize(
    ("name", "says"), [("cuda_graphs", "CUDA GPU"), ("tensorrt", "TensorRT needs")]
)
def test_what_is_missing_is_said_and_eager_runs(model, name, says):
    lines, warn = told()
    assert backends.make_backend(name, model, CPU, warn).name == "eager"
    ((key, message),) = lines
    assert key == "backend"
    assert says in message
    assert "eager is" in message


def test_a_missing_provider_is_said(model):
    with mock.patch.object(onnxruntime, "get_available_providers", return_value=[]):
        lines, warn = told()
        assert backends.make_backend("onnx", model, CPU, warn).name == "eager"
    assert "no CPUExecutionProvider" in lines[0][1]


def test_without_onnxruntime_eager_runs(model):
    with mock.patch.dict(sys.modules, {"onnxruntime": None}):
        lines, warn = told()
        assert backends.make_backend("onnx", model, CPU, warn).name == "eager"
    assert "pip install" in lines[0][1]


def test_a_failing_compiler_is_said(model):
    def broken(*arguments, **options):
        def run(*tensors):
            raise RuntimeError("no C++ compiler found")

        return run

    with mock.patch.object(torch_backends.torch, "compile", broken):
        lines, warn = told()
        assert backends.make_backend("compile", model, CPU, warn).name == "eager"
    assert "no C++ compiler" in lines[0][1]


def test_an_unknown_name_is_refused(model):
    with pytest.raises(ValueError, match="none of auto, eager"):
        backends.make_backend("fast", model, CPU, lambda *_: None)


def test_a_graph_that_answers_otherwise_is_not_written(tmp_path, model):
    with (
        mock.patch.object(onnx_graph, "export_graph", return_value=b"x"),
        mock.patch.object(onnx_graph, "largest_error", return_value=float("nan")),
        pytest.raises(BackendUnavailable, match="differs from torch"),
    ):
        onnx_graph.write_graph(model, tmp_path / "bad.onnx")
    assert not list(tmp_path.iterdir())


class FullGpu:
    """A backend that runs twice; then the memory of its device is full."""

    name = "fake"

    def __init__(self, checkpoint, device):
        self.left, self.closed = 2, False
        self.shape = len(checkpoint.info.classes)

    def run(self, position, seen):
        if not self.left:
            raise OutOfMemory("tried to allocate 2.00 GiB")
        self.left -= 1
        logits, present = np.zeros((3, len(position), self.shape)), np.ones((2, len(position)))
        return Answer(*logits.astype(np.float32), *present.astype(np.float32))

    def close(self):
        self.closed = True


def windows(count):
    body, hands = np.ones((5, 11, 4), np.float32), np.ones((5, 2, 21, 4), np.float32)
    stamps = START + np.arange(5) * 10**8
    return [Window(stamps, body, hands)] * count


def test_a_full_gpu_falls_back_to_the_cpu_once(empty, model, monkeypatch):
    monkeypatch.setitem(choose.MAKE, "eager", FullGpu)
    monkeypatch.setattr("bharnet.recognizer.choose_device", lambda _: torch.device("cuda"))
    lines, warn = told()
    recognizer = Recognizer(model, "cuda", "eager", warn)
    fake = recognizer._backend
    for _ in range(5):
        assert len(recognizer.recognize(windows(3), START + 5 * 10**8)) == 3
    assert [key for key, _ in lines] == ["gpu_memory"]
    assert "runs on the CPU" in lines[0][1]
    assert (recognizer.backend, recognizer.device) == ("eager", CPU)
    assert fake.closed


def test_a_gpu_full_at_start_falls_back_too(empty, model, monkeypatch):
    def full(checkpoint, device):
        raise OutOfMemory("full")

    monkeypatch.setitem(choose.MAKE, "eager", full)
    monkeypatch.setattr("bharnet.recognizer.choose_device", lambda _: torch.device("cuda"))
    lines, warn = told()
    recognizer = Recognizer(model, "cuda", "eager", warn)
    assert len(recognizer.recognize(windows(1), START)) == 1
    assert [key for key, _ in lines] == ["gpu_memory"]


def test_torchs_own_error_is_understood(model):
    backend = torch_backends.Eager(model, CPU)

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    backend._forward = full
    position, seen = example(model.info.features, 1)
    with pytest.raises(OutOfMemory, match="Tried to allocate"):
        backend.run(position.numpy(), seen.numpy())


def test_the_core_needs_no_onnx():
    """Nobody who runs eager pays for onnxruntime, or has to have it."""
    code = (
        "import sys; sys.modules['onnxruntime'] = sys.modules['onnxscript'] = None;"
        "import bharnet.recognizer; sys.exit('onnx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
