# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A folded network answers what the network answers, to rounding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bharnet.backends.interface import WindowNetwork, example
from bharnet.features import FeatureConfig, make_streams
from bharnet.network import BHaRNet, NetworkConfig
from bharnet.network.folding import fold
from bharnet.network.folding.paths import max3
from bharnet.network.folding.reading import SHORT, fold_kernels
from bharnet.network.graph import RefinedGraphConv
from bharnet.network.temporal import DeformableConv, DeformablePaths
from bharnet.network.whole import whole_stream

FEATURES = FeatureConfig(frames=16)
LONG = FeatureConfig(frames=24)
FULL_MANNER = {"graph": "refined", "time": "deformable", "blocks": ((32, 1), (32, 2), (64, 2))}
NETWORKS = {
    "light P": NetworkConfig(),
    "light B": NetworkConfig(variant="B"),
    "light E": NetworkConfig(variant="E", blocks=((32, 1), (32, 2), (64, 1))),
    "E in the full manner": NetworkConfig(variant="E", **FULL_MANNER),
    "attention of features": NetworkConfig(variant="E", attention="feature", **FULL_MANNER),
    "noisy or": NetworkConfig(fusion="noisy_or"),
    "unified graph": NetworkConfig(experts=("whole",), **FULL_MANNER),
    "early pooling": NetworkConfig(
        experts=("whole",), early_pooling=True, blocks=((32, 1), (32, 2), (64, 2))
    ),
    "body only": NetworkConfig(experts=("body",)),
    "one instant left": NetworkConfig(blocks=((8, 4), (16, 4), (16, 4))),
}


def trained(config: NetworkConfig, features: FeatureConfig = FEATURES) -> BHaRNet:
    """A network none of whose numbers is what it began as."""
    torch.manual_seed(3)
    network = BHaRNet(config, features, 7).eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.weight.normal_(0.3, 1.0)  # negative ones too
                module.bias.normal_()
                module.running_mean.normal_(0, 0.5)
                module.running_var.uniform_(0.5, 2.0)
            if isinstance(module, RefinedGraphConv) and module.relate is not None:
                module.strength.fill_(0.7)
            if isinstance(module, DeformableConv):
                module.offsets.add_(torch.randn_like(module.offsets))
    return network


def answers(network: BHaRNet, people: int, features: FeatureConfig = FEATURES) -> list:
    position, seen = example(features, people)
    seen[0, :, -21:] = False  # a hand that nobody saw
    seen[0, ::3] = False
    with torch.inference_mode():
        scores = network(make_streams(position * seen[..., None], seen, features))
        return [each for each in scores if each is not None]


@pytest.mark.parametrize("people", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_scores(name, people):
    network = trained(NETWORKS[name])
    before = answers(network, people)
    folded = fold(network)
    for was, now in zip(before, answers(folded, people), strict=True):
        largest = max(1.0, float(was.abs().max()))
        torch.testing.assert_close(now, was, rtol=0, atol=1e-5 * largest)
    # The network itself is untouched.
    for was, now in zip(before, answers(network, people), strict=True):
        assert torch.equal(was, now)


def test_a_graph_of_the_unified_stream_is_for_any_number_of_people():
    """In a graph len() of a tensor is a constant: `bharnet export` had refused these networks."""

    class Joined(nn.Module):
        def forward(self, position: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
            return whole_stream(make_streams(position, seen, FEATURES), FEATURES)[0]

    people = torch.export.Dim("people", min=1, max=64)
    shapes = ({0: people}, {0: people})
    graph = torch.export.export(Joined(), example(FEATURES, 3), dynamic_shapes=shapes).module()
    assert graph(*example(FEATURES, 5)).shape[0] == 5


def test_no_normalisation_of_channels_is_left():
    folded = fold(trained(NETWORKS["E in the full manner"]))
    kinds = {type(module) for module in folded.modules()}
    assert not kinds & {nn.BatchNorm1d, nn.BatchNorm2d, nn.MaxPool2d, DeformableConv}


@pytest.mark.parametrize("frames", [16, 24])
def test_folded_where_the_network_is(frames):
    """On whatever device: meta stands for one that is not the network's."""
    for name in ("light P", "E in the full manner"):
        network = trained(NETWORKS[name], FeatureConfig(frames=frames))
        with torch.device("meta"):
            folded = fold(network)
        assert {each.device.type for each in folded.state_dict().values()} == {"cpu"}
        moved = {each.device.type for each in folded.to("meta").state_dict().values()}
        assert moved == {"meta"}


def test_offsets_gone_astray_cost_no_memory():
    """A checkpoint may say anything; the end of the window is held, however far they reach."""
    network = trained(NETWORKS["E in the full manner"])
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, DeformableConv):
                module.offsets[0] = 1e9
    before = answers(network, 2)
    folded = fold(network)
    assert max(buffer.numel() for buffer in folded.buffers()) < 64 * 64 * 16
    for was, now in zip(before, answers(folded, 2), strict=True):
        torch.testing.assert_close(now, was, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("frames", [SHORT + 1, 130])
def test_the_same_scores_of_longer_windows(frames):
    features = FeatureConfig(frames=frames, window_seconds=8.0)
    network = trained(NETWORKS["E in the full manner"], features)
    before, folded = answers(network, 2, features), fold(network)
    for was, now in zip(before, answers(folded, 2, features), strict=True):
        torch.testing.assert_close(now, was, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("graph", ["refined", "decoupled"])
@pytest.mark.parametrize("time", ["dilated", "deformable"])
def test_every_manner_of_graph_and_time(graph, time):
    config = NetworkConfig(variant="E", graph=graph, time=time, blocks=FULL_MANNER["blocks"])
    network = trained(config)
    for was, now in zip(answers(network, 2), answers(fold(network), 2), strict=True):
        torch.testing.assert_close(now, was, rtol=1e-5, atol=1e-4)


OFFSET = st.one_of(
    st.integers(-200, 200).map(float),
    st.floats(-60, 60, width=32),
    st.floats(-1e9, 1e9, width=32),
)


@settings(deadline=None)
@given(
    offsets=st.lists(OFFSET, min_size=8, max_size=8),
    frames=st.integers(1, 2 * SHORT),
    stride=st.integers(1, 4),
    people=st.integers(1, 6),
)
def test_kernels_read_where_the_offsets_are(offsets, frames, stride, people):
    """Between frames, at frames, before the first and behind the last: wherever they are."""
    torch.manual_seed(0)
    paths = DeformablePaths(8, stride).requires_grad_(False)
    for kernel, own in zip((paths.near, paths.far), (offsets[:4], offsets[4:]), strict=True):
        kernel.offsets.copy_(torch.tensor(own))
    x = torch.randn(people, 4, frames, 3)
    near, far = x.chunk(2, 1)
    wanted = torch.cat((paths.near(near), paths.far(far)), 1)
    got = fold_kernels(paths, frames)(x.mT.contiguous()).mT
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-4)


def test_a_single_frame_is_its_own_largest():
    x = torch.randn(2, 3, 1, 4)
    assert torch.equal(max3(x, 2), x)
    for frames in (2, 3, 9):
        x = torch.randn(2, 3, frames, 4)
        largest = nn.functional.max_pool2d(x, (3, 1), 1, (1, 0))
        assert torch.equal(max3(x, 2), largest)
        assert torch.equal(max3(x.mT, 3), largest.mT)


def test_a_graph_of_it_is_for_any_number_of_people():
    """Nothing asks how many there are while a graph is made (ONNX is made of such a one)."""
    small = NetworkConfig(**{**FULL_MANNER, "blocks": ((32, 1), (32, 2))})
    network = WindowNetwork(fold(trained(small, LONG)), LONG)
    people = torch.export.Dim("people", min=1, max=64)
    shapes = ({0: people}, {0: people})
    with torch.no_grad():
        graph = torch.export.export(network, example(LONG, 3), dynamic_shapes=shapes).module()
        for count in (1, 5):
            joints = example(LONG, count)
            for was, now in zip(network(*joints), graph(*joints), strict=True):
                torch.testing.assert_close(now, was, rtol=1e-5, atol=1e-4)
