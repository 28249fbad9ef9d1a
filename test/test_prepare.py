"""Original files -> a prepared folder -> sequences -> a training."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from kinect_files import kinect_20, moving, skeleton_text, write_ntu, write_nucla, write_pku
from typer.testing import CliRunner

from bharnet.skeleton import KINECT_25, UPPER_BODY_11
from bharnet_train import cli
from bharnet_train.config import InvalidConfig, read_config
from bharnet_train.datasets.prepared import StoredWindow, open_prepared, read_prepared
from bharnet_train.datasets.recordings import UnreadableData, read_recordings
from bharnet_train.datasets.select import load_split
from bharnet_train.parallel import BackendUnavailable, Workers, unordered
from bharnet_train.prepare import convert, store
from bharnet_train.prepare.convert import prepare
from bharnet_train.prepare.files import NotPrepared
from bharnet_train.prepare.ntu import NTU120
from bharnet_train.prepare.pku import PKUMMD
from bharnet_train.run import train_and_score

ONE = Workers(1)
RNG = np.random.default_rng(0)

CONFIG = """
name: tiny
sources:
- file: {folder}
  format: prepared
  protocol: {protocol}
features: {{body_layout: kinect_25, body_depth: true, frames: 8, streams: [joint]}}
network: {{blocks: [[16, 2], [24, 1]], experts: [{experts}]}}
augmentation: {{rest: 0.0, fidget: 0.0, partial: 0.0, lose_depth: 0.0, shortest: 0.9, mirror: 0.0}}
optimiser: {{epochs: {epochs}, batch: 6, rate: 0.01}}
"""


def configured(folder: Path, protocol: str, epochs: int = 1, experts: str = "body") -> Path:
    path = folder / "tiny.yaml"
    path.write_text(
        CONFIG.format(folder="prepared", protocol=protocol, epochs=epochs, experts=experts)
    )
    return path


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 NTU files, and five that are no good."""
    folder = tmp_path_factory.mktemp("ntu") / "nturgb+d_skeletons"
    write_ntu(folder)
    good = next(folder.glob("*.skeleton")).read_text()
    (folder / "S001C001P009R001A001.skeleton").write_text("0\n")
    (folder / "S001C001P009R001A002.skeleton").write_text(good[: good.rindex("\n25\n")])
    (folder / "S001C001P009R001A999.skeleton").write_text(good)
    (folder / "S001C001P009R001A004.skeleton").write_text(good)
    (folder / "again").mkdir()
    (folder / "again" / "S001C001P001R001A023.skeleton").write_text(good)
    (folder / "missing.txt").write_text("S001C001P009R001A004\n")
    return folder


MISSING = frozenset({"S001C001P009R001A004"})


@pytest.fixture(scope="module")
def prepared(raw: Path) -> Path:
    folder = raw.parent / "prepared"
    prepare(NTU120(raw, MISSING), folder, ONE)
    return folder


# --- what is written


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


# --- reading


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


# --- from the command line to a model


def run(*arguments: object) -> str:
    result = CliRunner().invoke(cli.app, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_ntu_from_files_to_a_trained_model(raw: Path, tmp_path: Path) -> None:
    out = run(
        "prepare", "ntu", raw, tmp_path / "prepared", "--missing", raw / "missing.txt", "--jobs", 1
    )
    assert "24 clips" in out
    assert "5 rejected" in out
    assert "S001C001P009R001A001.skeleton: nobody is seen" in out
    config = configured(tmp_path, "xsub60", epochs=40)
    result = train_and_score(
        config, tmp_path, tmp_path, [], "test", accelerator="cpu", progress=False
    )
    assert result is not None
    assert result.sequences == 12
    assert result.top1 >= 90


def test_pku_from_files_through_an_epoch(tmp_path: Path) -> None:
    write_pku(tmp_path / "raw")
    assert "24 clips" in run(
        "prepare", "pku", tmp_path / "raw", tmp_path / "prepared", "--jobs", 1
    )
    options = {"accelerator": "cpu", "progress": False}
    for protocol, held_out in (("xsub", 12), ("xview", 8)):
        result = train_and_score(
            configured(tmp_path, protocol), tmp_path, tmp_path, [], "test", **options
        )
        assert result is not None
        assert result.sequences == held_out


def test_nucla_from_files_through_an_epoch(tmp_path: Path) -> None:
    for action in (1, 2):
        for view in (1, 2, 3):
            for take in range(3):
                name = f"a{action:02d}_s01_e{take:02d}_v{view:02d}"
                write_nucla(tmp_path / "raw", name, kinect_20(moving(12, action, RNG)))
    run("prepare", "nucla", tmp_path / "raw", tmp_path / "prepared", "--jobs", 1)
    result = train_and_score(
        configured(tmp_path, "view2"),
        tmp_path,
        tmp_path,
        ["features.body_layout=kinect_20"],
        "test",
        accelerator="cpu",
        progress=False,
    )
    assert result is not None
    assert result.sequences == 6


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["{raw}/again/..", "{tmp}/out"], "no .skeleton file"),
        (["{tmp}/nowhere", "{tmp}/out"], "no folder"),
        (["{tmp}", "{tmp}/out"], "lies in"),
        (["{raw}", "{tmp}/file/out"], "cannot be written"),
        (["{raw}", "{tmp}/out", "--jobs", "0"], "0 processes"),
        (["{raw}", "{tmp}/out", "--missing", "{tmp}/none.txt"], "cannot be read"),
    ],
)
def test_what_cannot_be_done_ends_with_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    cause: str,
) -> None:
    raw, work = tmp_path / "raw", tmp_path / "work"
    (raw / "again").mkdir(parents=True)
    work.mkdir()
    (work / "file").touch()
    if cause != "no .skeleton file":
        write_ntu(raw, setups=(1,), people=(1,), actions=(1,), frames=3)
    given = [each.format(raw=raw, tmp=work) for each in arguments]
    monkeypatch.setattr("sys.argv", ["bharnet", "prepare", "ntu", *given])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert cause in capsys.readouterr().out
