# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""M: the picture's network, guided by the body expert; its scores beside the skeleton's.

The body expert says which parts matter: where its features are strong, the picture's row of that
part is too. After MMNet (net/mmn.py of its public code); differences are said at each step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from bharnet.features import Streams
from bharnet.network import BHaRNet
from bharnet.rgb.backbone import DEVIATION, MEAN, ResNet
from bharnet.rgb.crops import PARTS
from bharnet.skeleton import Layout

# MMNet scales strengths to 0..255 and divides them by 127.
LARGEST_WEIGHT = 255 / 127

_GUIDES = {
    "head": ("nose", "head"),
    "right_hand": ("right_wrist",),
    "left_hand": ("left_wrist",),
    "right_foot": ("right_ankle", "right_knee"),
    "left_foot": ("left_ankle", "left_knee"),
}


@dataclass(frozen=True)
class FusionConfig:
    """How the two see each other; kept in the checkpoint.

    guided           False: the picture is read as it is (to see what guidance is worth)
    top_share        share of the instants, the strongest, over which a joint's strength is
                     averaged (MMNet: 15 of 75)
    skeleton_weight, rgb_weight  of the two logits in the sum (MMNet: 1, 1)

    Raises ValueError.
    """

    guided: bool = True
    top_share: float = 0.25
    skeleton_weight: float = 1.0
    rgb_weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.top_share <= 1:
            raise ValueError(f"top_share {self.top_share} is out of 0..1")
        weights = (self.skeleton_weight, self.rgb_weight)
        if not all(0 <= weight <= 100 for weight in weights) or not any(weights):
            raise ValueError(f"fusion weights {weights}: 0 to 100, and not both 0")


def guide_joints(layout: Layout) -> tuple[int | None, ...]:
    """The joint that speaks for each of PARTS; None where the layout has none."""
    return tuple(
        next((layout.index(name) for name in _GUIDES[part] if name in layout.joints), None)
        for part in PARTS
    )


def guidance(
    features: torch.Tensor,
    seen: torch.Tensor,
    joints: tuple[int | None, ...],
    top_share: float,
) -> torch.Tensor:
    """The body expert's map (B, I, C, T, V), seen (B, I, T, V) -> weights (B, parts), 0..2.01.

    Strength: L2 norm over channels. Of several people the one of the larger mean counts. Scaled
    from its least to its greatest, then averaged over the strongest ``top_share`` of instants.
    A part without joint, or never seen, has weight 1.

    MMNet scales over the whole batch; here each sample by itself, or a person's scores would
    depend on who else is looked at. MMNet has no mask; here unseen joints have no strength.
    """
    strength, shown = features.norm(dim=2), seen > 0
    means = (strength * shown).sum((2, 3)) / shown.sum((2, 3)).clamp(min=1)
    who, batch = means.argmax(1), torch.arange(len(strength), device=strength.device)
    strength, shown = strength[batch, who], shown[batch, who]  # (B, T, V)
    infinity = torch.full_like(strength, torch.inf)
    least = torch.where(shown, strength, infinity).amin((1, 2), keepdim=True)
    span = torch.where(shown, strength, -infinity).amax((1, 2), keepdim=True) - least
    speaks = shown & (span > 0)  # false throughout where nothing was seen: its span is -inf
    scaled = (strength - least) / torch.where(span > 0, span, 1.0)
    scaled = torch.where(speaks, scaled, -1.0)  # last among the strongest
    top = max(1, round(top_share * strength.shape[1]))
    strongest, order = scaled.topk(top, 1)
    counted = speaks.gather(1, order)
    mean = (strongest * counted).sum(1) / counted.sum(1).clamp(min=1)  # (B, V)
    weight = torch.where(counted.any(1), LARGEST_WEIGHT * mean, 1.0)
    neutral = torch.ones_like(weight[:, 0])
    return torch.stack([neutral if j is None else weight[:, j] for j in joints], 1)


class RGBScores(NamedTuple):
    """Logits (B, classes); zero where nothing was seen.

    rgb_present (B,): 1.0 where any part was seen in any picture
    """

    rgb: torch.Tensor
    skeleton: torch.Tensor
    fused: torch.Tensor
    rgb_present: torch.Tensor


class BHaRNetM(nn.Module):
    """A frozen BHaRNet and a picture's network of the same classes.

    >>> network = BHaRNetM(skeleton, ResNet(ResNetConfig(), 10), layout, FusionConfig())
    >>> network(picture, shown, streams).fused.shape
    torch.Size([batch, 10])

    Raises ValueError for a skeleton network without body expert.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(
        self, skeleton: BHaRNet, image: ResNet, layout: Layout, config: FusionConfig
    ) -> None:
        super().__init__()
        if "body" not in skeleton.config.experts:
            raise ValueError("the skeleton network has no body expert, which M is guided by")
        self.skeleton, self.image, self.config = skeleton, image, config
        self._joints = guide_joints(layout)
        self.skeleton.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def train(self, mode: bool = True) -> BHaRNetM:
        """The skeleton's part stays as it was trained, its running statistics included."""
        super().train(mode)
        self.skeleton.eval()
        return self

    def forward(self, picture: torch.Tensor, shown: torch.Tensor, streams: Streams) -> RGBScores:
        """``picture`` (B, 3, H, W) uint8 from ``tile``, ``shown`` (B, 5, moments), streams.

        H and W divide into 5 rows and ``moments`` columns.
        """
        with torch.no_grad():
            skeleton = self.skeleton(streams).fused
            weight = self.weigh(streams)
        rgb, present = self.read(picture, shown, weight)
        chosen = self.config
        fused = chosen.skeleton_weight * skeleton + chosen.rgb_weight * rgb
        return RGBScores(rgb, skeleton, fused, present)

    def weigh(self, streams: Streams) -> torch.Tensor:
        """Weight of each row (B, 5)."""
        if not self.config.guided:
            return streams.body.new_ones(len(streams.body), len(PARTS))
        features, seen = self.skeleton.maps(streams)["body"]
        return guidance(features, seen, self._joints, self.config.top_share)

    def read(
        self, picture: torch.Tensor, shown: torch.Tensor, weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The picture's logits (B, classes), and whether it shows anything (B,).

        The normalised picture is weighted, as in MMNet. Cells that show nothing become 0, the
        mean colour, where MMNet leaves them black.
        """
        cells = shown.to(weight.dtype) * weight[:, :, None]
        rows, columns = picture.shape[2] // cells.shape[1], picture.shape[3] // cells.shape[2]
        mask = cells.repeat_interleave(rows, 1).repeat_interleave(columns, 2)[:, None]
        normalised = (picture.to(weight.dtype) / 255 - self.mean) / self.deviation
        present = shown.flatten(1).any(1).to(weight.dtype)
        return self.image(normalised * mask) * present[:, None], present
