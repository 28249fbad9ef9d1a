# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The documentation: what it tells to type exists, its Python compiles, its links lead somewhere.

Every command must also be named in RUN_BY: with the test that runs it, or with the reason why none
does.
"""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
import yaml
from commands import PAGES, PROGRAMS, ROOT, Command, blocks, commands

from bharnet_train.config import read_config

NOT_OURS = "another project's program; its arguments are checked against our files only"
ROS_ONLY = "needs an installed ROS 2: .github/workflows/ros.yml"
HOURS = "measures for minutes to hours; its functions are what the tests of their module test"
SETS_UP = "installs gigabytes: .ci/run, which CI runs from nothing"
DOCS = ".github/workflows/docs.yml; what it writes, test_reference.py"
# Beginning of a command -> the test that runs it, or why none does. The longest one counts.
RUN_BY = {
    ".ci/run": SETS_UP,
    "bharnet --help": "prints the commands, which are checked here",
    "bharnet evaluate": "test_command_line.py",
    "bharnet evaluate-bag": "test_evaluate_bag_command.py",
    "bharnet evaluate-rgb": "test_rgb_videos.py runs the function behind it",
    "bharnet export": "test_export.py",
    "bharnet extract": "test_extract.py runs the function behind it",
    "bharnet fuse": "test_command_line.py",
    "bharnet info": "test_command_line.py",
    "bharnet models": "test_watch.py",
    "bharnet prepare": "test_prepare_commands.py",
    "bharnet record": "test_record.py",
    "bharnet robustness": "test_command_line.py",
    "bharnet train": "test_command_line.py",
    "bharnet train-rgb": "test_rgb_videos.py",
    "bharnet tune": "test_tune.py",
    "bharnet watch": "test_watch.py",
    "cd": NOT_OURS,
    "colcon build": "make setup runs it: .ci/run",
    "docker": "needs a Docker daemon; what its files name, test_docker.py",
    "export": NOT_OURS,
    "git": NOT_OURS,
    "make bench": HOURS,
    "make clean": "would remove the environment that the tests run in",
    "make demo": "test_demo.py",
    "make docs": DOCS,
    "make format": "make lint, which every make test runs, fails where this would change anything",
    "make help": "prints the targets, which are checked here",
    "make lint": "make test runs it first: .ci/run",
    "make replay": "test_replay.py",
    "make setup": SETS_UP,
    "make test": SETS_UP,
    "mkdocs": DOCS,
    "pip": SETS_UP,
    "pre-commit": "installs a git hook; its checks, test_workflows.py",
    "python -m benchmarks": HOURS,
    "python -m bharnet_ros.camera": "test_camera_process.py",
    "python -m bharnet_ros.demo": "test_demo.py",
    "python -m bharnet_ros.demo.camera": "test_demo_camera.py",
    "python -m pytest": "you are looking at it",
    "python benchmarks": HOURS,
    "python -m tools.fuzz": "test_fuzz.py, fewer cases",
    "python -m tools.lock_requirements": "asks the package index; what it wrote, test_locks.py",
    "python -m tools.soak": "test_soak.py, a shorter time",
    "python -m tools.soak.node": "test_soak_node.py, a shorter time",
    "python tools": HOURS,
    "python3 -m venv": NOT_OURS,
    "ros2": ROS_ONLY,
    "ros2 security": "needs sros2 and a DDS built with security; the file, test_security.py",
    "ros2 launch": "test_launch.py, where launch is installed",
    "rosdep": ROS_ONLY,
    "rviz2": "needs a screen",
    "source": "make test sources tools/ros_env.sh",
    "srun": "test_cluster.py sets the variables that it sets",
    "tensorboard": NOT_OURS,
    "tools/build_cyclone.sh": "builds for minutes, from sources that the package index lacks",
    "torchrun": "test_cluster.py",
}
SHOWN = tuple(command for page in PAGES for command in commands(page))
RUN = tuple(each for each in SHOWN if each.program)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def of(program: str) -> list[pytest.ParameterSet]:
    """Each different command that runs a program."""
    found = {each.words: each for each in RUN if each.program == program}
    return [pytest.param(each, id=str(each)[:100]) for each in found.values()]


def covered(command: Command) -> str | None:
    text = " ".join((command.program, *command.arguments))
    fits = [each for each in RUN_BY if re.match(rf"{re.escape(each)}(?![\w-])", text)]
    return max(fits, key=len, default=None)


def test_commands_are_found():
    # The reader of Markdown must not quietly find nothing.
    assert {"README.md", "docs/camera.md", "docs/howto/robot.md"} <= {each.page for each in SHOWN}
    assert len(RUN) > 80
    assert {each.program for each in RUN} <= PROGRAMS | {".ci/run"}


def test_every_command_is_run_by_a_test_or_says_why_not():
    assert [str(each) for each in RUN if covered(each) is None] == []


@pytest.mark.parametrize("answer", sorted(set(RUN_BY.values())))
def test_named_tests_exist(answer):
    for name in re.findall(r"test_\w+\.py", answer):
        assert (ROOT / "test" / name).is_file()


@pytest.mark.parametrize("command", of("make"))
def test_make(command):
    targets = [word for word in command.arguments if "=" not in word]
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, re.M)
    for name in command.assigned:
        assert name.startswith("PIP_") or re.search(rf"^{name} \?=", MAKEFILE, re.M)


def bharnet_arguments(command: Command) -> tuple[str, ...]:
    """What follows `bharnet`, also where torchrun or srun starts it."""
    name = "bharnet_train.cli" if command.program == "torchrun" else "bharnet"
    return command.words[command.words.index(name) + 1 :]


@pytest.mark.parametrize("command", [*of("bharnet"), *of("srun"), *of("torchrun")])
def test_bharnet(command):
    import typer

    from bharnet_train.cli import app

    arguments = list(bharnet_arguments(command))
    if arguments == ["--help"]:
        return
    group = typer.main.get_command(app)
    while arguments and hasattr(group, "commands"):
        assert arguments[0] in group.commands
        group = group.commands[arguments.pop(0)]
    known = {name for each in group.params for name in (*each.opts, *each.secondary_opts)}
    assert {word for word in arguments if word.startswith("--")} <= known | {"--help"}
    if not command.inline and not set(arguments) & {"…", "$again"}:
        context = group.make_context("documented", arguments)  # as Typer would
        config = context.params.get("config")
        if config is not None:
            assert (ROOT / config).is_file()
            overrides = [each for each in context.params.get("overrides") or () if "$" not in each]
            if group.name in ("train", "evaluate"):
                read_config(ROOT / config, overrides)


@pytest.mark.parametrize("command", of("python"))
def test_python(command):
    arguments = list(command.arguments)
    if arguments[0] == "-m":
        if arguments[1] == "pytest":
            return
        place = ROOT.joinpath(*arguments[1].split("."))
        path = place / "__main__.py" if place.is_dir() else place.with_suffix(".py")
        arguments = arguments[2:]
    else:
        path, arguments = ROOT / arguments[0], arguments[1:]
    source = path.read_text(encoding="utf-8")
    for option in (word for word in arguments if word.startswith("--") and word != "--ros-args"):
        assert f'"{option}"' in source


def launch_arguments(name: str) -> set[str]:
    tree = ast.parse((ROOT / "launch" / name).read_text(encoding="utf-8"))
    return {
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "DeclareLaunchArgument"
    }


@pytest.mark.parametrize("command", of("ros2"))
def test_ros2(command):
    verb, *rest = command.arguments
    if verb in ("launch", "run") and rest and rest[0] == "bharnet_ros":
        if verb == "run":
            assert (ROOT / "scripts" / rest[1]).is_file()
        else:
            given = {word.partition(":=")[0] for word in rest[2:]}
            assert given <= launch_arguments(rest[1])
    elif verb == "param":
        declared = (ROOT / "config" / "recognize.yaml").read_text(encoding="utf-8")
        assert rest[1] == "/bharnet"
        assert rest[2] == "NAME" or re.search(rf"^    {rest[2]}:", declared, re.M)
    elif verb == "security":
        assert rest[0] in ("create_keystore", "create_enclave", "create_permission")
        policy = (ROOT / "config" / "sros2" / "policy.xml").read_text(encoding="utf-8")
        for word in rest[2:]:
            assert f'path="{word}"' in policy or (ROOT / word).is_file()
    else:
        assert verb in ("bag", "launch", "lifecycle", "run", "service", "topic")


@pytest.mark.parametrize("command", [*of("pip"), *of("source"), *of("rviz2")])
def test_files_of_ours_exist(command):
    for word in command.arguments:
        path = word.removeprefix("src/bharnet_ros/")
        if path.startswith(("requirements/", "config/", "tools/")):
            assert (ROOT / path).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_compiles_and_imports_what_exists(page):
    for block in blocks(page.read_text(encoding="utf-8"), "python"):
        for node in ast.walk(ast.parse(block, str(page))):
            if not isinstance(node, ast.ImportFrom) or not str(node.module).startswith("bharnet"):
                continue
            if str(node.module) == "bharnet_ros.msg":
                exist = {path.stem for path in (ROOT / "msg").iterdir()}
            else:
                exist = set(dir(importlib.import_module(str(node.module))))
            assert {alias.name for alias in node.names} <= exist


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in link and not link.startswith(("#", "mailto:")):
            assert (page.parent / link.partition("#")[0]).exists(), link


def test_architecture_names_what_exists():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(bharnet\w*/[\w/.]*)`", text):
        assert (ROOT / name).exists(), name
    steps = re.findall(r"^\| `(bharnet\w*/[\w/]+\.py)` `(\w+)`(?:, `(\w+)`)?", text, re.M)
    assert len(steps) > 10
    for file, *names in steps:
        source = (ROOT / file).read_text(encoding="utf-8")
        for name in filter(None, names):
            assert re.search(rf"^(class|def) {name}\b", source, re.M), f"{file} {name}"


def nav_pages(entries: object) -> list[str]:
    if isinstance(entries, str):
        return [entries]
    values = entries.values() if isinstance(entries, dict) else entries
    return [page for each in values for page in nav_pages(each)]  # type: ignore[attr-defined]


def test_site_shows_every_page():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    shown = {Path(page) for page in nav_pages(yaml.safe_load(text)["nav"])}
    assert {
        page.relative_to(ROOT / "docs") for page in PAGES if ROOT / "docs" in page.parents
    } <= (shown)
