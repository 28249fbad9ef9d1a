# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""PKU-MMD and Northwestern-UCLA from files in their own forms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from kinect_files import kinect_20, moving, write_nucla, write_pku

from bharnet.skeleton import KINECT_20
from bharnet_train.datasets.nucla import read_nucla
from bharnet_train.parallel import Workers
from bharnet_train.prepare.clip import Clip, Rejected, Rejection
from bharnet_train.prepare.convert import prepare
from bharnet_train.prepare.files import NotPrepared
from bharnet_train.prepare.nucla_json import NUCLA
from bharnet_train.prepare.pku import PKUMMD, read_label, read_split

RNG = np.random.default_rng(0)


def clips(original: PKUMMD | NUCLA) -> list[Clip]:
    found = [each for path in original.files() for each in original.read(path)]
    assert all(isinstance(each, Clip) for each in found), found
    return [each for each in found if isinstance(each, Clip)]


# --- PKU-MMD


@pytest.mark.parametrize("phase", [1, 2])
def test_videos_are_cut_by_their_labels_and_parted_by_the_split_files(
    tmp_path: Path, phase: int
) -> None:
    write_pku(tmp_path, phase)
    original = PKUMMD(tmp_path)
    found = clips(original)
    assert len(found) == 2 * 3 * 4
    first = found[0]
    assert first.name == ("0002-L#001" if phase == 1 else "A01N01-L#001")
    assert (first.label, first.session, first.first_frame) == ("hand waving", "L", 5)
    assert first.joints.shape == (1, 20, 25, 3)
    assert first.parts == {"xsub": "train", "xview": "test"}
    assert found[-1].parts == {"xsub": "test", "xview": "train"}
    assert original.facts()["phase"] == str(phase)
    assert {each.label for each in found} == {"hand waving", "salute"}


def test_labels_cut_the_stretch_they_name(tmp_path: Path) -> None:
    write_pku(tmp_path)
    raw = np.loadtxt(tmp_path / "PKU_Skeleton_Renew" / "0002-L.txt").reshape(-1, 2, 25, 3)
    found = list(PKUMMD(tmp_path).read(tmp_path / "PKU_Skeleton_Renew" / "0002-L.txt"))
    second = found[1]
    assert isinstance(second, Clip)
    np.testing.assert_allclose(second.joints[0], raw[28:48, 0], atol=1e-5)


def test_two_people_are_two_bodies_and_zeros_are_nobody(tmp_path: Path) -> None:
    write_pku(tmp_path)
    path = tmp_path / "PKU_Skeleton_Renew" / "0002-L.txt"
    raw = np.loadtxt(path)
    raw[30:40, 75:] = moving(10, 1, RNG).reshape(10, 75)
    np.savetxt(path, raw, "%.6f")
    second = list(PKUMMD(tmp_path).read(path))[1]
    assert isinstance(second, Clip)
    assert second.joints.shape == (2, 20, 25, 3)
    seen = np.isfinite(second.joints[1]).all((1, 2))
    assert seen.tolist() == [False] * 2 + [True] * 10 + [False] * 8


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("52,5,25,1", "action, start"),
        ("0,5,25,1", "action, start"),
        ("13,5,25", "action, start"),
        ("13,a,25,1", "action, start"),
        ("13,5,inf,1", "action, start"),
        ("13,25,5,1", "outside"),
        ("13,-1,5,1", "outside"),
        ("13,97,500,1", "outside"),
        ("13,0,5,1", "nobody"),
    ],
)
def test_a_bad_label_costs_its_clip_only(tmp_path: Path, label: str, reason: str) -> None:
    write_pku(tmp_path)
    path = tmp_path / "Train_Label_PKU_final" / "0002-L.txt"
    path.write_text(path.read_text() + label + "\n")
    *good, bad = PKUMMD(tmp_path).read(tmp_path / "PKU_Skeleton_Renew" / "0002-L.txt")
    assert len(good) == 4
    assert isinstance(bad, Rejection)
    assert bad.name == "0002-L#005"
    assert reason in bad.reason


def test_a_label_that_outlasts_the_video_ends_with_it() -> None:
    assert read_label("13, 90, 120, 2", 100) == (13, 90, 100)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: "", "empty"),
        (lambda text: text.replace("0.", "O.", 1), "no number"),
        (lambda text: text + "1 2 3\n", "3 numbers"),
        (lambda text: text.replace("0.000000", "1e7", 1), "beyond"),
        (lambda text: text[: len(text) // 2], "numbers"),
    ],
)
def test_a_damaged_skeleton_file_is_refused(tmp_path: Path, change, reason: str) -> None:
    write_pku(tmp_path)
    path = tmp_path / "PKU_Skeleton_Renew" / "0002-L.txt"
    path.write_text(change(path.read_text()))
    with pytest.raises(Rejected, match=reason):
        list(PKUMMD(tmp_path).read(path))


def test_a_video_without_labels_is_refused_and_a_folder_without_parts_too(tmp_path: Path) -> None:
    write_pku(tmp_path)
    (tmp_path / "Train_Label_PKU_final" / "0002-L.txt").unlink()
    with pytest.raises(Rejected, match="no label"):
        list(PKUMMD(tmp_path).read(tmp_path / "PKU_Skeleton_Renew" / "0002-L.txt"))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(NotPrepared, match=r"no \.txt"):
        PKUMMD(tmp_path / "nothing").files()
    with pytest.raises(NotPrepared, match="it has 6 and 0"):
        PKUMMD(tmp_path / "PKU_Skeleton_Renew").files()
    with pytest.raises(NotPrepared, match="no folder"):
        PKUMMD(tmp_path / "nowhere").files()


def test_labels_that_give_no_clip_are_listed_by_name(tmp_path: Path) -> None:
    write_pku(tmp_path)
    (tmp_path / "PKU_Skeleton_Renew" / "0002-L.txt").unlink()
    (tmp_path / "Train_Label_PKU_final" / "0003-R.txt").write_text("\r\n")
    made = prepare(PKUMMD(tmp_path), tmp_path / "out", Workers(1))
    assert made["clips"] == 4 * 4
    assert {each["name"]: each["reason"] for each in made["rejected"]} == {
        "0002-L.txt": "it labels a video without skeleton file",
        "0003-R.txt": "its label file is empty",
    }


def test_two_phases_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_pku(tmp_path / "v1", 1)
    write_pku(tmp_path / "v2", 2)
    with pytest.raises(NotPrepared, match="several splits"):
        PKUMMD(tmp_path).facts()


@pytest.mark.parametrize("text", ["", "0002-L, 0003-L", "Training videos:\n0002-L\n"])
def test_a_split_without_headings_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cross-view.txt"
    path.write_text(text)
    with pytest.raises(NotPrepared, match="no split"):
        read_split(path)


# --- Northwestern-UCLA


def test_a_json_file_is_one_clip_with_all_its_splits(tmp_path: Path) -> None:
    joints = kinect_20(moving(9, 1, RNG))
    write_nucla(tmp_path, "a02_s03_e01_v02", joints, 2)
    (clip,) = clips(NUCLA(tmp_path))
    assert (clip.label, clip.person, clip.session) == ("pick up with two hands", "s3", "v2")
    np.testing.assert_allclose(clip.joints[0], joints, atol=1e-6)
    assert clip.parts == {"xview": "train", "view1": "train", "view2": "test", "view3": "train"}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a02_s03_e01_v2", "{}", "name"),
        ("a07_s03_e01_v02", "{}", "no action 7"),
        ("a02_s03_e01_v04", "{}", "view 4"),
        ("a02_s03_e01_v02", "", "JSONDecodeError"),
        ("a02_s03_e01_v02", "[1]", "TypeError"),
        ("a02_s03_e01_v02", "{}", "KeyError"),
        ("a02_s03_e01_v02", '{"skeletons": [[1, 2], [3]]}', "ValueError"),
        ("a02_s03_e01_v02", '{"skeletons": []}', r"\(0,\)"),
        ("a02_s03_e01_v02", '{"skeletons": [[[1, 2, 3]]]}', "20"),
        ("a02_s03_e01_v02", '{"skeletons": [], "file_name": "a03_s03_e01_v02"}', "called"),
    ],
)
def test_another_json_is_refused(tmp_path: Path, name: str, content: str, reason: str) -> None:
    path = tmp_path / f"{name}.json"
    path.write_text(content)
    with pytest.raises(Rejected, match=reason):
        list(NUCLA(tmp_path).read(path))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e6])
def test_no_number_is_no_joint(tmp_path: Path, bad: float) -> None:
    joints = kinect_20(moving(3, 1, RNG))
    joints[1, 2, 0] = bad
    path = write_nucla(tmp_path, "a02_s03_e01_v02", joints)
    with pytest.raises(Rejected, match="beyond"):
        list(NUCLA(tmp_path).read(path))


def test_it_agrees_with_the_single_file_of_the_same_data(
    tmp_path: Path, shared_data: Path
) -> None:
    with np.load(shared_data / "nucla.npz") as arrays:
        chosen = [0, 700, 1483]
        cut = [slice(*arrays["offsets"][i : i + 2]) for i in chosen]
        for i, rows in zip(chosen, cut, strict=True):
            write_nucla(tmp_path, str(arrays["name"][i]), arrays["joints"][rows])
    sequences = read_nucla(shared_data / "nucla.npz", KINECT_20)
    found = {clip.name: clip for clip in clips(NUCLA(tmp_path))}
    assert len(found) == 3
    for i in chosen:
        clip = found[str(np.load(shared_data / "nucla.npz")["name"][i])]
        other = sequences[i]
        assert (clip.label, clip.person, clip.session) == (
            other.label,
            other.person,
            other.session,
        )
        np.testing.assert_allclose(
            np.abs(clip.joints[0]), np.abs(other.window.body[..., :3]), atol=1e-5
        )


def test_the_label_inside_is_not_trusted(tmp_path: Path) -> None:
    # The public copy numbers its labels without gaps; the name has the official number.
    path = write_nucla(tmp_path, "a08_s03_e01_v02", kinect_20(moving(3, 1, RNG)), 7)
    assert json.loads(path.read_text())["label"] == 7
    assert clips(NUCLA(tmp_path))[0].label == "donning"
