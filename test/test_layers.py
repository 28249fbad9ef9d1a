# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The layers against plain computations of what they are said to do."""

import pytest
import torch

from bharnet.features import FeatureConfig, make_streams
from bharnet.network.graph import (
    DecoupledGraphConv,
    RefinedGraphConv,
    neighbourhood,
    subsets,
)
from bharnet.network.interaction import mean_seen, pool_axes
from bharnet.network.temporal import DeformableConv, DeformablePaths, DilatedPaths
from bharnet.network.whole import coarser, whole_layout, whole_stream
from bharnet.skeleton import HAND_21, UPPER_BODY_11


def test_graphs_begin_as_the_skeleton():
    three = subsets(HAND_21)
    assert torch.equal(three[0], torch.eye(21))
    child, parent = HAND_21.index("thumb_2"), HAND_21.index("thumb_1")
    assert three[1][child, parent] > 0
    assert three[2][parent, child] > 0
    torch.testing.assert_close(neighbourhood(HAND_21).sum(0), torch.ones(21))


def test_decoupled_heads_gather_along_their_own_graph():
    torch.manual_seed(0)
    layer = DecoupledGraphConv(16, 32, HAND_21).eval()
    with torch.no_grad():
        layer.adjacency.normal_()
    x = torch.randn(2, 16, 4, 21)
    mixed = layer.mix(x)
    gathered = torch.cat(
        [part @ layer.adjacency[head] for head, part in enumerate(mixed.chunk(8, 1))], 1
    )
    expected = torch.nn.functional.leaky_relu(layer.norm(gathered), 0.1)
    torch.testing.assert_close(layer(x), expected)


def test_refined_graph_equals_a_loop_over_channels():
    torch.manual_seed(0)
    layer = RefinedGraphConv(32, 64, HAND_21).eval()
    with torch.no_grad():
        layer.strength.fill_(0.7)
        layer.adjacency.normal_()
    x = torch.randn(2, 32, 5, 21)
    value = layer.value(x)  # groups of 3 subsets of 16 channels
    # Averaging after the convolution, as published, must be the same as before it.
    weight, bias = layer.relate.weight[..., None], layer.relate.bias
    related = torch.nn.functional.conv2d(x, weight, bias, groups=4).mean(2)
    expected = torch.zeros(2, 64, 5, 21)
    for group in range(4):
        part = related[:, group * 6 : group * 6 + 6]
        asks, offers = part[:, :3], part[:, 3:]
        for subset in range(3):
            apart = torch.tanh(offers[:, subset, :, None] - asks[:, subset, None, :])
            for channel in range(16):
                row = (group * 3 + subset) * 16 + channel
                refined = apart * layer.refine.weight[row, 0] + layer.refine.bias[row]
                graph = layer.adjacency[subset] + 0.7 * refined
                expected[:, group * 16 + channel] += value[:, row] @ graph
    expected = torch.nn.functional.leaky_relu(layer.norm(expected) + layer.skip(x), 0.1)
    torch.testing.assert_close(layer(x), expected, atol=1e-4, rtol=1e-4)


def test_whole_offsets_make_the_deformable_kernel_an_ordinary_one():
    torch.manual_seed(0)
    layer = DeformableConv(4, 2.0, taps=5)  # offsets -2, -1, 0, 1, 2
    x = torch.randn(2, 4, 12, 3)
    kernel = layer.mix.weight.view(4, 4, 5, 1)
    padded = torch.nn.functional.pad(x, (0, 0, 2, 2), mode="replicate")
    torch.testing.assert_close(layer(x), torch.nn.functional.conv2d(padded, kernel))


def test_offsets_read_between_frames_and_learn():
    layer = DeformableConv(1, 0.0, taps=1)
    with torch.no_grad():
        layer.mix.weight.fill_(1.0)
        layer.offsets.fill_(0.25)
    ramp = torch.arange(8.0).view(1, 1, 8, 1)
    out = layer(ramp)
    torch.testing.assert_close(out[0, 0, :7, 0], torch.arange(7.0) + 0.25)
    assert out[0, 0, 7, 0] == 7.0  # held beyond the end
    out.sum().backward()
    assert layer.offsets.grad.item() == pytest.approx(7.0)  # the slope of 7 of 8 instants


@pytest.mark.parametrize("kind", [DilatedPaths, DeformablePaths])
@pytest.mark.parametrize(("frames", "stride", "left"), [(16, 1, 16), (16, 2, 8), (17, 2, 9)])
def test_paths_agree_on_the_frames_left(kind, frames, stride, left):
    out = kind(32, stride)(torch.randn(2, 32, frames, 5))
    assert out.shape == (2, 32, left, 5)


def test_means_count_what_was_seen_alone():
    features = torch.randn(2, 2, 3, 4, 5)
    seen = torch.zeros(2, 2, 4, 5)
    seen[:, 1, 2] = 1
    torch.testing.assert_close(mean_seen(features, seen), features[:, 1, :, 2].mean(-1))
    over_time, over_joints, over_instances = pool_axes(features, seen)
    assert over_time[1].tolist() == [[0, 0, 1, 0]] * 2
    assert over_joints[1].sum() == 10
    assert over_instances[1].tolist() == [[0, 1]] * 2
    torch.testing.assert_close(over_time[0][:, 2], features[:, 1, :, 2].mean(-1))


def test_the_whole_skeleton_hangs_its_hands_on_the_wrists():
    layout = whole_layout(UPPER_BODY_11)
    assert len(layout) == 11 + 42
    hand, wrist = layout.index("left_hand_wrist"), layout.index("left_wrist")
    assert layout.parents[hand] == wrist
    (_, fingers), (_, hands) = coarser(UPPER_BODY_11)[0]
    assert fingers.shape == (53, 11 + 12)
    assert hands.shape == (23, 13)
    torch.testing.assert_close(fingers.sum(0), torch.ones(23))
    torch.testing.assert_close(hands.sum(0), torch.ones(13))


@pytest.mark.parametrize("place", [False, True])
def test_the_whole_stream_holds_what_the_experts_read(place):
    config = FeatureConfig(frames=8, hand_place=place)
    position, seen = torch.randn(2, 8, 53, 3), torch.ones(2, 8, 53, dtype=torch.bool)
    streams = make_streams(position, seen, config)
    joined, joined_seen = whole_stream(streams, config)
    assert joined.shape == (2, 1, config.hand_channels, 8, 53)
    assert joined_seen.shape == (2, 1, 8, 53)
    torch.testing.assert_close(joined[:, 0, :, :, 11:32], streams.hands[:, 0])
    start = 2 * place
    torch.testing.assert_close(joined[:, 0, start : start + 2, :, :11], streams.body[:, :2])
    assert not joined[:, 0, start + 2, :, :11].any()  # no depth
    torch.testing.assert_close(joined[:, 0, start + 3 : start + 5, :, :11], streams.body[:, 2:4])
