# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the core says what it could not use: it never logs, it calls a ``Report``."""

from __future__ import annotations

from collections.abc import Callable

# report(key, message): a sentence with cause and cure; messages of one key stand for each other,
# so that whoever listens can leave repetitions out.
Report = Callable[[str, str], None]

# The cure where a package is missing. By its name alone pip might renew numpy with it, and apt's
# cv_bridge ends of that.
PACKAGES = (
    "in the sources of bharnet_ros, `pip install -r requirements/project.in -c "
    "requirements/constraints-ros.txt` brings it"
)


def ignore(key: str, message: str) -> None:
    """A ``Report`` that says nothing."""
