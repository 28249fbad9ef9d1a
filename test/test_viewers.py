# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What RViz and Foxglove are told to show: topics that the nodes publish, fields that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from commands import ROOT

from tools.reference import read_message

FOXGLOVE = json.loads((ROOT / "config" / "foxglove.json").read_text(encoding="utf-8"))
RVIZ = yaml.safe_load((ROOT / "config" / "recognize.rviz").read_text(encoding="utf-8"))
PANELS = FOXGLOVE["configById"]
NODES = {"bharnet": "node.py", "bharnet_estimator": "camera/node.py"}
PUBLISHER = re.compile(r'[._]publisher\(\s*(?:undo, )?(\w+), "([~/\w]+)"')
STEP = re.compile(r"(\w+)((?:\[\d*:?\d*\])?)")


def published() -> dict[str, str]:
    """Topic -> type of every publisher in the two nodes' sources."""
    found = {}
    for node, file in NODES.items():
        source = (ROOT / "bharnet_ros" / file).read_text(encoding="utf-8")
        assert f'"{node}"' in source
        calls = PUBLISHER.findall(source)
        found |= {name.replace("~", f"/{node}"): kind for kind, name in calls}
    return found


def paths(value: object) -> Iterator[str]:
    """Every string that begins as a topic does."""
    if isinstance(value, dict):
        yield from (key for key in value if key.startswith("/"))
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from paths(each)
    elif isinstance(value, str) and value.startswith("/"):
        yield value


def leaves(layout: object) -> list[str]:
    if isinstance(layout, str):
        return [layout]
    assert isinstance(layout, dict)
    assert layout["direction"] in ("row", "column")
    return leaves(layout["first"]) + leaves(layout["second"])


def type_at(message: str, path: str) -> str:
    """Type of the field that a message path leads to."""
    for step in path.split("."):
        name, index = STEP.fullmatch(step).groups()
        _, fields = read_message((ROOT / "msg" / f"{message}.msg").read_text(encoding="utf-8"))
        kind = {each.name: each.type for each in fields}[name]
        message = kind.removesuffix("[]") if index else kind
    return message


def test_the_nodes_publish_what_is_looked_for_here():
    assert {"/bharnet/actions", "/bharnet/markers", "/diagnostics"} <= set(published())
    assert published()["/bharnet_estimator/debug_image"] == "Image"


def test_every_panel_is_in_the_layout_once():
    assert sorted(leaves(FOXGLOVE["layout"])) == sorted(PANELS)


@pytest.mark.parametrize("panel", sorted(PANELS))
def test_foxglove_shows_what_exists(panel):
    shown = list(paths(PANELS[panel]))
    assert shown
    for each in shown:
        topic, _, field = each.partition(".")
        kind = published()[topic]
        if field:
            end = type_at(kind, field)
            assert end.endswith("[]") == panel.startswith("Table")


def test_plots_are_switched_on():
    # A path without it is read and draws nothing.
    assert all(each["enabled"] for each in PANELS["Plot!confidence"]["paths"])


def test_rviz_shows_what_exists():
    displays = RVIZ["Visualization Manager"]["Displays"]
    shown = {each["Class"]: each["Topic"]["Value"] for each in displays if "Topic" in each}
    assert {name.rpartition("/")[2]: published()[topic] for name, topic in shown.items()} == {
        "Image": "Image",
        "MarkerArray": "MarkerArray",
    }
