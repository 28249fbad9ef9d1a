# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every backend is: resampled joints of some people in, logits out, arrays on both sides."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bharnet.features import FeatureConfig, Streams, make_streams
from bharnet.network import BHaRNet

NAMES = ("fused", "body", "hand", "body_present", "hand_present")


class BackendUnavailable(RuntimeError):
    """The backend cannot run here; the message names the cause and the cure."""


class OutOfMemory(RuntimeError):
    """The device has no memory left."""


class Answer(NamedTuple):
    """Logits (B, classes) float32 of both and of each expert; (B,) 1.0 where one saw anything."""

    fused: NDArray[np.float32]
    body: NDArray[np.float32]
    hand: NDArray[np.float32]
    body_present: NDArray[np.float32]
    hand_present: NDArray[np.float32]


class Backend(Protocol):
    """An engine with one network in it."""

    @property
    def name(self) -> str:
        """One of BACKENDS, never auto."""

    def run(self, position: NDArray[np.float32], seen: NDArray[np.bool_]) -> Answer:
        """Joints (B, T, J, 3) and seen (B, T, J) of any number of people. Raises OutOfMemory."""

    def close(self) -> None:
        """Give memory back; the backend is not used any more."""


class WindowNetwork(nn.Module):
    """Features and network as one module of tensors alone, for compilers and exporters.

    Joints (B, T, J, 3) and seen (B, T, J) -> one tensor for each of NAMES, as in Answer.
    ``half``: the network computes in 16 bits; features, which divide by small lengths, do not.
    """

    def __init__(self, network: BHaRNet, features: FeatureConfig, half: bool = False) -> None:
        super().__init__()
        self.network = network.half() if half else network
        self.features, self.in_half = features, half

    def forward(self, position: torch.Tensor, seen: torch.Tensor) -> tuple[torch.Tensor, ...]:
        streams = make_streams(position, seen, self.features)
        if self.in_half:
            parts = (streams.body, streams.hands, streams.body_seen, streams.hands_seen)
            streams = Streams(*(each.half() for each in parts))
        scores = self.network(streams)
        return tuple(getattr(scores, name).float() for name in NAMES)


def example(features: FeatureConfig, people: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints (people, T, J, 3) that move, and seen with gaps: what a backend is tried with."""
    from bharnet.skeleton import HAND_21, get_layout

    joints = len(get_layout(features.body_layout)) + 2 * len(HAND_21)
    generator = torch.Generator().manual_seed(0)
    shape = (people, features.frames, joints)
    seen = torch.rand(shape, generator=generator) > 0.2
    return torch.randn(*shape, 3, generator=generator) * seen[..., None], seen
