# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Takes and their folder: what is written comes back, and what is wild is refused."""

import contextlib
import io
import zipfile

import numpy as np
import pytest
from conftest import files_of_at_most
from gestures import make_take, write_recordings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import frame, person

from bharnet.recording import (
    TABLE,
    Gathering,
    InvalidRecordings,
    Line,
    Recordings,
    read_table,
)
from bharnet.skeleton import MEDIAPIPE_33, UPPER_BODY_11
from bharnet.take import InvalidTake, Take, read_take, write_take
from bharnet_train.datasets.own import read_own, sequences_of
from bharnet_train.datasets.recordings import UnreadableData


def test_a_take_comes_back(tmp_path):
    take = make_take("wave")
    write_take(tmp_path / "wave.npz", take)
    again = read_take(tmp_path / "wave.npz")
    for key in ("stamps", "body", "hands"):
        np.testing.assert_array_equal(getattr(again, key), getattr(take, key))
    assert (again.layout, again.units) == (take.layout, take.units)
    assert again.seconds == pytest.approx(1.6)
    # As documented: numpy alone reads it.
    with np.load(tmp_path / "wave.npz", allow_pickle=False) as file:
        assert file["right_hand"].shape == (25, 21, 4)
        assert str(file["body_layout"]) == "upper_body_11"


def test_a_full_disk_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    recordings = Recordings(tmp_path / "mine")
    recordings.add(make_take("wave"), "wave")
    before = sorted(path.name for path in recordings.folder.iterdir())

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    for broken in ("numpy.savez_compressed", "bharnet.recording.Recordings._write"):
        monkeypatch.setattr(broken, full)
        with pytest.raises(OSError, match="No space"):
            recordings.add(make_take("wave", 1), "wave")
        monkeypatch.undo()
        assert sorted(path.name for path in recordings.folder.iterdir()) == before
    assert len(Recordings(recordings.folder).lines) == 1


def test_takes_are_added_counted_and_discarded(tmp_path):
    recordings = Recordings(tmp_path)
    first = recordings.add(make_take("wave"), "Wave, big!", "p1", "monday")
    second = recordings.add(make_take("wave", 1), "Wave, big!", "p1", "monday")
    assert [first.take, second.take] == ["wave_big_001.npz", "wave_big_002.npz"]
    assert Recordings(tmp_path).count() == {"Wave, big!": 2}
    recordings.discard(first)
    assert Recordings(tmp_path).lines == [second]
    assert not (tmp_path / first.take).exists()
    # A name is free again once its take is gone.
    assert recordings.add(make_take("wave", 2), "Wave, big!").take == "wave_big_001.npz"


@pytest.mark.parametrize("name", ["../x.npz", "/etc/x.npz", "a/b.npz", ".hidden.npz", "x.npy", ""])
def test_no_line_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(InvalidRecordings, match="no name of a take"):
        Line(name, "wave")
    (tmp_path / TABLE).write_text(f"take,label\n{name},wave\n")
    with pytest.raises(InvalidRecordings, match="line 2"):
        read_table(tmp_path)


def test_a_table_may_be_saved_by_a_spreadsheet(tmp_path):
    Recordings(tmp_path).add(make_take("wave"), "wave", "p1", "monday")
    path = tmp_path / TABLE
    before = read_table(tmp_path)
    path.write_text(path.read_text().replace(",", ";"), encoding="utf-8-sig")
    assert read_table(tmp_path) == before


def test_the_table_itself_is_no_folder(tmp_path):
    (tmp_path / TABLE).write_text("take,label\n")
    with pytest.raises(InvalidRecordings, match=r"labels.csv is a file; give the folder"):
        read_table(tmp_path / TABLE)


@pytest.mark.parametrize(
    ("table", "match"),
    [
        (None, "holds no labels.csv"),
        ("", "no column"),
        ("file,label\n", "no column 'take'"),
        ("take,label\na.npz,\n", "no name of a gesture"),
        ("take,label\na.npz,x\na.npz,y\n", "lists a.npz twice"),
        ('take,label\n"a.npz,x\n', "line"),
        ("take,label\na.npz,come, please\n", "line 2: has more columns than the first line"),
        (b"\xff\xfe\x00", "is no UTF-8 text .* save it as UTF-8"),
    ],
)
def test_a_table_that_is_none_says_why(tmp_path, table, match):
    if table is not None:
        (tmp_path / TABLE).write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(InvalidRecordings, match=match):
        read_table(tmp_path)
    with pytest.raises(UnreadableData):
        read_own(tmp_path, UPPER_BODY_11)


def arrays(**changed):
    take = make_take("wave")
    made = {
        "format": 1,
        "stamps": take.stamps,
        "body": take.body,
        "left_hand": take.hands[:, 0],
        "right_hand": take.hands[:, 1],
        "body_layout": "upper_body_11",
        "units": "picture_heights",
        "estimator": "",
    }
    return {**made, **changed}


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"format": 2}, "format 2"),
        ({"body_layout": "octopus"}, "none of"),
        ({"units": "inches"}, "none of picture_heights"),
        ({"body": np.zeros((25, 12, 4))}, "do not fit"),
        ({"body": np.full((25, 11, 4), np.inf)}, "beyond"),
        ({"stamps": np.zeros(25, np.int64)}, "do not rise"),
        ({"stamps": np.array([-(2**63), 2**63 - 1] * 12 + [5])}, "do not rise"),
        ({"stamps": np.array([1])}, "1 frames"),
        ({"estimator": np.array([{}], object)}, "no array"),
    ],
)
def test_a_take_of_another_form_says_why(tmp_path, changed, match):
    np.savez(tmp_path / "a.npz", **arrays(**changed))
    with pytest.raises(InvalidTake, match=match):
        read_take(tmp_path / "a.npz")


def test_a_header_that_claims_gigabytes_is_refused_unread(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**10, 11, 4)}
    )
    np.savez(tmp_path / "good.npz", **arrays())
    with (
        zipfile.ZipFile(tmp_path / "good.npz") as good,
        zipfile.ZipFile(tmp_path / "bad.npz", "w") as bad,
    ):
        for name in good.namelist():
            bad.writestr(name, header.getvalue() if name == "body.npy" else good.read(name))
    with pytest.raises(InvalidTake, match="no array of"):
        read_take(tmp_path / "bad.npz")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_take_is_refused_or_harmless(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "a.npz"
    write_take(path, make_take("wave", seconds=0.5))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    with contextlib.suppress(InvalidTake):
        assert len(read_take(path).stamps) >= 2


def test_the_person_seen_longest_is_recorded():
    gathering = Gathering(UPPER_BODY_11)
    for i in range(6):
        people = [person("aaaaa"), person("bbbbb", 1)] if i < 4 else [person("bbbbb", 1)]
        gathering.add(frame(i / 10, *people))
        gathering.add(frame(i / 10, *people))  # the same stamp again counts once
    assert len(gathering.take().stamps) == 6
    assert len(gathering.take("aaaaa").stamps) == 4
    with pytest.raises(InvalidTake, match="6 frames show aaaaa, bbbbb, not 'ccccc'; the per"):
        gathering.take("ccccc")
    with pytest.raises(InvalidTake, match="do not show anybody"):
        Gathering(UPPER_BODY_11).take()


def test_gathering_is_bounded(monkeypatch):
    monkeypatch.setattr("bharnet.recording.MOST_FRAMES", 5)
    gathering = Gathering(UPPER_BODY_11)
    for i in range(20):
        gathering.add(frame(i / 10, person("aaaaa"), person("bbbbb")))
    assert gathering.full
    assert len(gathering.take().stamps) == 3


def test_own_recordings_are_read_with_who_and_when(tmp_path):
    folder = write_recordings(tmp_path / "mine", takes=2, sessions=2)
    sequences, rejected = read_own(folder, UPPER_BODY_11)
    assert (len(sequences), rejected) == (16, [])
    assert {each.label for each in sequences} == {"wave", "stop", "come", "idle"}
    assert {(each.person, each.session) for each in sequences} == {("p1", "day0"), ("p1", "day1")}
    assert sequences[0].seconds == pytest.approx(1.6)
    assert len(sequences_of(folder, MEDIAPIPE_33)[0].window.body[0]) == 33


def test_what_cannot_be_used_is_left_out_and_told(tmp_path):
    recordings = Recordings(tmp_path)
    for _ in range(2):
        recordings.add(make_take("wave"), "wave")  # twice the same
    (tmp_path / recordings.add(make_take("wave", 1), "wave").take).write_bytes(b"broken")
    (tmp_path / recordings.add(make_take("wave", 2), "wave").take).unlink()
    sequences, rejected = read_own(tmp_path, UPPER_BODY_11)
    assert len(sequences) == 1
    assert [each.take for each in rejected] == ["wave_002.npz", "wave_003.npz", "wave_004.npz"]
    assert "same recording as wave_001.npz" in rejected[0].why
    (tmp_path / "wave_001.npz").unlink()
    (tmp_path / "wave_002.npz").unlink()
    with pytest.raises(UnreadableData, match=r"can be used; the first: wave_001\.npz:"):
        sequences_of(tmp_path, UPPER_BODY_11)
    (tmp_path / "labels.csv").write_text("take,label\n")
    with pytest.raises(UnreadableData, match="lists no take; record some with `bharnet record"):
        sequences_of(tmp_path, UPPER_BODY_11)


def test_takes_of_different_units_do_not_mix(tmp_path):
    recordings = Recordings(tmp_path)
    take = make_take("wave")
    recordings.add(take, "wave")
    metric = Take(take.stamps + 1, take.body * 2, take.hands, take.layout, "metres")
    recordings.add(metric, "wave")
    with pytest.raises(UnreadableData, match="of their own"):
        read_own(tmp_path, UPPER_BODY_11)


@pytest.mark.parametrize("written", [0, 1, 1000])
def test_a_disk_that_fills_up_within_a_take_leaves_nothing_half_written(tmp_path, written):
    recordings = Recordings(tmp_path / "gestures")
    first = recordings.add(make_take("wave"), "wave")
    before = {path: path.read_bytes() for path in recordings.folder.iterdir()}
    with files_of_at_most(written), pytest.raises(OSError, match="File too large"):
        recordings.add(make_take("wave"), "wave")
    assert {path: path.read_bytes() for path in recordings.folder.iterdir()} == before
    assert Recordings(recordings.folder).lines == [first]
    assert recordings.add(make_take("wave"), "wave").take == "wave_002.npz"
