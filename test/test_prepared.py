# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reading of prepared folders: protocols, subsets, damage, size."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from kinect_files import write_ntu
from raw_ntu import configured

from bharnet.skeleton import KINECT_25, UPPER_BODY_11
from bharnet_train.config import InvalidConfig, read_config
from bharnet_train.datasets.prepared import StoredWindow, open_prepared, read_prepared
from bharnet_train.datasets.recordings import UnreadableData, read_recordings
from bharnet_train.datasets.select import load_split
from bharnet_train.parallel import Workers
from bharnet_train.prepare.convert import prepare
from bharnet_train.prepare.ntu import NTU120

ONE = Workers(1)


def test_sequences_stay_on_the_disk_and_travel_as_a_path(prepared: Path) -> None:
    sequences = read_prepared(prepared, UPPER_BODY_11, "xsub60")
    assert len(sequences) == 24
    window = sequences[0].window
    assert isinstance(window, StoredWindow)
    base = open_prepared(prepared).joints
    assert isinstance(base, np.memmap)
    assert window.body.shape == (20, 11, 4)
    assert np.isnan(window.hands[..., :3]).all()
    assert (window.hands[..., 3] == 0).all()
    again = pickle.loads(pickle.dumps(sequences))
    assert len(pickle.dumps(sequences)) < 200 * len(sequences) + 2000
    np.testing.assert_array_equal(again[5].window.body, sequences[5].window.body)
    assert sequences[0].seconds == pytest.approx(19 / 30)


@pytest.mark.parametrize(
    ("protocol", "held_out"), [("xsub60", {"P003"}), ("xset120", {"P001", "P003"})]
)
def test_protocols_hold_out_whom_they_say(
    prepared: Path, tmp_path: Path, protocol: str, held_out: set[str]
) -> None:
    split = load_split(read_config(configured(tmp_path, protocol)), prepared.parent)
    assert {each.person for each in split.test} == held_out
    assert len(split.train) == len(split.test) == 12
    assert split.classes == ("hand waving", "kicking something")


def test_validation_people_come_from_the_training_part(prepared: Path, tmp_path: Path) -> None:
    config = read_config(configured(tmp_path, "xview60"), ["sources=[]"])
    source = {"file": "prepared", "format": "prepared", "protocol": "xview60"}
    chosen = config.model_validate(
        config.model_dump() | {"sources": [source | {"validation": {"person": ["P003"]}}]}
    )
    split = load_split(chosen, prepared.parent)
    assert {each.session for each in split.test} == {"C001"}
    assert {each.person for each in split.validation} == {"P003"}
    assert {each.session for each in split.validation} == {"C002", "C003"}
    assert {each.person for each in split.train} == {"P001"}


def test_a_subset_keeps_only_its_classes(raw: Path, tmp_path: Path) -> None:
    shutil.copytree(raw, tmp_path / "raw")
    write_ntu(tmp_path / "raw", actions=(69, 71))
    prepare(NTU120(tmp_path / "raw"), tmp_path / "prepared", ONE)
    path = configured(tmp_path, "xsub120")
    path.write_text(path.read_text().replace("xsub120", "xsub120\n  subset: hand_intensive_11"))
    assert load_split(read_config(path), tmp_path).classes == ("make ok sign", "thumb up")


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("format: recordings\n  protocol: xsub", "protocols"),
        ("format: prepared\n  skip_frames: 2", "skip_frames"),
        ("format: prepared\n  subset: fingers", "hand_intensive_11"),
    ],
)
def test_sources_that_do_not_fit_are_refused(tmp_path: Path, line: str, cause: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(f"name: x\nsources:\n- file: y\n  {line}\n")
    with pytest.raises(InvalidConfig, match=cause):
        read_config(path)


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "not finished"),
        (lambda folder: (folder / "clips.npz").write_bytes(b"PK"), "cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text('{"format": 9}'), "format 9"),
        (lambda folder: (folder / "joints.npy").write_bytes(b""), "cannot be mapped"),
        (lambda folder: np.save(folder / "joints.npy", np.zeros((3, 25, 3))), "3 rows"),
    ],
)
def test_a_damaged_folder_says_so(prepared: Path, tmp_path: Path, damage, cause: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(prepared, folder)
    damage(folder)
    with pytest.raises(UnreadableData, match=cause):
        open_prepared(folder).body(0)


def test_an_unknown_protocol_names_the_known_ones(prepared: Path) -> None:
    with pytest.raises(UnreadableData, match="xset120, xsub120, xsub60, xview60"):
        read_prepared(prepared, KINECT_25, "xsub")


def test_hundred_thousand_clips_open_without_being_read(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    shutil.copytree(prepared, folder)
    times = 4_800  # of 24 clips: NTU RGB+D 120 has 114,480
    with np.load(folder / "clips.npz") as file:
        clips = {key: np.tile(file[key], times) for key in file}
    np.savez(folder / "clips.npz", **clips)
    (folder / "joints.npy").unlink()  # so that reading anything would fail
    assert len(read_prepared(folder, KINECT_25, "xsub60")) == 24 * times


def test_a_folder_of_recordings_is_read_file_by_file(tmp_path: Path) -> None:
    for name in ("b", "a"):
        np.savez(
            tmp_path / f"{name}.npz",
            body=np.zeros((4, 33, 4)),
            left_hand=np.zeros((4, 21, 3)),
            right_hand=np.zeros((4, 21, 3)),
            offsets=[0, 4],
            label=["wave"],
            person=[name],
            session=[""],
        )
    assert [each.person for each in read_recordings(tmp_path, KINECT_25)] == ["a", "b"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableData, match=r"no \.npz"):
        read_recordings(tmp_path / "empty", KINECT_25)
