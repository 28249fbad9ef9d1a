# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""BHaRNet and its variants: shapes, absent hands, and who looks at whom."""

import dataclasses

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bharnet.features import FeatureConfig, Streams, make_streams
from bharnet.network import FULL_BLOCKS, BHaRNet, NetworkConfig
from bharnet.skeleton import get_layout

FEATURES = FeatureConfig(frames=16)
BLOCKS = ((32, 2), (64, 1), (64, 2))
FULL = {"graph": "refined", "time": "deformable"}


def network(features=FEATURES, **changes):
    torch.manual_seed(0)
    return BHaRNet(NetworkConfig(blocks=BLOCKS, **changes), features, 5).eval()


def people(count=3, hands=True, features=FEATURES):
    generator = torch.Generator().manual_seed(1)
    joints = len(get_layout(features.body_layout)) + 42
    position = torch.randn(count, features.frames, joints, 3, generator=generator)
    seen = torch.ones(count, features.frames, joints, dtype=torch.bool)
    if not hands:
        seen[:, :, -42:] = False
    return make_streams(position * seen[..., None], seen, features)


def gmacs(net, streams):
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        net(streams)
    return counter.get_total_flops() / 2e9


def parameters(net):
    return sum(each.numel() for each in net.parameters())


VARIANTS = [
    {"variant": "B"},
    {"variant": "P"},
    {"variant": "E"},
    {"variant": "P", "attention": "feature"},
    {"variant": "E", "attention": "feature", "split": 2},
    {"variant": "P", **FULL},
    {"variant": "E", **FULL},
]


@pytest.mark.parametrize("config", VARIANTS)
@pytest.mark.parametrize("experts", [("body", "hand"), ("body",), ("hand",), ("whole",)])
def test_scores_have_a_row_a_person_and_are_finite(config, experts):
    scores = network(experts=experts, **config)(people())
    assert scores.fused.shape == (3, 5)
    assert torch.isfinite(scores.fused).all()
    assert scores.fused.abs().sum() > 0


@pytest.mark.parametrize("variant", ["B", "P"])
def test_two_experts_add_up(variant):
    scores = network(variant=variant)(people())
    torch.testing.assert_close(scores.fused, scores.body + scores.hand)


def test_expertized_branches_are_heard_in_the_sum_alone():
    net, streams = network(variant="E"), people()
    before = net(streams)
    with torch.no_grad():
        for expert in net.expert.values():
            expert.classify_expertized.bias += 1.0
    after = net(streams)
    torch.testing.assert_close(after.body, before.body)
    torch.testing.assert_close(after.hand, before.hand)
    torch.testing.assert_close(after.summed, before.summed + 2.0)


@pytest.mark.parametrize("config", VARIANTS)
def test_absent_hands_leave_the_decision_to_the_body(config):
    scores = network(**config)(people(hands=False))
    assert not scores.hand.any()
    assert not scores.hand_present.any()
    if config["variant"] != "E":
        torch.testing.assert_close(scores.fused, scores.body)


@pytest.mark.parametrize("config", [each for each in VARIANTS if each["variant"] != "B"])
def test_the_body_answers_alone_where_no_hand_is_seen_and_only_there(config):
    """One person with hands, one whose hands are gone: each is asked the classifier for it."""
    net, both, gone = network(**config), people(2), people(2, hands=False)
    pairs = zip(vars(both).values(), vars(gone).values(), strict=True)
    mixed = Streams(*(torch.stack((one[0], other[1])) for one, other in pairs))
    said, with_hands = net(mixed), net(both)
    torch.testing.assert_close(said.body[0], with_hands.body[0])
    torch.testing.assert_close(said.body[1], said.alone[1])
    assert (said.body[0] - said.alone[0]).abs().max() > 1e-3
    without = network(alone=False, **config)
    assert without(mixed).alone is None
    assert parameters(net) - parameters(without) == (BLOCKS[-1][0] + 1) * 5


@pytest.mark.parametrize("config", VARIANTS)
def test_what_is_in_an_unseen_hand_does_not_matter(config):
    net, streams = network(**config), people(hands=False)
    other = dataclasses.replace(streams, hands=streams.hands + 3.0)
    torch.testing.assert_close(net(streams).fused, net(other).fused)


@pytest.mark.parametrize("variant", ["B", "P"])
def test_an_absent_second_hand_does_not_dilute_the_first(variant):
    net = network(variant=variant, experts=("hand",))
    both = people()
    one_seen = both.hands_seen.clone()
    one_seen[:, 0] = 0
    hands = both.hands * torch.tensor([0.0, 1.0])[:, None, None, None]
    one = net(Streams(both.body, hands, both.body_seen, one_seen)).hand
    same = Streams(both.body, both.hands[:, [1, 1]], both.body_seen, both.hands_seen)
    torch.testing.assert_close(one, net(same).hand, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("config", VARIANTS)
def test_the_body_sees_the_hands_except_in_b(config):
    both = people()
    other = Streams(both.body, both.hands.flip(0), both.body_seen, both.hands_seen)
    net = network(**config)
    same = torch.allclose(net(both).body, net(other).body)
    assert same == (config["variant"] == "B")


@pytest.mark.parametrize("config", [*VARIANTS, {"experts": ("whole",), "early_pooling": True}])
def test_people_in_a_batch_do_not_see_each_other(config):
    net, all_three = network(**config), people()
    alone = net(Streams(*(each[1:2] for each in vars(all_three).values())))
    torch.testing.assert_close(net(all_three).fused[1:2], alone.fused, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("config", VARIANTS)
def test_every_parameter_learns(config):
    net = network(**config).train()
    scores = net(people())
    (scores.summed.square().sum() + scores.body.sum() + scores.hand.sum()).backward()
    idle = [name for name, each in net.named_parameters() if each.grad is None]
    # The refinement begins at strength 0, so that what feeds it learns from the second step on.
    assert not idle


@pytest.mark.parametrize("frames", [16, 17, 30])
def test_any_number_of_frames_will_do(frames):
    features = FeatureConfig(frames=frames)
    for config in ({}, FULL):
        assert network(features, **config)(people(features=features)).fused.shape == (3, 5)


def test_full_size_is_that_of_degcn():
    """paper.md 5: one branch, V = 25, M = 2, T = 64, 120 classes: 0.706 M, 0.98 GMACs.

    We have a fourth channel (the mask), no biases before batch norms, and average before the
    convolution, not after.
    """
    features = FeatureConfig(
        body_layout="kinect_25", frames=64, streams=("joint",), body_depth=True
    )
    config = NetworkConfig(experts=("body",), blocks=FULL_BLOCKS, **FULL)
    net = BHaRNet(config, features, 120).eval()
    assert parameters(net) == pytest.approx(0.706e6, rel=0.03)
    assert gmacs(net, people(2, features=features)) == pytest.approx(0.98, rel=0.03)


@pytest.mark.parametrize("config", [{}, {"blocks": FULL_BLOCKS, **FULL}])
def test_two_experts_cost_less_than_one_unified_graph(config):
    classes, streams = 15, people(1)
    ours = BHaRNet(NetworkConfig(**config), FEATURES, classes).eval()
    whole = BHaRNet(NetworkConfig(experts=("whole",), **config), FEATURES, classes).eval()
    assert gmacs(ours, streams) < gmacs(whole, streams)
    if not config:  # at full size two experts have more weights: graphs are a small part there
        assert parameters(ours) < parameters(whole)


@pytest.mark.parametrize(
    "wrong",
    [
        {"variant": "Q"},
        {"experts": ("hand", "body")},
        {"blocks": ((30, 1),)},
        {"blocks": ((40, 1),), "graph": "refined"},
        {"variant": "E", "split": 4},
        {"early_pooling": True},
        {"early_pooling": True, "experts": ("whole",), "variant": "E"},
        {"fusion": "vote"},
        {"time": "wavelet"},
        {"attention": "none"},
    ],
)
def test_nonsense_network_is_refused(wrong):
    with pytest.raises(
        ValueError, match=r"variant|experts|blocks|split|early|fusion|time|attention"
    ):
        NetworkConfig(**wrong)
