# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Small intact files of every kind, to be damaged."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bharnet.checkpoint import ModelInfo, save_checkpoint
from bharnet.features import FeatureConfig
from bharnet.network import BHaRNet, NetworkConfig


def _tiny() -> ModelInfo:
    network = NetworkConfig(blocks=((8, 2), (8, 1)), attention_width=4)
    classes, decision = ("wave", "null"), {"enter_seconds": 0.2}
    return ModelInfo("tiny", "1", classes, "null", 1.0, network, FeatureConfig(), decision)


def checkpoint(folder: Path) -> bytes:
    """A skeleton network, as small as they are."""
    info = _tiny()
    path = folder / "seed.safetensors"
    save_checkpoint(path, BHaRNet(info.network, info.features, len(info.classes)), info)
    return path.read_bytes()


def rgb_checkpoint(folder: Path) -> bytes:
    """A network that looks at pictures too."""
    from bharnet.rgb.backbone import ResNetConfig
    from bharnet.rgb.checkpoint import RGBInfo, build, save_rgb_checkpoint
    from bharnet.rgb.crops import CropConfig
    from bharnet.rgb.guided import FusionConfig

    info = RGBInfo("m", "1", _tiny(), ResNetConfig(18, 4), CropConfig(), FusionConfig())
    path = folder / "rgb.safetensors"
    save_rgb_checkpoint(path, build(info), info)
    return path.read_bytes()


def own_take(folder: Path) -> bytes:
    """A take of one's own gesture: six frames."""
    from bharnet.skeleton import UPPER_BODY_11
    from bharnet.take import Take, write_take

    body, hands = np.full((6, 11, 4), 0.5, np.float32), np.full((6, 2, 21, 4), 0.5, np.float32)
    path = folder / "wave_001.npz"
    write_take(
        path, Take(1_700_000_000 * 10**9 + np.arange(6) * 10**8, body, hands, UPPER_BODY_11)
    )
    return path.read_bytes()


def ntu() -> bytes:
    """A .skeleton file of NTU RGB+D: three frames."""
    joint = "0.1 0.2 3.0 256 212 960 540 0.1 0.2 0.3 0.4 2"
    body = "\n".join(["72057594037931101 0 1 1 1 1 0 0.02 0.05 2", "25", *[joint] * 25])
    return f"3\n1\n{body}\n1\n{body}\n0\n".encode()


def pku() -> bytes:
    """A skeleton file of PKU-MMD: four frames."""
    return b"\n".join([b" ".join([b"0.5"] * 150)] * 4) + b"\n"


def split() -> bytes:
    """A split of PKU-MMD, misspelt as theirs is."""
    return b"Training videos:\n0002-L, 0002-M,\nValidataion videos:\n0003-L, 0003-M,\n"


def takes(save: Callable[..., None]) -> bytes:
    """Two recordings of landmarks in one archive, written by ``save``."""
    file = io.BytesIO()
    save(
        file,
        offsets=np.array([0, 3, 6]),
        body=np.full((6, 33, 4), 0.5, np.float16),
        left_hand=np.full((6, 21, 3), 0.5, np.float16),
        right_hand=np.full((6, 21, 3), np.nan, np.float16),
        label=np.array(["a", "b"]),
        person=np.array(["p", "q"]),
        session=np.array(["", ""]),
        fps=np.array(30.0),
        width=np.array(640),
    )
    return file.getvalue()


def nucla_npz() -> bytes:
    """Two sequences of Northwestern-UCLA, as prepared."""
    from bharnet_train.datasets.nucla import ACTIONS

    file = io.BytesIO()
    np.savez(
        file,
        joints=np.full((6, 20, 3), 0.5, np.float32),
        offsets=np.array([0, 3, 6]),
        label=np.array(list(ACTIONS)[:2]),
        subject=np.array([1, 2]),
        view=np.array([1, 3]),
    )
    return file.getvalue()


def frame_labels() -> bytes:
    """Two clips labelled frame by frame."""
    file = io.BytesIO()
    np.savez(
        file,
        joints=np.full((6, 8, 2), 0.5, np.float16),
        frame_label=np.array([10, 3, 10, 10, 0, 0]),
        offsets=np.array([0, 3, 6]),
        person=np.array(["p1", "p2"]),
        clip=np.array(["a", "b"]),
    )
    return file.getvalue()


def labels() -> tuple[tuple[str, bytes], ...]:
    """Labels of a recording as CSV, ELAN, VIA's JSON and VIA's CSV."""
    elan = (
        '<?xml version="1.0"?><ANNOTATION_DOCUMENT><TIME_ORDER>'
        '<TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="100"/>'
        '<TIME_SLOT TIME_SLOT_ID="t2" TIME_VALUE="900"/></TIME_ORDER>'
        '<TIER TIER_ID="ab12c"><ANNOTATION><ALIGNABLE_ANNOTATION TIME_SLOT_REF1="t1" '
        'TIME_SLOT_REF2="t2"><ANNOTATION_VALUE>wave</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>'
        "</ANNOTATION></TIER></ANNOTATION_DOCUMENT>"
    )
    via = {
        "attribute": {"1": {"aname": "label", "options": {"0": "wave"}}},
        "metadata": {"1_a": {"vid": "1", "z": [0.1, 0.9], "av": {"1": "wave"}}},
    }
    via_csv = (
        "# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial,metadata\n"
        '# ATTRIBUTE = {"1":{"aname":"label","options":{"0":"wave"}}}\n'
        '"1_a","[""v""]","0","[0.1,0.9]","[]","{""1"":""wave""}"\n'
    )
    return (
        ("labels.csv", b"start,end,label,person\n0.1,0.9,wave,a\n1.0,2.0,yes,a\n"),
        ("labels.eaf", elan.encode()),
        ("labels.json", json.dumps(via).encode()),
        ("via.csv", via_csv.encode()),
    )


def config() -> bytes:
    """The configuration of a training."""
    return (
        b"name: tiny\nidle: 'null'\nsources:\n- file: takes.npz\n  test: {person: [p9]}\n"
        b"features: {frames: 8}\nnetwork: {blocks: [[16, 2], [24, 1]]}\n"
        b"augmentation: {rest: 0.0}\noptimiser: {epochs: 10, batch: 8, rate: 0.01}\n"
    )
