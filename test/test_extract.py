# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hands from videos: which picture, whose wrist, what is missing, and going on after a kill."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from kinect_files import moving, skeleton_text, write_pku

from bharnet.checkpoint import load_checkpoint
from bharnet.estimation import models
from bharnet.features import resample
from bharnet.skeleton import KINECT_25, MEDIAPIPE_33
from bharnet_train.datasets.prepared import open_prepared, read_prepared
from bharnet_train.extract import run
from bharnet_train.extract.hands import arms_in_picture
from bharnet_train.extract.run import CannotExtract, Settings, extract_hands
from bharnet_train.extract.video import find_videos, pictures
from bharnet_train.parallel import Workers
from bharnet_train.prepare.clip import Rejected
from bharnet_train.prepare.convert import prepare
from bharnet_train.prepare.ntu import NTU120
from bharnet_train.prepare.pku import PKUMMD
from bharnet_train.run import train_and_score

ONE = Workers(1)
RNG = np.random.default_rng(0)
FRAMES = 12
WIDTH, HEIGHT = 192, 108
STEMS = ("S001C001P001R001A023", "S001C001P003R001A023", "S002C001P001R001A024")


def write_video(path: Path, frames: int = FRAMES, fps: float = 30.0) -> None:
    """Pictures whose grey tells their number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (WIDTH, HEIGHT))
    for number in range(frames):
        writer.write(np.full((HEIGHT, WIDTH, 3), 10 * number, np.uint8))
    writer.release()


def number_of(picture: np.ndarray) -> int:
    return round(float(picture.mean()) / 10)


class Finder:
    """Finds a left hand at each left wrist, and a right one in every second picture."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __enter__(self) -> Finder:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def hands_of(self, bodies: list[np.ndarray], image: np.ndarray) -> list[Any]:
        number = number_of(image)
        self.seen.append(number)
        found = []
        for body in bodies:
            left, right = (
                np.repeat(body[[MEDIAPIPE_33.index(name)], :], 21, 0)
                for name in ("left_wrist", "right_wrist")
            )
            for hand in (left, right):
                hand[:, 2] = 0
                hand[1:, 1] += 0.01  # fingers below the wrist
            found.append((left, right if number % 2 else None))
        return found


@pytest.fixture
def finder(monkeypatch: pytest.MonkeyPatch) -> Finder:
    made = Finder()
    monkeypatch.setattr(run, "open_finder", lambda settings: made)
    monkeypatch.setattr(run, "check_models", lambda: None)
    return made


@pytest.fixture
def ntu(tmp_path: Path) -> Path:
    """A prepared folder of three clips; the second has its first two frames without anybody."""
    raw = tmp_path / "raw"
    raw.mkdir()
    for number, stem in enumerate(STEMS):
        first = 2 if number == 1 else 0
        joints = moving(FRAMES - first, 1, RNG)
        (raw / f"{stem}.skeleton").write_text(skeleton_text([("a", first, joints)], FRAMES))
    prepare(NTU120(raw), tmp_path / "prepared", ONE)
    return tmp_path / "prepared"


# --- pictures


@pytest.mark.parametrize(
    ("fps", "expected"),
    [(30.0, [0, 3, 4]), (30000 / 1001, [0, 3, 4]), (15.0, [0, 2, 2]), (60.0, [0, 6, 8])],
)
def test_the_picture_of_a_frame_is_that_of_its_time(
    tmp_path: Path, fps: float, expected: list[int]
) -> None:
    write_video(tmp_path / "v.avi", 20, fps)
    shown = list(pictures(tmp_path / "v.avi", [0, 3, 4], 30.0))
    assert [frame for frame, _ in shown] == [0, 3, 4]
    assert [number_of(picture) for _, picture in shown] == expected


def test_a_video_that_ends_early_gives_what_it_has(tmp_path: Path) -> None:
    write_video(tmp_path / "v.avi", 5)
    shown = pictures(tmp_path / "v.avi", list(range(9)), 30.0)
    assert [frame for frame, _ in shown] == [0, 1, 2, 3, 4]
    with pytest.raises(Rejected, match="shows no picture 7"):
        list(pictures(tmp_path / "v.avi", [7, 8], 30.0))


@pytest.mark.parametrize("content", [b"", b"no video" * 100])
def test_a_damaged_video_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.avi").write_bytes(content)
    with pytest.raises(Rejected, match="cannot be opened"):
        list(pictures(tmp_path / "v.avi", [0], 30.0))


def test_videos_are_found_by_name_in_any_folder(tmp_path: Path) -> None:
    for name in ("a/S001C001P001R001A023_rgb.avi", "0002-L.AVI", "x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(find_videos(tmp_path)) == ["0002-L", "S001C001P001R001A023"]


# --- arms


def test_arms_are_where_a_camera_sees_them(ntu: Path) -> None:
    prepared = open_prepared(ntu)
    arms = arms_in_picture(prepared, 0)
    assert arms.shape == (1, FRAMES, 33, 4)
    left, right = (arms[0, 0, MEDIAPIPE_33.index(f"{s}_shoulder"), 0] for s in ("left", "right"))
    assert left > right  # the person faces the camera and is not mirrored
    wrist = prepared.body(0)[0, KINECT_25.index("left_wrist")]
    expected = 0.5 + 1081 * wrist[0] / wrist[2] / 1920
    assert arms[0, 0, MEDIAPIPE_33.index("left_wrist"), 0] == pytest.approx(expected, abs=2e-3)
    assert np.isnan(arms[0, 0, MEDIAPIPE_33.index("nose"), 0])


# --- a whole folder


def test_hands_hang_on_the_kinects_wrists_in_metres(
    ntu: Path, tmp_path: Path, finder: Finder
) -> None:
    for stem in STEMS:
        write_video(tmp_path / "videos" / f"{stem}_rgb.avi")
    found = extract_hands(ntu, tmp_path / "videos", Settings(), ONE)
    assert found["videos"] == sorted(STEMS)
    assert found["failed"] == {}
    assert found["rows_with_a_hand"] == found["rows"] == 3 * FRAMES - 2
    sequence = read_prepared(ntu, KINECT_25)[0]
    body, hands = sequence.window.body, sequence.window.hands
    wrist = body[:, KINECT_25.index("left_wrist"), :3]
    np.testing.assert_allclose(hands[:, 0, 0, :3], wrist, atol=1e-5)
    # A hundredth of 1080 pixels at 2.95 m.
    drop = hands[:, 0, 5, 1] - wrist[:, 1]
    np.testing.assert_allclose(drop, 0.01 * 1080 * wrist[:, 2] / 1081.37, rtol=0.01)
    assert np.isnan(hands[:, 0, :, 3]).all()
    assert (hands[::2, 1, :, 3] == 0).all()
    assert np.isnan(hands[::2, 1, :, 0]).all()
    assert np.isfinite(hands[1::2, 1, :, :3]).all()


def test_a_clip_that_begins_late_reads_its_own_pictures(
    ntu: Path, tmp_path: Path, finder: Finder
) -> None:
    write_video(tmp_path / "videos" / f"{STEMS[1]}_rgb.avi")
    found = extract_hands(ntu, tmp_path / "videos", Settings(), ONE)
    assert finder.seen == list(range(2, FRAMES))
    assert found["failed"] == {STEMS[0]: "no such video", STEMS[2]: "no such video"}
    windows = [each.window for each in read_prepared(ntu, KINECT_25)]
    assert np.isfinite(windows[1].hands[..., 0, 0, 0]).any()
    assert np.isnan(windows[0].hands[..., :3]).all()


def test_missing_and_unreadable_videos_are_listed_and_tried_again(
    ntu: Path, tmp_path: Path, finder: Finder
) -> None:
    videos = tmp_path / "videos"
    write_video(videos / f"{STEMS[0]}_rgb.avi")
    (videos / f"{STEMS[1]}_rgb.avi").write_bytes(b"damaged")
    first = extract_hands(ntu, videos, Settings(), ONE)
    assert first["videos"] == [STEMS[0]]
    assert "cannot be opened" in first["failed"][STEMS[1]]
    assert first["failed"][STEMS[2]] == "no such video"
    assert json.loads((ntu / "hands.json").read_text()) == first
    finder.seen.clear()
    write_video(videos / f"{STEMS[1]}_rgb.avi")
    second = extract_hands(ntu, videos, Settings(), ONE)
    assert finder.seen == list(range(2, FRAMES))  # not the first video again
    assert list(second["failed"]) == [STEMS[2]]


class Killed(BaseException):
    """As the kernel would: nothing may catch it."""


def test_a_killed_extraction_goes_on_and_gives_the_same(
    ntu: Path, tmp_path: Path, finder: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "ROWS_A_PART", 1)
    for stem in STEMS:
        write_video(tmp_path / "videos" / f"{stem}_rgb.avi")
    real, calls = run.hands_in_video, []

    def killed(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(run, "hands_in_video", killed)
    with pytest.raises(Killed):
        extract_hands(ntu, tmp_path / "videos", Settings(), ONE)
    assert open_prepared(ntu).hands is None
    with pytest.raises(CannotExtract, match="hands were made with"):
        extract_hands(ntu, tmp_path / "videos", Settings(mirrored=False), ONE)
    resumed = extract_hands(ntu, tmp_path / "videos", Settings(), ONE)
    assert len(calls) == 4
    assert resumed["videos"] == sorted(STEMS)
    assert resumed["rows_with_a_hand"] == 3 * FRAMES - 2
    assert not (ntu / "hand_parts").exists()
    with pytest.raises(CannotExtract, match="hands were made with"):
        extract_hands(ntu, tmp_path / "videos", Settings(confidence=0.3), ONE)


@pytest.mark.parametrize("confidence", [50.0, -0.1, float("nan")])
def test_a_confidence_in_percent_is_refused_before_anything_is_kept(confidence: float) -> None:
    """hand_parts would refuse every later run with another one."""
    with pytest.raises(CannotExtract, match=r"out of 0\.\.1"):
        Settings(confidence=confidence)


def test_long_videos_are_cut_as_their_clips_are(tmp_path: Path, finder: Finder) -> None:
    write_pku(tmp_path / "raw")
    prepare(PKUMMD(tmp_path / "raw"), tmp_path / "prepared", ONE)
    write_video(tmp_path / "videos" / "0002-L.avi", 25)
    found = extract_hands(tmp_path / "prepared", tmp_path / "videos", Settings(), ONE)
    assert found["videos"] == ["0002-L"]
    assert finder.seen == list(range(5, 25))
    prepared = open_prepared(tmp_path / "prepared")
    first = prepared.clips["name"].tolist().index("0002-L#001")
    assert np.isfinite(prepared.hands_of(first)[:, 0, 0, 0]).all()
    assert np.isnan(prepared.hands_of(first + 1)[..., 0]).all()


def test_where_no_hands_can_come_from_is_said(ntu: Path, tmp_path: Path, finder: Finder) -> None:
    (tmp_path / "videos").mkdir()
    with pytest.raises(CannotExtract, match="no video below"):
        extract_hands(ntu, tmp_path / "videos", Settings(), ONE)
    with pytest.raises(CannotExtract, match="no folder"):
        extract_hands(ntu, tmp_path / "nowhere", Settings(), ONE)
    assert not (ntu / "hands.npy").exists()


CONFIG = """
name: tiny
sources: [{file: prepared, format: prepared, protocol: xsub60}]
features: {body_layout: kinect_25, body_depth: true, frames: 8, hand_place: true}
network: {blocks: [[16, 2], [24, 1]]}
optimiser: {epochs: 1, batch: 2}
"""


def test_bodies_and_their_hands_are_trained_together(
    ntu: Path, tmp_path: Path, finder: Finder
) -> None:
    for stem in STEMS:
        write_video(tmp_path / "videos" / f"{stem}_rgb.avi")
    extract_hands(ntu, tmp_path / "videos", Settings(), ONE)
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    result = train_and_score(
        tmp_path / "tiny.yaml", tmp_path, tmp_path, [], "test", accelerator="cpu", progress=False
    )
    assert result is not None
    assert result.hand is not None
    features = load_checkpoint(tmp_path / "tiny.safetensors").info.features
    window = read_prepared(ntu, KINECT_25)[0].window
    joints = resample(window, features, seconds=(FRAMES - 1) / 30)
    assert joints.seen[:, 25:46].all()  # the left hand
    away = joints.position[:, 25] - joints.position[:, KINECT_25.index("left_wrist")]
    assert np.abs(away).max() < 1e-4


# --- the real thing, where models are at hand


def test_a_real_hand_is_found_at_the_wrist(tmp_path: Path, shared_data: Path) -> None:
    pytest.importorskip("mediapipe", reason="needs mediapipe: pip install -e '.[camera]'")
    from bharnet.estimation.mediapipe_estimator import MediaPipeEstimator

    for file in ("pose_landmarker_full.task", "hand_landmarker.task"):
        if not (models.cache_folder() / file).is_file():
            pytest.skip(f"needs {file} in the cache: it comes with the first real estimate")
    clip, count = shared_data / "clips" / "woman.avi", 10
    frames = list(pictures(clip, list(range(count)), 30.0))
    # A Kinect's file made of what MediaPipe sees: a mirror's columns, everybody 1 m away.
    joints = np.ones((count, 25, 3), np.float32)
    colour = np.full((count, 25, 2), np.nan, np.float32)
    with closing(MediaPipeEstimator()) as estimator:
        for number, picture in frames:
            (person,) = estimator.estimate(picture, number * 100_000_000)
            for index, name in enumerate(KINECT_25.joints):
                source = name.replace("hand", "index") if name.endswith("_hand") else name
                if source in MEDIAPIPE_33.joints:
                    x, y = person.body[MEDIAPIPE_33.index(source), :2]
                    joints[number, index] = (0.5 - x, 0.5 - y, 1.0)
                    colour[number, index] = (1 - x, y)
    text = skeleton_text([("a", 0, joints)], count)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / f"{STEMS[0]}.skeleton").write_text(text)
    prepare(NTU120(tmp_path / "raw"), tmp_path / "prepared", ONE)
    mapped = np.lib.format.open_memmap(tmp_path / "prepared" / "colour.npy", "r+")
    mapped[:] = colour
    mapped.flush()
    videos = tmp_path / "videos"
    videos.mkdir()
    writer = cv2.VideoWriter(
        str(videos / f"{STEMS[0]}_rgb.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 480)
    )
    for _, picture in frames:
        writer.write(cv2.cvtColor(picture[:, ::-1], cv2.COLOR_RGB2BGR))
    writer.release()
    found = extract_hands(tmp_path / "prepared", videos, Settings(), ONE)
    assert found["rows_with_a_hand"] >= 5
    prepared = open_prepared(tmp_path / "prepared")
    assert prepared.hands is not None
    right = prepared.hands[:, 1, 0, :2]
    seen = np.isfinite(right[:, 0])
    assert seen.sum() >= 5  # the right one, as in the unmirrored clip
    wrist = (1 - colour[:, KINECT_25.index("right_wrist"), 0])[seen]
    assert np.abs(right[seen, 0] - wrist).max() < 0.1
