# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`bharnet prepare`, from files to a trained model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kinect_files import kinect_20, moving, write_ntu, write_nucla, write_pku
from raw_ntu import configured
from typer.testing import CliRunner

from bharnet_train import cli
from bharnet_train.config import InvalidConfig
from bharnet_train.datasets import overlap
from bharnet_train.run import score, train_and_score

RNG = np.random.default_rng(0)


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
    assert "nothing was read" not in out
    assert "nothing was read; delete it" in run("prepare", "ntu", raw, tmp_path / "prepared")
    config = configured(tmp_path, "xsub60", epochs=40)
    result = train_and_score(
        config, tmp_path, tmp_path, [], "test", accelerator="cpu", progress=False
    )
    assert result is not None
    assert result.sequences == 12
    assert result.top1 >= 90


@pytest.mark.parametrize("most", [0, 20_000])
def test_another_protocol_than_the_models_is_told(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """P001 is trained on in cross-subject, and camera 1 tested in cross-view."""
    monkeypatch.setattr(overlap, "MOST_COMPARED", most)  # of large sets only the place is known
    source = (raw, tmp_path / "prepared", "--missing", raw / "missing.txt")
    run("prepare", "ntu", *source, "--jobs", 1)
    config = configured(tmp_path, "xsub60")
    train_and_score(config, tmp_path, tmp_path, [], "", accelerator="cpu", progress=False)
    other = ["sources.0.protocol=xview60"]
    for overrides, also in (([], 0), (other, 4)):
        model = tmp_path / "tiny.safetensors"
        result = score(model, config, tmp_path, tmp_path, overrides, "cpu")
        assert result.trained_on == also


def test_a_hand_expert_is_refused_where_no_hand_was_extracted(raw: Path, tmp_path: Path) -> None:
    run("prepare", "ntu", raw, tmp_path / "prepared", "--jobs", 1)
    config = configured(tmp_path, "xsub60", experts="body, hand")
    with pytest.raises(InvalidConfig, match=r"trained on shows one; .*bharnet extract"):
        train_and_score(config, tmp_path, tmp_path / "out", [], "", accelerator="cpu")
    assert not (tmp_path / "out").exists()


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
