# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of poses and pictures: intact ones, and ones with any value that DDS could deliver."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from bharnet.bag import known_types
from bharnet_ros.camera.images import ALIASES, DEPTH, PIXEL_BYTES, TWO_PLANES
from tools.fuzz.damage import mutate

KIND = "bharnet_ros/msg/PersonPoseArray"


def make_pose(store: Any) -> Any:
    """Two people whom a pose source saw; ``store``: the types of rosbags."""
    types = store.types
    time_type = types["builtin_interfaces/msg/Time"]
    values = np.linspace(0.1, 0.9, 44, dtype=np.float32)
    hand = np.linspace(0.1, 0.9, 84, dtype=np.float32)
    person = types["bharnet_ros/msg/PersonPose"](
        body_id="ab12c",
        person_id="",
        confidence=0.9,
        body=values,
        left_hand=hand,
        right_hand=hand,
        left_hand_confidence=0.9,
        right_hand_confidence=0.9,
    )
    return types[KIND](
        header=types["std_msgs/msg/Header"](stamp=time_type(1_700_000_000, 5), frame_id="camera"),
        estimator="fuzz",
        body_layout="upper_body_11",
        hand_layout="hand_21",
        coordinates=1,
        image_width=640,
        image_height=480,
        people=[person, person],
    )


def serialized(store: Any) -> bytes:
    """The same as DDS and bags carry it."""
    return bytes(store.serialize_cdr(make_pose(store), KIND))


def wild_pose(store: Any, rng: random.Random) -> Any:
    """A message that DDS could deliver, with any values at all."""
    message = make_pose(store)
    numbers = (0.0, 0.5, -1.0, 1e38, float("nan"), float("inf"), -float("inf"), 1e-45)
    names = ("", "upper_body_11", "hand_21", "mediapipe_33", "x" * 5000, "²", "\x00", "kinect_25")

    def row() -> Any:
        size = rng.choice((0, 1, 3, 4, 44, 84, 132, 100, 4000))
        return np.array([rng.choice(numbers) for _ in range(size)], np.float32)

    message.body_layout, message.hand_layout = rng.choice(names), rng.choice(names)
    message.coordinates = rng.randrange(256) if rng.random() < 0.3 else rng.randrange(5)
    message.image_width, message.image_height = (rng.choice((0, 1, 640, 2**32 - 1)) for _ in "wh")
    message.header.stamp.sec = rng.choice((-(2**31), -1, 0, 1, 2**31 - 1))
    message.header.stamp.nanosec = rng.choice((0, 1, 10**9, 2**32 - 1))
    message.people = [make_pose(store).people[0] for _ in range(rng.choice((0, 1, 2, 300)))]
    for person in message.people[:4]:
        person.body_id = rng.choice(names)
        person.confidence = rng.choice(numbers)
        if rng.random() < 0.7:
            person.body = row()
        if rng.random() < 0.7:
            person.left_hand, person.right_hand = row(), row()
    return message


def bag_of_poses(folder: Path) -> tuple[tuple[str, bytes], ...]:
    """The files of a bag with three messages, which is written into a new folder."""
    from rosbags.rosbag2 import StoragePlugin, Writer

    store = known_types()
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection("/bharnet/poses", KIND, typestore=store)
        for i in range(3):
            writer.write(topic, 1_700_000_000_000_000_000 + i, serialized(store))
    return tuple((f"bag/{path.name}", path.read_bytes()) for path in sorted(folder.iterdir()))


def wild_picture(rng: random.Random) -> SimpleNamespace:
    """A sensor_msgs Image or CompressedImage, more or less of which is right."""
    pixels = np.frombuffer(rng.randbytes(48 * 64 * 3), np.uint8).reshape(48, 64, 3)
    if rng.random() < 0.3:
        kinds = [cv2.imencode(kind, pixels)[1].tobytes() for kind in (".jpg", ".png")]
        data = mutate(rng.choice(kinds), tuple(kinds), rng)
        told = rng.choice(("jpeg", "png", "rgb8; jpeg compressed bgr8", "", "x" * 5000))
        return SimpleNamespace(format=told, data=np.frombuffer(data, np.uint8))
    names = (*PIXEL_BYTES, *ALIASES, *TWO_PLANES, *DEPTH, "", "8UC5", "x" * 5000)
    encoding = rng.choice(names)
    width, height = (rng.choice((0, 1, 2, 63, 64, 64, 64, 2**32 - 1)) for _ in "wh")
    pixel = rng.choice((1, PIXEL_BYTES.get(encoding, 4)))
    step = rng.choice((width * pixel, width * pixel, width * pixel + 3, 0, 2**32 - 1))
    size = rng.choice((step * height, step * height * 3 // 2, step * height - 1, 0, 7))
    return SimpleNamespace(
        encoding=rng.choice((encoding, encoding.upper())),
        width=width,
        height=height,
        step=step,
        is_bigendian=rng.choice((0, 1, 255)),
        data=np.frombuffer(rng.randbytes(min(max(size, 0), 1 << 18)), np.uint8),
    )
