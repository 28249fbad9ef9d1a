"""Training of M on clips made here: what a hand holds, what a body does, and videos end to end."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT
from typer.testing import CliRunner

from bharnet.checkpoint import ModelInfo, save_checkpoint
from bharnet.features import FeatureConfig, make_streams
from bharnet.network import BHaRNet, NetworkConfig
from bharnet.rgb.backbone import ResNetConfig
from bharnet.rgb.checkpoint import RGBInfo, load_rgb_checkpoint
from bharnet.rgb.crops import PARTS, CropConfig
from bharnet.rgb.guided import FusionConfig
from bharnet.skeleton import MEDIAPIPE_33
from bharnet.window import NANOSECONDS
from bharnet_train import cli
from bharnet_train.config import InvalidConfig, read_as
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.rgb.clips import Cells, Clip, Row, read_clip, read_pictures, read_table
from bharnet_train.rgb.config import RGBOptimiser, RGBTrainConfig
from bharnet_train.rgb.evaluation import evaluate
from bharnet_train.rgb.pictures import Pictures
from bharnet_train.rgb.run import load_rgb_split, score_rgb, train_rgb
from bharnet_train.rgb.training import train

FRAMES, CELL = 12, 9
FEATURES = FeatureConfig(frames=8)
# (what the body does, what the hand holds): each network sees one of the two.
CLASSES = ("low_red", "low_blue", "high_red", "high_blue")
RED, BLUE = (220, 40, 40), (40, 40, 220)
OPTIONS = {"accelerator": "cpu", "progress": False}


def body_of(high, rng):
    """(FRAMES, 33, 4): a person whose right wrist is low or high."""
    body = np.full((FRAMES, 33, 4), 0.0, np.float32)
    body[..., :2] = rng.normal((0.66, 0.5), 0.003, (FRAMES, 33, 2))
    body[..., 3] = 1.0
    for joint, place in {
        "nose": (0.66, 0.2),
        "left_shoulder": (0.78, 0.35),
        "right_shoulder": (0.54, 0.35),
        "right_elbow": (0.5, 0.45),
        "right_wrist": (0.45, 0.2 if high else 0.7),
    }.items():
        body[:, MEDIAPIPE_33.index(joint), :2] = rng.normal(place, 0.003, (FRAMES, 2))
    return body


def clip(label, seed, person="p1"):
    rng = np.random.default_rng(seed)
    body = body_of("high" in label, rng)
    cells = rng.integers(100, 156, (FRAMES, 5, CELL, CELL, 3)).astype(np.uint8)
    cells[:, PARTS.index("right_hand"), 2:7, 2:7] = RED if "red" in label else BLUE
    shown = np.ones((FRAMES, 5), np.bool_)
    hands = np.full((FRAMES, 2, 21, 4), np.nan, np.float32)
    hands[..., 3] = 0.0
    seconds = np.arange(FRAMES) / 10.0
    stamps = (seconds * NANOSECONDS).astype(np.int64)
    row = Row(f"{label}_{seed}.avi", label, person)
    return Clip(row, seconds, stamps, body, hands, Cells(cells, np.arange(FRAMES)), shown)


def clips(count, first=0):
    return [clip(label, first + i) for i in range(count) for label in CLASSES]


@pytest.fixture(scope="module")
def skeleton():
    """A network that has learned what the body does; what a hand holds it cannot see."""
    torch.manual_seed(0)
    network = BHaRNet(NetworkConfig(blocks=((16, 2),), experts=("body",)), FEATURES, 4).train()
    data = [Pictures(clips(8), CLASSES, FEATURES, 3)[i] for i in range(32)]
    position, seen = (torch.stack([getattr(d, k) for d in data]) for k in ("position", "seen"))
    target = torch.tensor([each.target for each in data])
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(40):
        optimiser.zero_grad()
        scores = network(make_streams(position, seen, FEATURES))
        torch.nn.functional.cross_entropy(scores.fused, target).backward()
        optimiser.step()
    return network.eval()


def info(skeleton, **fusion):
    return RGBInfo(
        "tiny",
        "1.0",
        ModelInfo("bones", "1.0", CLASSES, network=skeleton.config, features=FEATURES),
        ResNetConfig(width=8),
        CropConfig(moments=3, cell=CELL),
        FusionConfig(**fusion),
    )


def config(**changes):
    chosen = {"epochs": 20, "batch": 16, "rate": 0.03, "steps": [15]} | changes.pop(
        "optimiser", {}
    )
    return RGBTrainConfig(name="tiny", table="t.csv", optimiser=RGBOptimiser(**chosen), **changes)


def test_the_sum_knows_what_neither_knows_alone(skeleton, tmp_path):
    """Guidance off: it would tell the picture's network where the hand is."""
    described = info(skeleton, guided=False)
    network, said = train(
        config(), described, skeleton, clips(8), tmp_path, weights="random", **OPTIONS
    )
    assert said == "random, as asked for"
    result = evaluate(network, described, clips(6, first=100), "other clips")
    assert result.clips == 24
    assert result.skeleton <= 65
    assert result.rgb <= 65
    assert result.fused >= 95
    # Each is right about what it sees.
    for answer in result.answers:
        assert answer.skeleton.partition("_")[0] == answer.label.partition("_")[0]
        assert answer.rgb.partition("_")[2] == answer.label.partition("_")[2]


def test_training_with_guidance_reduces_the_loss(skeleton, tmp_path):
    described = info(skeleton)
    colours = [
        replace(each, row=replace(each.row, label=f"low_{each.row.label.partition('_')[2]}"))
        for each in clips(6)
    ]
    data = Pictures(colours, CLASSES, FEATURES, 3)

    def loss(network):
        batch = torch.utils.data.default_collate([data[i] for i in range(len(data))])
        with torch.no_grad():
            streams = make_streams(batch.position, batch.seen, FEATURES)
            scores = network(batch.picture, batch.shown, streams)
        return torch.nn.functional.cross_entropy(scores.rgb, batch.target).item()

    def trained(epochs):
        chosen = config(optimiser={"epochs": epochs, "batch": 12, "rate": 0.03})
        return train(chosen, described, skeleton, colours, tmp_path, "random", **OPTIONS)[0]

    assert loss(trained(20)) < 0.3 * loss(trained(1))


def test_two_runs_are_equal_and_so_is_a_resumed_one(skeleton, tmp_path):
    described, data = info(skeleton), clips(2)

    class Killed(Exception):
        pass

    def stop(trainer, *_):
        if trainer.current_epoch == 1:
            raise Killed

    def run(folder, seed=0, **more):
        chosen = config(seed=seed, optimiser={"epochs": 2, "batch": 4, "repeat": 2})
        network, _ = train(
            chosen, described, skeleton, data, tmp_path / folder, "random", **OPTIONS, **more
        )
        return network.image.state_dict()

    whole, again, other = run("a"), run("b"), run("c", seed=1)
    with pytest.raises(Killed):
        run("d", on_epoch_start=stop)
    resumed = run("d", resume=True)
    for key, value in whole.items():
        torch.testing.assert_close(again[key], value, rtol=0, atol=0)
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=0)
    assert not torch.equal(whole["conv1.weight"], other["conv1.weight"])


def test_a_sample_is_a_matter_of_seed_epoch_and_index():
    data = Pictures(clips(1), CLASSES, FEATURES, 3, shortest=0.5, repeat=2, seed=4)
    assert len(data) == 8
    first, again, later = data[(3, 5)], data[(3, 5)], data[(4, 5)]
    assert torch.equal(first.picture, again.picture)
    assert torch.equal(first.position, again.position)
    assert not torch.equal(first.picture, later.picture)
    assert first.picture.shape == (3, 5 * CELL, 3 * CELL)
    assert first.shown.shape == (5, 3)
    whole = Pictures(clips(1), CLASSES, FEATURES, 3)
    assert torch.equal(whole[2].picture, whole[(9, 2)].picture)


def test_evaluating_nobody_is_said(skeleton):
    with pytest.raises(ValueError, match="no clip"):
        evaluate(None, info(skeleton), [], "nobody")


# --- from videos


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
    assert Estimator.asked == asked, "poses are estimated once"


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
        ["test=[p2]", "halves=alternate"],
    ],
    ids=str,
)
def test_unusable_configuration_is_refused(videos, overrides):
    with pytest.raises(InvalidConfig, match=r"tiny\.yaml"):
        run(videos, *overrides)
