# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every parameter of the node, declared once: this table. config/recognize.yaml explains them.

A dynamic parameter may change at any time and takes effect at once. Any other may change only
while the node is unconfigured. Whatever does not fit is refused with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from rclpy.node import Node

from bharnet.backends import BACKENDS
from bharnet.checkpoint import ModelInfo
from bharnet.decision import DecisionConfig, decision_config
from bharnet.models import SHIPPED
from bharnet.stream import StreamConfig
from bharnet_ros.declared import Declared, Values, check_choices, declare_all, user_path

MODELS_OWN = -1.0  # stands for "as the model says", NaN being awkward on command lines


def _decision(name: str, description: str, high: float) -> Declared:
    return Declared(name, MODELS_OWN, f"{description}; -1: the model's own", -1.0, high, (), True)


PARAMETERS = (
    Declared("autostart", True, "configure and activate at start"),
    Declared("model", "", "file of weights; empty: the model that ships", dynamic=True),
    Declared("device", "auto", "where the network runs: auto, cpu, cuda, cuda:0", dynamic=True),
    Declared("backend", "auto", "what runs the network", choices=BACKENDS),
    Declared("torch_threads", 1, "CPU threads of the network", 1, 64),
    Declared(
        "labels",
        ("",),
        "the only classes that may be reported, others answer UNKNOWN; empty: all",
        dynamic=True,
    ),
    Declared("top_k", 3, "hypotheses told for each person", 0, 100, dynamic=True),
    Declared("stride_seconds", 0.2, "time between two results, s", 0.01, 10.0, dynamic=True),
    Declared(
        "window_seconds",
        (0.0,),
        "lengths of the windows read at once, s; 0: the model's own",
        dynamic=True,
    ),
    Declared("reorder_seconds", 0.5, "older frames than this reset all, s", 0.0, 60.0),
    Declared("lost_seconds", 1.0, "a person unseen for longer is forgotten, s", 0.05, 60.0),
    Declared("max_people", 50, "people tracked at most", 1, 1000, dynamic=True),
    Declared(
        "stop_after_seconds",
        1.0,
        "without usable poses for longer, running actions end, s",
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
    Declared(
        "input",
        "poses",
        "poses; poses_and_hands: hands have a topic of their own; hri: bodies of ROS4HRI",
        choices=("poses", "poses_and_hands", "hri"),
    ),
    Declared("sync_slop_seconds", 0.05, "poses and hands apart at most, s", 0.001, 1.0),
    Declared("hri_image_width", 640, "pixels, of the camera behind ROS4HRI", 1, 16384),
    Declared("hri_image_height", 480, "pixels, of the camera behind ROS4HRI", 1, 16384),
    _decision("smoothing_seconds", "time constant of the mean over results, s", 10.0),
    _decision("enter_threshold", "probability at which an action is accepted", 1.0),
    _decision("leave_threshold", "probability below which it is over", 1.0),
    _decision("enter_seconds", "how long a class must lead before it is accepted, s", 10.0),
    _decision("leave_seconds", "how long it must be gone before it is over, s", 10.0),
    _decision("lowest_coverage", "observed share of the window below which: UNKNOWN", 1.0),
    _decision("highest_entropy", "share of the largest entropy above which: UNKNOWN", 1.0),
    _decision("shortest_seconds", "an action lasts at least so long, s", 10.0),
    _decision("refractory_seconds", "until the same action may begin again, s", 10.0),
    _decision("onset_lag_seconds", "evidence begins so long after an action does, s", 10.0),
    _decision("offset_lag_seconds", "evidence ceases so long after an action does, s", 10.0),
)
DECISION = tuple(each.name for each in fields(DecisionConfig))
RELOADING = frozenset(("model", "device"))


@dataclass(frozen=True)
class Settings(Values):
    """All values, checked. Raises ValueError that says which does not fit and why."""

    def __post_init__(self) -> None:
        for name in DECISION:
            if MODELS_OWN < self.values[name] < 0:
                raise ValueError(f"{name} {self.values[name]:g} is neither -1 nor 0 or more")
        check_choices(PARAMETERS, self.values)
        self.stream()

    @property
    def model(self) -> Path:
        """The file of weights."""
        return user_path(self["model"]) if self["model"] else SHIPPED

    @property
    def labels(self) -> tuple[str, ...]:
        """The only classes that may be reported; () = all."""
        return tuple(name for name in self["labels"] if name)

    def stream(self) -> StreamConfig:
        """When the core looks and whom it forgets."""
        values = {each.name: self[each.name] for each in fields(StreamConfig)}
        lengths = tuple(each for each in self["window_seconds"] if each != 0.0)
        return StreamConfig(**{**values, "window_seconds": lengths})

    def decision(self, info: ModelInfo) -> DecisionConfig:
        """The model's thresholds where nothing else is set."""
        set_here = {name: self[name] for name in DECISION if self[name] != MODELS_OWN}
        return decision_config(info, set_here)

    def allowed(self, info: ModelInfo) -> frozenset[int] | None:
        """Indices of the labels that may be reported, None = all."""
        unknown = [name for name in self.labels if name not in info.labels]
        if unknown:
            raise ValueError(
                f"labels: the model {info.name} has no class '{unknown[0][:40]}'; it has "
                f"{', '.join(info.labels)}. Name some of these first, or [] for all"
            )
        return frozenset(map(info.labels.index, self.labels)) if self.labels else None


def declare(node: Node) -> Settings:
    """Declare everything; raises ValueError if the values given at start do not fit."""
    return Settings(declare_all(node, PARAMETERS))
