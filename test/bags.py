# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Small recordings of poses with a known story, written without ROS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from people import START, standing
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from bharnet.bag import ACTION_TYPE, LABELS_TYPE, POSE_TYPE, POSES, known_types
from bharnet.window import NANOSECONDS

# Humble reads older ones: of the QoS in a bag it wants a text, which since is a list.
FIRST_BEYOND_HUMBLE = 9
STORE = known_types()
TEXT = "std_msgs/msg/String"
NAMES = ("model_id", "model_name", "model_version", "body_layout", "hand_layout")
THRESHOLDS = ("enter_thresholds", "leave_thresholds", "window_seconds")
# Who is in view from when to when, in seconds.
Story = Sequence[tuple[str, float, float]]
# Of 12 s; tiny.py's model says "wave" of whoever is in view.
STORY: Story = [("ann", 1.0, 5.0), ("bob", 3.0, 9.0), ("ann", 8.0, 9.0)]
LABELS = "start,end,label,person\n1,5,wave,ann\n3,6,yes,bob\n6,7,idle,bob\n"


def write_story(folder: Path) -> Path:
    """The recording of STORY."""
    return write_bag(folder / "story", STORY, 12.0)


def write_labels(folder: Path) -> Path:
    """What happens in it, as a person wrote it down."""
    path = folder / "labels.csv"
    path.write_text(LABELS)
    return path


def write_bag(
    folder: Path,
    story: Story,
    seconds: float,
    rate: float = 10.0,
    topic: str = POSES,
    plugin: StoragePlugin = StoragePlugin.MCAP,
    compression: CompressionMode = CompressionMode.NONE,
    texts: Sequence[str] = (),
    texts_topic: str = "/bharnet/truth",
    start: int = START,
) -> Path:
    """``seconds`` of frames from ``start`` on; everybody stands still while in view."""
    writer = Writer(folder, version=9, storage_plugin=plugin)
    writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        poses = writer.add_connection(topic, POSE_TYPE, typestore=STORE)
        for i in range(round(seconds * rate) + 1):
            stamp = start + round(i / rate * NANOSECONDS)
            here = [who for who, since, until in story if since <= i / rate < until]
            message = frame_of(stamp, here)
            writer.write(poses, stamp + 5_000_000, STORE.serialize_cdr(message, POSE_TYPE))
        if texts:
            told = writer.add_connection(texts_topic, TEXT, typestore=STORE)
            for text in texts:
                writer.write(told, start, STORE.serialize_cdr(STORE.types[TEXT](data=text), TEXT))
    return folder


def write_pictures(folder: Path, pictures: Sequence[np.ndarray], rate: float = 10.0) -> Path:
    """Pictures (H, W, 3) in RGB from START on; the last one is cut short."""
    kind = "sensor_msgs/msg/Image"
    types = STORE.types
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection("/camera/image", kind, typestore=STORE)
        for i, picture in enumerate(pictures):
            stamp = START + round(i / rate * NANOSECONDS)
            time = types["builtin_interfaces/msg/Time"](*divmod(stamp, NANOSECONDS))
            height, width = picture.shape[:2]
            data = picture.ravel() if i + 1 < len(pictures) else picture.ravel()[:100]
            message = types[kind](
                header=types["std_msgs/msg/Header"](stamp=time, frame_id="camera"),
                height=height,
                width=width,
                encoding="rgb8",
                is_bigendian=0,
                step=3 * width,
                data=data,
            )
            writer.write(topic, stamp, STORE.serialize_cdr(message, kind))
    return folder


def write_actions(folder: Path, results: int, poses: Sequence[str] = ()) -> Path:
    """Results that tell of nobody, ten a second from START on; ``poses``: topics without any."""
    types, kind = STORE.types, "bharnet_ros/msg/ActionArray"
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for topic in poses:
            writer.add_connection(topic, POSE_TYPE, typestore=STORE)
        told = writer.add_connection("/bharnet/actions", kind, typestore=STORE)
        for i in range(results):
            stamp = START + i * NANOSECONDS // 10
            message = types[kind](header=_header(stamp), model_id="tiny 1", actions=[])
            writer.write(told, stamp + 5_000_000, STORE.serialize_cdr(message, kind))
    return folder


def write_robots(folder: Path, robots: Mapping[str, Sequence[str]]) -> Path:
    """Of each robot, by its namespace: its classes, 2 s of results, and empty frames since 1 s
    before; each robot begins 10 s after the one before it. One without classes latched none.
    """
    types = STORE.types
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for number, (name, classes) in enumerate(robots.items()):
            at = {
                topic: writer.add_connection(f"{name}/bharnet/{topic}", kind, typestore=STORE)
                for topic, kind in (
                    ("poses", POSE_TYPE),
                    ("actions", ACTION_TYPE),
                    ("labels", LABELS_TYPE),
                )
            }
            start = START + 10 * number * NANOSECONDS
            header = _header(start)
            if classes:
                labels = types[LABELS_TYPE](
                    header=header,
                    **dict.fromkeys(NAMES, ""),
                    **{each: np.zeros(0, np.float32) for each in THRESHOLDS},
                    stride_seconds=0.1,
                    coordinates=1,
                    labels=list(classes),
                    idle_class_id=0,
                )
                writer.write(at["labels"], start, STORE.serialize_cdr(labels, LABELS_TYPE))
            for i in range(31):
                stamp = start + i * NANOSECONDS // 10
                frame = STORE.serialize_cdr(frame_of(stamp, []), POSE_TYPE)
                writer.write(at["poses"], stamp, frame)
                if i >= 10:
                    told = types[ACTION_TYPE](_header(stamp), model_id="tiny 1", actions=[])
                    writer.write(at["actions"], stamp, STORE.serialize_cdr(told, ACTION_TYPE))
    return folder


def write_two_cameras(folder: Path) -> Path:
    """Poses of two cameras on one topic, 2 s at 10 Hz each; both see an ann, one a bob, too."""
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection(POSES, POSE_TYPE, typestore=STORE)
        for i in range(21):
            stamp = START + i * NANOSECONDS // 10
            front, rear = frame_of(stamp, ["ann"]), frame_of(stamp, ["ann", "bob"], "rear")
            for later, message in ((0.005, front), (0.055, rear)):
                data = STORE.serialize_cdr(message, POSE_TYPE)
                writer.write(topic, stamp + round(later * NANOSECONDS), data)
    return folder


def _header(stamp: int, camera: str = "camera") -> Any:
    time = STORE.types["builtin_interfaces/msg/Time"](*divmod(stamp, NANOSECONDS))
    return STORE.types["std_msgs/msg/Header"](stamp=time, frame_id=camera)


def frame_of(stamp: int, people: Sequence[str], camera: str = "camera") -> Any:
    """A PersonPoseArray of upper_body_11 in a 640 x 480 picture."""
    return STORE.types[POSE_TYPE](
        header=_header(stamp, camera),
        estimator="test",
        body_layout="upper_body_11",
        hand_layout="hand_21",
        coordinates=1,
        image_width=640,
        image_height=480,
        people=[_person(name) for name in people],
    )


def _person(name: str) -> Any:
    body, hands = standing(len(name))
    return STORE.types["bharnet_ros/msg/PersonPose"](
        body_id=name,
        person_id="",
        confidence=0.9,
        body=body.ravel().astype(np.float32),
        left_hand=hands[0].ravel().astype(np.float32),
        right_hand=hands[1].ravel().astype(np.float32),
        left_hand_confidence=0.9,
        right_hand_confidence=0.9,
    )
