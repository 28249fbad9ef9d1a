# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The MediaPipe estimator: stamps, closing, what cannot work; the real thing where it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bharnet.estimation import models
from bharnet.estimation.estimator import EstimatorUnavailable, InvalidFrame
from bharnet.estimation.mediapipe_estimator import MediaPipeEstimator


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


class FakeMediaPipe(SimpleNamespace):
    """As much of the package as the estimator touches; ``opened`` is what it opened."""

    def __init__(self, refuse: str = "") -> None:
        self.opened: list[FakeLandmarker] = []
        base = lambda **_: None  # noqa: E731 - carries an attribute
        base.Delegate = SimpleNamespace(CPU=0, GPU=1)  # type: ignore[attr-defined]
        vision = SimpleNamespace(
            RunningMode=SimpleNamespace(VIDEO="VIDEO", IMAGE="IMAGE"),
            PoseLandmarkerOptions=lambda **options: options,
            HandLandmarkerOptions=lambda **options: options,
            PoseLandmarker=SimpleNamespace(create_from_options=self._open("pose", refuse)),
            HandLandmarker=SimpleNamespace(create_from_options=self._open("hand", refuse)),
        )
        super().__init__(
            opened=self.opened,
            __version__="0",
            Image=lambda *_: None,
            ImageFormat=SimpleNamespace(SRGB=1),
            tasks=SimpleNamespace(vision=vision, BaseOptions=base),
        )

    def _open(self, name: str, refuse: str) -> Callable[[Any], FakeLandmarker]:
        def create(options: Any) -> FakeLandmarker:
            if name == refuse:
                # What MediaPipe 1.2.2 says where there is no GPU.
                raise RuntimeError(
                    'Service "kGpuService" cannot be created: GPU emulation detected'
                )
            self.opened.append(FakeLandmarker())
            return self.opened[-1]

        return create


Make = Callable[..., MediaPipeEstimator]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes estimators that believe to have mediapipe and its models."""
    module = "bharnet.estimation.mediapipe_estimator"
    monkeypatch.setattr(f"{module}.obtain", lambda file, folder: Path(file))

    def make(fake: FakeMediaPipe | None = None, **settings: Any) -> MediaPipeEstimator:
        monkeypatch.setitem(sys.modules, "mediapipe", fake or FakeMediaPipe())
        return MediaPipeEstimator(**settings)

    return make


@pytest.fixture
def estimator(make: Make) -> MediaPipeEstimator:
    return make()


IMAGE = np.zeros((48, 64, 3), np.uint8)


def test_stamps_must_rise(estimator: MediaPipeEstimator) -> None:
    estimator.estimate(IMAGE, 5_000_000_000)
    for stamp in (5_000_000_000, 4_999_999_999, 0):
        with pytest.raises(InvalidFrame, match="is not after") as raised:
            estimator.estimate(IMAGE, stamp)
        assert raised.value.key == "old_stamp"
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


@pytest.mark.parametrize("num_poses", [1, 2])
def test_reset_takes_any_stamp_and_closes_what_was_open(make: Make, num_poses: int) -> None:
    fake = FakeMediaPipe()
    estimator = make(fake, num_poses=num_poses)
    estimator.estimate(IMAGE, 5_000_000_000)
    before = list(fake.opened)
    assert len(before) == 1 + num_poses  # the hands' and, for two, one of one and one of two
    estimator.reset()
    assert all(landmarker.closed for landmarker in before)
    assert estimator.estimate(IMAGE, 1) == []
    assert len(fake.opened) == 2 * len(before)


@pytest.mark.parametrize("num_poses", [1, 2])
def test_landmarkers_are_closed_on_the_way_out(make: Make, num_poses: int) -> None:
    fake = FakeMediaPipe()
    estimator = make(fake, num_poses=num_poses)
    estimator.estimate(IMAGE, 1)
    estimator.close()
    assert all(landmarker.closed for landmarker in fake.opened)
    estimator.close()  # a second time is allowed


@pytest.mark.parametrize("num_poses", [1, 2])
def test_a_landmarker_that_complains_while_it_is_closed(make: Make, num_poses: int) -> None:
    """As after an error inside: the others had stayed open, and it was asked once more."""
    fake = FakeMediaPipe()
    estimator = make(fake, num_poses=num_poses)
    estimator.estimate(IMAGE, 5)
    first, *others = before = list(fake.opened)
    closed = first.close

    def complain() -> None:
        closed()
        raise RuntimeError("graph has errors")

    first.close = complain  # type: ignore[method-assign]
    estimator.reset()
    assert all(landmarker.closed for landmarker in before)
    assert len(others) == num_poses
    assert estimator.estimate(IMAGE, 1) == []
    assert len(fake.opened) == 2 * len(before)


def test_a_refused_picture_does_not_use_up_its_stamp(estimator: MediaPipeEstimator) -> None:
    with pytest.raises(InvalidFrame, match="picture"):
        estimator.estimate(IMAGE[:0], 7)
    assert estimator.estimate(IMAGE, 7) == []


@pytest.mark.parametrize("refuse", ["pose", "hand"])
def test_no_gpu_names_cause_and_cure(refuse: str, make: Make) -> None:
    fake = FakeMediaPipe(refuse)
    with pytest.raises(EstimatorUnavailable, match=r"GPU.*emulation detected.*delegate cpu"):
        make(fake, delegate="gpu")
    assert all(landmarker.closed for landmarker in fake.opened)


def test_an_unknown_pose_network_is_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="lite, full, heavy"):
        make(model="huge")


def test_a_missing_model_is_told_at_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def obtain(file: str, folder: Path | None) -> Path:
        raise models.ModelUnavailable(f"{file} is not to be had")

    monkeypatch.setattr("bharnet.estimation.mediapipe_estimator.obtain", obtain)
    with pytest.raises(EstimatorUnavailable, match=r"pose_landmarker_full\.task is not to be had"):
        make()


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


def test_a_broken_model_is_one_sentence(tmp_path: Path) -> None:
    cached_models()
    for file in ("pose_landmarker_full.task", "hand_landmarker.task"):
        (tmp_path / file).write_bytes(b"PK no network")
        # Noted as assembled here, so that nobody fetches it again.
        note = tmp_path / f"{file}.sha256"
        note.write_text(models.sha256_of(tmp_path / file))
    with pytest.raises(EstimatorUnavailable, match="delete the model files"):
        MediaPipeEstimator(models=tmp_path)


def test_the_size_of_the_pictures_may_change(shared_data: Path) -> None:
    folder = cached_models()
    cv2 = pytest.importorskip("cv2")
    video = cv2.VideoCapture(os.fspath(shared_data / "clips" / "woman.avi"))
    noses = []
    with closing(MediaPipeEstimator(models=folder)) as estimator:
        for number, size in enumerate([(640, 480), (1280, 960), (3840, 2160), (320, 240)]):
            _, frame = video.read()
            picture = cv2.resize(frame, size)[..., ::-1]
            (person,) = estimator.estimate(picture, (number + 1) * 100_000_000)
            noses.append(person.body[0, :2])
    assert np.ptp(noses, axis=0).max() < 0.05
