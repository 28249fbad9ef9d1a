# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a configuration, in one line that names the setting and what may be meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, ValidationError

MOST = 3  # faults that one line names
# What pydantic says of a name that it does not know, in a model and in a dataclass.
MISSPELT = ("extra_forbidden", "unexpected_keyword_argument")
NO_NAME = "is no name for files; begin with a letter or digit, go on with those, space or . _ - +"

QUOTES = "YAML takes null, yes, no, on, off and numbers for no words: put them in quotes"


def describe(error: ValidationError, kind: type[BaseModel]) -> str:
    """The first faults of a configuration of this kind."""
    faults = error.errors(include_url=False)
    told = [_fault(each, kind) for each in faults[:MOST]]
    return "; ".join(told) + (f"; and {len(faults) - MOST} more" if len(faults) > MOST else "")


def _fault(fault: Any, kind: type[BaseModel]) -> str:
    place = [str(each) for each in fault["loc"]]
    where = ".".join(place)
    if fault["type"] in MISSPELT:
        known = _settings(kind, place[:-1])
        close = get_close_matches(place[-1], known, 1) or [
            f"{section}.{place[0]}"
            for section in known
            if len(place) == 1 and place[0] in _settings(kind, [section])
        ]
        meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
        return f"there is no setting {where}; {meant}"
    if fault["type"] == "string_pattern_mismatch":
        return f"{where} '{fault['input']}' {NO_NAME}"
    if fault["type"] == "string_type" and isinstance(fault["input"], bool | int | float | None):
        return f"{where} {fault['input']} is no text; {QUOTES}"
    # pydantic begins the message of a validator with its kind.
    why = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{where} {why}" if where else why


def _settings(kind: Any, place: list[str]) -> list[str]:
    """Names of the settings at this place."""
    for part in place:
        kind = _inner(kind) if part.isdecimal() else get_type_hints(kind).get(part)
        kind = _inner(kind)
    return sorted(_names(kind))


def _inner(kind: Any) -> Any:
    """What a list is made of; anything else is itself."""
    return get_args(kind)[0] if get_args(kind) else kind


def _names(kind: Any) -> Iterator[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from kind.model_fields
    elif dataclasses.is_dataclass(kind):
        yield from (each.name for each in dataclasses.fields(kind))
