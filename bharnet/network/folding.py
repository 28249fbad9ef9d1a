# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The same answers for less work: a trained network, rewritten for inference alone.

``fold`` makes a copy whose modules do the same arithmetic in fewer passes over memory. What is
known once training has ended is worked into weights; nothing is approximated, so that scores agree
to rounding (test/test_folding.py: 1e-5). The modules that learn stay as readable as they are.

- Batch normalisation becomes part of the convolution before it, or one multiply-add.
- A deformable temporal convolution has the same offsets for all channels and joints. Once they are
  learned it is an ordinary convolution with a few more taps, its ends repeated.
- Max-pool 3 is two maxima of shifted tensors; torch's own is twenty times slower on a CPU.
- The refined graph's three subsets add up in place, each while it is still in the cache.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d, leaky_relu_, pad
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bharnet.network.backbone import Block, InputNorm
from bharnet.network.bharnet import BHaRNet
from bharnet.network.graph import SLOPE, DecoupledGraphConv, RefinedGraphConv
from bharnet.network.temporal import DeformableConv, DeformablePaths, DilatedPaths

# Beyond this a learned kernel reaches too far to be a convolution worth its taps.
MOST_TAPS = 33


def fold(network: BHaRNet) -> BHaRNet:
    """A copy for inference, in evaluation mode; ``network`` stays as it is."""
    folded = copy.deepcopy(network).eval().requires_grad_(False)
    for parent in list(folded.modules()):
        for name, child in list(parent.named_children()):
            if type(child) in FOLDED:
                setattr(parent, name, FOLDED[type(child)](child))
        if isinstance(parent, Block) and isinstance(parent.skip, nn.Sequential):
            parent.skip = _joined(parent.skip)
    return folded


def _affine(norm: nn.modules.batchnorm._BatchNorm) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and shift (C,) of a batch normalisation that no longer learns."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _joined(skip: nn.Sequential) -> nn.Conv2d:
    convolution, norm = skip
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(convolution, norm)


class FoldedInputNorm(nn.Module):
    """Every joint's every channel, scaled and shifted: (N, C, T, V) -> the same."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, module: InputNorm) -> None:
        super().__init__()
        for name, values in zip(("scale", "shift"), _affine(module.norm), strict=True):
            self.register_buffer(
                name, values.view(module.joints, -1).T.contiguous()[None, :, None]
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(self.shift, x, self.scale)


class FoldedDecoupled(nn.Module):
    """``DecoupledGraphConv``; its normalisation's scale is in the weights."""

    shift: torch.Tensor

    def __init__(self, module: DecoupledGraphConv) -> None:
        super().__init__()
        scale, shift = _affine(module.norm)
        self.adjacency, self.residual, self.mix = module.adjacency, module.residual, module.mix
        self.mix.weight = nn.Parameter(module.mix.weight * scale[:, None, None, None])
        self.register_buffer("shift", shift[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = self.mix(x)
        rows = mixed.unflatten(1, (self.adjacency.shape[0], -1)).flatten(2, 3)
        gathered = (rows @ self.adjacency).view_as(mixed) + self.shift
        return leaky_relu_(gathered + x if self.residual else gathered, SLOPE)


class FoldedFirst(nn.Module):
    """``RefinedGraphConv`` that reads coordinates: gather the few channels, then mix, in one."""

    adjacency: torch.Tensor

    def __init__(self, module: RefinedGraphConv) -> None:
        super().__init__()
        scale, shift = _affine(module.norm)
        count, outputs = module.adjacency.shape[0], scale.numel()
        weight = module.value.weight.view(count, outputs, -1) * scale[:, None]  # (3, C', C)
        skip = module.skip
        assert isinstance(skip, nn.Sequential)
        residual = _joined(skip)
        assert residual.bias is not None
        # The straight path is one more subset: everybody hears himself.
        straight = torch.eye(module.adjacency.shape[1])[None].to(module.adjacency)
        graphs = torch.cat((module.adjacency, straight))
        self.register_buffer("adjacency", graphs.permute(1, 0, 2).flatten(1).contiguous())
        mixing = torch.cat((weight, residual.weight[None, :, :, 0, 0]))  # (4, C', C)
        self.weight = nn.Parameter(mixing.permute(1, 2, 0).flatten(1)[:, :, None, None])
        self.bias = nn.Parameter(shift + residual.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        joints = x.shape[3]
        heard = (x @ self.adjacency).unflatten(3, (-1, joints))  # (N, C, T, 4, V)
        heard = heard.transpose(2, 3).flatten(1, 2)  # (N, 4 C, T, V)
        return leaky_relu_(conv2d(heard, self.weight, self.bias), SLOPE)


class FoldedRefined(nn.Module):
    """``RefinedGraphConv``: three products that add up in place on top of the straight path."""

    shift: torch.Tensor | None

    def __init__(self, module: RefinedGraphConv) -> None:
        super().__init__()
        assert module.relate is not None
        assert module.relate.bias is not None
        assert module.refine.bias is not None
        scale, shift = _affine(module.norm)
        groups, count = module.groups, module.adjacency.shape[0]
        self.groups, self.adjacency = groups, module.adjacency
        # (g 3 C'/g, C/g) -> three weights (C', C/g, 1, 1)
        value = module.value.weight.view(groups, count, -1, module.value.weight.shape[1])
        value = value * scale.view(groups, 1, -1, 1)
        self.value = nn.ParameterList(
            value[:, k].flatten(0, 1)[:, :, None, None].contiguous() for k in range(count)
        )
        # What joints ask and offer, ordered by subset, then group; few numbers, so dense.
        related = _dense(module.relate).view(groups, 2, count, -1, module.relate.in_channels)
        self.relate = nn.Parameter(related.permute(1, 2, 0, 3, 4).flatten(0, 3).contiguous())
        bias = module.relate.bias.view(groups, 2, count, -1).permute(1, 2, 0, 3).flatten()
        self.relate_bias = nn.Parameter(bias[:, None].contiguous())
        refine = module.refine.weight[:, :, 0, 0] * module.strength
        refine = refine.view(groups, count, -1, refine.shape[1]).transpose(0, 1)
        self.refine = nn.Parameter(refine.flatten(0, 2)[:, :, None, None].contiguous())
        bias = (module.refine.bias * module.strength).view(groups, count, -1).transpose(0, 1)
        self.refine_bias = nn.Parameter(bias.flatten().contiguous())
        self.skip: nn.Module = nn.Identity()
        self.register_buffer("shift", None)
        if isinstance(module.skip, nn.Sequential):
            skip = _joined(module.skip)
            assert skip.bias is not None
            skip.bias = nn.Parameter(skip.bias + shift)
            self.skip = skip
        else:
            self.register_buffer("shift", shift[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, _, frames, joints = x.shape
        count = self.adjacency.shape[0]
        related = torch.matmul(self.relate, x.mean(2)) + self.relate_bias  # (N, 2 * 3 C/8, V)
        asks, offers = related.chunk(2, 1)
        apart = torch.tanh(offers[..., :, None] - asks[..., None, :])
        refined = conv2d(apart, self.refine, self.refine_bias, groups=self.groups * count)
        graphs = refined.unflatten(1, (count, -1)) + self.adjacency[:, None]  # (N, 3, C', V, V)
        result = self.skip(x) if self.shift is None else x + self.shift
        shape = result.shape
        result = result.reshape(-1, frames, joints)
        for k in range(count):
            value = conv2d(x, self.value[k], groups=self.groups).view(-1, frames, joints)
            graph = graphs[:, k].reshape(-1, joints, joints)
            result = torch.baddbmm(result, value, graph)
        return leaky_relu_(result.view(batch, shape[1], frames, joints), SLOPE)


def _dense(convolution: nn.Conv1d) -> torch.Tensor:
    """The weight of a grouped 1x1 convolution as one matrix (outputs, inputs)."""
    blocks = convolution.weight[:, :, 0].chunk(convolution.groups)
    return torch.block_diag(*blocks)


class Taps(nn.Module):
    """A temporal convolution whose ends are repeated: (N, C, T, V) -> (N, C, T / stride, V)."""

    def __init__(self, module: DeformableConv) -> None:
        super().__init__()
        offsets = module.offsets.double()
        first = offsets.floor()
        share = (offsets - first).to(module.mix.weight.dtype)
        lowest, highest = min(0, int(first.min())), max(0, int(first.max()) + 1)
        channels = module.mix.out_channels
        mix = module.mix.weight.view(channels, channels, -1)  # (C', C, taps)
        weight = mix.new_zeros(channels, channels, highest - lowest + 1)
        for k, place in enumerate((first.long() - lowest).tolist()):
            weight[:, :, place] += mix[:, :, k] * (1 - share[k])
            weight[:, :, place + 1] += mix[:, :, k] * share[k]
        self.ends, self.stride = (0, 0, -lowest, highest), module.stride
        self.weight = nn.Parameter(weight[..., None].contiguous())
        self.bias: nn.Parameter | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        held = pad(x, self.ends, mode="replicate")
        return conv2d(held, self.weight, self.bias, (self.stride, 1))

    @staticmethod
    def fit(module: DeformableConv) -> bool:
        """Whether the learned offsets stay near enough."""
        reach = float(module.offsets.max()) - float(module.offsets.min())
        return reach < MOST_TAPS - 2 and float(module.offsets.abs().max()) < MOST_TAPS


class FoldedPaths(nn.Module):
    """``DilatedPaths`` or ``DeformablePaths`` without normalisations."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, module: DilatedPaths | DeformablePaths) -> None:
        super().__init__()
        self.stride = module.stride
        self.split = fuse_conv_bn_eval(module.split, module.split_norm)
        scale, shift = _affine(module.norm)
        quarter = scale.numel() // 4
        self.near, self.far = (
            _scaled(path, scale[part], shift[part])
            for path, part in (
                (module.near, slice(0, quarter)),
                (module.far, slice(quarter, 2 * quarter)),
            )
        )
        self.register_buffer("scale", scale[2 * quarter :, None, None])
        self.register_buffer("shift", shift[2 * quarter :, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        near, far, peak, plain = leaky_relu_(self.split(x), SLOPE).chunk(4, 1)
        rest = torch.cat((_max3(peak)[:, :, :: self.stride], plain[:, :, :: self.stride]), 1)
        rest = torch.addcmul(self.shift, rest, self.scale)
        return torch.cat((self.near(near), self.far(far), rest), 1)


def _scaled(path: nn.Module, scale: torch.Tensor, shift: torch.Tensor) -> nn.Module:
    """A temporal path, and the normalisation of its channels in it."""
    if isinstance(path, DeformableConv) and not Taps.fit(path):
        path.mix.weight = nn.Parameter(path.mix.weight * scale[:, None, None, None])
        path.mix.bias = nn.Parameter(shift)
        return path
    ready = Taps(path) if isinstance(path, DeformableConv) else path
    assert isinstance(ready, Taps | nn.Conv2d)
    ready.weight = nn.Parameter(ready.weight * scale[:, None, None, None])
    ready.bias = nn.Parameter(shift.clone())
    return ready


def _max3(x: torch.Tensor) -> torch.Tensor:
    """The largest of an instant and its two neighbours: (N, C, T, V) -> the same."""
    if x.shape[2] == 1:
        return x
    pairs = torch.maximum(x[:, :, :-1], x[:, :, 1:])
    inner = torch.maximum(pairs[:, :, :-1], pairs[:, :, 1:])
    return torch.cat((pairs[:, :, :1], inner, pairs[:, :, -1:]), 2)


def _fold_refined(module: RefinedGraphConv) -> nn.Module:
    return FoldedFirst(module) if module.relate is None else FoldedRefined(module)


FOLDED: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    InputNorm: FoldedInputNorm,
    DecoupledGraphConv: FoldedDecoupled,
    RefinedGraphConv: _fold_refined,
    DilatedPaths: FoldedPaths,
    DeformablePaths: FoldedPaths,
}
