# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the command line speaks: results and progress on one console, a failure in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

console = Console()


def say(text: str) -> None:
    """One line in rich's markup, as long as it is: a pipe wants it whole."""
    console.print(text, highlight=False, soft_wrap=True)


def counted(number: int, noun: str) -> str:
    """As people say it: 1 take, 2 takes."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def say_written(path: Path, scored: bool) -> None:
    """Where a trained model is, and whether anybody scored it; or where scores are."""
    held_out = "" if scored else "; nobody is held out, so nothing was scored"
    say(escape(f"{path} written{held_out}"))


def fail_to_write(error: OSError, what: str = "") -> NoReturn:
    """A full disk, a folder that is closed: what the system said, and of which file."""
    fail(f"{what or error.filename or 'a file'}: {error.strerror or error}; cure that, and again")


def fail(message: str) -> NoReturn:
    """The sentence of a known failure, and exit code 2."""
    # Escaped, or "pip install 'x[extra]'" would lose its brackets.
    say(f"[red]bharnet:[/] {escape(message)}")
    sys.exit(2)
