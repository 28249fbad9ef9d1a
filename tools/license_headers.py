#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Puts copyright and licence at the head of every source file; `--check` only names them.

    python tools/license_headers.py

REP-2004 asks for the statement, and tools find the licence by the second line (SPDX), also when a
file is copied elsewhere. They stand below a `#!`. Markdown, data, configurations and messages need
none: LICENSE covers them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINES = ("Copyright 2026 bharnet_ros maintainers", "SPDX-License-Identifier: Apache-2.0")
COMMENT = {".py": "#", ".sh": "#", ".cpp": "//", ".hpp": "//"}
NAMED = {"CMakeLists.txt": "#", "Makefile": "#", "Dockerfile": "#"}


def main() -> int:
    """Write what is missing, or name it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if one lacks it")
    given = parser.parse_args()
    lacking = without(sources(ROOT))
    for path in lacking:
        print(path.relative_to(ROOT))
        if not given.check:
            path.write_text(with_lines(path.read_text(encoding="utf-8"), mark(path)), "utf-8")
    return 1 if given.check and lacking else 0


def sources(root: Path) -> list[Path]:
    """The files of the repository that want the lines, those not committed yet among them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (root / name for name in listed.stdout.splitlines())
    return [path for path in paths if path.is_file() and not path.is_symlink() and mark(path)]


def mark(path: Path) -> str:
    """What begins a comment in a file; "" if it wants none. Programs have no ending, but #!."""
    known = COMMENT.get(path.suffix) or NAMED.get(path.name)
    if known or path.suffix:
        return known or ""
    with path.open("rb") as file:
        return "#" if file.read(2) == b"#!" else ""


def without(paths: Iterable[Path]) -> list[Path]:
    """Those whose first lines lack them; an empty file needs none."""
    heads = ((path, path.read_text(encoding="utf-8").splitlines()[:3]) for path in paths)
    return [
        path for path, head in heads if head and not all(line in "\n".join(head) for line in LINES)
    ]


def with_lines(text: str, comment: str) -> str:
    """The same text with both at its head."""
    both = "".join(f"{comment} {line}\n" for line in LINES)
    first, newline, rest = text.partition("\n")
    return f"{first}{newline}{both}{rest}" if first.startswith("#!") else both + text


if __name__ == "__main__":
    sys.exit(main())
