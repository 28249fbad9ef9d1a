"""Estimation without MediaPipe: crops, whose hand it is, stamps, and where models come from."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import urllib.error
import zipfile
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bharnet.estimation import hands, models
from bharnet.estimation.hands import Crop, arm_unit, assign_hands, wrist_crop
from bharnet.estimation.mediapipe_estimator import MediaPipeEstimator
from bharnet.estimation.picture import check_picture

WIDTH, HEIGHT = 640, 480


def standing_person() -> np.ndarray:
    """(33, 4) in shares of a 640 x 480 picture, both hands lifted beside the shoulders."""
    body = np.full((33, 4), 0.5, np.float32)
    body[11, :2], body[12, :2] = (0.6, 0.4), (0.4, 0.4)
    body[13, :2], body[14, :2] = (0.65, 0.6), (0.35, 0.6)
    body[15, :2], body[16, :2] = (0.7, 0.45), (0.3, 0.45)
    body[[17, 19], :2], body[[18, 20], :2] = (0.71, 0.4), (0.29, 0.4)
    return body


def hand_at(x: float, y: float, palm: float = 30.0) -> np.ndarray:
    """(21, 2) pixels: the wrist at x, y, the fingers up."""
    hand = np.zeros((21, 2), np.float32)
    hand[:, 0] = np.linspace(-0.4, 0.4, 21)
    hand[1:, 1] = -np.linspace(0.5, 1.5, 20)
    hand[9] = (0.0, -1.0)
    hand[0] = 0.0
    return hand * palm + np.array((x, y), np.float32)


# --- crops


def test_a_crop_lies_around_the_hand_in_pixels() -> None:
    body = standing_person()
    crop = wrist_crop(body, 0, WIDTH, HEIGHT)
    assert crop is not None
    middle = np.array((crop.left, crop.top)) + crop.size / 2
    np.testing.assert_allclose(middle, (0.705 * WIDTH, 0.425 * HEIGHT), atol=1.5)
    # The unit is measured in pixels: the shoulders are 128 of them apart.
    assert crop.size == round(hands.CROP_SIZE * 128)


def test_arm_unit_holds_when_the_forearm_points_at_the_camera() -> None:
    body = standing_person()[:, :2] * (WIDTH, HEIGHT)
    before = arm_unit(body, 0)
    body[15] = body[13]
    assert arm_unit(body, 0) == pytest.approx(before)


@pytest.mark.parametrize("place", [(1.3, 0.5), (0.5, 1.2), (-0.1, 0.5), (np.nan, 0.5)], ids=str)
def test_no_crop_where_no_hand_can_be(place: tuple[float, float]) -> None:
    body = standing_person()
    body[[15, 17, 19], :2] = place
    assert wrist_crop(body, 0, WIDTH, HEIGHT) is None
    assert wrist_crop(body, 1, WIDTH, HEIGHT) is not None


def test_no_crop_for_a_speck_of_a_person() -> None:
    body = standing_person()
    body[:, :2] = 0.5 + (body[:, :2] - 0.5) * 0.01
    assert wrist_crop(body, 0, WIDTH, HEIGHT) is None


@given(
    left=st.integers(-100, 700),
    top=st.integers(-100, 500),
    size=st.integers(1, 300),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1)),
)
def test_what_is_seen_in_a_crop_is_where_it_was(
    left: int, top: int, size: int, share: tuple[float, float, float]
) -> None:
    crop = Crop(left, top, size)
    x, y, z = crop.to_image([share], WIDTH, HEIGHT)[0]
    assert x * WIDTH == pytest.approx(left + share[0] * size, abs=1e-2)
    assert y * HEIGHT == pytest.approx(top + share[1] * size, abs=1e-2)
    assert z * WIDTH == pytest.approx(share[2] * size, abs=1e-2)  # z in picture widths


@given(left=st.integers(-40, 40), top=st.integers(-40, 40), size=st.integers(1, 40))
def test_a_crop_over_the_border_is_black_outside(left: int, top: int, size: int) -> None:
    image = np.arange(1, 20 * 30 * 3 + 1).reshape(20, 30, 3).astype(np.uint8) | 1
    square = Crop(left, top, size).cut(image)
    assert square.shape == (size, size, 3)
    assert square.flags.c_contiguous
    for row in range(size):
        for column in range(size):
            y, x = top + row, left + column
            inside = 0 <= y < 20 and 0 <= x < 30
            expected = image[y, x] if inside else np.zeros(3, np.uint8)
            np.testing.assert_array_equal(square[row, column], expected)


# --- whose hand


def test_each_wrist_gets_its_nearest_hand() -> None:
    wrists = np.array([(400, 200), (200, 200)], np.float32)
    found = np.stack([hand_at(205, 202), hand_at(396, 199)])
    assert assign_hands(wrists, np.array([60, 60], np.float32), found) == [1, 0]


def test_one_hand_is_never_given_to_two_wrists() -> None:
    wrists = np.array([(300, 200), (320, 200)], np.float32)
    # Found in both wrists' squares, a little apart.
    found = np.stack([hand_at(318, 201), hand_at(316, 202)])
    assert assign_hands(wrists, np.array([60, 60], np.float32), found) == [None, 0]


def test_hands_pressed_together_are_two() -> None:
    wrists = np.array([(330, 200), (310, 200)], np.float32)
    found = np.stack([hand_at(311, 200, palm=40), hand_at(329, 200, palm=40)])
    assert assign_hands(wrists, np.array([60, 60], np.float32), found) == [1, 0]


def test_a_hand_near_nobody_is_dropped() -> None:
    wrists = np.array([(400, 200), (200, 200)], np.float32)
    found = np.stack([hand_at(300, 400), hand_at(395, 205)])
    assert assign_hands(wrists, np.array([60, 60], np.float32), found) == [1, None]


def test_nothing_found_and_nobody_there() -> None:
    nothing = np.empty((0, 21, 2), np.float32)
    wrists = np.array([(400, 200), (200, 200)], np.float32)
    assert assign_hands(wrists, np.array([60, 60], np.float32), nothing) == [None, None]
    assert assign_hands(np.empty((0, 2), np.float32), np.empty(0, np.float32), nothing) == []


def test_a_wrist_without_place_gets_no_hand() -> None:
    wrists = np.array([(np.nan, np.nan), (200, 200)], np.float32)
    found = hand_at(200, 200)[None]
    assert assign_hands(wrists, np.array([60, 60], np.float32), found) == [None, 0]


@given(
    places=st.lists(st.tuples(st.integers(0, 640), st.integers(0, 480)), max_size=5),
    wrists=st.lists(st.tuples(st.integers(0, 640), st.integers(0, 480)), max_size=4),
)
def test_hands_are_given_once_and_within_reach(
    places: list[tuple[int, int]], wrists: list[tuple[int, int]]
) -> None:
    found = np.array([hand_at(x, y) for x, y in places], np.float32).reshape(-1, 21, 2)
    at = np.array(wrists, np.float32).reshape(-1, 2)
    chosen = assign_hands(at, np.full(len(at), 50, np.float32), found)
    assert len(chosen) == len(wrists)
    given_away = [hand for hand in chosen if hand is not None]
    assert len(set(given_away)) == len(given_away)
    for wrist, hand in enumerate(chosen):
        if hand is not None:
            assert np.linalg.norm(found[hand, 0] - at[wrist]) <= 50 + 1e-3


# --- the estimator, with a landmarker that only notes what it was asked


class FakeLandmarker:
    """Answers with nothing, and fails as MediaPipe would where a stamp does not rise."""

    def __init__(self) -> None:
        self.stamps: list[int] = []
        self.closed = False

    def detect_for_video(self, image: Any, timestamp_ms: int) -> SimpleNamespace:
        assert not self.closed
        assert not self.stamps or timestamp_ms > self.stamps[-1]
        self.stamps.append(timestamp_ms)
        return SimpleNamespace(pose_landmarks=[])

    def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


@pytest.fixture
def estimator(monkeypatch: pytest.MonkeyPatch) -> MediaPipeEstimator:
    fake = SimpleNamespace(
        __version__="0", Image=lambda *_: None, ImageFormat=SimpleNamespace(SRGB=1)
    )
    monkeypatch.setitem(sys.modules, "mediapipe", fake)
    module = "bharnet.estimation.mediapipe_estimator"
    monkeypatch.setattr(f"{module}.obtain", lambda file, folder: Path(file))

    def open_fakes(self: MediaPipeEstimator) -> None:
        self._pose, self._hand = FakeLandmarker(), FakeLandmarker()

    monkeypatch.setattr(MediaPipeEstimator, "_open", open_fakes)
    return MediaPipeEstimator()


IMAGE = np.zeros((48, 64, 3), np.uint8)


def test_stamps_must_rise(estimator: MediaPipeEstimator) -> None:
    estimator.estimate(IMAGE, 5_000_000_000)
    for stamp in (5_000_000_000, 4_999_999_999, 0):
        with pytest.raises(ValueError, match="is not after"):
            estimator.estimate(IMAGE, stamp)
    # What was refused left no trace.
    assert estimator.estimate(IMAGE, 5_000_000_001) == []


@given(steps=st.lists(st.integers(1, 3_000_000), min_size=1, max_size=30))
def test_mediapipe_always_sees_rising_milliseconds(steps: list[int]) -> None:
    estimator = object.__new__(MediaPipeEstimator)
    estimator._last_stamp, estimator._last_ms = None, 0
    seen = [
        estimator._next_timestamp(1_767_225_600_000_000_000 + int(s)) for s in np.cumsum(steps)
    ]
    assert all(later > earlier for earlier, later in pairwise(seen))


def test_reset_takes_any_stamp_and_closes_what_was_open(estimator: MediaPipeEstimator) -> None:
    estimator.estimate(IMAGE, 5_000_000_000)
    opened = estimator._pose, estimator._hand
    estimator.reset()
    assert all(landmarker.closed for landmarker in opened)
    assert estimator.estimate(IMAGE, 1) == []
    assert estimator._pose is not opened[0]


def test_landmarkers_are_closed_on_the_way_out(estimator: MediaPipeEstimator) -> None:
    estimator.estimate(IMAGE, 1)
    opened = estimator._pose, estimator._hand
    estimator.close()
    assert all(landmarker.closed for landmarker in opened)
    estimator.close()  # a second time is allowed


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 6, 3), np.uint8),
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        None,
    ],
    ids=["empty", "grey", "alpha", "float", "nothing"],
)
def test_only_rgb_pictures(image: Any, estimator: MediaPipeEstimator) -> None:
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)|pixels"):
        check_picture(image)
    with pytest.raises(ValueError, match="picture"):
        estimator.estimate(image, 7)
    assert estimator.estimate(IMAGE, 7) == []  # the refused picture did not use up its stamp


# --- where models come from

CONTENT = b"a network"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
MODEL = models.Model(
    "some.task",
    "https://example.com/some.task",
    DIGEST,
    (models.Member("part.tflite", "old/part.tflite", DIGEST),),
)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MODELS", {MODEL.file: MODEL})


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> list[str]:
    """A web that answers every request with ``content``, None = cannot be reached."""
    asked = []

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        if content is None:
            raise urllib.error.URLError("no network")
        return io.BytesIO(content)

    monkeypatch.setattr(models.urllib.request, "urlopen", urlopen)
    return asked


def index(monkeypatch: pytest.MonkeyPatch, part: bytes | None) -> None:
    """A package index whose wheel holds ``part``; None = pip fails."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if part is None:
            return subprocess.CompletedProcess(command, 1, "", "ERROR: no index\n")
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "mediapipe-0.whl", "w") as wheel:
            wheel.writestr("old/part.tflite", part)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(models.subprocess, "run", run)


@pytest.mark.usefixtures("table")
def test_downloaded_once_then_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, CONTENT)
    path = models.obtain("some.task", tmp_path / "new")
    assert path.read_bytes() == CONTENT
    assert models.obtain("some.task", tmp_path / "new") == path
    assert asked == [MODEL.url]
    assert not [left for left in path.parent.iterdir() if left.name.startswith(".fetch")]


@pytest.mark.usefixtures("table")
def test_a_damaged_file_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, CONTENT)
    (tmp_path / "some.task").write_bytes(CONTENT[:4])
    assert models.obtain("some.task", tmp_path).read_bytes() == CONTENT
    assert asked


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("web", [None, b"a login page"], ids=["no web", "captive portal"])
def test_assembled_from_the_wheel_where_the_web_fails(
    web: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = serve(monkeypatch, web)
    index(monkeypatch, CONTENT)
    path = models.obtain("some.task", tmp_path)
    with zipfile.ZipFile(path) as bundle:
        assert bundle.read("part.tflite") == CONTENT
        assert bundle.getinfo("part.tflite").compress_type == zipfile.ZIP_STORED
    # Assembled has other bytes than downloaded, and is known again all the same...
    assert models.obtain("some.task", tmp_path) == path
    assert len(asked) == 1
    # ...unless it was damaged.
    path.write_bytes(path.read_bytes()[:-1])
    models.obtain("some.task", tmp_path)
    assert len(asked) == 2


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("part", [None, b"another network"], ids=["no index", "changed wheel"])
def test_unavailable_names_cause_and_cure(
    part: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, None)
    index(monkeypatch, part)
    with pytest.raises(models.ModelUnavailable) as raised:
        models.obtain("some.task", tmp_path)
    for told in ("no network", "mediapipe==0.10.21", MODEL.url, DIGEST, str(tmp_path)):
        assert told in str(raised.value)
    assert not (tmp_path / "some.task").exists()


def test_a_model_the_wheel_lacks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = replace(MODEL, members=())
    monkeypatch.setattr(models, "MODELS", {lacking.file: lacking})
    serve(monkeypatch, None)
    with pytest.raises(models.ModelUnavailable, match="full pose and the hand model only"):
        models.obtain("some.task", tmp_path)


@pytest.mark.usefixtures("table")
def test_a_cache_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, CONTENT)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(models.ModelUnavailable, match="XDG_CACHE_HOME"):
        models.obtain("some.task", tmp_path / "file")


def test_unknown_model() -> None:
    with pytest.raises(ValueError, match=r"hand_landmarker\.task"):
        models.obtain("face.task")


def test_cache_folder_obeys_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert models.cache_folder() == tmp_path / "bharnet"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert models.cache_folder() == Path.home() / ".cache" / "bharnet"


def test_the_table_is_complete() -> None:
    wanted = {f"pose_landmarker_{size}.task" for size in ("lite", "full", "heavy")}
    assert set(models.MODELS) == wanted | {"hand_landmarker.task"}
    for model in models.MODELS.values():
        assert model.url.endswith(f"/{model.file}")
        for digest in (model.sha256, *(member.sha256 for member in model.members)):
            assert len(digest) == 64
            int(digest, 16)


# --- the real thing, where models are at hand


def cached_models() -> Path:
    """Folder of the model files, or a skip that says how to get them."""
    pytest.importorskip("mediapipe", reason="needs mediapipe: pip install -e '.[camera]'")
    folder = models.cache_folder()
    for file in ("pose_landmarker_full.task", "hand_landmarker.task"):
        if not (folder / file).is_file():
            pytest.skip(f"needs {folder / file}: it comes with the first real estimate")
    return folder


def test_real_pictures_give_a_person_with_a_hand(shared_data: Path) -> None:
    folder = cached_models()
    cv2 = pytest.importorskip("cv2")
    video = cv2.VideoCapture(os.fspath(shared_data / "clips" / "woman.avi"))
    with closing(MediaPipeEstimator(models=folder)) as estimator:
        for number in range(12):
            _, frame = video.read()
            people = estimator.estimate(frame[..., ::-1], number * 100_000_000)
    (person,) = people
    assert person.body.shape == (33, 4)
    assert person.left_hand is None
    assert person.right_hand is not None
    assert person.right_hand.shape == (21, 4)
    # The hand hangs on the wrist of the body, a sign that it was mapped back well.
    assert np.abs(person.right_hand[0, :2] - person.body[16, :2]).max() < 0.1
    assert person.right_hand_confidence > 0.5


def test_a_black_picture_shows_nobody() -> None:
    with closing(MediaPipeEstimator(models=cached_models())) as estimator:
        assert estimator.estimate(np.zeros((48, 64, 3), np.uint8), 1) == []
