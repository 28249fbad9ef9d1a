# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A new head on a frozen network: the trunk is read once, the head is fitted in seconds.

Both experts and what passes between them stay as they were trained; only their classifiers are
made anew. What they read is therefore computed once for every disturbed copy of a take, and
leaving takes out for cross-validation costs only another head.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import nn

from bharnet.features import Streams
from bharnet.network import BHaRNet
from bharnet.network.classifier import Classifier

NEVER = -1e6  # the logit of a class that was not learnt
WIDER = 1.5  # of isl_words' and ksl_words' 1 to 100: docs/own-gestures.md
# How much the body's evidence counts beside the hands'. Copies of a sitting's takes move arms less
# than the next sitting does: another chair, another camera. Chosen: docs/own-gestures.md.
BODY = 0.25
SMALLEST_SPREAD = 1e-2  # of an input, or one that never varies would drown all others


@dataclass(frozen=True, eq=False)
class Pooled:
    """What the classifiers read of N windows.

    inputs   by classifier, (N, width)
    present  by expert, (N,): 1.0 where it saw anything
    """

    inputs: Mapping[str, torch.Tensor]
    present: Mapping[str, torch.Tensor]

    def __len__(self) -> int:
        return len(next(iter(self.present.values())))

    def pick(self, rows: torch.Tensor) -> Pooled:
        """Some of the windows: indices or a mask."""
        return Pooled(
            {name: values[rows] for name, values in self.inputs.items()},
            {name: values[rows] for name, values in self.present.items()},
        )

    @staticmethod
    def join(parts: list[Pooled]) -> Pooled:
        """All of them, one after the other."""
        first = parts[0]
        return Pooled(
            {name: torch.cat([each.inputs[name] for each in parts]) for name in first.inputs},
            {name: torch.cat([each.present[name] for each in parts]) for name in first.present},
        )

    def voice(self, name: str) -> torch.Tensor:
        """(N,): whether the expert of a classifier saw anything."""
        return self.present.get(name.partition(".")[0], torch.ones(len(self)))

    def flat(self) -> torch.Tensor:
        """(N, all widths): one vector a window, 0 where an expert saw nothing."""
        return torch.cat(
            [values * self.voice(name)[:, None] for name, values in self.inputs.items()], 1
        )


def classifiers(network: BHaRNet) -> dict[str, Classifier]:
    """Every classifier of a network, by the name of its expert and its own: "body.classify"."""
    return {
        f"{name}.{part}": layer
        for name, expert in network.expert.items()
        for part, layer in expert.named_children()
        if isinstance(layer, Classifier)
    }


def pool(network: BHaRNet, streams: Streams) -> Pooled:
    """Run the frozen network, in evaluation mode, and keep what its classifiers read."""
    read: dict[str, torch.Tensor] = {}

    def keep(name: str) -> torch.utils.hooks.RemovableHandle:
        def hook(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            read[name] = inputs[0].detach()

        return classifiers(network)[name].register_forward_pre_hook(hook)

    handles = [keep(name) for name in classifiers(network)]
    try:
        with torch.inference_mode():
            scores = network.eval()(streams)
    finally:
        for handle in handles:
            handle.remove()
    present = {"body": scores.body_present, "hand": scores.hand_present}
    # Out of inference mode, or nothing could be fitted to them.
    return Pooled(
        {name: values.clone() for name, values in read.items()},
        {name: values.clone() for name, values in present.items()},
    )


@dataclass(frozen=True, eq=False)
class Head:
    """A classifier for each input, by its name; their last class is the wide one."""

    layers: Mapping[str, Classifier]

    def logits(self, pooled: Pooled) -> torch.Tensor:
        """(3, N, C): of all together, of the body's and of the hand's own, as Scores has them."""
        first = next(iter(self.layers.values()))
        nothing = torch.zeros(len(pooled), first.out_features)
        own, summed = dict.fromkeys(("body", "hand"), nothing), nothing
        for name, layer in self.layers.items():
            expert, _, part = name.partition(".")
            with torch.no_grad():
                logits = layer(pooled.inputs[name]) * pooled.voice(name)[:, None]
            summed = summed + logits
            if part == "classify":
                own[expert] = logits
        return torch.stack((summed, own["body"], own["hand"]))

    def refusing(self, offset: float) -> Head:
        """The same with so much added to the last class, by all classifiers that learnt anything.

        In equal parts, but of the body's parts only what its evidence counts; the hands' take the
        rest. Else who is seen without hands would pass a limit that both together were given.
        """
        made = copy.deepcopy(self)
        learnt = [name for name, layer in made.layers.items() if layer.form.any()]
        hands = [name for name in learnt if _counts(name) == 1]
        shares = {name: (_counts(name) if hands else 1) / len(learnt) for name in learnt}
        rest = 1 - sum(shares.values())
        for name in hands:
            shares[name] += rest / len(hands)
        with torch.no_grad():
            for name, share in shares.items():
                made.layers[name].bias[-1] += offset * share
        return made

    def give_to(self, network: BHaRNet) -> BHaRNet:
        """A copy of the network with this head; its trunk is as it was.

        The body's second classifier goes: this head was fitted to people without hands as well.
        """
        made = copy.deepcopy(network)
        for each in made.expert.values():
            setattr(each, "classify_alone", None)  # noqa: B010 - for mypy it is but a Module
        for name, layer in self.layers.items():
            expert, _, part = name.partition(".")
            setattr(made.expert[expert], part, copy.deepcopy(layer))
            made.classes = layer.out_features
        made.config = replace(network.config, wide_class=made.classes - 1, alone=False)
        return made.eval()


def fit_head(pooled: Pooled, target: torch.Tensor, classes: int) -> Head:
    """Gaussian discriminants of N windows by their class (N,): closed form, in milliseconds.

    The gestures share one covariance. The last class is whatever is no gesture: its Gaussian is
    that of all windows together, WIDER, so that what is far from every gesture, as its takes
    vary, is the last class ("relative Mahalanobis distance": Ren et al., "A Simple Fix to
    Mahalanobis Distance for Improving Near-OOD Detection", 2021). Experts are taken for
    independent, and the body's Gaussians for wider than its copies are: 1 / BODY times. A class
    that is not in ``target`` is never the answer.
    """
    layers = {}
    for name, values in pooled.inputs.items():
        rows = pooled.voice(name) > 0
        layers[name] = _discriminants(values[rows], target[rows], classes, _counts(name))
    return Head(layers)


def _counts(name: str) -> float:
    """How much the evidence of a classifier counts."""
    return BODY if name.startswith("body.") else 1.0


def _discriminants(
    values: torch.Tensor, target: torch.Tensor, classes: int, counts: float
) -> Classifier:
    """Of what one classifier reads (N, width), where its expert saw anything; times ``counts``."""
    made = Classifier(values.shape[1], classes, classes - 1).requires_grad_(False)
    made.weight.zero_()
    made.bias.zero_()
    gestures = [i for i in range(classes - 1) if (target == i).any()]
    made.bias[[i for i in range(classes - 1) if i not in gestures]] = NEVER
    if len(values) < 2:
        return made
    shift, spread = values.mean(0), values.std(0) + SMALLEST_SPREAD
    z = ((values - shift) / spread).double()  # its mean, the last class's centre, is 0
    centre = torch.zeros(classes, z.shape[1], dtype=z.dtype)
    for i in gestures:
        centre[i] = z[target == i].mean(0)
    around = (z - centre[target])[target < classes - 1]
    within, overall = counts * _precision(around), counts * _precision(z)
    direction = centre @ within
    made.weight.copy_(direction / spread)
    # Half the length of the centre: the discriminant's constant.
    made.bias.sub_(0.5 * (direction * centre).sum(1) + made.weight @ shift)
    made.centre.copy_(shift)
    made.scale.copy_(1 / spread)
    made.form.copy_(0.5 * (within - overall / WIDER))
    return made


def _precision(around: torch.Tensor) -> torch.Tensor:
    """The inverse covariance of (N, width) about 0, shrunk towards a multiple of the identity.

    The identity counts as much as ``width`` windows: the fewer there are, the more it does.
    """
    count, width = around.shape
    identity = torch.eye(width, dtype=around.dtype)
    covariance = around.T @ around / max(count, 1)
    even = covariance.diagonal().mean() * identity
    # A little more on the diagonal: takes that are all the same have no covariance.
    shrunk = (count * covariance + width * even) / (count + width) + 1e-4 * identity
    return torch.linalg.inv(shrunk)
