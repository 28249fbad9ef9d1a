# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""BHaRNet: two experts, what passes between them, and the ensemble of their scores.

Variants (names of the paper; what is stated and what is inferred: docs/network.md)
  B  a body expert and a hand expert; their logits are added
  P  the same with pooling attention in place of average pooling
  E  each expert's last blocks come twice: an interactive branch, which looks at the other
     expert's, and an expertized branch, which does not; the logits of all four are added
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from bharnet.features import FeatureConfig, Streams
from bharnet.network.config import EXPERTS, NetworkConfig
from bharnet.network.expert import EarlyPooling, Expert
from bharnet.network.fusion import noisy_or
from bharnet.network.interaction import Map
from bharnet.network.whole import whole_layout, whole_stream
from bharnet.skeleton import HAND_21, get_layout


class Scores(NamedTuple):
    """Logits (B, classes): of each expert, of their sum, and the answer.

    body, hand   what an expert says by itself (its interactive branch); zero where it saw
                 nothing, so that an absent hand neither votes nor dilutes
    summed       the sum of all branches: what the ensemble loss reads
    fused        the answer; ``summed``, or the logarithm of a Noisy-OR (NetworkConfig.fusion)
    body_present, hand_present (B,): 1.0 where that expert saw anything
    alone        what the body says of itself, hands seen or not; None without a classifier for it
    """

    body: torch.Tensor
    hand: torch.Tensor
    summed: torch.Tensor
    fused: torch.Tensor
    body_present: torch.Tensor
    hand_present: torch.Tensor
    alone: torch.Tensor | None = None


class BHaRNet(nn.Module):
    """Streams of a batch of windows -> Scores.

    >>> network = BHaRNet(NetworkConfig(), FeatureConfig(), classes=10)
    >>> scores = network(make_streams(position, seen, FeatureConfig()))
    >>> scores.fused.shape
    torch.Size([batch, 10])
    """

    def __init__(self, config: NetworkConfig, features: FeatureConfig, classes: int) -> None:
        super().__init__()
        self.config, self.features, self.classes = config, features, classes
        body = get_layout(features.body_layout)
        self.expert = nn.ModuleDict()
        for name in config.experts:
            channels = features.body_channels if name == "body" else features.hand_channels
            if config.early_pooling:
                self.expert[name] = EarlyPooling(config, channels, body, classes)
            else:
                layout = {"body": body, "hand": HAND_21}.get(name) or whole_layout(body)
                self.expert[name] = Expert(config, channels, layout, classes)

    def maps(self, streams: Streams) -> dict[str, Map]:
        """Each expert's features (B, I, C, T', V) after its trunk, and where it saw something."""
        inputs = {
            "body": (streams.body[:, None], streams.body_seen[:, None]),
            "hand": (streams.hands, streams.hands_seen),
        }
        if "whole" in self.expert:
            inputs["whole"] = whole_stream(streams, self.features)
        return {name: expert.see(*inputs[name]) for name, expert in self._experts()}

    def forward(self, streams: Streams) -> Scores:
        trunks = self.maps(streams)
        maps = {
            name: expert.interact(trunks[name], _other(name, trunks))
            for name, expert in self._experts()
        }
        present = {
            "body": (streams.body_seen.amax((1, 2)) > 0).to(streams.body.dtype),
            "hand": (streams.hands_seen.amax((1, 2, 3)) > 0).to(streams.body.dtype),
        }
        nothing = streams.body.new_zeros(streams.body.shape[0], self.classes)
        own, together = dict.fromkeys(EXPERTS, nothing), dict.fromkeys(EXPERTS, nothing)
        alone = None
        for name, expert in self._experts():
            answer = expert.answer(trunks[name], maps[name], _other(name, maps))
            voice = present[name][:, None] if name in present else 1.0
            own[name], together[name] = answer.own * voice, answer.together * voice
            if answer.alone is not None:
                alone = answer.alone * voice
        summed = sum(together.values(), nothing)
        fused = summed
        if self.config.fusion == "noisy_or" and self.config.both:
            fused = noisy_or(together["body"], together["hand"], present["body"], present["hand"])
        return Scores(
            own["body"], own["hand"], summed, fused, present["body"], present["hand"], alone
        )

    def _experts(self) -> list[tuple[str, Expert]]:
        return list(self.expert.items())  # type: ignore[arg-type]


def _other(name: str, maps: dict[str, Map]) -> Map | None:
    return next((each for other, each in maps.items() if other != name), None)
