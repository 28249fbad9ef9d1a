# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A row of labels as it was read, and what is said of one that cannot be."""

from __future__ import annotations

from dataclasses import dataclass


class InvalidLabels(ValueError):
    """Labels that cannot be used; the message names the place, the cause and the cure."""


@dataclass(frozen=True)
class Row:
    """One label as written; ``where`` names its place for complaints."""

    start: str
    end: str
    label: str
    person: str
    where: str
