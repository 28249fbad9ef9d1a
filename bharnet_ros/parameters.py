"""Every parameter of the node, declared once: this table. config/recognize.yaml explains them.

A dynamic parameter may change at any time and takes effect at once. Any other may change only
while the node is unconfigured. Whatever does not fit is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from bharnet.checkpoint import ModelInfo
from bharnet.decision import DecisionConfig
from bharnet.models import SHIPPED
from bharnet.stream import StreamConfig

MODELS_OWN = -1.0  # stands for "as the model says", NaN being awkward on command lines


@dataclass(frozen=True)
class Declared:
    """One parameter. ``low`` and ``high`` are its range, ``choices`` its only values."""

    name: str
    default: bool | int | float | str | tuple[str, ...]
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    dynamic: bool = False

    def descriptor(self) -> ParameterDescriptor:
        """What `ros2 param describe` shows."""
        descriptor = ParameterDescriptor(name=self.name, description=self.description)
        changes = "at any time" if self.dynamic else "only while the node is unconfigured"
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


def _decision(name: str, description: str, high: float) -> Declared:
    return Declared(name, MODELS_OWN, f"{description}; -1: the model's own", -1.0, high, (), True)


PARAMETERS = (
    Declared("autostart", True, "configure and activate at start"),
    Declared("model", "", "file of weights; empty: the model that ships", dynamic=True),
    Declared("device", "auto", "where the network runs: auto, cpu, cuda, cuda:0", dynamic=True),
    Declared("torch_threads", 1, "CPU threads of the network", 1, 64),
    Declared(
        "labels",
        ("",),
        "the only classes that may be reported, others answer UNKNOWN; empty: all",
        dynamic=True,
    ),
    Declared("top_k", 3, "hypotheses told for each person", 0, 100, dynamic=True),
    Declared("stride_seconds", 0.2, "time between two results, s", 0.01, 10.0, dynamic=True),
    Declared("reorder_seconds", 0.5, "older frames than this reset all, s", 0.0, 60.0),
    Declared("lost_seconds", 1.0, "a person unseen for longer is forgotten, s", 0.05, 60.0),
    Declared("max_people", 50, "people tracked at most", 1, 1000, dynamic=True),
    Declared(
        "stop_after_seconds",
        1.0,
        "without poses for longer, running actions end, s",
        0.05,
        60.0,
        dynamic=True,
    ),
    Declared("max_backlog", 10, "frames waiting, above which ticks are skipped", 1, 1000),
    Declared(
        "stamp_source",
        "header",
        "header: the stamps of the poses; receive: the time of arrival",
        choices=("header", "receive"),
    ),
    _decision("smoothing_seconds", "time constant of the mean over results, s", 10.0),
    _decision("enter_threshold", "probability at which an action is accepted", 1.0),
    _decision("leave_threshold", "probability below which it is over", 1.0),
    _decision("enter_seconds", "how long a class must lead before it is accepted, s", 10.0),
    _decision("leave_seconds", "how long it must be gone before it is over, s", 10.0),
    _decision("lowest_coverage", "observed share of the window below which: UNKNOWN", 1.0),
)
BY_NAME = {each.name: each for each in PARAMETERS}
DECISION = tuple(each.name for each in fields(DecisionConfig))
RELOADING = frozenset(("model", "device"))


@dataclass(frozen=True)
class Settings:
    """All values, checked. Raises ValueError that says which does not fit and why."""

    values: Mapping[str, Any]

    def __post_init__(self) -> None:
        for name in DECISION:
            if MODELS_OWN < self.values[name] < 0:
                raise ValueError(f"{name} {self.values[name]:g} is neither -1 nor 0 or more")
        for each in PARAMETERS:
            if each.choices and self.values[each.name] not in each.choices:
                raise ValueError(
                    f"{each.name} '{self.values[each.name]}' is none of {', '.join(each.choices)}"
                )
        self.stream()

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def changed(self, new: Mapping[str, Any]) -> Settings:
        """These settings with some values replaced."""
        return replace(self, values={**self.values, **new})

    @property
    def model(self) -> Path:
        """The file of weights."""
        return Path(self["model"]).expanduser() if self["model"] else SHIPPED

    @property
    def labels(self) -> tuple[str, ...]:
        """The only classes that may be reported; () = all."""
        return tuple(name for name in self["labels"] if name)

    def stream(self) -> StreamConfig:
        """When the core looks and whom it forgets."""
        return StreamConfig(**{each.name: self[each.name] for each in fields(StreamConfig)})

    def decision(self, info: ModelInfo) -> DecisionConfig:
        """The model's thresholds where nothing else is set."""
        set_here = {name: self[name] for name in DECISION if self[name] != MODELS_OWN}
        return DecisionConfig(**{**info.decision, **set_here})

    def allowed(self, info: ModelInfo) -> frozenset[int] | None:
        """Indices of the classes that may be reported, None = all."""
        unknown = [name for name in self.labels if name not in info.classes]
        if unknown:
            raise ValueError(
                f"labels: the model has no class '{unknown[0][:40]}'; it has "
                f"{', '.join(info.classes)}"
            )
        return frozenset(map(info.classes.index, self.labels)) if self.labels else None


def declare(node: Node) -> Settings:
    """Declare everything; raises ValueError if the values given at start do not fit."""
    node.declare_parameters(
        "",
        [
            (each.name, list(each.default), each.descriptor())
            if isinstance(each.default, tuple)
            else (each.name, each.default, each.descriptor())
            for each in PARAMETERS
        ],
    )
    return Settings({name: node.get_parameter(name).value for name in BY_NAME})


def refuse_static(names: Iterable[str]) -> None:
    """Raise ValueError if one of them may not change while the node is configured."""
    for name in names:
        if name in BY_NAME and not BY_NAME[name].dynamic:
            raise ValueError(
                f"{name} may change only while the node is unconfigured; deactivate and clean "
                "up first, or give it at start"
            )
