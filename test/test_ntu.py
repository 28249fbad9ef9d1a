# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reading .skeleton files: what is good in them, what is refused, and who acts."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinect_files import moving, person, skeleton_text

from bharnet_train.datasets.actions import NTU, PKU, SUBSETS
from bharnet_train.prepare.actors import SHORTEST, Track, choose_actors, denoise
from bharnet_train.prepare.clip import Clip, Rejected
from bharnet_train.prepare.files import NotPrepared
from bharnet_train.prepare.kinect import PICTURE, project
from bharnet_train.prepare.ntu import (
    NTU120,
    XSUB_60,
    XSUB_120,
    Name,
    read_missing,
    read_skeleton,
)

RNG = np.random.default_rng(0)
STEM = "S001C002P003R002A013"
FRAMES = 15


def text(newline: str = "\n") -> str:
    return skeleton_text([("7205759", 0, moving(FRAMES, 1, RNG))], FRAMES, newline)


def read_text(folder: Path, content: str, stem: str = STEM) -> list[Track]:
    path = folder / f"{stem}.skeleton"
    path.write_bytes(content.encode("latin-1"))
    return read_skeleton(path)


# --- names, lists, protocols


def test_a_name_says_who_did_what_where() -> None:
    name = Name.parse(STEM)
    assert (name.setup, name.camera, name.person, name.replication, name.action) == (
        1,
        2,
        3,
        2,
        13,
    )


@pytest.mark.parametrize("stem", ["", "S001", STEM + "_rgb", "S001C002P003R002A121", "x" + STEM])
def test_another_name_is_refused(stem: str) -> None:
    with pytest.raises(Rejected, match=r"name|no action"):
        Name.parse(stem)


def test_the_official_lists_have_their_official_lengths() -> None:
    assert (len(XSUB_60), len(XSUB_120)) == (20, 53)
    assert XSUB_60 < XSUB_120
    assert max(XSUB_60) <= 40
    assert max(XSUB_120) <= 106


@pytest.mark.parametrize(
    ("stem", "parts"),
    [
        ("S001C001P001R001A060", ("train", "test", "train", "test")),
        ("S002C002P003R001A001", ("test", "train", "test", "train")),
        ("S018C003P045R001A001", (None, None, "train", "train")),
        ("S017C003P040R001A061", (None, None, "test", "test")),
    ],
)
def test_protocols_cut_as_the_authors_do(stem: str, parts: tuple[str | None, ...]) -> None:
    found = Name.parse(stem).parts()
    assert tuple(found.get(p) for p in ("xsub60", "xview60", "xsub120", "xset120")) == parts


def test_class_names_are_complete_and_the_subsets_are_of_them() -> None:
    assert sorted(NTU) == list(range(1, 121))
    assert sorted(PKU) == list(range(1, 52))
    assert len(set(NTU.values())) == 120
    assert {key: len(value) for key, value in SUBSETS.items()} == {
        "hand_intensive_11": 11,
        "hand_intensive_27": 27,
    }
    assert all(subset <= set(NTU.values()) for subset in SUBSETS.values())


def test_the_list_of_missing_skeletons_is_read_whatever_stands_around(tmp_path: Path) -> None:
    path = tmp_path / "missing.txt"
    path.write_bytes(
        b"The following samples ...\r\n=====\r\nS001C002P005R002A008\r\n S018C001P008R001A061\r\n"
    )
    assert read_missing(path) == {"S001C002P005R002A008", "S018C001P008R001A061"}
    path.write_text("nothing")
    with pytest.raises(NotPrepared, match="names no clip"):
        read_missing(path)
    with pytest.raises(NotPrepared, match="cannot be read"):
        read_missing(tmp_path / "nowhere.txt")


# --- files


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_gives_its_joints_in_metres_and_in_the_picture(
    tmp_path: Path, newline: str
) -> None:
    joints = moving(FRAMES, 1, RNG)
    (track,) = read_text(tmp_path, skeleton_text([("7", 0, joints)], FRAMES, newline))
    np.testing.assert_allclose(track.joints, joints, atol=1e-6)
    np.testing.assert_allclose(track.colour[0, 0], (960, 540), atol=3)
    assert track.frames.tolist() == list(range(FRAMES))


def test_bodies_come_and_go_and_frames_without_anybody_keep_their_time(tmp_path: Path) -> None:
    one, two = moving(8, 1, RNG), moving(6, 2, RNG)
    content = skeleton_text([("a", 2, one), ("b", 12, two)], 20)
    tracks = read_text(tmp_path, content)
    assert [track.frames.tolist() for track in tracks] == [list(range(2, 10)), list(range(12, 18))]


def test_a_long_id_is_not_rounded(tmp_path: Path) -> None:
    bodies = [
        ("72057594037931101", 0, moving(5, 1, RNG)),
        ("72057594037931102", 0, moving(5, 2, RNG)),
    ]
    assert len(read_text(tmp_path, skeleton_text(bodies, 5))) == 2


def test_an_unseen_joint_is_nan_and_a_body_twice_in_a_frame_counts_once(tmp_path: Path) -> None:
    joints = moving(5, 1, RNG)
    joints[2, 7] = np.nan
    (track,) = read_text(tmp_path, skeleton_text([("a", 0, joints), ("a", 0, joints)], 5))
    assert len(track.frames) == 5
    assert np.isnan(track.joints[2, 7]).all()
    assert np.isfinite(np.delete(track.joints[2], 7, 0)).all()


def lines_without(count: int) -> str:
    return "\n".join(text().split("\n")[:-count])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        ("\r\n \r\n", "empty"),
        ("skeleton", "number of frames"),
        ("-3", "number of frames"),
        ("9" * 5000, "number of frames"),
        ("3\n0\n0\n0\n", "nobody"),
        ("0\n", "nobody"),
        (lines_without(10), "cut short in frame 15 of 15"),
        (lines_without(1 + 28), "cut short: 14 of 15"),
        (text() + "1\n", "too many"),
        (text().replace("15\n", "14\n", 1), "too many"),
        (text().replace("15\n", "16\n", 1), "cut short: 15 of 16"),
        (text().replace("\n25\n", "\n24\n", 1), "24 joints"),
        (text().replace("\n25\n", "\n26\n", 1), "26 joints"),
        (text().replace("7205759 0 1", "7205759 0", 1), "9 fields"),
        (text().replace("\n1\n", "\n2\n", 1), "fields|number of"),
        (text().replace(" 0.1 0.2 0.3 0.4 2\n", "\n", 1), "numbers"),
        (text().replace("\n0.", "\nO.", 1), "numbers"),
        (text().replace("\n0.", "\n1e9", 1), "beyond|numbers"),
        ("\x00\xff" * 50, "number of frames"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(
    tmp_path: Path, content: str, reason: str
) -> None:
    with pytest.raises(Rejected, match=reason):
        read_text(tmp_path, content)


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.integers(0, 3000), st.text(max_size=4), st.integers(0, 200))
def test_no_damage_ends_in_anything_but_a_reason(
    tmp_path: Path, at: int, scrap: str, cut: int
) -> None:
    content = skeleton_text([("7", 0, np.repeat(person()[None], 2, 0))], 2)
    damaged = (
        content[:at] + scrap.encode("latin-1", "ignore").decode("latin-1") + content[at + cut :]
    )
    with suppress(Rejected):
        for track in read_text(tmp_path, damaged):
            assert track.joints.shape == (len(track.frames), 25, 3)
            assert (np.diff(track.frames) > 0).all()


def test_the_kinects_picture_is_where_the_documentation_shows_it() -> None:
    # Two joints of S001C001P001R001A001 as the data set's documentation prints them.
    joints = np.array([(0.2181153, 0.1725972, 3.785547), (0.2323292, 0.4326636, 3.714767)])
    pixels = project(joints.astype(np.float32)) * PICTURE
    np.testing.assert_allclose(pixels, [(1036.233, 519.1677), (1041.918, 444.3235)], atol=1.5)
    assert np.isnan(project(np.zeros((1, 3), np.float32))).all()


# --- who acts


def track(first: int, joints: np.ndarray) -> Track:
    return Track(np.arange(first, first + len(joints)), joints, np.zeros((*joints.shape[:2], 2)))


def test_the_one_who_moves_most_is_the_main_actor() -> None:
    still, active = moving(30, 1, RNG, 0.1), moving(30, 1, RNG, 0.8)
    joints, colour, first = choose_actors([track(0, still), track(0, active)])
    np.testing.assert_array_equal(joints, np.stack((active, still)))
    assert colour.shape == (2, 30, 25, 2)
    assert first == 0


def test_a_chair_and_a_glimpse_are_no_people() -> None:
    chair = moving(30, 1, RNG, 3.0)
    chair[..., 0] *= 8
    glimpse = moving(SHORTEST, 1, RNG, 5.0)
    active = moving(30, 1, RNG)
    kept = denoise([track(0, chair), track(0, glimpse), track(0, active)])
    assert [each.joints is active for each in kept] == [True]


def test_somebody_alone_stays_however_odd() -> None:
    odd = moving(5, 1, RNG)
    odd[..., 0] *= 8
    joints, _, _ = choose_actors([track(3, odd)])
    np.testing.assert_array_equal(joints[0], odd)
    glimpses = [track(0, moving(3, 1, RNG)), track(9, moving(6, 1, RNG))]
    assert denoise(glimpses) == [glimpses[1]]


def test_somebody_lost_and_found_under_another_id_is_one_actor() -> None:
    before, after = moving(20, 1, RNG), moving(15, 2, RNG)
    joints, _, first = choose_actors([track(5, before), track(30, after)])
    assert first == 5
    assert joints.shape == (1, 40, 25, 3)
    assert np.isnan(joints[0, 20:25]).all()
    np.testing.assert_array_equal(joints[0, 25:], after)


def test_a_third_person_at_the_same_time_is_left_out() -> None:
    people = [moving(20, 1, RNG, reach) for reach in (0.2, 0.9, 0.5)]
    joints, _, _ = choose_actors([track(0, each) for each in people])
    np.testing.assert_array_equal(joints, np.stack((people[1], people[2])))


def test_one_frame_is_no_clip() -> None:
    with pytest.raises(Rejected, match="one frame"):
        choose_actors([track(0, moving(1, 1, RNG))])


def test_a_clip_knows_everything_of_itself(tmp_path: Path) -> None:
    path = tmp_path / f"{STEM}.skeleton"
    path.write_text(text())
    (clip,) = NTU120(tmp_path).read(path)
    assert isinstance(clip, Clip)
    assert (clip.label, clip.person, clip.session, clip.setup) == (
        "tear up paper",
        "P003",
        "C002",
        "S001",
    )
    assert clip.colour is not None
    assert 0 < np.nanmin(clip.colour) < np.nanmax(clip.colour) < 1
    with pytest.raises(Rejected, match="missing"):
        list(NTU120(tmp_path, frozenset({STEM})).read(path))
