# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The reference: written from the sources, so that it holds all of them and nothing else."""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ElementTree

import pytest
from commands import ROOT

from tools import draw_docs, reference

MESSAGES = sorted((ROOT / "msg").glob("*.msg"))


def rows(page: str) -> list[list[str]]:
    """Cells of every line of every table."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in page.splitlines()
        if line.startswith("|")
    ]


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_every_field_is_on_the_page_with_its_comment(path):
    about, fields = reference.read_message(path.read_text())
    told = {row[0]: row for row in rows(reference.messages().split(f"\n## {path.stem}\n")[1])}
    assert about
    # Lines that are neither empty nor a comment are fields.
    assert len(fields) == len(re.findall(r"^(?!#)\S", path.read_text(), re.M))
    for each in fields:
        assert each.comment
        assert told[f"`{each.name}`"][1] in (each.value, f"`{each.type}`")


def test_constants_keep_their_values():
    _, fields = reference.read_message(
        "# All.\n\n# No.\nuint8 A=0\n# Yes.\nuint8 B=1\n\n# C.\nint8 c\n"
    )
    assert [(each.name, each.value, each.comment) for each in fields] == [
        ("A", "0", "No."),
        ("B", "1", "Yes."),
        ("c", None, "C."),
    ]


def test_what_is_no_message_is_refused():
    with pytest.raises(ValueError, match="neither field nor constant"):
        reference.read_message("# All.\n\nuint8 a b c\n")


def test_every_parameter_is_on_the_page():
    pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")
    from bharnet_ros.camera.parameters import PARAMETERS as ESTIMATOR
    from bharnet_ros.parameters import PARAMETERS as RECOGNISER

    told = [row for row in rows(reference.parameters()) if row[0].startswith("`")]
    declared = [*RECOGNISER, *ESTIMATOR]
    assert [row[0] for row in told] == [f"`{each.name}`" for each in declared]
    assert [row[3] == "yes" for row in told] == [each.dynamic for each in declared]
    assert all(len(row) == 5 and row[1] and row[4] for row in told)


def test_every_command_is_on_the_page():
    import typer

    from bharnet_train.cli import app

    page = reference.command_line()
    for name, command in typer.main.get_command(app).commands.items():
        assert f"## `bharnet {name}`" in page
        for each in command.params:
            assert f"`{each.opts[0]}" in page or f"{each.name}" in page


def test_sections_of_the_readme_become_pages():
    page = reference.readme_sections("API", "ROS API")
    assert "`/bharnet/actions`" in page
    assert "\n## " not in page
    with pytest.raises(ValueError, match="no section 'Nowhere'"):
        reference.readme_sections("x", "Nowhere")


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="make docs brings mkdocs")
def test_links_lead_from_the_root_to_the_site():
    from tools.docs_hooks import from_root

    text = "[a](docs/camera.md) [b](msg) [c](config/recognize.yaml) [d](README.md) ![e](x.png)"
    assert from_root(text, "reference") == (
        "[a](../camera.md) [b](messages.md) [c](../../config/recognize.yaml) [d](../index.md) "
        "![e](x.png)"
    )


@pytest.mark.skipif(importlib.util.find_spec("griffe") is None, reason="make docs brings griffe")
def test_aligned_docstrings_stay_aligned():
    from tools.docs_docstrings import keep_aligned

    assert keep_aligned("One.  Two.\n\na   (N,) int\nbb  (M,) int") == (
        "One.  Two.\n\n    a   (N,) int\n    bb  (M,) int"
    )


@pytest.mark.parametrize("draw", [draw_docs.architecture, draw_docs.network])
def test_drawings_are_those_that_the_script_draws(draw, tmp_path):
    drawn = tmp_path / "drawn.svg"
    draw().write(drawn)
    shipped = ROOT / "docs" / "images" / f"{draw.__name__}.svg"
    assert shipped.read_text() == drawn.read_text()
    texts = [each.text for each in ElementTree.parse(shipped).iter() if each.tag.endswith("}text")]
    for name in (text for text in texts if text and text.endswith(".py")):
        assert list((ROOT / "bharnet").rglob(name)) or list((ROOT / "bharnet_ros").rglob(name))
