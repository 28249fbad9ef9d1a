# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the picture's network begins: somebody's ImageNet weights, or chance; it says which."""

from __future__ import annotations

import hashlib
import logging
import pickle
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from bharnet.rgb.backbone import ResNet

log = logging.getLogger(__name__)

# torchvision's IMAGENET1K_V1. The name holds the first digits of the SHA-256, which is checked.
URLS = {
    18: "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    34: "https://download.pytorch.org/models/resnet34-b627a593.pth",
}


class InvalidWeights(ValueError):
    """Weights that cannot be used; the message names the cause and the cure."""


def initialise(network: ResNet, wanted: str = "auto") -> str:
    """Give a fresh network its first weights; returns where they come from, for the provenance.

    wanted  ``auto``: downloaded if that can be, random if not; ``random``; or a path of a .pth
            or .safetensors file with torchvision's or timm's names, which must fit

    Raises InvalidWeights.
    """
    if wanted == "random":
        return "random, as asked for"
    if wanted != "auto":
        return load_weights(network, Path(wanted))
    if network.config.width != 64:
        return f"random: nobody's weights are {network.config.width} channels wide"
    try:
        return download_weights(network)
    except InvalidWeights as error:
        log.warning("%s; the picture's network begins at random", error)
        return f"random: {error}"


def load_weights(network: ResNet, path: Path) -> str:
    """Load a file of weights, all but the classifier; returns its name and hash.

    Never unpickles code: .pth files are read as tensors only. Raises InvalidWeights.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".safetensors":
            weights: Any = load(content)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InvalidWeights(
            f"cannot read weights {path} ({error.strerror}); give a .pth or .safetensors file"
        ) from error
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, EOFError) as error:
        cause = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise InvalidWeights(f"{path} holds no readable weights ({cause})") from error
    fit(network, weights, str(path))
    return f"file {path.name}, SHA-256 {hashlib.sha256(content).hexdigest()}"


def download_weights(network: ResNet) -> str:
    """Load torchvision's ImageNet weights, from torch.hub's cache or the web; returns the URL.

    Raises InvalidWeights if they cannot be had or are not what they were.
    """
    url = URLS[network.config.depth]
    try:
        weights = torch.hub.load_state_dict_from_url(
            url, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
    except URLError as error:
        raise InvalidWeights(f"{url} cannot be reached ({error.reason})") from error
    except (OSError, HTTPException, RuntimeError, pickle.UnpicklingError) as error:
        raise InvalidWeights(f"{url} cannot be used ({type(error).__name__}: {error})") from error
    fit(network, weights, url)
    return url


def fit(network: ResNet, weights: Any, source: str) -> None:
    """Copy weights into the network, all but the classifier. Raises InvalidWeights."""
    expected = {
        key: value for key, value in network.state_dict().items() if not key.startswith("fc.")
    }
    name = f"ResNet-{network.config.depth}, {network.config.width} wide, in torchvision's names"
    if not isinstance(weights, Mapping):
        raise InvalidWeights(f"{source} is no {name}: it is a {type(weights).__name__}")
    # Files from before 2018 lack the count of batches, which nothing here reads.
    optional = {key for key in expected if key.endswith("num_batches_tracked")}
    if missing := sorted(expected.keys() - optional - weights.keys()):
        raise InvalidWeights(f"{source} is no {name}: it lacks {_some(missing)}")
    if foreign := sorted(key for key in weights.keys() - expected.keys() if key[:3] != "fc."):
        raise InvalidWeights(f"{source} is no {name}: it also has {_some(foreign)}")
    for key in expected.keys() & weights.keys():
        value = weights[key]
        if not isinstance(value, torch.Tensor) or value.shape != expected[key].shape:
            raise InvalidWeights(f"{source} is no {name}: {key} has another shape")
        if not torch.isfinite(value.float()).all():
            raise InvalidWeights(f"{source}: {key} holds NaN or infinity")
    with torch.no_grad():
        for key in expected.keys() & weights.keys():
            expected[key].copy_(weights[key])


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(keys[:3]) + more
