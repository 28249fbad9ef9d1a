# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A wheel, installed into an environment of its own and used from elsewhere."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import venv
from contextlib import closing
from pathlib import Path

import pytest
from bags import STORY, write_bag
from conftest import ROOT
from rosbags.rosbag2 import StoragePlugin
from test_package import files_in_git

pytest.importorskip("setuptools", minversion="77", reason="builds the wheel")
pytest.importorskip("pip", reason="installs it")


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment with our wheel, and of this one everything but the sources."""
    sources, wheels, place = (tmp_path_factory.mktemp(name) for name in ("src", "dist", "venv"))
    for file in files_in_git():
        copy = sources / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    here = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", wheels, sources]
    subprocess.run([*pip, *here], check=True, env=alone())
    venv.create(place, symlinks=True)
    found = place / "bin" / "python"
    (wheel,) = wheels.iterdir()
    # Python 3.10's own pip has no --python yet.
    there = ["install", "--prefix", place, "--ignore-installed", "--no-deps", "--no-index", wheel]
    subprocess.run([*pip, *there], check=True, env=alone())
    (packages,) = place.glob("lib/python3*/site-packages")
    # A folder named in a .pth is looked through, its own .pth files are not: no editable install.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return found


def alone() -> dict[str, str]:
    """This process's variables without those that lead to the sources and to what is built."""
    leading = {"PYTHONPATH", "AMENT_PREFIX_PATH"}
    return {name: value for name, value in os.environ.items() if name not in leading}


def run(python: Path, folder: Path, *arguments: str) -> str:
    """What it prints, started in a folder that has nothing to do with the repository."""
    done = subprocess.run(
        [python, *arguments], cwd=folder, env=alone(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_brings_model_definitions_and_configurations(python, tmp_path):
    code = """
import bharnet, bharnet.share
for folder in ("msg", "config/train", "config/rgb"):
    print(len(list(bharnet.share.shared_folder(folder).iterdir())))
print(bharnet.load_checkpoint(bharnet.SHIPPED).info.name)
"""
    counts = [len(list((ROOT / name).iterdir())) for name in ("msg", "config/train", "config/rgb")]
    said = run(python, tmp_path, "-c", code).split()
    assert said == [*map(str, counts), "robot_words"]


def test_it_reads_recordings_that_do_not_bring_their_definitions(python, tmp_path):
    """As those of Humble's rosbag2 into sqlite3."""
    bag = write_bag(tmp_path / "story", STORY, 12.0, plugin=StoragePlugin.SQLITE3)
    with closing(sqlite3.connect(next(bag.glob("*.db3")))) as file:
        file.execute("DROP TABLE message_definitions")
        file.execute("UPDATE schema SET schema_version = 3")
        file.commit()
    report = tmp_path / "näher dran"
    command = ("-m", "bharnet_train.cli", "evaluate-bag", str(bag), "--out", str(report))
    labels = tmp_path / "labels.csv"
    labels.write_text("start,end,label\n1,2,hello\n")
    run(python, tmp_path, *command, "--labels", str(labels), "--jobs", "1")
    assert (report / "report.html").is_file()
