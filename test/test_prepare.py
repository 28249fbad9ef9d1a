# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Conversion of original files: what is written, what is rejected, what a kill leaves."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from kinect_files import moving, skeleton_text, write_pku
from raw_ntu import MISSING

from bharnet.skeleton import KINECT_25
from bharnet_train import cli
from bharnet_train.datasets.prepared import open_prepared, read_prepared
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.parallel import BackendUnavailable, Workers, unordered
from bharnet_train.prepare import convert, store
from bharnet_train.prepare.convert import prepare
from bharnet_train.prepare.files import NotPrepared
from bharnet_train.prepare.ntu import NTU120
from bharnet_train.prepare.pku import PKUMMD

ONE = Workers(1)
RNG = np.random.default_rng(0)


def test_every_rejected_file_is_in_the_manifest_with_its_reason(prepared: Path) -> None:
    manifest = json.loads((prepared / "manifest.json").read_text())
    reasons = {Path(each["name"]).name: each["reason"] for each in manifest["rejected"]}
    assert manifest["clips"] == 24
    assert len(manifest["rejected"]) == 5
    assert "nobody" in reasons["S001C001P009R001A001.skeleton"]
    assert "cut short" in reasons["S001C001P009R001A002.skeleton"]
    assert "A999" in reasons["S001C001P009R001A999.skeleton"]
    assert "missing" in reasons["S001C001P009R001A004.skeleton"]
    assert "twice" in reasons["S001C001P001R001A023.skeleton"]
    assert not (prepared / "parts").exists()
    assert not list(prepared.glob(".*"))


def test_a_clip_reads_as_it_was_written(raw: Path, prepared: Path) -> None:
    opened = open_prepared(prepared)
    clip = opened.clips["name"].tolist().index("S002C003P003R001A024")
    (original,) = NTU120(raw).read(raw / "S002C003P003R001A024.skeleton")
    body = opened.body(clip)
    np.testing.assert_array_equal(body[..., 0], -original.joints[0, ..., 0])
    np.testing.assert_array_equal(body[..., 1], -original.joints[0, ..., 1])
    np.testing.assert_array_equal(body[..., 2], original.joints[0, ..., 2])
    assert (body[..., 3] == 1).all()
    assert opened.colour is not None
    np.testing.assert_allclose(opened.colour[opened.rows(clip)], original.colour[0], atol=1e-3)


def test_what_a_camera_sees_of_somebody_who_faces_it(prepared: Path) -> None:
    body = open_prepared(prepared).body(0)[0]
    at = KINECT_25.index
    assert body[at("left_shoulder"), 0] > body[at("right_shoulder"), 0]  # not as in a mirror
    assert body[at("head"), 1] < body[at("left_foot"), 1]  # y down


def test_both_people_are_kept_and_the_main_one_is_read(tmp_path: Path) -> None:
    calm, lively = moving(20, 1, RNG, 0.1), moving(20, 1, RNG, 0.9)
    text = skeleton_text([("a", 0, calm), ("b", 0, lively)], 20)
    (tmp_path / "S001C001P001R001A058.skeleton").write_text(text)
    prepare(NTU120(tmp_path), tmp_path / "out", ONE)
    opened = open_prepared(tmp_path / "out")
    assert opened.clips["bodies"].tolist() == [2]
    np.testing.assert_allclose(opened.body(0, 1)[..., 2], calm[..., 2], atol=1e-5)
    (sequence,) = read_prepared(tmp_path / "out", KINECT_25)
    np.testing.assert_allclose(sequence.window.body[..., 2], lively[..., 2], atol=1e-5)
    with pytest.raises(ValueError, match="2 bodies"):
        opened.rows(0, 2)


def test_half_the_size_costs_two_millimetres(raw: Path, prepared: Path, tmp_path: Path) -> None:
    prepare(NTU120(raw, MISSING), tmp_path / "half", ONE, half=True)
    half, full = open_prepared(tmp_path / "half"), open_prepared(prepared)
    assert half.joints.dtype == np.float16
    assert half.joints.nbytes * 2 == full.joints.nbytes
    assert np.nanmax(np.abs(half.body(3) - full.body(3))) < 0.002


# --- stopping and going on


class Killed(BaseException):
    """As the kernel would: nothing may catch it."""


def test_a_killed_conversion_goes_on_and_gives_the_same(
    raw: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "FILES_A_PART", 10)
    out, read = tmp_path / "out", []
    real = NTU120.read

    def reading(self: NTU120, path: Path):
        read.append(path.stem)
        if len(read) == 15:
            raise Killed
        return real(self, path)

    monkeypatch.setattr(NTU120, "read", reading)
    with pytest.raises(Killed):
        prepare(NTU120(raw, MISSING), out, ONE)
    with pytest.raises(UnreadableData, match="not finished"):
        open_prepared(out)
    assert sorted(path.name for path in (out / "parts").glob("*.npz")) == ["00000.npz"]
    (out / "parts" / ".00001.npz.1.unfinished").write_bytes(b"half")
    first_part = set(read[:10])
    read.clear()
    read.extend(["x"] * 100)  # never again the fifteenth
    manifest = prepare(NTU120(raw, MISSING), out, ONE)
    assert not first_part & set(read)
    assert {**manifest, "rejected": 0} == {**open_prepared(prepared).manifest, "rejected": 0}
    for name in ("joints.npy", "colour.npy"):
        assert (out / name).read_bytes() == (prepared / name).read_bytes()
    assert not list(out.rglob(".*"))


def test_a_kill_while_joining_leaves_nothing_that_looks_whole(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(store, "write_json", killed)
    (tmp_path / "parts").mkdir()
    with pytest.raises(Killed):
        prepare(NTU120(raw), tmp_path, ONE)
    monkeypatch.undo()
    with pytest.raises(UnreadableData, match="not finished"):
        open_prepared(tmp_path)
    assert prepare(NTU120(raw), tmp_path, ONE)["clips"] == 25


def test_a_finished_folder_is_not_touched_again(prepared: Path, tmp_path: Path) -> None:
    before = (prepared / "joints.npy").stat().st_mtime_ns
    prepare(NTU120(tmp_path), prepared, ONE)  # nothing there to read
    assert (prepared / "joints.npy").stat().st_mtime_ns == before
    write_pku(tmp_path)
    with pytest.raises(NotPrepared, match="holds ntu"):
        prepare(PKUMMD(tmp_path), prepared, ONE)


def test_half_of_another_conversion_is_not_mixed_in(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "join", lambda *_: {})
    prepare(NTU120(raw), tmp_path, ONE)
    with pytest.raises(NotPrepared, match="another conversion"):
        prepare(NTU120(raw), tmp_path, ONE, half=True)


def test_nothing_usable_is_said(tmp_path: Path) -> None:
    (tmp_path / "S001C001P001R001A001.skeleton").write_text("0\n")
    with pytest.raises(NotPrepared, match=r"no clip is left.*nobody"):
        prepare(NTU120(tmp_path), tmp_path / "out", ONE)


def test_several_processes_give_the_same(
    raw: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "FILES_A_PART", 10)
    prepare(NTU120(raw, MISSING), tmp_path, Workers(2))
    assert (tmp_path / "joints.npy").read_bytes() == (prepared / "joints.npy").read_bytes()


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_backend_that_is_not_installed_is_said(
    raw: Path,
    tmp_path: Path,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in ("dask.distributed", "ray"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BackendUnavailable, match="is not installed"):
        list(unordered([(int, ())], Workers(1, backend)))  # type: ignore[arg-type]
    command = ["bharnet", "prepare", "ntu", str(raw), str(tmp_path), "--backend", backend]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit):
        cli.main()
    cure = {"dask": "pip install 'dask[distributed]'", "ray": "pip install ray"}[backend]
    assert cure in capsys.readouterr().out
