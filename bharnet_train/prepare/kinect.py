# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Kinect v2's cameras: what its numbers mean, and where a joint is in the colour picture.

Camera space (Microsoft, Kinect for Windows SDK 2.0): metres, y up, z away from the sensor, x to
the SENSOR's left, right-handed. So colour pictures, in whose columns x grows too, show people as a
mirror does; the readers turn both into what a camera sees.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FPS = 30.0
PICTURE = (1920, 1080)  # width, height of the colour picture
FOCAL = 1081.37  # pixels, of the colour camera

# The colour camera seen from the depth camera, fitted to the joints that the documentation of NTU
# RGB+D prints. Another Kinect differs by some pixels; hands are looked for in a wider square.
CENTRE = (959.5, 568.8)
BASELINE = 0.0507

FACTS: dict[str, Any] = {
    "fps": FPS,
    "coordinates": "Kinect camera space: metres, x to the sensor's left, y up, z away from it",
    "picture": {"width": PICTURE[0], "height": PICTURE[1], "focal": FOCAL, "mirrored": True},
}


def project(joints: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 3) metres in camera space -> (..., 2) shares of the colour picture, NaN = unseen.

    For files without colour coordinates.
    """
    x, y, z = np.moveaxis(joints, -1, 0)
    z = np.where(z > 0.1, z, np.nan)
    column = CENTRE[0] + FOCAL * (x + BASELINE) / z
    row = CENTRE[1] - FOCAL * y / z
    return np.stack((column / PICTURE[0], row / PICTURE[1]), -1).astype(np.float32)
