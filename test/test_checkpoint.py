# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint keeps everything, and what is none is refused in words."""

import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from tiny import rewrite

from bharnet.checkpoint import InvalidCheckpoint, ModelInfo, load_checkpoint, save_checkpoint
from bharnet.features import FeatureConfig
from bharnet.network import BHaRNet, NetworkConfig

FEATURES = FeatureConfig(frames=8, window_seconds=1.0)
NETWORK = NetworkConfig(blocks=((16, 2),))
INFO = ModelInfo(
    "tiny",
    "1.0",
    ("wave", "null"),
    "null",
    1.5,
    NETWORK,
    FEATURES,
    {"enter_threshold": 0.7},
    {"seed": 0},
)


def network():
    torch.manual_seed(0)
    return BHaRNet(NETWORK, FEATURES, 2).eval()


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, network(), INFO)
    return path


def test_round_trip_keeps_everything(saved):
    loaded = load_checkpoint(saved)
    assert loaded.info == INFO
    for key, value in network().state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[key], value)
    assert not list(saved.parent.glob("*.partial"))


def test_the_same_content_has_the_same_digest(saved, tmp_path):
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, network(), INFO)
    assert load_checkpoint(other).digest == load_checkpoint(saved).digest


def test_what_cannot_be_written_whole_is_not_left(saved, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    before = saved.read_bytes()
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(saved, network(), INFO)
    assert [each.name for each in saved.parent.iterdir()] == [saved.name]
    assert saved.read_bytes() == before


def refuse(path, match):
    with pytest.raises(InvalidCheckpoint, match=match) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path):
    refuse(tmp_path / "none.safetensors", "cannot read")


def test_folder(tmp_path):
    refuse(tmp_path, "cannot read")


def test_pipe_and_device(tmp_path):
    pipe = tmp_path / "pipe.safetensors"
    os.mkfifo(pipe)
    for path in (pipe, Path(os.devnull)):
        refuse(path, "is a pipe or a device; give an existing")


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.3, 0.99])
def test_truncated_file(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    refuse(saved, "damaged")


def test_text_file(saved):
    saved.write_text("this is a picture of a cat, not a model")
    refuse(saved, "damaged")


def test_pickle_is_never_opened(saved):
    torch.save({"weights": torch.zeros(3)}, saved)
    refuse(saved, "damaged")


def test_safetensors_of_somebody_else(saved):
    saved.write_bytes(save({"a": torch.zeros(2)}))
    refuse(saved, "no bharnet model")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": 99}, "format 99"),
        ({"classes": ["a", "a"]}, "repeat"),
        ({"classes": ["a", "b", "c"], "idle": "a"}, "do not fit"),
        ({"idle": "missing"}, "idle class"),
        ({"temperature": 0}, "temperature"),
        ({"network": 7}, "description"),
        ({"features": {"frames": 8}}, "description"),
        ({"network": {"experts": ["body"], "blocks": [[10**9, 1]]}}, "blocks"),
        ({"features": {"streams": ["joint"], "frames": 10**9}}, "frames"),
        ({"network": {"experts": ["body"], "blocks": []}}, "blocks"),
    ],
)
def test_description_that_does_not_fit(saved, changes, match):
    rewrite(saved, **changes)
    refuse(saved, match)


def test_another_body_layout_is_refused(saved):
    rewrite(saved, features={**vars(FEATURES), "body_layout": "kinect_25"})
    refuse(saved, "do not fit")


def test_one_of_before_the_second_classifier_is_read(tmp_path):
    old = replace(INFO, network=replace(INFO.network, alone=False))
    path = tmp_path / "old.safetensors"
    save_checkpoint(path, BHaRNet(old.network, old.features, len(old.classes)), old)
    stored = asdict(old.network)
    del stored["alone"]
    rewrite(path, network=stored)
    assert not load_checkpoint(path).info.network.alone


def test_nan_weights_are_refused(tmp_path):
    broken = network()
    with torch.no_grad():
        next(iter(broken.parameters())).fill_(float("nan"))
    path = tmp_path / "nan.safetensors"
    save_checkpoint(path, broken, INFO)
    refuse(path, "NaN")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_flipped_bytes_load_or_are_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "tiny.safetensors"
    save_checkpoint(path, network(), INFO)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        # The header is where a parser can go wrong; the weights are only numbers.
        content[data.draw(st.integers(0, 4000))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        load_checkpoint(path)
    except InvalidCheckpoint:
        return  # refused in words; anything else fails the test


def test_a_path_may_be_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_checkpoint("mein Modell ä.safetensors", network(), INFO)
    assert load_checkpoint("mein Modell ä.safetensors").info == INFO
    with pytest.raises(InvalidCheckpoint, match="nowhere"):
        load_checkpoint("nowhere.safetensors")
