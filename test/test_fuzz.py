# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Damaged files and messages: refused in the words of each reader, never a crash or a hang.

A few cases each here; `python -m tools.fuzz` runs 100,000 at night. What it found is below.
"""

from __future__ import annotations

import signal
import threading
import zipfile

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from test_checkpoint import INFO, network, refuse
from tiny import rewrite

from bharnet.checkpoint import save_checkpoint
from bharnet.skeleton import KINECT_20, UPPER_BODY_11
from bharnet_train.config import InvalidConfig, read_config
from bharnet_train.datasets.nucla import read_nucla
from bharnet_train.datasets.recordings import UnreadableData, read_recordings
from bharnet_train.prepare.clip import Rejected
from bharnet_train.prepare.nucla_json import NUCLA
from tools.fuzz import running
from tools.fuzz.readers import targets
from tools.fuzz.running import Target, fuzz

CASES = 200
SLOW = {
    "checkpoint": 40,
    "rgb checkpoint": 20,
    "bag": 40,
    "rgb configuration": 80,
    "configuration": 80,
}
NAMES = (
    *("checkpoint", "bag", "message", "message of wild values", "ntu", "pku", "pku label"),
    *("pku split", "nucla json", "npz", "nucla npz", "labels", "configuration"),
    *("rgb configuration", "rgb checkpoint", "take", "table of takes", "picture"),
    *("hands joined to bodies", "frame labels"),
)


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return {each.name: each for each in targets(tmp_path_factory.mktemp("seeds"))}


def test_every_reader_is_named_here(readers):
    assert set(readers) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_refused_in_words(readers, name, tmp_path):
    findings = list(fuzz(readers[name], SLOW.get(name, CASES), 1, tmp_path))
    assert not findings, findings[0].what


@pytest.mark.parametrize("name", NAMES)
def test_what_is_intact_is_read(readers, name, tmp_path):
    """Else the fuzzer would only ever see the first check of a reader."""
    for file, content in readers[name].seeds:
        if file.endswith(".seed"):  # of what is drawn, nothing is intact
            continue
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        readers[name].read(path)


def test_a_crash_and_a_hang_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "SECONDS", 0.05)

    def read(path):
        if len(path.read_bytes()) % 2:
            raise KeyError("oops")
        while True:
            pass

    target = Target("bad", (("a.txt", b"a" * 50),), read, (ValueError,))
    said = " ".join(each.what for each in fuzz(target, 20, 0, tmp_path))
    assert "KeyError" in said
    assert "longer than 0.05 s of CPU" in said


def test_a_reader_that_waits_for_ever_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "ASLEEP", 0.05)
    target = Target("deaf", (("a.txt", b"a"),), lambda path: threading.Event().wait(), ())
    (finding,) = fuzz(target, 1, 0, tmp_path)
    assert "longer than 0.05 s" in finding.what
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_case_that_takes_gigabytes_is_found(tmp_path, monkeypatch):
    used = [100]
    monkeypatch.setattr(running, "peak", lambda: used[0])

    def read(path):
        used[0] += 1000 if len(path.read_bytes()) > 60 else 0

    target = Target("greedy", (("a.txt", b"a" * 50),), read, ())
    found = list(fuzz(target, 40, 0, tmp_path))
    assert {each.what for each in found} == {"took 1000 MiB"}
    assert all(len(each.content) > 60 for each in found)


# What fuzzing found


def test_an_infinite_number_in_a_checkpoint(tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, network(), INFO)
    rewrite(path, network={"experts": ["body"], "blocks": [[float("inf"), 1]]})
    refuse(path, "description")


def test_json_nested_without_end(tmp_path):
    path = tmp_path / "a01_s01_e00_v01.json"
    path.write_text("[" * 100_000)
    with pytest.raises(Rejected, match="RecursionError"):
        list(NUCLA(tmp_path).read(path))


def test_yaml_nested_without_end(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text("[" * 5000)
    with pytest.raises(InvalidConfig):
        read_config(path)


def takes(tmp_path, **changes):
    arrays = {
        "offsets": np.array([0, 3, 6]),
        "body": np.zeros((6, 33, 4)),
        "left_hand": np.zeros((6, 21, 3)),
        "right_hand": np.zeros((6, 21, 3)),
        **dict.fromkeys(("label", "person", "session"), np.array(["a", "b"])),
    }
    np.savez(tmp_path / "takes.npz", **(arrays | changes))
    return tmp_path / "takes.npz"


@pytest.mark.parametrize(
    "changes",
    [
        {"offsets": np.array([])},
        {"offsets": np.array(6)},
        {"offsets": np.array(["0", "6"])},
        {"offsets": np.array([0.0, np.nan, 6.0])},
        {"body": np.array(1.0)},
        {"body": np.full((6, 33, 4), "x")},
        {"left_hand": np.zeros((5, 21, 3))},
        {"label": np.array("a")},
        {"fps": np.array([30.0, 15.0])},
        {"fps": np.array(0.0)},
        {"width": np.array(np.nan)},
        {"width": np.array("wide")},
    ],
    ids=str,
)
def test_arrays_of_another_kind(tmp_path, changes):
    assert len(read_recordings(takes(tmp_path), UPPER_BODY_11)) == 2
    with pytest.raises(UnreadableData):
        read_recordings(takes(tmp_path, **changes), UPPER_BODY_11)


def test_text_for_numbers_in_nucla(tmp_path, readers):
    path = tmp_path / "nucla.npz"
    path.write_bytes(readers["nucla npz"].seeds[0][1])
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | {"label": np.array(["1", "2"])}))
    with pytest.raises(UnreadableData, match="do not match"):
        read_nucla(path, KINECT_20)


def test_an_archive_that_unpacks_without_bound_is_refused_before(tmp_path, monkeypatch):
    monkeypatch.setattr("bharnet_train.datasets.arrays.LARGEST", 1 << 20)
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("body.npy", bytes(2 << 20))
    assert path.stat().st_size < 10_000
    with pytest.raises(UnreadableData, match="unpacks to 2 MiB"):
        read_recordings(path, UPPER_BODY_11)
