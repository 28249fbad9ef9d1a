# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""M's networks: guidance by hand, weights of others, what is frozen, what is not seen."""

import hashlib
import http.client
import math
import urllib.error

import pytest
import torch
from safetensors.torch import save_file

from bharnet.features import FeatureConfig, Streams
from bharnet.network import BHaRNet, NetworkConfig
from bharnet.rgb.backbone import ResNet, ResNetConfig
from bharnet.rgb.guided import (
    LARGEST_WEIGHT,
    BHaRNetM,
    FusionConfig,
    guidance,
    guide_joints,
)
from bharnet.rgb.weights import InvalidWeights, initialise, load_weights
from bharnet.skeleton import COCO_17, KINECT_20, MEDIAPIPE_33, UPPER_BODY_11

FEATURES = FeatureConfig(frames=8)
TINY = ResNetConfig(width=8)


def skeleton(classes=3, **config):
    torch.manual_seed(0)
    return BHaRNet(NetworkConfig(blocks=((16, 2),), **config), FEATURES, classes).eval()


def m(fusion=None, classes=3):
    torch.manual_seed(1)
    image = ResNet(TINY, classes)
    return BHaRNetM(skeleton(classes), image, UPPER_BODY_11, fusion or FusionConfig()).eval()


def streams(batch=2, seed=0):
    torch.manual_seed(seed)
    return Streams(
        torch.randn(batch, FEATURES.body_channels, 8, 11),
        torch.randn(batch, 2, FEATURES.hand_channels, 8, 21),
        torch.ones(batch, 8, 11),
        torch.ones(batch, 2, 8, 21),
    )


def picture(batch=2, cell=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(
        0, 256, (batch, 3, 5 * cell, 5 * cell), dtype=torch.uint8, generator=generator
    )


EVERYTHING = torch.ones(2, 5, 5, dtype=torch.bool)

# --- the backbone


@pytest.mark.parametrize(("depth", "millions"), [(18, 11.69), (34, 21.80)])
def test_the_sizes_are_those_of_the_paper(depth, millions):
    """With ImageNet's 1,000 classes, as torchvision's documentation counts them."""
    network = ResNet(ResNetConfig(depth), 1000)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)


def test_the_names_are_torchvisions():
    keys = set(ResNet(ResNetConfig(18), 1000).state_dict())
    assert len(keys) == 122  # of torchvision's resnet18
    assert {
        "conv1.weight",
        "bn1.running_mean",
        "layer1.0.conv2.weight",
        "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.running_var",
        "layer4.1.bn2.num_batches_tracked",
        "fc.bias",
    } <= keys
    assert not any("layer1.0.downsample" in key for key in keys)


def test_mmnets_picture_shrinks_by_32():
    network = ResNet(TINY, 4).eval()
    seen = []
    network.layer4.register_forward_hook(lambda *args: seen.append(args[2].shape))
    assert network(torch.zeros(1, 3, 225, 225)).shape == (1, 4)
    assert seen == [(1, 64, 8, 8)]


@pytest.mark.parametrize("wrong", [{"depth": 50}, {"width": 0}, {"width": 10**9}])
def test_a_network_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"depth|width"):
        ResNetConfig(**wrong)


# --- weights of others


def weights_of(seed, classes=1000):
    torch.manual_seed(seed)
    network = ResNet(TINY, classes)
    network.bn1.running_mean += 1.0
    return network.state_dict()


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_weights_come_from_a_file_and_the_classifier_stays_new(tmp_path, ending):
    given = weights_of(1)
    path = tmp_path / f"resnet.{ending}"
    torch.save(given, path) if ending == "pth" else save_file(given, path)
    torch.manual_seed(2)
    network = ResNet(TINY, 3)
    classifier = network.fc.weight.clone()
    said = initialise(network, str(path))
    assert said == f"file {path.name}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
    for key, value in network.state_dict().items():
        if not key.startswith("fc."):
            torch.testing.assert_close(value, given[key], rtol=0, atol=0)
    torch.testing.assert_close(network.fc.weight, classifier, rtol=0, atol=0)


def test_old_files_without_the_count_of_batches_load(tmp_path):
    given = {k: v for k, v in weights_of(1).items() if "num_batches" not in k}
    torch.save(given, tmp_path / "old.pth")
    network = ResNet(TINY, 3)
    load_weights(network, tmp_path / "old.pth")
    torch.testing.assert_close(network.conv1.weight.detach(), given["conv1.weight"])


class Harmful:
    def __reduce__(self):
        return exec, ("raise SystemExit('unpickled')",)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda w: w.pop("layer3.1.conv1.weight"), r"lacks layer3\.1\.conv1\.weight"),
        (lambda w: w.update({"layer1.2.conv1.weight": torch.zeros(1)}), r"also has layer1\.2"),
        (lambda w: w.update({"conv1.weight": torch.zeros(64, 3, 7, 7)}), "another shape"),
        (lambda w: w["bn1.weight"].fill_(float("nan")), "NaN"),
        (lambda w: w.update({"code": Harmful()}), "no readable weights"),
    ],
    ids=["lacks", "too many", "shape", "nan", "code"],
)
def test_weights_that_do_not_fit_are_refused_and_change_nothing(tmp_path, change, match):
    weights = weights_of(1)
    change(weights)
    path = tmp_path / "wrong.pth"
    torch.save(weights, path)
    network = ResNet(TINY, 3)
    before = network.conv1.weight.clone()
    with pytest.raises(InvalidWeights, match=match) as caught:
        load_weights(network, path)
    assert str(path) in str(caught.value)
    torch.testing.assert_close(network.conv1.weight, before, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"no weights", b"PK\x03\x04 cut short"])
def test_what_is_no_file_of_weights_is_refused(tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidWeights, match=r"cannot read|no readable"):
        load_weights(ResNet(TINY, 3), path)


def test_a_list_of_weights_is_refused(tmp_path):
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    with pytest.raises(InvalidWeights, match="it is a list"):
        load_weights(ResNet(TINY, 3), tmp_path / "list.pth")


@pytest.mark.parametrize(
    "error", [urllib.error.URLError("no network"), http.client.BadStatusLine("no network")]
)
def test_what_cannot_be_downloaded_is_random_and_says_so(monkeypatch, caplog, error):
    asked = []

    def unreachable(url, **options):
        asked.append((url, options))
        raise error

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    network = ResNet(ResNetConfig(18), 3)
    before = network.conv1.weight.clone()
    said = initialise(network, "auto")
    assert said.startswith("random: https://download.pytorch.org/models/resnet18-f37072fd.pth")
    assert "no network" in said
    assert "random" in caplog.text
    assert asked[0][1]["check_hash"] is True
    assert asked[0][1]["weights_only"] is True
    torch.testing.assert_close(network.conv1.weight, before, rtol=0, atol=0)


def test_what_can_be_downloaded_is_used_and_named(monkeypatch):
    torch.manual_seed(3)
    given = ResNet(ResNetConfig(18), 1000).state_dict()
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *a, **k: given)
    network = ResNet(ResNetConfig(18), 3)
    assert initialise(network) == "https://download.pytorch.org/models/resnet18-f37072fd.pth"
    torch.testing.assert_close(network.conv1.weight.detach(), given["conv1.weight"])


def test_other_widths_begin_at_random():
    assert initialise(ResNet(TINY, 3)).startswith("random: nobody's weights are 8")
    assert initialise(ResNet(TINY, 3), "random") == "random, as asked for"


# --- guidance


def test_guidance_equals_what_is_computed_by_hand():
    """One person, two channels, four instants, three joints.

    Strengths (3, 4, 0 make 5, ...): joint 0: 5, 10, 0, 5; joint 1: 0, 0, 0, 20; joint 2: 20 ...
    Least 0, greatest 20. The strongest half (two instants): joint 0 (10 + 5) / 2 / 20 = 0.375,
    joint 1 (20 + 0) / 2 / 20 = 0.5, joint 2 1.0.
    """
    joint0 = [(3, 4), (6, 8), (0, 0), (4, 3)]
    joint1 = [(0, 0), (0, 0), (0, 0), (12, 16)]
    joint2 = [(20, 0), (0, 20), (1, 0), (1, 0)]
    features = torch.tensor([joint0, joint1, joint2], dtype=torch.float)  # (V, T, C)
    features = features.permute(2, 1, 0)[None, None]
    weight = guidance(features, torch.ones(1, 1, 4, 3), (0, 1, 2, None, 1), top_share=0.5)
    expected = torch.tensor([[0.375, 0.5, 1.0, 0.0, 0.5]]) * 255 / 127
    expected[0, 3] = 1.0  # no joint: as the picture is
    torch.testing.assert_close(weight, expected)


def test_guidance_takes_the_person_of_the_larger_mean():
    features = torch.zeros(1, 2, 1, 2, 2)
    features[0, 0, 0] = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    features[0, 1, 0] = torch.tensor([[0.0, 7.0], [0.0, 7.0]])
    weight = guidance(features, torch.ones(1, 2, 2, 2), (0, 1), 1.0)
    torch.testing.assert_close(weight, torch.tensor([[0.0, LARGEST_WEIGHT]]))
    # Where the second is not seen, the first one decides.
    seen = torch.ones(1, 2, 2, 2)
    seen[:, 1] = 0
    weight = guidance(features, seen, (0, 1), 1.0)
    torch.testing.assert_close(weight, torch.tensor([[LARGEST_WEIGHT, 0.0]]))


def test_unseen_joints_neither_guide_nor_set_the_scale():
    features = torch.tensor([[1.0, 3.0, 100.0], [2.0, 3.0, 100.0]])[None, None, None]
    seen = torch.ones(1, 1, 2, 3)
    seen[..., 2] = 0
    seen[..., 1, 1] = 0
    weight = guidance(features, seen, (0, 1, 2), 1.0)
    # Least 1, greatest 3; joint 1 is seen once; joint 2 never.
    torch.testing.assert_close(weight, torch.tensor([[0.25 * LARGEST_WEIGHT, LARGEST_WEIGHT, 1]]))


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_nothing_seen_or_nothing_stands_out_guides_nowhere(value):
    features = torch.full((1, 1, 4, 3, 5), value)
    for seen in (torch.zeros(1, 1, 3, 5), torch.ones(1, 1, 3, 5)):
        weight = guidance(features, seen, (0, 1, 2, 3, None), 0.25)
        torch.testing.assert_close(weight, torch.ones(1, 5))


def test_guidance_does_not_depend_on_the_others_of_the_batch():
    """MMNet scales over the batch; here a person's answer is a matter of that person."""
    torch.manual_seed(0)
    features, seen = torch.randn(3, 1, 6, 4, 11), torch.rand(3, 1, 4, 11).round()
    joints = guide_joints(UPPER_BODY_11)
    together = guidance(features * 50, seen, joints, 0.25)
    for i in range(3):
        alone = guidance(features[i : i + 1], seen[i : i + 1], joints, 0.25)
        torch.testing.assert_close(alone[0], together[i])


def test_guides_are_named_in_every_layout():
    assert guide_joints(KINECT_20) == (3, 10, 6, 18, 14)
    assert guide_joints(COCO_17) == (0, 10, 9, 16, 15)
    assert guide_joints(MEDIAPIPE_33) == (0, 16, 15, 28, 27)
    assert guide_joints(UPPER_BODY_11) == (0, 8, 7, None, None)


# --- M


def test_only_the_picture_network_learns():
    network = m().train()
    before = {key: value.clone() for key, value in network.skeleton.state_dict().items()}
    network(picture(), EVERYTHING, streams()).fused.sum().backward()
    assert all(p.grad is None for p in network.skeleton.parameters())
    assert all(p.grad is not None for p in network.image.parameters())
    for key, value in network.skeleton.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    assert not any(module.training for module in network.skeleton.modules())


def test_the_sum_is_weighted_as_configured():
    scores = m(FusionConfig(skeleton_weight=2.0, rgb_weight=0.5))(picture(), EVERYTHING, streams())
    torch.testing.assert_close(scores.fused, 2 * scores.skeleton + 0.5 * scores.rgb)
    assert scores.rgb.abs().sum() > 0
    torch.testing.assert_close(scores.skeleton, skeleton()(streams()).fused)


def test_a_picture_of_nothing_keeps_silent():
    shown = EVERYTHING.clone()
    shown[0] = False
    scores = m()(picture(), shown, streams())
    assert scores.rgb_present.tolist() == [0.0, 1.0]
    assert not scores.rgb[0].any()
    torch.testing.assert_close(scores.fused[0], scores.skeleton[0])


def test_what_stands_in_a_cell_that_shows_nothing_does_not_matter():
    shown = EVERYTHING.clone()
    shown[:, 2, 1] = False
    first, second = picture(), picture()
    second[:, :, 18:27, 9:18] = 255
    network = m()
    a, b = network(first, shown, streams()).rgb, network(second, shown, streams()).rgb
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    changed = network(second, EVERYTHING, streams()).rgb
    assert not torch.allclose(changed, network(first, EVERYTHING, streams()).rgb)


def test_guidance_weights_the_rows_of_the_picture():
    """The picture network is given rows times the weights of ``weigh``."""
    network = m()
    given = []
    network.image.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    white = torch.full((2, 3, 45, 45), 255, dtype=torch.uint8)
    network(white, EVERYTHING, streams())
    weight = network.weigh(streams())
    assert weight.std() > 0.1
    red = (1 - 0.485) / 0.229
    expected = weight.repeat_interleave(9, 1)[:, :, None].expand(2, 45, 45) * red
    torch.testing.assert_close(given[0][:, 0], expected)
    blind = m(FusionConfig(guided=False))
    torch.testing.assert_close(blind.weigh(streams()), torch.ones(2, 5))


def test_without_a_body_expert_nothing_can_guide():
    hands = skeleton(experts=("hand",))
    with pytest.raises(ValueError, match="no body expert"):
        BHaRNetM(hands, ResNet(TINY, 3), UPPER_BODY_11, FusionConfig())


@pytest.mark.parametrize(
    "wrong",
    [
        {"top_share": 0.0},
        {"top_share": math.nan},
        {"rgb_weight": -1.0},
        {"rgb_weight": 0.0, "skeleton_weight": 0.0},
    ],
)
def test_fusion_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"top_share|fusion"):
        FusionConfig(**wrong)
