# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters as rows of a table: declared, described and checked in one way by every node."""

from __future__ import annotations

import functools
import os
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.exceptions import ParameterUninitializedException
from rclpy.node import Node
from rclpy.parameter import Parameter

from bharnet_ros.misspelt import warn_of_misspelt

if TYPE_CHECKING:
    from typing_extensions import Self

ARRAYS = tuple(each for each in Parameter.Type if each.name.endswith("_ARRAY"))


@dataclass(frozen=True)
class Declared:
    """One parameter. ``low`` and ``high`` are its range, ``choices`` its only values."""

    name: str
    default: bool | int | float | str | tuple[str, ...] | tuple[float, ...]
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    dynamic: bool = False
    read_only: bool = False  # for good: read once, at start

    def descriptor(self) -> ParameterDescriptor:
        """What `ros2 param describe` shows."""
        descriptor = ParameterDescriptor(name=self.name, description=self.description)
        descriptor.read_only = self.read_only
        changes = "at any time" if self.dynamic else "only while the node is unconfigured"
        changes = "at start only" if self.read_only else changes
        only = f"one of {', '.join(self.choices)}; " if self.choices else ""
        descriptor.additional_constraints = f"{only}may change {changes}"
        if self.low is not None and self.high is not None:
            if isinstance(self.default, float):
                span = FloatingPointRange(from_value=float(self.low), to_value=float(self.high))
                descriptor.floating_point_range = [span]
            else:
                whole = IntegerRange(from_value=int(self.low), to_value=int(self.high), step=1)
                descriptor.integer_range = [whole]
        return descriptor


@dataclass(frozen=True)
class Values:
    """The values of a node's parameters, by name. A node's own kind of them checks them."""

    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def changed(self, new: Mapping[str, Any]) -> Self:
        """These with some values replaced, and checked again."""
        return replace(self, values={**self.values, **new})


def declare_all(node: Node, table: Iterable[Declared]) -> dict[str, Any]:
    """Declare every row; the values that were given at start, or else the defaults.

    Warns of what else was given: it would be ignored silently. From now on, of what is asked for
    by service, a value of no known type is refused, and [] is a list's default.
    """
    rows = tuple(table)
    _read_requests(node, {each.name: each for each in rows})
    node.declare_parameters(
        "",
        [
            (each.name, list(each.default), each.descriptor())
            if isinstance(each.default, tuple)
            else (each.name, each.default, each.descriptor())
            for each in rows
        ],
    )
    warn_of_misspelt(node, [each.name for each in rows])
    return {each.name: _plain(_given(node, each).value) for each in rows}


def _read_requests(node: Node, rows: Mapping[str, Declared]) -> None:
    """Let a request to set a value of no known type be refused: over it rclpy raises.

    Out of the executor, that is, and so out of the process. And let [] be the default, as in a
    file: of which type it is, neither rclpy nor `ros2 param set` can know.
    """
    for service in node.services:
        if service.srv_type in (SetParameters, SetParametersAtomically):
            service.callback = functools.partial(_set_or_refuse, service.callback, rows)


def _set_or_refuse(change: Any, rows: Mapping[str, Declared], request: Any, response: Any) -> Any:
    try:
        for each in request.parameters:
            given, row = Parameter.from_parameter_msg(each), rows.get(each.name)
            empty = given.type_ in ARRAYS and not given.value
            if empty and row is not None and isinstance(row.default, tuple):
                each.value = Parameter(row.name, value=list(row.default)).get_parameter_value()
    except (ValueError, TypeError) as error:
        refused = SetParametersResult(successful=False, reason=f"{each.name[:80]}: {error}")
        if hasattr(response, "result"):  # of all at once
            response.result = refused
        else:
            response.results = [refused] * len(request.parameters)
        return response
    return change(request, response)


def _given(node: Node, row: Declared) -> Parameter:
    """The parameter, with its default where a file gives [], of which rclpy knows no type."""
    try:
        return node.get_parameter(row.name)
    except ParameterUninitializedException:
        default = list(row.default) if isinstance(row.default, tuple) else row.default
        node.set_parameters([parameter := Parameter(row.name, value=default)])
        return parameter


def _plain(value: Any) -> Any:
    """A value without the ``array`` that rclpy wraps numbers in, which equals no list."""
    return value.tolist() if isinstance(value, array) else value


def user_path(text: str) -> Path:
    """A parameter as a path, ~ as in a shell: YAML and launch files put in no home."""
    return Path(os.path.expanduser(text))


def check_choices(table: Iterable[Declared], values: Mapping[str, Any]) -> None:
    """Raise ValueError if a value is none of its row's choices."""
    for each in table:
        if each.choices and values[each.name] not in each.choices:
            raise ValueError(
                f"{each.name} '{values[each.name]}' is none of {', '.join(each.choices)}"
            )


def changes(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """What a request to set parameters changes of the declared values."""
    asked = {each.name: _plain(each.value) for each in parameters}  # of a name the last counts
    return {
        name: value for name, value in asked.items() if name in values and value != values[name]
    }


def refuse_static(table: Iterable[Declared], names: Iterable[str]) -> None:
    """Raise ValueError if one of them may not change while the node is configured."""
    fixed = {each.name for each in table if not each.dynamic}
    for name in names:
        if name in fixed:
            raise ValueError(
                f"{name} may change only while the node is unconfigured; deactivate and clean "
                "up first, or give it at start"
            )
