#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Make the recorded people that `make demo` plays: webcam clips -> rosbag2 with poses.

Needs no ROS, only the project's own estimator (mediapipe) and rosbags:

    source tools/ros_env.sh
    python tools/make_demo_bag.py ../shared/data/clips

The same clips give the same messages again: stamps start at a fixed date, ids come from the
clips' names. What is in the bag is told in demo/README.md.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from bharnet.estimation.estimator import Detection
from bharnet.estimation.mediapipe_estimator import MediaPipeEstimator
from bharnet.observation import Coordinates
from bharnet.skeleton import HAND_21
from bharnet_ros.demo.clips import Clip, read_clips, read_signs

ROOT = Path(__file__).resolve().parents[1]
POSES, TRUTH = "/bharnet/poses", "/bharnet/demo/truth"
FRAME_ID = "demo_camera_optical_frame"


def main() -> None:
    """Read the command line, write the bag, say what is in it."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("clips", type=Path, help="folder of .avi files")
    parser.add_argument("--segments", type=Path, default=ROOT / "demo" / "segments.csv")
    parser.add_argument("--out", type=Path, default=ROOT / "demo" / "signs")
    parser.add_argument("--model", choices=("lite", "full", "heavy"), default="full")
    parser.add_argument(
        "--rate", type=float, default=10.0, help="different pictures that were taken a second"
    )
    arguments = parser.parse_args()
    paths = sorted(arguments.clips.glob("*.avi"))
    if not paths:
        parser.error(f"no .avi file in {arguments.clips}")
    clips = read_clips(paths, read_signs(arguments.segments), arguments.rate)
    write_bag(clips, arguments.out, arguments.model)
    size = sum(file.stat().st_size for file in arguments.out.iterdir())
    print(f"{arguments.out}: {len(paths)} clips, {size / 1e6:.2f} MB")


def write_bag(clips: Iterator[Clip], out: Path, model: str) -> None:
    """Estimate every picture and write the bag; an older one is replaced once all went well."""
    store = load_types(ROOT / "msg")
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".bag-") as temporary:
        fresh = Path(temporary) / out.name
        # 8: Humble cannot read the QoS of 9.
        writer = Writer(fresh, version=8, storage_plugin=StoragePlugin.MCAP)
        # Inside the mcap file, which every reader of mcap understands.
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        with writer:
            add_messages(writer, store, clips, model)
        shutil.rmtree(out, ignore_errors=True)
        fresh.rename(out)


def load_types(folder: Path) -> Typestore:
    """The standard messages and our own, from their text."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name in ("PersonPose", "PersonPoseArray"):
        text = (folder / f"{name}.msg").read_text()
        store.register(get_types_from_msg(text, f"bharnet_ros/msg/{name}"))
    return store


def add_messages(writer: Writer, store: Typestore, clips: Iterator[Clip], model: str) -> None:
    """Every clip's truth, poses and gap, in the order of time."""
    poses = writer.add_connection(
        POSES, "bharnet_ros/msg/PersonPoseArray", typestore=store, offered_qos_profiles=[qos(10)]
    )
    truth = writer.add_connection(
        TRUTH,
        "std_msgs/msg/String",
        typestore=store,
        offered_qos_profiles=[qos(100, latched=True)],
    )
    string = store.types["std_msgs/msg/String"]
    for clip in clips:
        told = store.serialize_cdr(string(data=clip.truth()), "std_msgs/msg/String")
        writer.write(truth, clip.start_ns, told)
        found = left = right = 0
        # A new estimator a clip: nothing tracked in one may reach into the next.
        with closing(MediaPipeEstimator(model)) as estimator:
            for number, picture in enumerate(clip.pictures):
                people = estimator.estimate(picture, clip.stamp(number))
                message = pose_array(store, clip, estimator, number, people)
                writer.write(poses, clip.stamp(number), to_cdr(store, message))
                found += len(people)
                left += sum(person.left_hand is not None for person in people)
                right += sum(person.right_hand is not None for person in people)
            for number in clip.gap:
                message = pose_array(store, clip, estimator, number, [])
                writer.write(poses, clip.stamp(number), to_cdr(store, message))
        print(
            f"{clip.name}: {clip.body_id}, {len(clip.pictures)} pictures, person in {found}, "
            f"left hand in {left}, right hand in {right}"
        )


def to_cdr(store: Typestore, message: object) -> bytes | memoryview:
    """A PersonPoseArray as the bytes of a bag."""
    return store.serialize_cdr(message, "bharnet_ros/msg/PersonPoseArray")


def pose_array(
    store: Typestore,
    clip: Clip,
    estimator: MediaPipeEstimator,
    number: int,
    people: list[Detection],
) -> object:
    """One picture as PersonPoseArray; in these clips there is one person at most."""
    types = store.types
    seconds, nanoseconds = divmod(clip.stamp(number), 1_000_000_000)
    time = types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds)
    height, width = clip.pictures[0].shape[:2]
    return types["bharnet_ros/msg/PersonPoseArray"](
        header=types["std_msgs/msg/Header"](stamp=time, frame_id=FRAME_ID),
        estimator=estimator.name,
        body_layout=estimator.body_layout,
        hand_layout=HAND_21.name,
        coordinates=int(Coordinates.IMAGE),
        image_width=width,
        image_height=height,
        people=[
            types["bharnet_ros/msg/PersonPose"](
                body_id=clip.body_id,
                person_id="",
                confidence=person.confidence,
                body=person.body.ravel(),
                left_hand=flat(person.left_hand),
                right_hand=flat(person.right_hand),
                left_hand_confidence=person.left_hand_confidence,
                right_hand_confidence=person.right_hand_confidence,
            )
            for person in people
        ],
    )


def flat(hand: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """The message's row-major list; empty for a hand that was not seen."""
    return np.empty(0, np.float32) if hand is None else hand.ravel()


def qos(depth: int, latched: bool = False) -> Qos:
    """What a player should offer: reliable, and latched for the truth."""
    forever = QosTime(sec=9223372036, nsec=854775807)
    return Qos(
        QosHistory.KEEP_LAST,
        depth,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        forever,
        forever,
        QosLiveliness.AUTOMATIC,
        forever,
        avoid_ros_namespace_conventions=False,
    )


if __name__ == "__main__":
    main()
