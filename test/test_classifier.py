# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The classifier whose last class lies around the others: its arithmetic, in files, in ONNX."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from gestures import GESTURES, make_take, write_recordings

from bharnet.checkpoint import InvalidCheckpoint, load_checkpoint, save_checkpoint
from bharnet.network.classifier import Classifier
from bharnet.skeleton import UPPER_BODY_11
from bharnet_train.finetune.run import Plan, finetune


def test_without_a_wide_class_it_is_linear():
    made = Classifier(6, 3)
    x = torch.randn(5, 6)
    assert torch.equal(made(x), torch.nn.functional.linear(x, made.weight, made.bias))
    assert set(made.state_dict()) == {"weight", "bias"}


def test_the_wide_class_grows_with_the_distance():
    made = Classifier(6, 3, 1).requires_grad_(False)
    made.weight.zero_()
    made.bias.zero_()
    made.centre.fill_(2.0)
    made.scale.fill_(0.5)
    made.form.copy_(torch.eye(6) * 3.0)
    x = torch.full((1, 6), 2.0)
    x[0, 0] = 6.0  # two away once it is scaled
    assert made(x).tolist() == [[0.0, 12.0, 0.0]]


@pytest.mark.parametrize("wide", [3, -2])
def test_it_is_one_of_the_classes(wide):
    with pytest.raises(ValueError, match=f"wide_class {wide} is none of 3 classes"):
        Classifier(6, 3, wide)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wide")
    write_recordings(folder / "mine", takes=3)
    return finetune(folder / "mine", Plan("mine", copies=4), folder, "").path


def test_a_file_that_names_no_class_is_refused(taught, tmp_path):
    loaded = load_checkpoint(taught)
    info = replace(loaded.info, network=replace(loaded.info.network, wide_class=9))
    save_checkpoint(tmp_path / "bad.safetensors", loaded.network, info)
    with pytest.raises(InvalidCheckpoint, match="wide_class 9 is none of 4 classes"):
        load_checkpoint(tmp_path / "bad.safetensors")


def test_onnx_answers_likewise_in_16_bits(taught):
    pytest.importorskip("onnxscript", reason="no exporter here: pip install -e .[export]")
    from bharnet.backends.onnx_graph import NAMES, export_graph, open_graph
    from bharnet.features import make_streams, resample

    loaded = load_checkpoint(taught)
    takes = [make_take(label, 5, seconds=2.0) for label in (*GESTURES, "idle")]
    windows = [take.window(UPPER_BODY_11) for take in takes]
    features = loaded.info.features
    joints = [resample(each, features, int(each.stamps[-1])) for each in windows]
    position = np.stack([each.position for each in joints])
    seen = np.stack([each.seen for each in joints])
    session = open_graph(export_graph(loaded, half=True), ["CPUExecutionProvider"], 1)
    told = dict(
        zip(NAMES, session.run(list(NAMES), {"position": position, "seen": seen}), strict=True)
    )
    logits = torch.from_numpy(told["fused"]).float() / loaded.info.temperature
    assert [loaded.info.classes[i] for i in logits.argmax(1)] == [*GESTURES, "idle"]
    with torch.inference_mode():
        streams = make_streams(torch.from_numpy(position), torch.from_numpy(seen), features)
        wanted = loaded.network(streams).fused / loaded.info.temperature
    torch.testing.assert_close(
        torch.softmax(logits, 1), torch.softmax(wanted, 1), rtol=0, atol=0.02
    )
