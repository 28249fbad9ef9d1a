# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""M from videos to a checkpoint: tables, halves, stretches, damage."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT
from rgb_clips import (
    BLUE,
    CLASSES,
    FEATURES,
    OPTIONS,
    RED,
    body_of,
    train_skeleton,
)
from typer.testing import CliRunner

from bharnet.checkpoint import ModelInfo, save_checkpoint
from bharnet.rgb.checkpoint import load_rgb_checkpoint
from bharnet.rgb.crops import PARTS, CropConfig
from bharnet.skeleton import MEDIAPIPE_33
from bharnet_train import cli
from bharnet_train.config import InvalidConfig, read_as
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.rgb.clips import Row, read_clip, read_pictures, read_table
from bharnet_train.rgb.config import RGBTrainConfig
from bharnet_train.rgb.run import load_rgb_split, score_rgb, train_rgb


@pytest.fixture(scope="module")
def skeleton():
    return train_skeleton()


class Estimator:
    """Stands in for MediaPipe: a person in every picture but black ones."""

    asked = 0

    def __init__(self, model):
        self.model = model

    def estimate(self, picture, stamp):
        Estimator.asked += 1
        if picture.max() < 30:
            return []
        high = picture[:40].mean() > 100
        body = body_of(high, np.random.default_rng(stamp % 97))[0]
        body[:, 0] /= 4 / 3  # shares of the picture's width
        return [SimpleNamespace(body=body, left_hand=None, right_hand=None)]

    def close(self):
        pass


def write_video(path, colour, top=0, frames=16, doubled=True):
    cv2 = pytest.importorskip("cv2", reason="videos need the extra `camera`")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (160, 120))
    rng = np.random.default_rng(len(path.name))
    for _ in range(frames):
        picture = np.clip(rng.normal(0, 4, (120, 160, 3)) + colour, 0, 255).astype(np.uint8)
        picture[:40] = np.clip(picture[:40].astype(int) + top, 0, 255)
        for _ in range(1 + doubled):
            writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()


YAML = """
name: tiny
table: tiny.csv
skeleton: bones.safetensors
weights: random
rate: 10
crops: {moments: 3, cell: 9}
image: {width: 8}
optimiser: {epochs: 2, batch: 4, rate: 0.03, repeat: 2}
"""


@pytest.fixture
def videos(tmp_path, monkeypatch, skeleton):
    """A folder with videos, a table, a skeleton model and a configuration."""
    monkeypatch.setattr(
        "bharnet.estimation.mediapipe_estimator.MediaPipeEstimator", Estimator, raising=True
    )
    lines = ["file,label,person,start_s,end_s"]
    for who in ("p1", "p2"):
        for label in CLASSES:
            colour = RED if "red" in label else BLUE
            write_video(tmp_path / f"{who}_{label}.avi", colour, 120 if "high" in label else 0)
            lines.append(f"{who}_{label}.avi,{label},{who},,")
    (tmp_path / "tiny.csv").write_text("\n".join(lines))
    (tmp_path / "tiny.yaml").write_text(YAML)
    described = ModelInfo("bones", "1.0", CLASSES, network=skeleton.config, features=FEATURES)
    save_checkpoint(tmp_path / "bones.safetensors", skeleton, described)
    return tmp_path


def run(folder, *overrides):
    return train_rgb(
        folder / "tiny.yaml", folder, folder / "out", list(overrides), "test", **OPTIONS
    )


def test_from_videos_to_a_checkpoint_that_answers_the_same(videos):
    result = run(videos, "test=[p2]")
    assert result.clips == 4
    assert {answer.file[:2] for answer in result.answers} == {"p2"}
    written = json.loads((videos / "out" / "tiny.json").read_text())
    assert written["fused"] == result.fused
    loaded = load_rgb_checkpoint(videos / "out" / "tiny.safetensors")
    said = loaded.info.provenance
    assert said["first_weights"] == "random, as asked for"
    assert said["clips"] == {"train": 4, "test": 4}
    assert said["scores"]["fused"] == result.fused
    assert str(videos) not in json.dumps(dict(said))
    asked = Estimator.asked
    again = score_rgb(
        videos / "out" / "tiny.safetensors",
        videos / "tiny.yaml",
        videos,
        videos / "out",
        ["test=[p2]"],
        "cpu",
    )
    assert again == result
    assert (videos / "out" / "tiny-on-tiny.json").is_file()
    assert Estimator.asked == asked, "poses are estimated once"


def test_of_people_held_out_the_skeleton_model_may_know_some(videos):
    """It comes as it is, whoever it was trained on."""
    said = run(videos, "test=[p2]").what
    assert said == "people whom the pictures' network never saw; the skeleton model may know them"


@pytest.mark.parametrize("split", ["test=[p2]", "halves=alternate"])
def test_whom_the_model_knows_is_not_called_new(videos, split):
    run(videos, "halves=sequence")
    model, config, out = (videos / each for each in ("out/tiny.safetensors", "tiny.yaml", "out"))
    result = score_rgb(model, config, videos, out, [split], "cpu")
    assert result.what.endswith("may know these")


def test_a_model_that_nobody_could_use_is_not_written(videos):
    with pytest.raises(InvalidConfig, match="training diverged"):
        run(videos, "optimiser.rate=1e30")
    assert not list((videos / "out").glob("*.safetensors"))


def test_without_anybody_to_test_it_says_where_the_model_is(videos, capsys):
    assert run(videos) is None
    said = "tiny.safetensors written; nobody is held out, so nothing was scored"
    assert said in capsys.readouterr().out


def test_halves_share_no_picture(videos):
    chosen = read_as(RGBTrainConfig, videos / "tiny.yaml")
    for how, expected in (
        ("alternate", list(range(0, 16, 2))),
        ("sequence", list(range(8))),
    ):
        split = load_rgb_split(
            chosen.model_copy(update={"halves": how}), videos, videos, videos / "c", CLASSES, False
        )
        assert len(split.train) == len(split.test) == 8
        for one, other in zip(split.train, split.test, strict=True):
            stamps = one.stamps.tolist()
            assert not set(stamps) & set(other.stamps.tolist())
            assert stamps == [i * 100_000_000 for i in expected]
            assert len(one.shown) == len(one.body) == 8
        assert "no new person" in split.what


def test_doubled_pictures_are_read_once(videos):
    pictures = list(read_pictures(videos / "p1_low_red.avi"))
    assert len(pictures) == 16
    assert [second for second, _ in pictures[:3]] == pytest.approx([0.0, 0.2, 0.4])
    np.testing.assert_allclose(pictures[0][1].mean((0, 1)), RED, atol=6)


def test_a_stretch_of_a_video_in_the_camera_s_own_time(videos):
    row = Row("p1_low_red.avi", "low_red", "", 0.9, 2.1)
    part = read_clip(videos / row.file, row, CropConfig(cell=9), videos / "c", rate=10.0)
    assert part.seconds.tolist() == pytest.approx([1.0, 1.2, 1.4, 1.6, 1.8, 2.0])
    assert part.stamps.tolist() == [i * 100_000_000 for i in range(5, 11)]
    # The pose is in picture heights, the crop shows the picture.
    nose = part.body[:, MEDIAPIPE_33.index("nose"), :2]
    np.testing.assert_allclose(nose, np.tile((0.66, 0.2), (6, 1)), atol=0.02)
    assert part.shown[:, PARTS.index("head")].all()
    cells = part.cells.read(np.array([0, 5]))
    assert cells.shape == (2, 5, 9, 9, 3)
    np.testing.assert_allclose(cells[:, 0].mean((0, 1, 2)), RED, atol=10)


def test_clips_that_cannot_be_used_are_left_out_and_named(videos, caplog):
    (videos / "p1_low_red.avi").write_bytes(b"no video")
    write_video(videos / "p1_low_blue.avi", (5, 5, 5))
    (videos / "p1_high_red.avi").unlink()
    run(videos)
    said = load_rgb_checkpoint(videos / "out" / "tiny.safetensors").info.provenance
    assert said["clips"]["train"] == 5
    assert said["rejected"] == ["p1_high_red.avi", "p1_low_blue.avi", "p1_low_red.avi"]
    assert str(videos) not in json.dumps(dict(said))
    for reason in ("no video that OpenCV can read", "nobody is seen", "cannot read video"):
        assert reason in caplog.text


def test_damaged_preparation_says_what_to_delete(videos):
    row = Row("p1_low_red.avi", "low_red")
    read_clip(videos / row.file, row, CropConfig(cell=9), videos / "c")
    for kept in (videos / "c").iterdir():
        kept.write_bytes(b"half")
    with pytest.raises(UnreadableData, match="delete"):
        read_clip(videos / row.file, row, CropConfig(cell=9), videos / "c")


@pytest.mark.parametrize(
    ("table", "match"),
    [
        (None, "cannot read table"),
        ("", "lists no clip"),
        ("file,label\n", "lists no clip"),
        ("video,label\na.avi,low_red", "lacks the column 'file'"),
        ("file,label,start_s\na.avi,low_red,soon", "no table of clips"),
        ("file,label\na.avi,low_red\nb.avi", "clip 2 has no file or no label"),
        ("file,label\n,low_red", "clip 1 has no file or no label"),
        ("file,label\na.avi,dance", "does not know dance"),
        ("file,label\na.avi,low_red", "no clip can be used: cannot read video"),
    ],
)
def test_unusable_tables_end_in_one_sentence(videos, table, match, monkeypatch, capsys):
    path = videos / "tiny.csv"
    path.unlink() if table is None else path.write_text(table)
    with pytest.raises(UnreadableData, match=match):
        run(videos)
    argv = ["bharnet", "train-rgb", "--config", str(videos / "tiny.yaml"), "--data", str(videos)]
    monkeypatch.setattr("sys.argv", [*argv, "--no-progress", "--out", str(videos / "out")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().out.startswith("bharnet:")


def test_a_misspelt_person_would_hold_nobody_out(videos):
    with pytest.raises(UnreadableData, match=r"test names p3, but tiny.csv has no such .* p1, p2"):
        run(videos, "test=[p2, p3]")


def test_a_table_may_come_from_a_spreadsheet(tmp_path):
    (tmp_path / "t.csv").write_text("file,label\na.avi,wave\n", encoding="utf-8-sig")
    assert read_table(tmp_path / "t.csv")[0].file == "a.avi"


def test_rows_without_times_and_people(tmp_path):
    (tmp_path / "t.csv").write_text("file,label\na.avi,wave\n")
    assert read_table(tmp_path / "t.csv") == [Row("a.avi", "wave", "", -np.inf, np.inf)]


def test_the_command_line_shows_scores(videos):
    arguments = ["train-rgb", "--config", str(videos / "tiny.yaml"), "--data", str(videos)]
    arguments += ["--out", str(videos / "out"), "--no-progress", "--accelerator", "cpu"]
    done = CliRunner().invoke(cli.app, [*arguments, "--set", "halves=alternate"])
    assert done.exit_code == 0, done.output
    assert "skeleton" in done.output
    loaded = load_rgb_checkpoint(videos / "out" / "tiny.safetensors")
    assert loaded.info.provenance["command"] == (
        "bharnet train-rgb --config tiny.yaml --set halves=alternate"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "rgb").glob("*.yaml")))
def test_shipped_configurations_are_valid(path):
    chosen = read_as(RGBTrainConfig, path)
    assert read_table(path.parent / chosen.table)


@pytest.mark.parametrize(
    "overrides",
    [
        ["fusion={top_share: 0}"],
        ["crops={cell: 2}"],
        ["image={depth: 50}"],
        ["halves=both"],
        ["optimiser={momentum: 1.5}"],
        ["optimiser={weight_decay: -1}"],
        ["optimiser={balance: 2}"],
        ["optimiser={rate: .inf}"],
        ["rate=.inf"],
        ["test=[p2]", "halves=alternate"],
    ],
    ids=str,
)
def test_unusable_configuration_is_refused(videos, overrides):
    with pytest.raises(InvalidConfig, match=r"tiny\.yaml"):
        run(videos, *overrides)
