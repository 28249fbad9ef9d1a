# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The container: nothing here can build it, but what its files name must exist."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml
from commands import ROOT
from test_docs import launch_arguments

DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
WORKSPACE = "src/bharnet_ros"


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, re.M)


def ours(words: list[str]) -> list[str]:
    """Launch file and arguments of `ros2 launch bharnet_ros ...`."""
    return words[3:] if words[:3] == ["ros2", "launch", "bharnet_ros"] else []


@pytest.mark.parametrize("copied", instructions("COPY"))
def test_what_is_copied_exists(copied):
    source, _ = copied.split()
    assert (ROOT / source).exists()


def test_files_are_named_where_they_are_copied_to():
    found = re.findall(rf"{WORKSPACE}/([\w./-]+)", " ".join(instructions("RUN")))
    assert set(found) == {"requirements/project.in", "requirements/constraints-ros.txt"}
    assert all((ROOT / name).is_file() for name in found)
    assert ["requirements", f"{WORKSPACE}/requirements"] in [
        copied.split() for copied in instructions("COPY")
    ]


def test_python_module_exists():
    (module,) = re.findall(r"python3 -m (bharnet[\w.]+)", DOCKERFILE)
    assert ROOT.joinpath(*module.split(".")).with_suffix(".py").is_file()


def test_starts_a_launch_file_of_ours():
    (words,) = [yaml.safe_load(command) for command in instructions("CMD")]
    name, *given = ours(words)
    assert {each.partition(":=")[0] for each in given} <= launch_arguments(name)
    entrypoint = yaml.safe_load(instructions("ENTRYPOINT")[0])
    assert f"docker{entrypoint[0]} {entrypoint[0]}" in instructions("COPY")


def test_sources_of_the_machine_stay_out():
    kept_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    # A copied .venv would be another machine's; the others are large.
    assert {".git", ".venv", "build", "install", "log", "runs", "shared"} <= set(kept_out)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_service_is_built_from_what_exists(name):
    service = SERVICES[name]
    build = service["build"]
    root = (ROOT / "docker" / build["context"]).resolve()
    assert root == ROOT
    assert (root / build["dockerfile"]).is_file()
    assert build["target"] in re.findall(r" AS (\w+)$", DOCKERFILE, re.M)
    assert set(build.get("args", ())) <= {each.split("=")[0] for each in instructions("ARG")}
    assert (service["network_mode"], service["ipc"]) == ("host", "host")
    for volume in service.get("volumes", ()):
        if volume.startswith(".."):
            assert (ROOT / "docker" / volume.split(":")[0]).is_file()


def test_actions_read_the_pictures_that_the_camera_publishes():
    name, *given = ours(shlex.split(SERVICES["actions"]["command"]))
    arguments = dict(each.split(":=") for each in given)
    assert set(arguments) <= launch_arguments(name)
    # v4l2_camera_node publishes image_raw, and nothing is put in front of it.
    assert arguments == {"source": "image", "image": "/image_raw"}
    assert SERVICES["camera"]["command"] == "ros2 run v4l2_camera v4l2_camera_node"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_foreign_executables_are_installed(name):
    words = shlex.split(SERVICES[name]["command"])
    if words[0] == "ros2" and words[1] == "run":
        package = words[2].replace("_", "-")
    elif words[0] == "rviz2":
        package = "rviz2"
    else:
        assert ours(words)
        return
    assert f"ros-${{ROS_DISTRO}}-{package}" in DOCKERFILE
