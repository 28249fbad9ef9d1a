# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Northwestern-UCLA is read and turned; other files are refused."""

import numpy as np
import pytest
import torch

from bharnet.features import FeatureConfig, make_streams
from bharnet.skeleton import KINECT_20
from bharnet_train.augmentation import augment
from bharnet_train.config import Augmentation
from bharnet_train.datasets.nucla import read_nucla
from bharnet_train.datasets.recordings import UnreadableData

FEATURES = FeatureConfig(
    body_layout="kinect_20", frames=8, body_depth=True, streams=("joint",), preprocessing="facing"
)


def write(path, **changes):
    rng = np.random.default_rng(0)
    arrays = {
        "joints": rng.normal(size=(7, 20, 3)).astype(np.float32),
        "offsets": np.array([0, 1, 7]),
        "label": np.array([1, 12]),
        "subject": np.array([3, 10]),
        "view": np.array([1, 3]),
    }
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return path, arrays


def test_sequences_carry_action_subject_and_view(tmp_path):
    path, arrays = write(tmp_path / "nucla.npz")
    first, second = read_nucla(path, KINECT_20)
    assert (first.label, first.person, first.session) == ("pick up with one hand", "s3", "v1")
    assert (second.label, second.person, second.session) == ("carry", "s10", "v3")
    assert second.window.body.shape == (6, 20, 4)
    assert np.isnan(second.window.hands).all()
    np.testing.assert_allclose(second.window.body[..., 1], -arrays["joints"][1:, :, 1])


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"joints": np.zeros((7, 25, 3))}, "20"),
        ({"offsets": np.array([0, 3, 9])}, "offsets"),
        ({"offsets": np.array([0, 7, 7])}, "offsets"),
        ({"label": np.array([1, 7])}, "labels"),
        ({"view": np.array([1])}, "match"),
        ({"subject": None}, "subject"),
    ],
)
def test_another_form_is_refused(tmp_path, changes, cause):
    path, _ = write(tmp_path / "nucla.npz", **changes)
    with pytest.raises(UnreadableData, match=cause):
        read_nucla(path, KINECT_20)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "nucla.npz"
    with pytest.raises(UnreadableData, match="does not exist"):
        read_nucla(path, KINECT_20)
    path.write_bytes(content)
    with pytest.raises(UnreadableData, match="npz"):
        read_nucla(path, KINECT_20)


def about_the_vertical(position, degrees):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y, z = position.unbind(-1)
    return torch.stack((cos * x + sin * z, y, cos * z - sin * x), -1)


@pytest.mark.parametrize("degrees", [0, 50, -90, 180])
def test_facing_undoes_where_the_camera_stood(degrees):
    generator = torch.Generator().manual_seed(0)
    position = torch.randn(2, 8, 20 + 42, 3, generator=generator)
    seen = torch.ones(2, 8, 62, dtype=torch.bool)
    expected = make_streams(position, seen, FEATURES).body
    turned = make_streams(about_the_vertical(position, degrees), seen, FEATURES).body
    torch.testing.assert_close(turned, expected, atol=1e-4, rtol=1e-4)


def test_nobody_in_sight_has_no_facing():
    nothing = make_streams(torch.zeros(1, 8, 62, 3), torch.zeros(1, 8, 62).bool(), FEATURES)
    assert torch.isfinite(nothing.body).all()


def test_facing_needs_depth():
    with pytest.raises(ValueError, match="body_depth"):
        FeatureConfig(preprocessing="facing")


def test_turning_in_depth_keeps_bone_lengths():
    off = dict.fromkeys(Augmentation.model_fields, 0.0)
    position = torch.randn(4, 8, 62, 3)
    seen = torch.ones(4, 8, 62, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    turned, _ = augment(position, seen, KINECT_20, Augmentation(**{**off, "turn": 60}), generator)
    lengths = (position[:, :, 1:] - position[:, :, :1]).norm(dim=-1)
    torch.testing.assert_close((turned[:, :, 1:] - turned[:, :, :1]).norm(dim=-1), lengths)
    assert not torch.allclose(turned, position, atol=0.05)
