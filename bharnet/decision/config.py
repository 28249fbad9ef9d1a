# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What decides when a class counts: probabilities and seconds, all of them changeable live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from bharnet.checkpoint import ModelInfo

# A network that was taught whole windows answers for the most of its window: about so much of it
# lies behind an action's beginning when the answer turns. A model that was taught windows' ends
# says its own lags.
LAG_OF_WHOLE_WINDOWS = 0.3


@dataclass(frozen=True)
class DecisionConfig:
    """When a class counts. Raising enter_threshold or enter_seconds: fewer false alarms, later.

    smoothing_seconds   time constant of the mean over overlapping windows
    enter_threshold     smoothed probability at which a class may be accepted
    leave_threshold     below it the action is over; never above enter_threshold
    enter_seconds       how long a class must lead before it is accepted
    leave_seconds       how long it must be gone before it is over
    lowest_coverage     observed share of the window below which the answer is UNKNOWN
    highest_entropy     share of the largest possible entropy, log(classes), above which the
                        answer is UNKNOWN whatever leads; 1 = never
    shortest_seconds    an action that has begun is not over before
    refractory_seconds  after an action the same one does not begin again before
    onset_lag_seconds   from an action's beginning until the network's evidence for it begins;
                        the onset told is so much earlier
    offset_lag_seconds  likewise from its end until the evidence ceases

    Raises ValueError that names what is out of its range.
    """

    smoothing_seconds: float = 0.3
    enter_threshold: float = 0.6
    leave_threshold: float = 0.4
    enter_seconds: float = 0.4
    leave_seconds: float = 0.4
    lowest_coverage: float = 0.4
    highest_entropy: float = 1.0
    shortest_seconds: float = 0.0
    refractory_seconds: float = 0.0
    onset_lag_seconds: float = 0.0
    offset_lag_seconds: float = 0.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            highest = 10.0 if each.name.endswith("seconds") else 1.0
            if not 0.0 <= value <= highest:
                raise ValueError(f"{each.name} {value:g} is out of 0..{highest:g}")
        if self.leave_threshold > self.enter_threshold:
            raise ValueError(
                f"leave_threshold {self.leave_threshold:g} is above enter_threshold "
                f"{self.enter_threshold:g}: an action would end as it begins"
            )


def decision_config(
    info: ModelInfo, settings: Mapping[str, float] | None = None
) -> DecisionConfig:
    """``settings`` where given, else the model's own, else the defaults.

    A model that says nothing of its lags was taught whole windows (LAG_OF_WHOLE_WINDOWS).
    Raises ValueError.
    """
    lag = LAG_OF_WHOLE_WINDOWS * info.features.window_seconds
    usual = {"onset_lag_seconds": lag, "offset_lag_seconds": lag}
    chosen = {**usual, **info.decision, **(settings or {})}
    known = [each.name for each in fields(DecisionConfig)]
    if unknown := sorted(set(settings or {}) - set(known)):
        raise ValueError(f"there is no setting {unknown[0]}; there are {', '.join(known)}")
    if unknown := sorted(set(chosen) - set(known)):
        raise ValueError(
            f"{info.name} decides by {unknown[0]}, which is none of {', '.join(known)}; mend the "
            "configuration's decision and train again, or use a newer bharnet_ros"
        )
    return DecisionConfig(**chosen)
