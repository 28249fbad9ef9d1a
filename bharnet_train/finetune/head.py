"""A new head on a frozen network: the trunk is read once, the head is fitted in seconds.

Both experts and what passes between them stay as they were trained; only their classifiers are
made anew. What they read is therefore computed once for every disturbed copy of a take, and
leaving takes out for cross-validation costs only another head.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from bharnet.features import Streams
from bharnet.network import BHaRNet

SHRINKAGE = 0.8  # the best of 0.05 to 0.95 on ksl_words across sessions: docs/own-gestures.md
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


def classifiers(network: BHaRNet) -> dict[str, nn.Linear]:
    """Every classifier of a network, by the name of its expert and its own: "body.classify"."""
    return {
        f"{name}.{part}": layer
        for name, expert in network.expert.items()
        for part, layer in expert.named_children()
        if part.startswith("classify") and isinstance(layer, nn.Linear)
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
    """A linear classifier for each input: weights (C, width) and bias (C,), by its name."""

    layers: Mapping[str, tuple[torch.Tensor, torch.Tensor]]

    def logits(self, pooled: Pooled) -> torch.Tensor:
        """(3, N, C): of all together, of the body's and of the hand's own, as Scores has them."""
        first = next(iter(self.layers.values()))[1]
        nothing = torch.zeros(len(pooled), len(first))
        own, summed = dict.fromkeys(("body", "hand"), nothing), nothing
        for name, (weight, bias) in self.layers.items():
            expert, _, part = name.partition(".")
            logits = (pooled.inputs[name] @ weight.T + bias) * pooled.voice(name)[:, None]
            summed = summed + logits
            if part == "classify":
                own[expert] = logits
        return torch.stack((summed, own["body"], own["hand"]))

    def give_to(self, network: BHaRNet) -> BHaRNet:
        """A copy of the network with this head; its trunk is as it was."""
        made = copy.deepcopy(network)
        for name, (weight, bias) in self.layers.items():
            expert, _, part = name.partition(".")
            layer = nn.Linear(weight.shape[1], len(bias))
            with torch.no_grad():
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
            setattr(made.expert[expert], part, layer)
            made.classes = len(bias)
        return made.eval()


def fit_head(pooled: Pooled, target: torch.Tensor, classes: int) -> Head:
    """Linear discriminants of N windows by their class (N,): closed form, in milliseconds.

    Classes share one covariance, which is shrunk towards a multiple of the identity, as few takes
    need it (Friedman, "Regularized Discriminant Analysis", JASA 1989). An expert that saw nothing
    is taken as if it had seen the mean, which says nothing.
    """
    means, spreads, columns = {}, {}, []
    for name, values in pooled.inputs.items():
        seen = pooled.voice(name) > 0
        known = values[seen] if seen.sum() > 1 else torch.zeros(2, values.shape[1])
        means[name], spreads[name] = known.mean(0), known.std(0) + SMALLEST_SPREAD
        columns.append((values - means[name]) / spreads[name] * seen[:, None])
    scaled = torch.cat(columns, 1)
    present = [i for i in range(classes) if (target == i).any()]
    centre = torch.zeros(classes, scaled.shape[1])
    for i in present:
        centre[i] = scaled[target == i].mean(0)
    around = scaled - centre[target]
    covariance = around.T @ around / len(around)
    even = covariance.diagonal().mean() * torch.eye(len(covariance))
    # A little more on the diagonal: takes that are all the same have no covariance.
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * even + 1e-4 * torch.eye(len(even))
    direction = torch.linalg.solve(shrunk, centre.T).T  # (C, all widths)
    layers, begin = {}, 0
    for name, values in pooled.inputs.items():
        part = slice(begin, begin + values.shape[1])
        begin = part.stop
        weight = direction[:, part] / spreads[name]
        # Half the length of the centre, this input's share of it: the discriminant's constant.
        bias = -0.5 * (direction[:, part] * centre[:, part]).sum(1) - weight @ means[name]
        layers[name] = weight, bias
    return Head(layers)
