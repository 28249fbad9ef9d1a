# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Does everything that names a version agree? `python tools/check_release.py 0.2.0`, before a tag.

Prints what does not, and exits with 1.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECTION = re.compile(r"^(\S.*)\n(-+)$", re.M)


def problems(version: str, root: Path = ROOT) -> Iterator[str]:
    """One sentence, with the cure, for whatever does not agree with the version."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        yield f"the tag '{version}' is not X.Y.Z, which is what bloom looks for"
    said = ElementTree.parse(root / "package.xml").getroot().findtext("version")
    if said != version:
        yield f"package.xml says {said}: write <version>{version}</version>"
    for name, pattern in (
        ("pyproject.toml", r'^version = "(.+)"$'),
        ("bharnet/__init__.py", r'^__version__ = "(.+)"$'),
    ):
        match = re.search(pattern, (root / name).read_text(encoding="utf-8"), re.M)
        if match is None or match[1] != version:
            yield f"{name} says {match[1] if match else 'nothing'}: write {version}"
    yield from _changelog(version, (root / "CHANGELOG.rst").read_text(encoding="utf-8"))


def _changelog(version: str, text: str) -> Iterator[str]:
    parts = SECTION.split(text)
    # Split by two groups: text, title, underline, text, title, ...
    pairs = zip(parts[1::3], parts[3::3], strict=True)
    sections = {title.strip(): body.strip() for title, body in pairs}
    dated = [title for title in sections if title.startswith(f"{version} ")]
    if not any(re.fullmatch(r"\S+ \(\d{4}-\d{2}-\d{2}\)", title) for title in dated):
        yield f"CHANGELOG.rst has no section '{version} (YYYY-MM-DD)': catkin_prepare_release"
    elif not sections[dated[0]]:
        yield f"CHANGELOG.rst says nothing of {version}"
    if sections.get("Forthcoming"):
        yield "CHANGELOG.rst still has changes under Forthcoming: move them into the release"


def main() -> int:
    """Print all problems; 0 if there are none."""
    if len(sys.argv) != 2:
        print("which version? python tools/check_release.py 0.2.0", file=sys.stderr)
        return 2
    found = list(problems(sys.argv[1]))
    print("\n".join(found) if found else f"{sys.argv[1]}: everything agrees")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
