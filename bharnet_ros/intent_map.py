# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which action means which intent: read from YAML, checked, and applied. No ROS in here.

    follow_me:
      intent: MOVE_TO
      data: {goal: "body_{body}"}

docs/howto/intents.md explains every key.
"""

from __future__ import annotations

import json
import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    TypeAdapter,
    ValidationError,
    model_validator,
)

# The intents that hri_actions_msgs defines, and the thematic roles that its table requires.
ROLES: Mapping[str, tuple[str, ...]] = {
    "BRING_OBJECT": ("object", "recipient"),
    "ENGAGE_WITH": ("recipient",),
    "GRAB_OBJECT": ("object",),
    "GREET": ("recipient",),
    "GUIDE": ("goal", "recipient"),
    "MOVE_TO": ("goal",),
    "PERFORM_MOTION": ("object",),
    "PLACE_OBJECT": ("recipient",),
    "PRESENT_CONTENT": ("object",),
    "SAY": ("object",),
    "START_ACTIVITY": ("object",),
    "STOP_ACTIVITY": (),
}
PLACEHOLDERS = ("body", "person", "label")
MOST_BYTES = 1 << 20  # of a map; a larger file is something else
Text = Annotated[str, Field(min_length=1)]


class InvalidIntents(ValueError):
    """A map that cannot be used; the message names the file, the action, and what is wrong."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants of the robot. ``predefined``: a constant's name, else a string's own.

    data        a JSON object
    priority    0 to 255
    confidence  0 to 1
    """

    intent: str
    predefined: bool
    data: str
    priority: int
    confidence: float


class Rule(BaseModel):
    """What one action means."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    intent: Text | None = None
    custom: Text | None = None
    data: dict[str, str | bool | int | FiniteFloat] = {}
    priority: int = Field(128, ge=0, le=255)
    min_confidence: FiniteFloat = Field(0.0, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _check(self) -> Rule:
        if (self.intent is None) == (self.custom is None):
            raise ValueError("name either a predefined `intent` or a `custom` string of your own")
        for role, value in self.data.items():
            if isinstance(value, str):
                _check_placeholders(role, value)
        return self

    def wish(self, label: str, body_id: str, person: str, confidence: float) -> Wish | None:
        """What is wanted by who does this action now; None if that is too unsure.

        ``person`` is the id of a person, or what stands for an unknown one.
        """
        if not confidence >= self.min_confidence:
            return None
        known = {"body": body_id, "person": person, "label": label}
        data = {
            role: value.format_map(known) if isinstance(value, str) else value
            for role, value in self.data.items()
        }
        return Wish(
            self.intent or self.custom or "",
            self.intent is not None,
            json.dumps(data, ensure_ascii=False),
            self.priority,
            min(confidence, 1.0),
        )


def read_intents(path: Path, known: Collection[str] = tuple(ROLES)) -> dict[str, Rule]:
    """The rule of every action in a file. ``known`` are the predefined intents.

    Raises InvalidIntents.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise InvalidIntents(f"{path} is larger than 1 MiB, which no map of intents is")
        values = yaml.safe_load(text)
    except OSError as error:
        raise InvalidIntents(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidIntents(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict) or not values:
        raise InvalidIntents(f"{path} names no action; it maps each to an intent")
    for label in values:
        if not isinstance(label, str) or not label:
            raise InvalidIntents(f"{path}: the action {label!r} is no text; put it into quotes")
    try:
        rules = TypeAdapter(dict[str, Rule]).validate_python(values)
    except (ValidationError, RecursionError) as error:
        raise InvalidIntents(f"{path}: {_told(error)}") from error
    for label, rule in rules.items():
        if rule.intent is not None:
            _check_intent(f"{path}: {label}", rule.intent, rule.data, known)
    return rules


def _check_intent(
    where: str, intent: str, data: Mapping[str, object], known: Collection[str]
) -> None:
    if intent not in known:
        raise InvalidIntents(
            f"{where}: there is no intent {intent}, only {', '.join(sorted(known))}; a string of "
            "your own goes under `custom`"
        )
    if missing := [role for role in ROLES.get(intent, ()) if role not in data]:
        raise InvalidIntents(f"{where}: {intent} needs {' and '.join(missing)} in `data`")


def _check_placeholders(role: str, value: str) -> None:
    """Raise ValueError unless every {...} is one that is known, and is nothing but its name."""
    try:
        parts = list(string.Formatter().parse(value))
    except ValueError as error:
        raise ValueError(f"`{role}`: {error}; a brace itself is written twice") from error
    for _, name, spec, conversion in parts:
        if name is not None and (name not in PLACEHOLDERS or spec or conversion):
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            raise ValueError(f"`{role}`: {{{name}}} stands for nothing; {known} do")


def _told(error: ValidationError | RecursionError) -> str:
    """The first thing that is wrong, in one sentence."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"
