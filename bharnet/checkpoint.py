# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One file that is all a robot needs: weights and everything to use them.

A safetensors file (never pickle); its metadata entry ``bharnet`` is JSON with the network's and
the features' configuration, class names, calibration, decision defaults and provenance.
"""

from __future__ import annotations

import hashlib
import json
import stat
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from bharnet.features import FeatureConfig
from bharnet.network import BHaRNet, NetworkConfig

FORMAT = 1
LARGEST_FILE = 512 * 1024 * 1024

Network = TypeVar("Network", bound=nn.Module)
Description = TypeVar("Description")


class InvalidCheckpoint(ValueError):
    """A model file that cannot be used; the message names the cause and the cure."""


@dataclass(frozen=True)
class ModelInfo:
    """What a checkpoint says of itself.

    classes      names, in the order of the network's scores
    synonyms     class -> the label that it is told as, where that is not its own name. Classes of
                 one label mean the same: their probabilities are summed
    idle         name of the class that means nothing to recognise; "" = none
    temperature  divides the logits, so that confidence is an honest probability
    decision     defaults for DecisionConfig, chosen on validation people
    provenance   data, licences, split, seed, command, scores: for the reader, not the program

    Raises ValueError for class names that repeat, another idle class, a synonym of a class that
    is not there or idle, an empty label, a temperature out of range.
    """

    name: str
    version: str
    classes: tuple[str, ...]
    idle: str = ""
    temperature: float = 1.0
    network: NetworkConfig = field(default_factory=NetworkConfig)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    decision: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    synonyms: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.classes or len(set(self.classes)) != len(self.classes):
            raise ValueError("class names are missing or repeat")
        if self.idle and self.idle not in self.classes:
            raise ValueError(f"idle class '{self.idle}' is not among the classes")
        if strangers := set(self.synonyms) - set(self.classes):
            raise ValueError(f"'{min(strangers)}' of the synonyms is not among the classes")
        if self.idle and self.idle in {*self.synonyms, *self.synonyms.values()}:
            raise ValueError(f"idle class '{self.idle}' can have no synonyms")
        if not all(self.synonyms.values()):
            raise ValueError("a label among the synonyms is empty")
        if not 0.01 <= self.temperature <= 100:
            raise ValueError(f"temperature {self.temperature} is out of 0.01..100")

    @property
    def idle_id(self) -> int:
        """Index of the idle class, -1 without one."""
        return self.classes.index(self.idle) if self.idle else -1

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What is told: one name for classes that mean the same, each where its first class is."""
        return tuple(dict.fromkeys(self.synonyms.get(name, name) for name in self.classes))

    @cached_property
    def label_ids(self) -> tuple[int, ...]:
        """Index among the labels, of each class."""
        labels = self.labels
        return tuple(labels.index(self.synonyms.get(name, name)) for name in self.classes)

    def told(self) -> ModelInfo:
        """The same of a model whose classes are the labels."""
        return replace(self, classes=self.labels, synonyms={}) if self.synonyms else self

    def sum_up(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of classes (..., C) -> of labels (..., L), sums over synonyms."""
        first, others = self._first_and_others
        # No product of matrices: the number of people would change how it is rounded.
        summed = probabilities[..., first]
        for class_id, label_id in others:
            summed[..., label_id] += probabilities[..., class_id]
        return summed

    @cached_property
    def _first_and_others(self) -> tuple[list[int], list[tuple[int, int]]]:
        """The first class of each label; the other classes, each with its label."""
        ids = self.label_ids
        first = [ids.index(label_id) for label_id in range(len(self.labels))]
        return first, [(i, label_id) for i, label_id in enumerate(ids) if i not in first]


@dataclass(frozen=True)
class Checkpoint:
    """A network ready to run, and its description. ``digest`` names the file's content."""

    network: BHaRNet
    info: ModelInfo
    digest: str


def save_checkpoint(path: str | Path, network: BHaRNet, info: ModelInfo) -> None:
    """Write a checkpoint; an interrupted write leaves the old file. Raises OSError."""
    write_model(Path(path), network, "bharnet", {"format": FORMAT, **asdict(info)})


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint, checking everything before the network is built.

    Raises InvalidCheckpoint if the file is missing, cut short, no checkpoint, of a newer format,
    or if its weights do not fit its own description.
    """
    path = Path(path)
    content = read_model(path)
    info = describe(path, content, "bharnet", FORMAT, read_info, "bharnet train")
    network = fill(path, content, lambda: BHaRNet(info.network, info.features, len(info.classes)))
    return Checkpoint(network, info, digest(content))


def write_model(path: Path, network: nn.Module, entry: str, described: dict[str, Any]) -> None:
    """Write weights, and under the metadata's ``entry`` what is said of them, all or nothing.

    Raises OSError.
    """
    weights = {key: value.contiguous() for key, value in network.state_dict().items()}
    content = save(weights, {entry: json.dumps(described, sort_keys=True)})
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def digest(content: bytes) -> str:
    """A short name of a file's content."""
    return hashlib.sha256(content).hexdigest()[:12]


def fill(path: Path, content: bytes, build: Callable[[], Network]) -> Network:
    """Build the network described and give it the weights; evaluation mode.

    Raises InvalidCheckpoint if they do not fit each other or are not finite.
    """
    try:
        network = build()
        weights = load(content)
        network.load_state_dict(weights)
    except SafetensorError as error:
        raise _damaged(path, error) from error
    except (RuntimeError, ValueError, TypeError) as error:
        cause = str(error).splitlines()[-1].strip()
        raise InvalidCheckpoint(
            f"{path}: weights do not fit the network they are described with ({cause}); "
            "export it again with this version of bharnet_train"
        ) from error
    broken = [key for key, value in weights.items() if not torch.isfinite(value.float()).all()]
    if broken:
        raise InvalidCheckpoint(f"{path}: {broken[0]} holds NaN or infinity; train it again")
    return network.eval()


def read_model(path: Path) -> bytes:
    """The file's content. Raises InvalidCheckpoint for one missing, too large, or no file."""
    try:
        found = path.stat()
        if found.st_size > LARGEST_FILE:
            raise InvalidCheckpoint(
                f"{path} has {found.st_size >> 20} MiB; no bharnet model is so large"
            )
        # Reading a pipe may never begin, reading a device never end.
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise InvalidCheckpoint(
                f"{path} is a pipe or a device; give an existing .safetensors file"
            )
        return path.read_bytes()
    except OSError as error:
        raise InvalidCheckpoint(
            f"cannot read model {path} ({error.strerror}); give an existing .safetensors file"
        ) from error


def describe(
    path: Path,
    content: bytes,
    entry: str,
    expected: int,
    read: Callable[[dict[str, Any]], Description],
    command: str,
) -> Description:
    """The metadata's ``entry``, read from the header alone: 8 bytes of length, then JSON.

    expected  the format that this version reads; command: what writes such files
    Raises InvalidCheckpoint.
    """
    try:
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
    except (struct.error, ValueError, OverflowError, RecursionError) as error:
        raise _damaged(path, error) from error
    try:
        metadata = header["__metadata__"][entry]
    except (KeyError, TypeError):
        raise InvalidCheckpoint(
            f"{path} holds no {entry} model; export one with `{command}`"
        ) from None
    try:
        values = json.loads(metadata)
        if values["format"] != expected:
            raise InvalidCheckpoint(
                f"{path} has format {values['format']}, this version reads {expected}; "
                "update bharnet_ros or export the model again"
            )
        return read(values)
    except InvalidCheckpoint:
        raise
    # int() of an infinity overflows; a number of a thousand digits is no float.
    except (
        LookupError,
        TypeError,
        ArithmeticError,
        ValueError,
        AttributeError,
        RecursionError,
    ) as error:
        raise InvalidCheckpoint(
            f"{path}: its description cannot be used ({error}); export the model again"
        ) from error


def read_info(values: dict[str, Any]) -> ModelInfo:
    """What ``asdict`` made of a ModelInfo, back. Raises KeyError, TypeError, ValueError."""
    network, features = dict(values["network"]), dict(values["features"])
    network["experts"] = tuple(network["experts"])
    network["blocks"] = tuple((int(c), int(s)) for c, s in network["blocks"])
    network.setdefault("alone", False)  # there was no such classifier
    features["streams"] = tuple(features["streams"])
    return ModelInfo(
        name=str(values["name"]),
        version=str(values["version"]),
        classes=tuple(str(name) for name in values["classes"]),
        idle=str(values["idle"]),
        temperature=float(values["temperature"]),
        network=NetworkConfig(**network),
        features=FeatureConfig(**features),
        decision={str(k): float(v) for k, v in values["decision"].items()},
        provenance=dict(values["provenance"]),
        synonyms={str(k): str(v) for k, v in values.get("synonyms", {}).items()},
    )


def _damaged(path: Path, error: Exception) -> InvalidCheckpoint:
    return InvalidCheckpoint(
        f"{path} is damaged or no safetensors file ({error}); copy or export it again"
    )
