# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every reader of the project: what it is given intact, and what it may raise."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import numpy as np

from bharnet.bag import InvalidBag, PoseBag, known_types
from bharnet.checkpoint import InvalidCheckpoint, load_checkpoint
from bharnet.estimation.estimator import InvalidFrame
from bharnet.judging.invalid import InvalidLabels
from bharnet.judging.labels import read_labels
from bharnet.observation import InvalidPose
from bharnet.poses import to_frame
from bharnet.recording import InvalidRecordings, read_table
from bharnet.rgb.checkpoint import load_rgb_checkpoint
from bharnet.skeleton import KINECT_20, UPPER_BODY_11
from bharnet.take import InvalidTake, read_take
from bharnet_ros.camera.images import to_metres, to_rgb
from bharnet_ros.joining import join_hands
from bharnet_train.config import InvalidConfig, read_as, read_config
from bharnet_train.datasets.nucla import read_nucla
from bharnet_train.datasets.recordings import UnreadableData, read_recordings
from bharnet_train.prepare.clip import Rejected
from bharnet_train.prepare.ntu import read_skeleton
from bharnet_train.prepare.nucla_json import NUCLA
from bharnet_train.prepare.pku import read_label, read_skeletons, read_split
from bharnet_train.rgb.config import RGBTrainConfig
from bharnet_train.streams.frame_labels import read_frame_labels
from tools.fuzz import seeds
from tools.fuzz.messages import KIND, bag_of_poses, serialized, wild_picture, wild_pose
from tools.fuzz.running import Target

ROOT = Path(__file__).resolve().parents[2]


def targets(folder: Path) -> list[Target]:
    """Every reader, with small intact files to damage; ``folder`` is for making them."""
    return [
        *_readers_of_messages(folder),
        *_readers_of_files(folder),
        *_readers_of_data_sets(),
    ]


def _readers_of_messages(folder: Path) -> list[Target]:
    """What comes over DDS or out of a bag."""
    store = known_types()
    bag = bag_of_poses(folder / "made")

    def read_bag(path: Path) -> None:
        for name, content in bag:
            if Path(name).name != path.name:
                (path.parent / Path(name).name).write_bytes(content)
        with PoseBag(path.parent) as opened:
            opened.span()
            for recorded in opened.poses():
                to_frame(opened.deserialize(recorded.data, KIND), UPPER_BODY_11, _say)

    def read_message(path: Path) -> None:
        try:
            message = store.deserialize_cdr(path.read_bytes(), KIND)
        except Exception:  # what is no message never leaves DDS
            return
        to_frame(message, UPPER_BODY_11, _say)

    def read_values(path: Path) -> None:
        to_frame(wild_pose(store, random.Random(path.read_bytes())), UPPER_BODY_11, _say)

    def read_hands(path: Path) -> None:
        rng = random.Random(path.read_bytes())
        bodies, hands = wild_pose(store, rng), wild_pose(store, rng)
        if rng.random() < 0.7:  # as far as the two can be compared
            for name in ("coordinates", "image_width", "image_height", "hand_layout"):
                setattr(hands, name, getattr(bodies, name))
        if rng.random() < 0.7:
            bodies.body_layout = "upper_body_11"
        join_hands(bodies, hands)

    return [
        Target("bag", bag, read_bag, (InvalidBag,), 1),
        Target("message", (("pose.cdr", serialized(store)),), read_message, ()),
        Target("message of wild values", (("pose.seed", bytes(64)),), read_values, ()),
        Target("hands joined to bodies", (("hands.seed", bytes(64)),), read_hands, (InvalidPose,)),
        Target("picture", (("picture.seed", bytes(64)),), _read_picture, (InvalidFrame,), 1),
    ]


def _readers_of_files(folder: Path) -> list[Target]:
    """What users bring and download: models, takes, labels, configurations."""
    checkpoint = (("tiny.safetensors", seeds.checkpoint(folder)),)
    return [
        Target("checkpoint", checkpoint, load_checkpoint, (InvalidCheckpoint,)),
        Target(
            "rgb checkpoint",
            (("rgb.safetensors", seeds.rgb_checkpoint(folder)),),
            load_rgb_checkpoint,
            (InvalidCheckpoint,),
            1,
        ),
        Target("take", (("wave_001.npz", seeds.own_take(folder)),), read_take, (InvalidTake,)),
        Target(
            "table of takes",
            (("labels.csv", b"take,label,person,session\nwave_001.npz,wave,p1,1\n"),),
            lambda path: read_table(path.parent),
            (InvalidRecordings,),
        ),
        Target("labels", seeds.labels(), read_labels, (InvalidLabels,)),
        Target("configuration", (("train.yaml", seeds.config()),), read_config, (InvalidConfig,)),
        Target(
            "rgb configuration",
            (("rgb.yaml", (ROOT / "config/rgb/webcam_clips.yaml").read_bytes()),),
            lambda path: read_as(RGBTrainConfig, path),
            (InvalidConfig,),
        ),
    ]


def _readers_of_data_sets() -> list[Target]:
    """What is trained on, as its authors give it out or in one archive."""
    nucla = json.dumps({"file_name": "a01_s01_e00_v01", "skeletons": [[[0.5] * 3] * 20] * 3})
    label = b"3,10,40,2\n"
    return [
        Target("ntu", (("S001.skeleton", seeds.ntu()),), read_skeleton, (Rejected,)),
        Target("pku", (("0002-L.txt", seeds.pku()),), read_skeletons, (Rejected,)),
        Target("pku label", (("0002-L.txt", label),), _read_pku_label, (Rejected,)),
        Target("pku split", (("split.txt", seeds.split()),), read_split, (UnreadableData,)),
        Target(
            "nucla json",
            (("a01_s01_e00_v01.json", nucla.encode()),),
            lambda path: list(NUCLA(path.parent).read(path)),
            (Rejected,),
        ),
        Target(
            "npz",
            (
                ("takes.npz", seeds.takes(np.savez)),
                ("small.npz", seeds.takes(np.savez_compressed)),
            ),
            lambda path: read_recordings(path, UPPER_BODY_11),
            (UnreadableData,),
        ),
        Target(
            "nucla npz",
            (("nucla.npz", seeds.nucla_npz()),),
            lambda path: read_nucla(path, KINECT_20),
            (UnreadableData,),
        ),
        Target(
            "frame labels",
            (("clips.npz", seeds.frame_labels()),),
            lambda path: read_frame_labels(path, UPPER_BODY_11),
            (UnreadableData,),
        ),
    ]


def _read_picture(path: Path) -> None:
    picture = wild_picture(random.Random(path.read_bytes()))
    with contextlib.suppress(InvalidFrame):
        to_metres(picture)
    to_rgb(picture)


def _say(key: str, message: str) -> None:
    assert len(message) < 4000, "a report that fills the log"


def _read_pku_label(path: Path) -> None:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        read_label(line, 100)
