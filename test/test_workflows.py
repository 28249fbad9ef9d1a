# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""CI's workflows: nothing here can run them, but what they name must exist and mean the same."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml
from commands import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# `on` is true to YAML 1.1.
ON = True
# A file of ours: in a folder of ours, or of .ci; src/bharnet_ros/ is the clone in a workspace.
FILE = re.compile(
    r"(?<![\w/$\"-])(?:src/bharnet_ros/)?((?:\.ci|tools|scripts|requirements)/[\w./-]+)"
)
TARGET = re.compile(r"\bmake (\w+)")
SHELL = sorted([*(ROOT / ".ci").iterdir(), *(ROOT / "docker").glob("*.sh")])


def steps(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request):
    return yaml.safe_load(request.param.read_text(encoding="utf-8"))


def test_there_are_five():
    assert [path.stem for path in WORKFLOWS] == ["audit", "ci", "docs", "release", "ros"]


def test_rights_are_the_least(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    more = {
        name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job
    }
    assert set(more) <= {"publish"}


def test_no_step_finds_a_token_in_the_clone(workflow):
    clones = [s for s in steps(workflow) if s.get("uses", "").startswith("actions/checkout")]
    assert clones
    assert all(step["with"]["persist-credentials"] is False for step in clones)


def test_jobs_end(workflow):
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())


def test_actions_are_pinned_by_commit():
    """A tag can be moved; one commit stands for one release, which the comment names."""
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    used = re.findall(r"uses: (.*)", text)
    assert used
    pinned = r"actions/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+"
    assert [each for each in used if not re.fullmatch(pinned, each)] == []
    assert len({each.split("@")[0] for each in used}) == len(set(used))


def test_pins_are_kept_up():
    told = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))
    assert [each["package-ecosystem"] for each in told["updates"]] == ["github-actions"]


def test_what_is_run_exists(workflow):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for run in (step["run"] for step in steps(workflow) if "run" in step):
        for name in FILE.findall(run):
            assert (ROOT / name).is_file(), name
        for target in TARGET.findall(run):
            assert re.search(rf"^{target}:", makefile, re.M), target


def test_nothing_from_outside_is_pasted_into_a_shell(workflow):
    # ${{ github.head_ref }} and the like are words of whoever opens a pull request.
    assert not [step["run"] for step in steps(workflow) if "${{" in step.get("run", "")]


def test_ci_runs_every_supported_python():
    from tools.setup_environment import SUPPORTED

    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert ci["jobs"]["check"]["strategy"]["matrix"]["python"] == [
        f"{major}.{minor}" for major, minor in SUPPORTED
    ]
    assert ".ci/run" in [step.get("run") for step in steps(ci)]


def test_the_audit_reads_the_lock_of_every_supported_python():
    from tools.setup_environment import SUPPORTED

    audit = yaml.safe_load((ROOT / ".github" / "workflows" / "audit.yml").read_text())
    assert audit["jobs"]["audit"]["strategy"]["matrix"]["include"] == [
        {"python": f"{major}.{minor}", "lock": f"requirements/locks/py{major}{minor}.txt"}
        for major, minor in SUPPORTED
    ]


def test_release_waits_for_a_tag_as_bloom_writes_it():
    release = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    assert release[ON] == {"push": {"tags": ["[0-9]+.[0-9]+.[0-9]+"]}}
    assert release["jobs"]["publish"]["needs"] == "build"


@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.name)
def test_shell_files_parse_and_may_be_run(path):
    subprocess.run(["bash", "-n", path], check=True)
    assert path.stat().st_mode & 0o111
    for name in FILE.findall(path.read_text(encoding="utf-8").replace("$package/", " ")):
        assert (ROOT / name).is_file(), name


def test_ros_check_takes_every_step():
    script = (ROOT / ".ci" / "ros").read_text(encoding="utf-8")
    order = [
        script.index(step)
        for step in (
            "rosdep install",
            'pip" install',
            "\ncolcon build",
            "\ncolcon test",
            "test-result",
        )
    ]
    assert order == sorted(order)


def test_pre_commit_checks_what_make_lint_checks():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.M)[1]
    linters = re.findall(r"\) (ruff \w+|mypy)", recipe)
    assert [hook["entry"].split(" --")[0] for hook in hooks] == linters
    # The programs of .venv, hence its versions.
    assert {hook["language"] for hook in hooks} == {"system"}


def test_issue_forms_ask_for_something():
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    for form in (path for path in forms if path.stem != "config"):
        body = yaml.safe_load(form.read_text(encoding="utf-8"))["body"]
        ids = [each["id"] for each in body if each["type"] != "markdown"]
        assert len(ids) == len(set(ids)) > 0
        assert any(each.get("validations", {}).get("required") for each in body)
