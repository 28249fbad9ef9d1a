"""People in a picture by MediaPipe Tasks: PoseLandmarker, and HandLandmarker around the wrists."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bharnet.estimation.hands import REACH, WRISTS, Crop, arm_unit, assign_hands, wrist_crop
from bharnet.estimation.models import obtain
from bharnet.estimation.person import PersonEstimate
from bharnet.skeleton import MEDIAPIPE_33

# The square holds a hand most of the time, and the hand network says no by itself: a lower bar
# for the palm detector finds more of them.
PALM_CONFIDENCE = 0.3


class MediaPipeEstimator:
    """Pictures of one camera in, people with body and hands out.

    >>> with MediaPipeEstimator() as estimator:
    ...     people = estimator.estimate(image_rgb, stamp_ns)

    model           "lite", "full" or "heavy" pose network
    num_poses       how many people at most
    min_confidence  0..1, of a pose and of a hand; raise it against ghosts, lower it for recall
    delegate        "cpu" or "gpu"
    models          folder of the .task files; None = the user's cache, filled when need be

    Raises ModelUnavailable when a model file cannot be had, ImportError without mediapipe.
    One thread at a time.
    """

    body_layout = MEDIAPIPE_33.name

    def __init__(
        self,
        model: Literal["lite", "full", "heavy"] = "full",
        num_poses: int = 1,
        min_confidence: float = 0.5,
        delegate: Literal["cpu", "gpu"] = "cpu",
        models: Path | None = None,
    ) -> None:
        import mediapipe

        self.name = f"mediapipe_pose_{model}/{mediapipe.__version__}"
        self._mediapipe = mediapipe
        self._pose_file = str(obtain(f"pose_landmarker_{model}.task", models))
        self._hand_file = str(obtain("hand_landmarker.task", models))
        self._num_poses, self._min_confidence = num_poses, min_confidence
        self._delegate = delegate
        self._pose: Any = None
        self._hand: Any = None
        self._last_stamp_ns: int | None = None
        self._last_ms = 0

    def estimate(self, image_rgb: NDArray[np.uint8], stamp_ns: int) -> list[PersonEstimate]:
        """Everybody in an (H, W, 3) RGB picture.

        Stamps must rise strictly, else ValueError (call reset() first if the stream began anew);
        ValueError too for a picture of another shape or type.
        """
        check_image(image_rgb)
        timestamp_ms = self._next_timestamp(stamp_ns)
        if self._pose is None:
            self._open()
        image = self._picture(image_rgb)
        found = self._pose.detect_for_video(image, timestamp_ms).pose_landmarks
        bodies = [
            np.array([(p.x, p.y, p.z, p.visibility) for p in pose], np.float32) for pose in found
        ]
        return self._add_hands(bodies, image_rgb)

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
        """Forget the people tracked so far; the next stamp may be any."""
        self.close()
        self._last_stamp_ns, self._last_ms = None, 0

    def close(self) -> None:
        """Close the landmarkers. One that is dropped unclosed can hang the process for good."""
        for landmarker in (self._pose, self._hand):
            if landmarker is not None:
                landmarker.close()
        self._pose = self._hand = None

    def __enter__(self) -> MediaPipeEstimator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _next_timestamp(self, stamp_ns: int) -> int:
        """MediaPipe's milliseconds, made to rise; it must never be shown one that does not."""
        if self._last_stamp_ns is not None and stamp_ns <= self._last_stamp_ns:
            raise ValueError(
                f"stamp {stamp_ns} ns is not after {self._last_stamp_ns} ns; "
                "drop the frame, or call reset() if the stream began anew"
            )
        # Two frames within one millisecond would be equal for MediaPipe.
        timestamp = stamp_ns // 1_000_000
        if self._last_stamp_ns is not None:
            timestamp = max(timestamp, self._last_ms + 1)
        self._last_stamp_ns, self._last_ms = stamp_ns, timestamp
        return timestamp

    def _picture(self, image: NDArray[np.uint8]) -> Any:
        return self._mediapipe.Image(self._mediapipe.ImageFormat.SRGB, np.ascontiguousarray(image))

    def _open(self) -> None:
        tasks = self._mediapipe.tasks
        vision, base = tasks.vision, tasks.BaseOptions
        delegate = getattr(base.Delegate, self._delegate.upper())
        self._pose = vision.PoseLandmarker.create_from_options(
            vision.PoseLandmarkerOptions(
                base_options=base(model_asset_path=self._pose_file, delegate=delegate),
                running_mode=vision.RunningMode.VIDEO,
                num_poses=self._num_poses,
                min_pose_detection_confidence=self._min_confidence,
                min_pose_presence_confidence=self._min_confidence,
                min_tracking_confidence=self._min_confidence,
            )
        )
        self._hand = vision.HandLandmarker.create_from_options(
            vision.HandLandmarkerOptions(
                base_options=base(model_asset_path=self._hand_file, delegate=delegate),
                running_mode=vision.RunningMode.IMAGE,
                num_hands=2,  # the square may hold the other hand as well
                min_hand_detection_confidence=min(PALM_CONFIDENCE, self._min_confidence),
                min_hand_presence_confidence=self._min_confidence,
            )
        )

    def _add_hands(
        self, bodies: list[NDArray[np.float32]], image: NDArray[np.uint8]
    ) -> list[PersonEstimate]:
        height, width = image.shape[:2]
        scale = np.array((width, height), np.float32)
        wrists, reach, joints, left_share = [], [], [], []
        for body in bodies:
            for side in range(2):
                wrists.append(body[WRISTS[side], :2] * scale)
                reach.append(REACH * arm_unit(body[:, :2] * scale, side))
                crop = wrist_crop(body, side, width, height)
                for hand, share in self._look(image, crop) if crop else ():
                    joints.append(hand)
                    left_share.append(share)
        places = np.array([hand[:, :2] * scale for hand in joints], np.float32)
        chosen = assign_hands(
            np.array(wrists, np.float32).reshape(-1, 2), np.array(reach, np.float32), places
        )
        people = []
        for number, body in enumerate(bodies):
            left, right = chosen[2 * number : 2 * number + 2]
            people.append(
                PersonEstimate(
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
        result = self._hand.detect(self._picture(crop.cut(image)))
        hands = []
        for landmarks, categories in zip(result.hand_landmarks, result.handedness, strict=True):
            places = crop.to_image([(p.x, p.y, p.z) for p in landmarks], width, height)
            # MediaPipe gives hand joints no score.
            joints = np.pad(places, ((0, 0), (0, 1)), constant_values=np.nan)
            side = categories[0]
            is_left = side.category_name == "Left"
            hands.append((joints, side.score if is_left else 1 - side.score))
        return hands


def check_image(image: NDArray[np.uint8]) -> None:
    """Raise ValueError for anything but a uint8 (H, W, 3) picture that has pixels."""
    shape: tuple[int, ...] = getattr(image, "shape", ())
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or image.dtype != np.uint8:
        raise ValueError(
            f"an RGB picture is uint8 (H, W, 3), this is {getattr(image, 'dtype', '?')} {shape}"
        )
