# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""People found in a picture -> PersonPoseArray; pictures -> Image, CompressedImage."""

from __future__ import annotations

import array
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from bharnet.estimation.estimator import Detection
from bharnet.estimation.people import PeopleFrame
from bharnet.observation import Coordinates
from bharnet_ros.msg import PersonPose, PersonPoseArray
from bharnet_ros.stamps import to_time

JPEG_QUALITY = 95


def to_pose_array(
    frame: PeopleFrame,
    frame_id: str,
    people: Sequence[tuple[str, Detection]] | None = None,
    coordinates: Coordinates = Coordinates.IMAGE,
) -> PersonPoseArray:
    """Everybody in a picture. ``people`` stands in for the frame's where joints were lifted."""
    return PersonPoseArray(
        header=Header(stamp=to_time(frame.stamp), frame_id=frame_id),
        estimator=frame.estimator,
        body_layout=frame.body_layout,
        hand_layout=frame.hand_layout,
        coordinates=int(coordinates),
        image_width=frame.width,
        image_height=frame.height,
        people=[
            PersonPose(
                body_id=body_id,
                confidence=person.confidence,
                body=_flat(person.body),
                left_hand=_flat(person.left_hand),
                right_hand=_flat(person.right_hand),
                left_hand_confidence=person.left_hand_confidence,
                right_hand_confidence=person.right_hand_confidence,
            )
            for body_id, person in (frame.people if people is None else people)
        ],
    )


def _flat(joints: NDArray[np.float32] | None) -> array.array[float]:
    """The message's row-major list; empty for a hand that was not seen."""
    empty = np.empty(0, np.float32)
    return array.array("f", np.asarray(empty if joints is None else joints, np.float32).tobytes())


def to_image(picture: NDArray[np.uint8], header: Header) -> Image:
    """An (H, W, 3) RGB picture as a message."""
    height, width = picture.shape[:2]
    message = Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width)
    message.data = array.array("B", np.ascontiguousarray(picture).tobytes())
    return message


def to_compressed(picture: NDArray[np.uint8], header: Header) -> CompressedImage:
    """An (H, W, 3) RGB picture as a JPEG of high quality."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    message = CompressedImage(header=header, format="rgb8; jpeg compressed bgr8")
    message.data = array.array("B", data.tobytes())
    return message
