# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The core of bharnet_ros: from observed joints to actions, with neither ROS nor training.

Follow one frame through it, file after file: ``observation`` -> ``window`` -> ``features`` ->
``network`` (through ``recognizer``) -> ``decision``; ``stream`` joins them.

What a program of one's own needs is here, too: ``from bharnet import ActionStream``
(docs/howto/python.md). Each name is imported when it is first asked for, for torch takes seconds.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bharnet.checkpoint import InvalidCheckpoint, load_checkpoint
    from bharnet.decision import DecisionConfig, Reason, State, decision_config
    from bharnet.models import SHIPPED
    from bharnet.observation import (
        Coordinates,
        Frame,
        InvalidPose,
        Observation,
        PoseFormat,
        observe,
    )
    from bharnet.recognizer import Prediction, Recognizer
    from bharnet.skeleton import get_layout
    from bharnet.stream import ActionStream, Entry, StreamConfig, Tick

__version__ = "0.1.0"

_MODULES = {
    "checkpoint": ("InvalidCheckpoint", "load_checkpoint"),
    "decision": ("DecisionConfig", "Reason", "State", "decision_config"),
    "models": ("SHIPPED",),
    "observation": (
        *("Coordinates", "Frame", "InvalidPose", "Observation", "PoseFormat", "observe"),
    ),
    "recognizer": ("Prediction", "Recognizer"),
    "skeleton": ("get_layout",),
    "stream": ("ActionStream", "Entry", "StreamConfig", "Tick"),
}
_PLACES = {name: f"bharnet.{module}" for module, names in _MODULES.items() for name in names}

__all__ = [
    "SHIPPED",
    "ActionStream",
    "Coordinates",
    "DecisionConfig",
    "Entry",
    "Frame",
    "InvalidCheckpoint",
    "InvalidPose",
    "Observation",
    "PoseFormat",
    "Prediction",
    "Reason",
    "Recognizer",
    "State",
    "StreamConfig",
    "Tick",
    "decision_config",
    "get_layout",
    "load_checkpoint",
    "observe",
]


def __getattr__(name: str) -> Any:
    """PEP 562. Raises AttributeError for what is not one of ``__all__``."""
    if name not in _PLACES:
        raise AttributeError(f"module 'bharnet' has no attribute '{name}'")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
