# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The locks: every package hashed, in the version that set-up takes."""

from __future__ import annotations

import re

import pytest
from commands import ROOT

from tools.setup_environment import SUPPORTED

REQUIREMENTS = ROOT / "requirements"
NAMES = [f"py{major}{minor}.txt" for major, minor in SUPPORTED]
PINNED = re.compile(r"^([\w.-]+)==(\S+)", re.M)
# uv writes each package as `name==version`, its hashes, and a marker where it has one.
HASHED = re.compile(r"(?: ;[^\\\n]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+")


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def versions(text: str) -> dict[str, str]:
    return {plain(name): version for name, version in PINNED.findall(text)}


@pytest.mark.parametrize("name", NAMES)
def test_every_package_has_the_hashes_of_its_files(name):
    text = (REQUIREMENTS / "locks" / name).read_text(encoding="utf-8")
    packages = PINNED.split(text)
    assert packages[0] == ""
    assert len(packages) > 3 * 200
    for found, rest in zip(packages[1::3], packages[3::3], strict=True):
        assert HASHED.fullmatch(rest.rstrip("\n")), found


@pytest.mark.parametrize("name", NAMES)
def test_versions_are_those_of_set_up(name):
    locked = versions((REQUIREMENTS / "locks" / name).read_text(encoding="utf-8"))
    set_up = versions((REQUIREMENTS / f"constraints-{name}").read_text(encoding="utf-8"))
    assert len(set_up) > 200
    assert set_up.items() <= locked.items()
    # torch brings the rest, and pins it itself.
    more = locked.keys() - set_up.keys()
    assert all(each.startswith(("nvidia-", "cuda-", "triton")) for each in more)
