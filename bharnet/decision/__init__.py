# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Scores over time -> unknown, idle, or an action with its onset and offset.

``config`` the parameters, ``evidence`` what the scores of the last ticks amount to, ``decider``
the states of every body, ``states`` what is told.
"""

from bharnet.decision.config import DecisionConfig, decision_config
from bharnet.decision.decider import Decider
from bharnet.decision.states import Decided, Reason, State, best_classes

__all__ = [
    "Decided",
    "Decider",
    "DecisionConfig",
    "Reason",
    "State",
    "best_classes",
    "decision_config",
]
