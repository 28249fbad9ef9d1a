# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""People in a picture by MediaPipe Tasks: PoseLandmarker, and HandLandmarker around the wrists."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bharnet.estimation.crowd import Always, OneOrMany, close_all
from bharnet.estimation.estimator import Detection, EstimatorUnavailable, InvalidFrame
from bharnet.estimation.hands import REACH, WRISTS, Crop, arm_unit, assign_hands, wrist_crop
from bharnet.estimation.models import ModelUnavailable, obtain
from bharnet.estimation.picture import check_picture
from bharnet.skeleton import MEDIAPIPE_33

MODELS = ("lite", "full", "heavy")
# The square holds a hand most of the time, and the hand network says no by itself: a lower bar
# for the palm detector finds more of them.
PALM_CONFIDENCE = 0.1


def _outlive_profiler() -> None:
    """Take SIGPROF, which ended a long-lived process in the middle of a picture.

    Seen twice with mediapipe 1.x after 100 s of processor time ("Profiling timer expired"), never
    with a handler in place; who sets that timer was not found.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGPROF) is signal.SIG_DFL:
        signal.signal(signal.SIGPROF, lambda *_: None)


class MediaPipeEstimator:
    """Pictures of one camera in, people with body and hands out.

    model           "lite", "full" or "heavy" pose network
    num_poses       how many people at most
    min_confidence  0..1, of a pose and of a hand; raise it against ghosts, lower it for recall
    delegate        "cpu" or "gpu"
    models          folder of the .task files; None = the user's cache, filled when need be
    alternate       leave a person who is alone to a landmarker of one (crowd.py)

    Raises EstimatorUnavailable when a model file or the GPU cannot be had, ImportError without
    mediapipe, ValueError for another model.
    """

    body_layout = MEDIAPIPE_33.name
    # Where to look for a hand; a benchmark puts the whole picture here.
    _crop = staticmethod(wrist_crop)

    def __init__(
        self,
        model: str = "full",
        num_poses: int = 1,
        min_confidence: float = 0.5,
        delegate: str = "cpu",
        models: Path | None = None,
        alternate: bool = True,
    ) -> None:
        import mediapipe

        if model not in MODELS:
            raise ValueError(f"pose model '{model}' is none of {', '.join(MODELS)}")
        self.name = f"mediapipe_pose_{model}/{mediapipe.__version__}"
        self._mediapipe = mediapipe
        try:
            self._pose_file = str(obtain(f"pose_landmarker_{model}.task", models))
            self._hand_file = str(obtain("hand_landmarker.task", models))
        except ModelUnavailable as error:
            raise EstimatorUnavailable(str(error)) from error
        self._num_poses, self._min_confidence = num_poses, min_confidence
        self._alternate = alternate
        self.smooths = num_poses == 1  # as of the last picture: MediaPipe does it for one only
        self._delegate = delegate
        _outlive_profiler()
        self._pose: Always | OneOrMany | None = None
        self._hand: Any = None
        self._spent = {"pose": 0.0, "hands": 0.0}
        self._last_stamp: int | None = None
        self._last_ms = 0
        self._open()

    @property
    def network_ms(self) -> dict[str, float]:
        """Milliseconds of the last picture inside the pose and the hand landmarker."""
        return dict(self._spent)

    def estimate(self, image: NDArray[np.uint8], stamp: int) -> list[Detection]:
        """Everybody in an (H, W, 3) RGB picture; see Estimator."""
        check_picture(image)
        timestamp_ms = self._next_timestamp(stamp)
        if self._pose is None:
            self._open()
        assert self._pose is not None
        self._spent = {"pose": 0.0, "hands": 0.0}
        begun = time.perf_counter()
        found = self._pose.detect(self._picture(image), timestamp_ms, stamp)
        self.smooths = self._pose.alone
        self._spent["pose"] = 1e3 * (time.perf_counter() - begun)
        bodies = [
            np.array([(p.x, p.y, p.z, p.visibility) for p in pose], np.float32) for pose in found
        ]
        return self._add_hands(bodies, image)

    def hands_of(
        self, bodies: list[NDArray[np.float32]], image_rgb: NDArray[np.uint8]
    ) -> list[tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]]:
        """Left and right hand, (21, 4) or None, of people whose bodies somebody else found.

        bodies: (33, 4) each, as ``estimate`` gives them; arms and shoulders suffice, NaN = unseen.
        """
        if self._hand is None:
            self._open()
        people = self._add_hands(bodies, image_rgb)
        return [(person.left_hand, person.right_hand) for person in people]

    def reset(self) -> None:
        """Forget the people followed so far; the next stamp may be any."""
        self.close()
        self._last_stamp, self._last_ms = None, 0

    def close(self) -> None:
        """Close the landmarkers. One that is dropped unclosed can hang the process for good."""
        opened = [each for each in (self._pose, self._hand) if each is not None]
        self._pose = self._hand = None
        close_all(*opened)

    def _next_timestamp(self, stamp: int) -> int:
        """MediaPipe's milliseconds, made to rise; it must never be shown one that does not."""
        if self._last_stamp is not None and stamp <= self._last_stamp:
            raise InvalidFrame(
                "old_stamp",
                f"stamp {stamp} ns is not after {self._last_stamp} ns; "
                "drop the picture, or call reset() if the stream began anew",
            )
        # Two pictures within one millisecond would be equal for MediaPipe.
        timestamp = stamp // 1_000_000
        if self._last_stamp is not None:
            timestamp = max(timestamp, self._last_ms + 1)
        self._last_stamp, self._last_ms = stamp, timestamp
        return timestamp

    def _picture(self, image: NDArray[np.uint8]) -> Any:
        return self._mediapipe.Image(self._mediapipe.ImageFormat.SRGB, np.ascontiguousarray(image))

    def _open(self) -> None:
        try:
            self._pose = self._open_poses()
            self._hand = self._open_hand()
        except (RuntimeError, ValueError, OSError) as error:
            self.close()
            cause = str(error).strip().rsplit(": ", 1)[-1] or type(error).__name__
            cure = "use delegate cpu" if self._delegate == "gpu" else "delete the model files"
            raise EstimatorUnavailable(
                f"MediaPipe cannot work on the {self._delegate.upper()} here: {cause} To cure it, "
                f"{cure}."
            ) from error

    def _open_poses(self) -> Always | OneOrMany:
        if self._num_poses == 1 or not self._alternate:
            return Always(self._open_pose(self._num_poses), self._num_poses == 1)
        one = self._open_pose(1)
        try:
            return OneOrMany(one, self._open_pose(self._num_poses))
        except BaseException:
            one.close()
            raise

    def _open_pose(self, num_poses: int) -> Any:
        vision = self._mediapipe.tasks.vision
        return vision.PoseLandmarker.create_from_options(
            vision.PoseLandmarkerOptions(
                base_options=self._base(self._pose_file),
                running_mode=vision.RunningMode.VIDEO,
                num_poses=num_poses,
                min_pose_detection_confidence=self._min_confidence,
                min_pose_presence_confidence=self._min_confidence,
                min_tracking_confidence=self._min_confidence,
            )
        )

    def _open_hand(self) -> Any:
        vision = self._mediapipe.tasks.vision
        return vision.HandLandmarker.create_from_options(
            vision.HandLandmarkerOptions(
                base_options=self._base(self._hand_file),
                # Not VIDEO: the squares jump from wrist to wrist.
                running_mode=vision.RunningMode.IMAGE,
                num_hands=2,  # the square may hold the other hand as well
                min_hand_detection_confidence=min(PALM_CONFIDENCE, self._min_confidence),
                min_hand_presence_confidence=self._min_confidence,
            )
        )

    def _base(self, file: str) -> Any:
        base = self._mediapipe.tasks.BaseOptions
        delegate = getattr(base.Delegate, self._delegate.upper())
        return base(model_asset_path=file, delegate=delegate)

    def _add_hands(
        self, bodies: list[NDArray[np.float32]], image: NDArray[np.uint8]
    ) -> list[Detection]:
        height, width = image.shape[:2]
        scale = np.array((width, height), np.float32)
        wrists, reach, joints, left_share = [], [], [], []
        for body in bodies:
            for side in range(2):
                wrists.append(body[WRISTS[side], :2] * scale)
                reach.append(REACH * arm_unit(body[:, :2] * scale, side))
                crop = self._crop(body, side, width, height)
                for hand, share in self._look(image, crop) if crop else ():
                    joints.append(hand)
                    left_share.append(share)
        places = np.array([hand[:, :2] * scale for hand in joints], np.float32)
        chosen = assign_hands(
            np.array(wrists, np.float32).reshape(-1, 2),
            np.array(reach, np.float32),
            places,
            np.array(left_share, np.float32),
        )
        people = []
        for number, body in enumerate(bodies):
            left, right = chosen[2 * number : 2 * number + 2]
            people.append(
                Detection(
                    body,
                    None if left is None else joints[left],
                    None if right is None else joints[right],
                    left_hand_confidence=np.nan if left is None else left_share[left],
                    right_hand_confidence=np.nan if right is None else 1 - left_share[right],
                )
            )
        return people

    def _look(
        self, image: NDArray[np.uint8], crop: Crop
    ) -> list[tuple[NDArray[np.float32], float]]:
        """Hands in one square: (21, 4) joints in shares of the picture, probability of left."""
        height, width = image.shape[:2]
        square = self._picture(crop.cut(image))
        begun = time.perf_counter()
        result = self._hand.detect(square)
        self._spent["hands"] += 1e3 * (time.perf_counter() - begun)
        hands = []
        for landmarks, categories in zip(result.hand_landmarks, result.handedness, strict=True):
            places = crop.to_image([(p.x, p.y, p.z) for p in landmarks], width, height)
            # MediaPipe gives hand joints no score.
            joints = np.pad(places, ((0, 0), (0, 1)), constant_values=np.nan)
            side = categories[0]
            is_left = side.category_name == "Left"
            hands.append((joints, side.score if is_left else 1 - side.score))
        return hands
