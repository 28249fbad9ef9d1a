# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a training run is, in one validated YAML file (config/train/*.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bharnet.features import FeatureConfig
from bharnet.network import NetworkConfig
from bharnet_train.complaints import describe
from bharnet_train.datasets.actions import SUBSETS

Config = TypeVar("Config", bound=BaseModel)
Share = Annotated[float, Field(ge=0, le=1)]
Strength = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Way = Annotated[float, Field(ge=0, le=60)]  # s
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy takes
# Of files, so that it stays in their folder.
Name = Annotated[str, Field(pattern=r"^[\w-][\w. +-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Source(_Strict):
    """One file of recordings and what to take from it.

    format        recordings (recordings.py; a file or a folder of them), nucla (nucla.py), own
                  (own.py; a folder that ``bharnet record`` wrote), frame_labels: clips labelled
                  frame by frame (streams/frame_labels.py), or prepared: a folder that
                  ``bharnet prepare`` wrote (prepared.py)
    protocol      of a prepared folder: xsub60, xset120 ... as its manifest.json lists them; it
                  says who is trained on and tested, ``validation`` takes from the former
    subset        a named list of labels in actions.py, the only ones used
    labels        file's label -> class name; a label left out is not used. Empty = all, as named
    drop          labels of the file that are not used
    test          {"person": [...]} or {"session": [...]}: never trained on, scored at the end
    validation    likewise: for choosing settings and the temperature, never trained on
    skip_frames   leading frames that belong to the take before
    hands_down    labels trained on only by takes in which no hand is seen: one person's idle
                  waving is another's hello
    """

    file: str
    format: Literal["recordings", "nucla", "own", "prepared", "frame_labels"] = "recordings"
    protocol: str = ""
    subset: str = ""
    labels: dict[str, str] = {}
    drop: list[str] = []
    test: dict[Literal["person", "session"], list[str]] = {}
    validation: dict[Literal["person", "session"], list[str]] = {}
    skip_frames: int = Field(default=0, ge=0)
    hands_down: list[str] = []

    @model_validator(mode="after")
    def _fits(self) -> Source:
        if self.format != "prepared" and self.protocol:
            raise ValueError("only a prepared folder has protocols; use test, or prepare it")
        if self.format == "prepared" and self.skip_frames:
            raise ValueError("skip_frames is for recordings; a prepared clip begins where it does")
        if self.subset and self.subset not in SUBSETS:
            raise ValueError(f"subset '{self.subset}' is none of {', '.join(SUBSETS)}")
        return self


class Augmentation(_Strict):
    """Strength of each disturbance; see augmentation.py, and idling.py for the last three.

    Angles in degrees.

    The defaults are for MediaPipe's people, chosen on people whom no table scores
    (docs/results.md).
    """

    mirror: Share = 0.5
    shortest: float = Field(
        default=0.6, ge=0, le=1, description="least share of a sequence that a window covers"
    )
    warp: Strength = Field(default=0.0, description="spread of the steps in time, 0 = even")
    rotate: Strength = 20.0
    rotate_hand: Strength = 25.0
    turn: Strength = Field(
        default=0.0, description="about the vertical, half as far about x; needs measured depth"
    )
    stretch: Strength = 0.25
    limbs: Strength = Field(
        default=0.0, description="spread of the length of every bone, as between people"
    )
    jitter_body: Strength = 0.03
    jitter_hand: Strength = 0.06
    lose_hand: Share = 0.1
    lose_hands: Share = Field(default=0.0, description="both at once, on top of lose_hand")
    lose_body: Share = Field(
        default=0.0, description="the whole body, of people whose hands are seen"
    )
    lose_frames: Share = 0.1
    lose_joint: Share = 0.05
    lose_depth: Share = 0.2
    fidget: Share = Field(
        default=0.0, description="share turned into hands at no sign's place; needs an idle class"
    )
    partial: Share = Field(
        default=0.3, description="share that begins or ends at rest; needs an idle class"
    )
    rest: Share = Field(
        default=0.1, description="share turned into somebody at rest; needs an idle class"
    )

    @model_validator(mode="after")
    def _share(self) -> Augmentation:
        if self.fidget + self.partial + self.rest > 1:
            raise ValueError("fidget, partial and rest are shares of the same windows: 1 at most")
        return self


class Optimiser(_Strict):
    """AdamW with one cosine cycle after a warm-up."""

    epochs: int = Field(default=14, ge=1)
    batch: int = Field(default=48, ge=1, description="of all devices and passes together")
    accumulate: int = Field(
        default=1, ge=1, description="passes a batch goes through in, for little memory"
    )
    rate: float = Field(default=4e-3, gt=0, allow_inf_nan=False)
    weight_decay: Strength = 0.02
    label_smoothing: Share = 0.1
    average: float = Field(
        default=0.99,
        ge=0,
        lt=1,
        description="decay of the running mean of weights, which is kept; 0 = none",
    )
    balance: Share = Field(
        default=1.0, description="0: classes as often as recorded, 1: equally often"
    )
    ensemble: Strength = Field(default=1.0, description="weight of the loss on the summed logits")
    alone: Strength = Field(
        default=0.5, description="weight of the loss on what the body says of itself"
    )
    noisy_or: Strength = Field(default=0.0, description="weight of the loss on the Noisy-OR")


class Streams(_Strict):
    """Windows cut at random from streams, labelled by what is under way at their end.

    streams/cut.py; docs/streams.md. Times in seconds.
    """

    share: float = Field(default=0.0, ge=0, le=1, description="share of windows cut so, 0 = none")
    # A window is filled with takes: at a million a second, for ever.
    frame_rate: float = Field(default=20.0, ge=1, le=1000, description="at which takes are played")
    pace: float = Field(default=0.25, ge=0, le=3, description="spread of the logarithm of speed")
    way_seconds: tuple[Way, Way] = Field(
        default=(0.2, 0.5), description="least and longest way from one take to the next"
    )
    follow: float = Field(
        default=0.3, ge=0, le=1, description="share of takes beside another sign, not rest"
    )
    enter: float = Field(
        default=0.1, ge=0, le=1, description="share of windows of people who just came in"
    )
    unsure_seconds: float = Field(
        default=0.05, ge=0, le=60, description="no window ends so near to a beginning or an end"
    )

    @model_validator(mode="after")
    def _rising(self) -> Streams:
        if self.way_seconds[0] > self.way_seconds[1]:
            raise ValueError("way_seconds are the least and the longest way, in this order")
        return self


class TrainConfig(_Strict):
    """One training run."""

    name: Name
    version: str = "0.1.0"
    sources: list[Source]
    idle: str = Field(
        default="", description="class that means: nothing to recognise; empty = none"
    )
    decision: dict[str, float] = {}
    synonyms: dict[str, str] = Field(
        default={}, description="class: label; classes of one label are told as one"
    )
    exclude: str = Field(
        default="", description="file of fingerprints kept out of training, beside this"
    )
    seed: Seed = 0
    features: FeatureConfig = FeatureConfig()
    network: NetworkConfig = NetworkConfig()
    augmentation: Augmentation = Augmentation()
    streams: Streams = Streams()
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
    return read_as(TrainConfig, path, overrides)


def read_as(kind: type[Config], path: Path, overrides: list[str] | None = None) -> Config:
    """The same for another kind of configuration."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        for override in overrides or []:
            _override(values, override)
        return kind.model_validate(values)
    except OSError as error:
        raise InvalidConfig(f"{path} cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidConfig(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise InvalidConfig(f"{path}: {describe(error, kind)}") from error
    except (AttributeError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise InvalidConfig(f"{path}: {error}") from error


def _override(values: Any, override: str) -> None:
    """Put ``section.key=value`` into what a file says. Raises ValueError."""
    key, equals, value = override.partition("=")
    *sections, last = key.split(".")
    if not (equals and last):
        raise ValueError(f"--set {override}: write it as section.key=value")
    try:
        target = values
        for section in sections:
            listed = isinstance(target, list)
            target = target[int(section)] if listed else target.setdefault(section, {})
        target[int(last) if isinstance(target, list) else last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(f"--set {override}: '{value}' is no value") from error
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"--set {override}: there is no such place ({error})") from error
