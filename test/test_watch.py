# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Watching without ROS: video files, the film, captions, the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from walkers import walker

from bharnet.checkpoint import load_checkpoint
from bharnet.decision import Decided, Reason, State
from bharnet.estimation.estimator import Detection, EstimatorUnavailable
from bharnet.estimation.models import ModelUnavailable
from bharnet.estimation.people import PeopleEstimator
from bharnet.models import SHIPPED
from bharnet.observation import Observation
from bharnet.recognizer import Prediction, Recognizer
from bharnet.skeleton import UPPER_BODY_11
from bharnet.stream import ActionStream, Entry, Tick
from bharnet.video import Film, VideoUnavailable, Window, distinct, open_camera, open_video
from bharnet.watch import Seen, Watcher, captions
from bharnet_train.cli import app
from bharnet_train.console import console

CLASSES = ("idle", "hello", "stop")


class Walks:
    """An estimator that sees one person, who comes nearer."""

    name, body_layout = "fake", UPPER_BODY_11.name
    smooths = True
    network_ms = {"fake": 1.0}  # noqa: RUF012 - the protocol's mapping

    def __init__(self) -> None:
        self.count = 0

    def estimate(self, image: np.ndarray, stamp: int) -> list[Detection]:
        self.count += 1
        return [walker(0.6, size=0.5 + 0.01 * self.count)]

    def reset(self) -> None: ...

    def close(self) -> None: ...


class Shelf(list[np.ndarray]):
    """Keeps what it is shown, and wants ``most`` of it."""

    most = 1000

    def show(self, image: np.ndarray) -> bool:
        self.append(image)
        return len(self) < self.most


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(load_checkpoint(SHIPPED), "cpu")


def film(path: Path, count: int = 8, rate: float = 10.0) -> Path:
    """A video of a square that moves."""
    made = Film(path, rate)
    for i in range(count):
        picture = np.zeros((120, 160, 3), np.uint8)
        picture[40:80, 10 * i : 10 * i + 40] = (200, 40, 40)
        made.show(picture)
    made.close()
    return path


# --- videos


def test_a_film_comes_back_with_rising_stamps_at_its_rate(tmp_path: Path) -> None:
    source = open_video(film(tmp_path / "some.mp4"))
    pictures, stamps = zip(*source, strict=True)
    assert len(pictures) == 8
    assert source.rate == pytest.approx(10)
    assert set(np.diff(stamps)) == {100_000_000}
    assert stamps[0] > 0
    # RGB, as it went in.
    red, green, blue = pictures[0][60, 25]
    assert red > 150 > 90 > max(green, blue)


def test_pictures_that_repeat_are_one() -> None:
    one, two = np.zeros((2, 2, 3), np.uint8), np.ones((2, 2, 3), np.uint8)
    kept = list(distinct([(one, 1), (one.copy(), 2), (two, 3), (one, 4)]))
    assert [stamp for _, stamp in kept] == [1, 3, 4]


def test_a_film_keeps_the_size_of_its_first_picture(tmp_path: Path) -> None:
    made = Film(tmp_path / "new" / "some.mp4", 10)
    for size in ((121, 161), (480, 640)):
        made.show(np.full((*size, 3), 80, np.uint8))
    made.close()
    made.close()
    shapes = {picture.shape for picture, _ in open_video(tmp_path / "new" / "some.mp4")}
    assert shapes == {(120, 160, 3)}


def test_what_cannot_be_opened_names_cause_and_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(VideoUnavailable, match="there is no file"):
        open_video(tmp_path / "none.mp4")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(VideoUnavailable, match="no video that OpenCV can read"):
        open_video(tmp_path / "broken.mp4")
    with pytest.raises(VideoUnavailable, match=r"\.mp4"):
        Film(tmp_path / "some.gif", 10)
    with pytest.raises(VideoUnavailable, match="camera 77 cannot be opened"):
        open_camera(77)
    monkeypatch.setattr("bharnet.video.has_display", lambda: False)
    with pytest.raises(VideoUnavailable, match="no display to open a window on; do without"):
        Window("title", "do without")
    (tmp_path / "file").touch()
    with pytest.raises(VideoUnavailable, match=r"film\.mp4 cannot be written: "):
        Film(tmp_path / "file" / "film.mp4", 10).show(np.zeros((8, 8, 3), np.uint8))


# --- captions


def tick(*decided: Decided) -> Tick:
    nobody = Observation("abcde", np.zeros((11, 4)), np.zeros((2, 21, 4)))
    return Tick(1, tuple(Entry(each, nobody, 1) for each in decided))


def test_captions_say_what_each_body_does_now() -> None:
    scores = np.array([0.2, 0.5, 0.3], np.float32)
    seen = Prediction(scores, None, None, 0.75, 9, 1)
    said = captions(
        tick(
            Decided("aaaaa", State.OFFSET, Reason.FINISHED, 1, 1, 0.9),
            Decided("aaaaa", State.UNKNOWN, smoothed=scores, prediction=seen),
            Decided("bbbbb", State.ONGOING, class_id=2, confidence=0.8, prediction=seen),
            Decided("ccccc", State.IDLE, class_id=0, confidence=0.7, prediction=seen),
        ),
        CLASSES,
    )
    assert said["aaaaa"].label == ""
    assert said["aaaaa"].confidence == pytest.approx(0.5)
    assert (said["bbbbb"].label, said["bbbbb"].active, said["bbbbb"].fill) == ("stop", True, 0.75)
    assert (said["ccccc"].label, said["ccccc"].active) == ("idle", False)


# --- the whole


def test_every_picture_is_shown_annotated_until_the_user_has_enough(
    recognizer: Recognizer,
) -> None:
    pictures = [(np.full((480, 640, 3), 90, np.uint8), (i + 1) * 10**8) for i in range(12)]
    shelf = Shelf()
    watcher = Watcher(PeopleEstimator(Walks()), ActionStream(recognizer))
    assert watcher.watch(pictures, shelf) == 12
    assert all((shown != 90).any() for shown in shelf)
    shelf = Shelf()
    shelf.most = 3
    watcher = Watcher(PeopleEstimator(Walks()), ActionStream(recognizer))
    assert watcher.watch(pictures, shelf) == 3


def test_bad_pictures_are_left_out(recognizer: Recognizer) -> None:
    good = np.full((480, 640, 3), 90, np.uint8)
    people = PeopleEstimator(Walks())
    watcher = Watcher(people, ActionStream(recognizer))
    pictures = [(good, 10**9), (good[:0], 2 * 10**9), (good, 10**9), (good, 0), (good, 3 * 10**9)]
    assert watcher.watch(pictures, Shelf()) == 2
    assert (people.counters.refused, people.counters.old) == (2, 1)


def test_an_action_that_ended_is_told(recognizer: Recognizer) -> None:
    told: list[Seen] = []
    watcher = Watcher(PeopleEstimator(Walks()), ActionStream(recognizer), told.append)
    watcher.look(np.zeros((480, 640, 3), np.uint8), 10**9)
    onset, offset = 3 * 10**9, 5 * 10**9
    watcher._take(tick(Decided("abcde", State.OFFSET, Reason.FINISHED, 1, 1, 0.9, onset, offset)))
    (seen,) = told
    assert (seen.begin, seen.end, seen.body_id) == (2.0, 4.0, "abcde")
    assert seen.label == recognizer.info.classes[1]


def test_turned_pictures_are_shown_turned(recognizer: Recognizer) -> None:
    watcher = Watcher(PeopleEstimator(Walks()), ActionStream(recognizer), rotate=90)
    assert watcher.look(np.zeros((480, 640, 3), np.uint8), 1).shape == (640, 480, 3)


# --- the command line


def test_watch_writes_an_annotated_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bharnet.estimation.choose.open_estimator", lambda config: Walks())
    video, out = film(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    done = CliRunner().invoke(app, ["watch", "--video", str(video), "--save", str(out)])
    assert done.exit_code == 0, done.output
    assert "8 pictures; people in them 8" in done.output
    assert len(list(open_video(out))) == 8


def test_a_film_never_overwrites_the_video_that_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bharnet.estimation.choose.open_estimator", lambda config: Walks())
    video = film(tmp_path / "in.mp4")
    content = video.read_bytes()
    done = CliRunner().invoke(app, ["watch", "--video", str(video), "--save", str(video)])
    assert done.exit_code == 2, done.output
    assert "would overwrite" in done.output
    assert video.read_bytes() == content


def test_known_failures_are_one_sentence_and_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(config: object) -> None:
        raise EstimatorUnavailable("no GPU here; use delegate cpu")

    monkeypatch.setattr("bharnet.estimation.choose.open_estimator", refuse)
    monkeypatch.setattr("bharnet.video.has_display", lambda: False)
    video, out = str(film(tmp_path / "in.mp4")), str(tmp_path / "out.mp4")
    for arguments, told in (
        (["--video", str(tmp_path / "none.mp4")], "there is no file"),
        (["--video", video], "--save out.mp4"),
        (["--video", video, "--save", out], "delegate cpu"),
        (["--video", video, "--save", out, "--model", video], "bharnet:"),
        (["--video", video, "--save", out, "--max-people", "0"], "1..50"),
    ):
        done = CliRunner().invoke(app, ["watch", *arguments])
        assert done.exit_code == 2, done.output
        assert told in done.output
        assert "Traceback" not in done.output


def test_models_says_where_they_are_and_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def obtain(file: str, folder: Path) -> Path:
        if "heavy" in file:
            raise ModelUnavailable(f"{file} is not to be had: no network")
        (folder / file).write_bytes(b"network")
        return folder / file

    monkeypatch.setattr("bharnet.estimation.models.obtain", obtain)
    monkeypatch.setattr(console, "width", 300)
    done = CliRunner().invoke(app, ["models", "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert {path.name for path in tmp_path.iterdir()} == {
        "pose_landmarker_full.task",
        "hand_landmarker.task",
    }
    done = CliRunner().invoke(app, ["models", "heavy", "--folder", str(tmp_path)])
    assert done.exit_code == 2
    assert "pose_landmarker_heavy.task is not to be had" in done.output
    assert "hand_landmarker.task" in done.output  # the others are fetched all the same
