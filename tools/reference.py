# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pages of the reference, written from what they describe, so that neither can drift.

`make docs` puts them into the site (tools/docs_hooks.py); nothing of it is committed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- written by tools/reference.py -->\n"
# A message's field or constant: type, name, value.
FIELD = re.compile(r"^([\w/]+(?:\[\d*\])?)\s+(\w+)\s*(?:=\s*(\S+))?$")


@dataclass(frozen=True)
class Field:
    """A field or, with a value, a constant of a message. ``comment`` is what stands above it."""

    type: str
    name: str
    value: str | None
    comment: str


def read_message(text: str) -> tuple[str, list[Field]]:
    """What a .msg file says of the whole, and its fields in order.

    Raises ValueError for a line that is no comment, field or constant.
    """
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", text.strip())]
    about = blocks.pop(0) if all(line.startswith("#") for line in blocks[0]) else []
    fields: list[Field] = []
    for block in blocks:
        comment: list[str] = []
        for line in block:
            if line.startswith("#"):
                comment.append(line)
                continue
            match = FIELD.match(line.partition("#")[0].strip())
            if not match:
                raise ValueError(f"neither field nor constant: {line!r}")
            kind, name, value = match.groups()
            fields.append(Field(kind, name, value, _prose(comment)))
            comment = []
    return _prose(about), fields


def messages() -> str:
    """Every message of msg/, field by field."""
    parts = [NOTE, "# Messages\n", "Types of the package `bharnet_ros`, from `msg/`.\n"]
    for path in sorted((ROOT / "msg").glob("*.msg")):
        about, fields = read_message(path.read_text())
        parts.append(f"## {path.stem}\n\n{about}\n")
        constants = [each for each in fields if each.value is not None]
        if constants:
            rows = ((f"`{each.name}`", each.value or "", each.comment) for each in constants)
            parts.append(_table(("constant", "value", ""), rows))
        rows = (
            (f"`{each.name}`", f"`{each.type}`", each.comment)
            for each in fields
            if each.value is None
        )
        parts.append(_table(("field", "type", ""), rows))
    return "\n".join(parts)


def parameters() -> str:
    """Every parameter of both nodes, as declared; needs ROS 2."""
    from bharnet_ros.camera.parameters import PARAMETERS as ESTIMATOR
    from bharnet_ros.declared import Declared
    from bharnet_ros.parameters import PARAMETERS as RECOGNISER

    def row(each: Declared) -> tuple[str, str, str, str, str]:
        default = list(each.default) if isinstance(each.default, tuple) else each.default
        span = "" if each.low is None else f"{each.low:g} to {each.high:g}"
        allowed = ", ".join(f"`{choice}`" for choice in each.choices) or span
        shown = f"`{default}`" if default != "" else '`""`'
        return f"`{each.name}`", shown, allowed, "yes" if each.dynamic else "", each.description

    head = ("parameter", "default", "allowed", "while running", "")
    return "\n".join(
        [
            NOTE,
            "# Parameters\n",
            "What raising or lowering each does is said in `config/recognize.yaml`. Those marked "
            "*while running* take effect at once (`ros2 param set /bharnet NAME VALUE`); the "
            "others may change only while the node is unconfigured.\n",
            "## The recogniser, node `bharnet`\n",
            _table(head, map(row, RECOGNISER)),
            "## The estimator, node `bharnet_estimator`\n",
            _table(head, map(row, ESTIMATOR)),
        ]
    )


def command_line() -> str:
    """Every command of `bharnet` with its options, by Typer's own writer."""
    from typer.cli import app
    from typer.testing import CliRunner

    done = CliRunner().invoke(app, ["bharnet_train.cli", "utils", "docs", "--name", "bharnet"])
    if done.exit_code:
        raise RuntimeError(f"typer could not write the command line's page: {done.output}")
    page = done.output.replace("&#x27;", "'").replace("# `bharnet`", "# Command line", 1)
    return f"{NOTE}\n{page}"


def readme_sections(title: str, *names: str) -> str:
    """Sections of README.md as one page of the site; links are those seen from docs/.

    Raises ValueError if there is no such section.
    """
    text = (ROOT / "README.md").read_text()
    parts = [NOTE, f"# {title}\n"]
    for name in names:
        match = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        if not match:
            raise ValueError(f"README.md has no section '{name}'")
        parts.append((f"## {name}\n" if len(names) > 1 else "") + match[1])
    return "\n".join(parts)


def _prose(comment: Iterable[str]) -> str:
    return " ".join(line.lstrip("# ").rstrip() for line in comment)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    def lines() -> Iterator[str]:
        yield line(head)
        yield line("---" for _ in head)
        yield from map(line, rows)

    return "\n".join(lines()) + "\n"
