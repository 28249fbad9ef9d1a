# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One picture's way through the worker: message -> RGB -> people with ids -> PersonPoseArray."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bharnet.estimation.people import PeopleEstimator, PeopleFrame
from bharnet.estimation.picture import upright
from bharnet.observation import Coordinates
from bharnet_ros.camera.depth import check_sizes, lift, read_camera
from bharnet_ros.camera.images import to_metres, to_rgb
from bharnet_ros.camera.parameters import Settings
from bharnet_ros.camera.poses import to_pose_array
from bharnet_ros.camera.worker import Pictures
from bharnet_ros.msg import PersonPoseArray


@dataclass(frozen=True, eq=False)
class Estimated:
    """Who is in a picture, and what it cost: seconds from taking it up to the message."""

    pictures: Pictures
    image: NDArray[np.uint8]
    frame: PeopleFrame
    message: PersonPoseArray
    seconds: float

    @property
    def network_seconds(self) -> float:
        """Of them, those inside the estimator's networks."""
        return max(0.0, self.frame.milliseconds["total"] - self.frame.milliseconds["own"]) / 1e3


def estimate(pictures: Pictures, people: PeopleEstimator, settings: Settings) -> Estimated:
    """Everybody in a picture. Raises InvalidFrame for what is none, or has no fit depth."""
    begun = time.monotonic()
    image = upright(to_rgb(pictures.image), settings["rotate"], settings["mirrored"])
    frame_id = pictures.image.header.frame_id
    if pictures.depth is None:
        frame = people.estimate(image, pictures.stamp)
        message = to_pose_array(frame, frame_id)
    else:
        # Before the estimator sees it: a picture refused leaves no trace.
        depth, camera = to_metres(pictures.depth), read_camera(pictures.camera_info)
        check_sizes(camera, depth, image.shape[1], image.shape[0])
        frame = people.estimate(image, pictures.stamp)
        lifted = [(body_id, lift(person, depth, camera)) for body_id, person in frame.people]
        message = to_pose_array(frame, frame_id, lifted, Coordinates.CAMERA)
    return Estimated(pictures, image, frame, message, time.monotonic() - begun)
