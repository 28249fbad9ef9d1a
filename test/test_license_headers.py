# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every source file names its copyright and licence in its first lines."""

from __future__ import annotations

import shutil

import pytest
from conftest import ROOT

from tools.license_headers import LINES, mark, sources, with_lines, without


def test_every_source_file_names_copyright_and_licence():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not in a git clone")
    files = sources(ROOT)
    names = {str(path.relative_to(ROOT)) for path in files}
    assert {"bharnet/window.py", "scripts/recognize", "CMakeLists.txt"} <= names
    lacking = [str(path.relative_to(ROOT)) for path in without(files)]
    assert lacking == [], "`python tools/license_headers.py` adds them"


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("a.py", '"""Doc."""\n', f'# {LINES[0]}\n# {LINES[1]}\n"""Doc."""\n'),
        ("run", "#!/bin/sh\necho\n", f"#!/bin/sh\n# {LINES[0]}\n# {LINES[1]}\necho\n"),
        ("a.cpp", "int a;\n", f"// {LINES[0]}\n// {LINES[1]}\nint a;\n"),
    ],
)
def test_they_stand_first_or_below_the_program(tmp_path, name, text, wanted):
    path = tmp_path / name
    path.write_text(text)
    assert without([path]) == [path]
    path.write_text(with_lines(text, mark(path)))
    assert path.read_text() == wanted
    assert without([path]) == []


@pytest.mark.parametrize("name", ["a.md", "a.yaml", "a.msg", "LICENSE"])
def test_what_is_no_source_wants_none(tmp_path, name):
    path = tmp_path / name
    path.write_text("text\n")
    assert mark(path) == ""


def test_an_empty_file_wants_none(tmp_path):
    (tmp_path / "__init__.py").touch()
    assert without([tmp_path / "__init__.py"]) == []
