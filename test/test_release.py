# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is looked at before a release, on made-up projects and on this one."""

from __future__ import annotations

import re
import shutil

import pytest
from commands import ROOT

from tools.check_release import problems

FILES = ("package.xml", "pyproject.toml", "bharnet/__init__.py", "CHANGELOG.rst")
CHANGES = """Changelog
---------

Forthcoming
-----------
{forthcoming}
{title}
{line}
* Everything.
"""


@pytest.fixture
def project(tmp_path):
    """This project as it would be for the release 1.2.3."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    change(tmp_path, "package.xml", r"<version>.*<", "<version>1.2.3<")
    change(tmp_path, "pyproject.toml", r'(?m)^version = ".*"', 'version = "1.2.3"')
    change(tmp_path, "bharnet/__init__.py", r'__version__ = ".*"', '__version__ = "1.2.3"')
    write_changes(tmp_path)
    return tmp_path


def change(root, name, old, new):
    text = (root / name).read_text()
    assert re.search(old, text)
    (root / name).write_text(re.sub(old, new, text, count=1))


def write_changes(root, title="1.2.3 (2026-11-21)", forthcoming=""):
    text = CHANGES.format(title=title, line="-" * len(title), forthcoming=forthcoming)
    (root / "CHANGELOG.rst").write_text(text)


def test_a_consistent_release_passes(project):
    assert list(problems("1.2.3", project)) == []


@pytest.mark.parametrize("tag", ["v1.2.3", "1.2", "1.2.3rc1"])
def test_a_tag_that_bloom_does_not_know_is_refused(project, tag):
    assert "not X.Y.Z" in next(problems(tag, project))


@pytest.mark.parametrize("name", FILES[:3])
def test_another_version_is_told(project, name):
    change(project, name, r"1\.2\.3", "1.2.2")
    assert [each.split()[0] for each in problems("1.2.3", project)] == [name]


@pytest.mark.parametrize("title", ["1.2.3", "1.2.2 (2026-11-21)", "1.2.30 (2026-11-21)"])
def test_a_changelog_without_the_dated_release_is_told(project, title):
    write_changes(project, title)
    assert "no section '1.2.3 (YYYY-MM-DD)'" in next(problems("1.2.3", project))


def test_changes_left_behind_are_told(project):
    write_changes(project, forthcoming="* One more.\n")
    (said,) = problems("1.2.3", project)
    assert "Forthcoming" in said


def test_versions_of_this_project_agree():
    version = re.search(r"<version>(.*)<", (ROOT / "package.xml").read_text())[1]
    assert [each for each in problems(version) if "CHANGELOG" not in each] == []
