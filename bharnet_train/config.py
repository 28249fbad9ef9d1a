"""What a training run is, in one validated YAML file (config/train/*.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bharnet.features import FeatureConfig
from bharnet.network import NetworkConfig


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Source(_Strict):
    """One file of recordings and what to take from it.

    format        recordings (recordings.py) or nucla (nucla.py)
    labels        file's label -> class name; a label left out is not used. Empty = all, as named
    drop          labels not used (with ``labels`` empty)
    test          {"person": [...]} or {"session": [...]}: never trained on, scored at the end
    validation    likewise: for choosing settings and the temperature, never trained on
    skip_frames   leading frames that belong to the take before
    """

    file: str
    format: Literal["recordings", "nucla"] = "recordings"
    labels: dict[str, str] = {}
    drop: list[str] = []
    test: dict[Literal["person", "session"], list[str]] = {}
    validation: dict[Literal["person", "session"], list[str]] = {}
    skip_frames: int = 0


class Augmentation(_Strict):
    """Strength of each disturbance; see augmentation.py. Angles in degrees."""

    mirror: float = 0.5
    shortest: float = Field(
        default=0.6, description="least share of a sequence that a window covers"
    )
    rotate: float = 12.0
    rotate_hand: float = 15.0
    turn: float = Field(
        default=0.0, description="about the vertical, half as far about x; needs measured depth"
    )
    stretch: float = 0.15
    jitter_body: float = 0.01
    jitter_hand: float = 0.02
    lose_hand: float = 0.1
    lose_hands: float = Field(default=0.0, description="both at once, on top of lose_hand")
    lose_frames: float = 0.1
    lose_joint: float = 0.05
    lose_depth: float = 0.2
    fidget: float = Field(
        default=0.0, description="share turned into hands at no sign's place; needs an idle class"
    )
    partial: float = Field(
        default=0.3, description="share that begins or ends at rest; needs an idle class"
    )
    rest: float = Field(
        default=0.1, description="share turned into somebody at rest; needs an idle class"
    )


class Optimiser(_Strict):
    """AdamW with one cosine cycle after a warm-up."""

    epochs: int = 14
    batch: int = Field(default=48, ge=1, description="of all devices and passes together")
    accumulate: int = Field(
        default=1, ge=1, description="passes a batch goes through in, for little memory"
    )
    rate: float = 4e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    average: float = Field(
        default=0.99, description="decay of the running mean of weights, which is kept; 0 = none"
    )
    balance: float = Field(
        default=1.0, description="0: classes as often as recorded, 1: equally often"
    )
    ensemble: float = Field(default=1.0, description="weight of the loss on the summed logits")
    noisy_or: float = Field(default=0.0, description="weight of the loss on the Noisy-OR")


class TrainConfig(_Strict):
    """One training run."""

    name: str
    version: str = "0.1.0"
    sources: list[Source]
    idle: str = Field(
        default="", description="class that means: nothing to recognise; empty = none"
    )
    decision: dict[str, float] = {}
    exclude: str = Field(
        default="", description="file of fingerprints kept out of training, beside this"
    )
    seed: int = 0
    features: FeatureConfig = FeatureConfig()
    network: NetworkConfig = NetworkConfig()
    augmentation: Augmentation = Augmentation()
    optimiser: Optimiser = Optimiser()


class InvalidConfig(ValueError):
    """A configuration that cannot be used; the message names the cause."""


class NothingToResume(ValueError):
    """No epoch has been finished in the folder of a run that was to go on."""


def read_config(path: Path, overrides: list[str] | None = None) -> TrainConfig:
    """Read and validate a YAML file; ``overrides`` are ``section.key=value``.

    An entry of a list goes by its number: ``sources.0.drop=[i]``.

    Raises InvalidConfig.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        for override in overrides or []:
            key, _, value = override.partition("=")
            *sections, last = key.split(".")
            target = values
            for section in sections:
                listed = isinstance(target, list)
                target = target[int(section)] if listed else target.setdefault(section, {})
            target[last] = yaml.safe_load(value)
        return TrainConfig.model_validate(values)
    except (
        OSError,
        yaml.YAMLError,
        ValidationError,
        AttributeError,
        IndexError,
        TypeError,
        ValueError,
    ) as error:
        raise InvalidConfig(f"{path}: {error}") from error
