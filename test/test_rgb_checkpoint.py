# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""M in one file: what was written comes back, what is no M is refused in words."""

import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from tiny import rewrite

from bharnet.checkpoint import InvalidCheckpoint, ModelInfo, load_checkpoint, save_checkpoint
from bharnet.features import FeatureConfig
from bharnet.network import NetworkConfig
from bharnet.rgb.backbone import ResNetConfig
from bharnet.rgb.checkpoint import RGBInfo, build, load_rgb_checkpoint, save_rgb_checkpoint
from bharnet.rgb.crops import CropConfig
from bharnet.rgb.guided import FusionConfig

SKELETON = ModelInfo(
    "bones",
    "2.0",
    ("wave", "point", "null"),
    "null",
    1.5,
    NetworkConfig(blocks=((16, 2),)),
    FeatureConfig(frames=8, window_seconds=1.0),
    {"enter_threshold": 0.7},
    {"seed": 3},
)
INFO = RGBInfo(
    "tiny_m",
    "1.0",
    SKELETON,
    ResNetConfig(34, 8),
    CropConfig(moments=3, cell=20, size=1.2),
    FusionConfig(top_share=0.5, rgb_weight=0.7),
    {"first_weights": "random, as asked for"},
)


def network():
    torch.manual_seed(0)
    return build(INFO).eval()


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "m.safetensors"
    save_rgb_checkpoint(path, network(), INFO)
    return path


def test_round_trip_keeps_everything(saved):
    loaded = load_rgb_checkpoint(saved)
    assert loaded.info == INFO
    assert loaded.info.classes == SKELETON.classes
    assert not loaded.network.training
    written = network().state_dict()
    assert loaded.network.state_dict().keys() == written.keys()
    for key, value in loaded.network.state_dict().items():
        torch.testing.assert_close(value, written[key], rtol=0, atol=0)


def refuse(path, match, load=load_rgb_checkpoint):
    with pytest.raises(InvalidCheckpoint, match=match) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_neither_kind_of_model_is_taken_for_the_other(saved, tmp_path):
    refuse(saved, "no bharnet model; .*`bharnet train`", load_checkpoint)
    bones = tmp_path / "bones.safetensors"
    save_checkpoint(bones, network().skeleton, SKELETON)
    refuse(bones, "no bharnet_m model; .*`bharnet train-rgb`")


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.3, 0.99])
def test_truncated_file(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    refuse(saved, "damaged")


def test_what_is_no_model_at_all(saved):
    refuse(saved.parent / "none.safetensors", "cannot read")
    saved.write_bytes(save({"a": torch.zeros(2)}))
    refuse(saved, "no bharnet_m model")
    torch.save({"weights": torch.zeros(3)}, saved)
    refuse(saved, "damaged")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": 2}, "format 2"),
        ({"skeleton": {}}, "description"),
        ({"image": {"depth": 101}}, "depth"),
        ({"image": {"depth": 18, "width": 8}}, "do not fit"),
        ({"image": {"depth": 34, "width": 16}}, "do not fit"),
        ({"crops": {"cell": 10**9}}, "description"),
        ({"crops": 5}, "description"),
        ({"fusion": {"colour": "red"}}, "description"),
        ({"provenance": None}, "description"),
    ],
)
def test_description_that_does_not_fit(saved, changes, match):
    rewrite(saved, **changes)
    refuse(saved, match)


def test_nan_weights_are_refused(tmp_path):
    broken = network()
    with torch.no_grad():
        broken.image.fc.weight[0, 0] = float("nan")
    save_rgb_checkpoint(tmp_path / "nan.safetensors", broken, INFO)
    refuse(tmp_path / "nan.safetensors", "NaN")


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_flipped_bytes_load_or_are_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "m.safetensors"
    save_rgb_checkpoint(path, network(), INFO)
    content = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, length))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        load_rgb_checkpoint(path)
    except InvalidCheckpoint:
        return  # refused in words; anything else fails the test
