#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Damages every kind of file and message the project reads, and sees what the readers do.

    python -m tools.fuzz                        # 100,000 cases, spread over all readers: nightly
    python -m tools.fuzz --cases 3000 --only checkpoint npz --seed 7
    python -m tools.fuzz --keep FOLDER          # write what broke a reader there

A reader may return, or raise the error it documents. Anything else is a finding: another
exception, more than SECONDS for one case, more than MEMORY of address space in all. Cases are
drawn from seed and number, so that a finding can be seen again.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from bharnet.bag import InvalidBag, PoseBag, known_types
from bharnet.checkpoint import InvalidCheckpoint, load_checkpoint
from bharnet.judging.invalid import InvalidLabels
from bharnet.judging.labels import read_labels
from bharnet.poses import to_frame
from bharnet.skeleton import KINECT_20, UPPER_BODY_11
from bharnet_train.config import InvalidConfig, read_as, read_config
from bharnet_train.datasets.nucla import read_nucla
from bharnet_train.datasets.recordings import UnreadableData, read_recordings
from bharnet_train.prepare.clip import Rejected
from bharnet_train.prepare.ntu import read_skeleton
from bharnet_train.prepare.nucla_json import NUCLA
from bharnet_train.prepare.pku import read_label, read_skeletons, read_split
from bharnet_train.rgb.config import RGBTrainConfig

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 20.0
MEMORY = 6 << 30
SIZE = 4 << 20  # a case grows to this at most
TOKENS = (
    *(b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"99999999999999999999", b"1e30", b"\x00"),
    *(b"[" * 5000, b"{" * 3000, b'{"a":' * 3000, b"]", b"}", b'"', b"\n", b",", b":", b"- " * 900),
    *(
        b"null",
        b"true",
        b"&a [*a]",
        b"!!python/object:os.system",
        b"<a>",
        b"\xff\xfe",
        b"\xef\xbb",
    ),
    *(b"2147483648", b"-9223372036854775809", b"0x10", b"1_0", "²".encode(), b"%s", b"../../x"),
)
WILD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2**31, 2**63, 10**30, 1e308, float("nan"), float("inf"), "", "x" * 99),
    *([], {}, [[]], [None], {"a": 1}, [[1, 2], [3]], "../../etc", "²", [0] * 1000),
)


@dataclass(frozen=True)
class Target:
    """A reader: what it is given intact, under which names, and what it may raise."""

    name: str
    seeds: tuple[tuple[str, bytes], ...]  # file name and content
    read: Callable[[Path], object]
    allowed: tuple[type[Exception], ...]
    share: int = 4  # of the cases; what takes long gets few


@dataclass(frozen=True)
class Finding:
    """A case that broke a reader."""

    target: str
    case: int
    what: str
    content: bytes


class Hung(BaseException):
    """A case took too long. No Exception, or readers that catch those would hide it."""


def mutate(content: bytes, others: tuple[bytes, ...], rng: random.Random) -> bytes:
    """Damage a file: its structure if it is JSON, else its bytes; now and then not at all."""
    if rng.random() < 0.3:
        inside = _mutate_arrays if content[:2] == b"PK" else _mutate_json
        if (changed := inside(content, rng)) is not None:
            return changed[:SIZE]
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        # Readers go wrong in the beginning of a file, where sizes are told.
        end = len(data) if rng.random() < 0.5 else min(len(data), 512)
        at = rng.randrange(end + 1)
        match rng.randrange(7):
            case 0:
                data[at : at + 1] = bytes((rng.randrange(256),))
            case 1:
                del data[at:]
            case 2:
                del data[at : at + rng.randrange(1, 64)]
            case 3:
                data[at:at] = data[at : at + rng.randrange(1, 256)]
            case 4:
                data[at:at] = rng.choice(TOKENS)
            case 5:
                token = rng.choice(TOKENS)
                data[at : at + len(token)] = token
            case 6:
                other = rng.choice(others)
                data[at:] = other[rng.randrange(len(other) + 1) :]
    return bytes(data[:SIZE])


def _mutate_json(content: bytes, rng: random.Random) -> bytes | None:
    """A JSON file, or a safetensors header, with one value replaced; None if it is neither."""
    length = int.from_bytes(content[:8], "little")
    headed = 2 <= length <= len(content) - 8 and content[8:9] == b"{"
    head, rest = (content[8 : 8 + length], content[8 + length :]) if headed else (content, b"")
    try:
        values = json.loads(head)
        if headed and rng.random() < 0.8:
            inner = json.loads(values["__metadata__"]["bharnet"])
            _replace(inner, rng)
            values["__metadata__"]["bharnet"] = json.dumps(inner)
        else:
            _replace(values, rng)
        written = json.dumps(values).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return len(written).to_bytes(8, "little") + written + rest if headed else written


def _mutate_arrays(content: bytes, rng: random.Random) -> bytes:
    """A .npz file with one array replaced: flipped bytes only ever meet its checksums."""
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file)
    key = rng.choice(list(arrays))
    array = arrays.pop(key)
    wild = (
        *(np.array(7), np.array("x"), np.array([]), np.array([[1, 2]]), np.array(["a", "b"])),
        *(array[..., None], array.astype(str), array.ravel(), array[:1] if array.ndim else array),
        *(np.zeros((0, 33, 4)), np.array([0, 10**18]), np.array([-1.5, np.nan]), np.array(np.inf)),
        *(
            np.array([0, 2**64 - 1], np.uint64),
            np.array([True, False]),
            np.array(1j),
            array[::-1] if array.ndim else array,
        ),
    )
    if rng.random() < 0.9:
        arrays[key] = rng.choice(wild)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _replace(values: Any, rng: random.Random) -> None:
    """Put something wild somewhere into nested lists and dictionaries."""
    while True:
        keys = list(values) if isinstance(values, dict) else list(range(len(values)))
        if not keys:
            return
        key = rng.choice(keys)
        deeper = isinstance(values[key], dict | list) and values[key]
        if not deeper or rng.random() < 0.2:
            if isinstance(values, dict) and rng.random() < 0.2:
                del values[key]
            else:
                values[key] = rng.choice(WILD)
            return
        values = values[key]


def fuzz(target: Target, cases: int, seed: int, folder: Path) -> Iterator[Finding]:
    """Damage and read ``cases`` times; what broke the reader."""
    others = tuple(content for _, content in target.seeds)
    for case in range(cases):
        rng = random.Random(f"{seed} {target.name} {case}")
        name, content = rng.choice(target.seeds)
        damaged = mutate(content, others, rng)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damaged)
        try:
            with _time_limit(SECONDS):
                target.read(path)
        except target.allowed:
            pass
        except (Exception, Hung) as error:
            lines = traceback.format_exception(error)
            yield Finding(target.name, case, "".join(lines[-3:])[-1500:], damaged)


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Hung(f"longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def targets(folder: Path) -> list[Target]:
    """Every reader, with small intact files to damage; ``folder`` is for making them."""
    store = known_types()
    bag = _bag(folder / "made")
    kind = "bharnet_ros/msg/PersonPoseArray"

    def read_bag(path: Path) -> None:
        for name, content in bag:
            if Path(name).name != path.name:
                (path.parent / Path(name).name).write_bytes(content)
        with PoseBag(path.parent) as opened:
            opened.span()
            for recorded in opened.poses():
                to_frame(opened.deserialize(recorded.data, kind), UPPER_BODY_11, _say)

    def read_message(path: Path) -> None:
        try:
            message = store.deserialize_cdr(path.read_bytes(), kind)
        except Exception:  # what is no message never leaves DDS
            return
        to_frame(message, UPPER_BODY_11, _say)

    def read_values(path: Path) -> None:
        to_frame(_wild_pose(store, random.Random(path.read_bytes())), UPPER_BODY_11, _say)

    checkpoint = (("tiny.safetensors", _checkpoint(folder)),)
    nucla = json.dumps({"file_name": "a01_s01_e00_v01", "skeletons": [[[0.5] * 3] * 20] * 3})
    label = b"3,10,40,2\n"
    return [
        Target("checkpoint", checkpoint, load_checkpoint, (InvalidCheckpoint,)),
        Target("bag", bag, read_bag, (InvalidBag,), 1),
        Target("message", (("pose.cdr", _message(store)),), read_message, ()),
        Target("message of wild values", (("pose.seed", bytes(64)),), read_values, ()),
        Target("ntu", (("S001.skeleton", _ntu()),), read_skeleton, (Rejected,)),
        Target("pku", (("0002-L.txt", _pku()),), read_skeletons, (Rejected,)),
        Target("pku label", (("0002-L.txt", label),), _read_pku_label, (Rejected,)),
        Target("pku split", (("split.txt", _split()),), read_split, (UnreadableData,)),
        Target(
            "nucla json",
            (("a01_s01_e00_v01.json", nucla.encode()),),
            lambda path: list(NUCLA(path.parent).read(path)),
            (Rejected,),
        ),
        Target(
            "npz",
            (("takes.npz", _takes(np.savez)), ("small.npz", _takes(np.savez_compressed))),
            lambda path: read_recordings(path, UPPER_BODY_11),
            (UnreadableData,),
        ),
        Target(
            "nucla npz",
            (("nucla.npz", _nucla_npz()),),
            lambda path: read_nucla(path, KINECT_20),
            (UnreadableData,),
        ),
        Target("labels", _labels(), read_labels, (InvalidLabels,)),
        Target("configuration", (("train.yaml", _config()),), read_config, (InvalidConfig,)),
        Target(
            "rgb configuration",
            (("rgb.yaml", (ROOT / "config/rgb/webcam_clips.yaml").read_bytes()),),
            lambda path: read_as(RGBTrainConfig, path),
            (InvalidConfig,),
        ),
    ]


def _say(key: str, message: str) -> None:
    assert len(message) < 4000, "a report that fills the log"


def _read_pku_label(path: Path) -> None:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        read_label(line, 100)


def _checkpoint(folder: Path) -> bytes:
    from bharnet.checkpoint import ModelInfo, save_checkpoint
    from bharnet.features import FeatureConfig
    from bharnet.network import BHaRNet, NetworkConfig

    network = NetworkConfig(blocks=((8, 2), (8, 1)), attention_width=4)
    info = ModelInfo(
        "tiny",
        "1",
        ("wave", "null"),
        "null",
        1.0,
        network,
        FeatureConfig(),
        {"enter_seconds": 0.2},
    )
    path = folder / "seed.safetensors"
    save_checkpoint(path, BHaRNet(network, info.features, 2), info)
    return path.read_bytes()


def _pose(store: Any) -> Any:
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
    return types["bharnet_ros/msg/PersonPoseArray"](
        header=types["std_msgs/msg/Header"](stamp=time_type(1_700_000_000, 5), frame_id="camera"),
        estimator="fuzz",
        body_layout="upper_body_11",
        hand_layout="hand_21",
        coordinates=1,
        image_width=640,
        image_height=480,
        people=[person, person],
    )


def _message(store: Any) -> bytes:
    return bytes(store.serialize_cdr(_pose(store), "bharnet_ros/msg/PersonPoseArray"))


def _wild_pose(store: Any, rng: random.Random) -> Any:
    """A message that DDS could deliver, with any values at all."""
    message = _pose(store)
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
    message.people = [_pose(store).people[0] for _ in range(rng.choice((0, 1, 2, 300)))]
    for person in message.people[:4]:
        person.body_id = rng.choice(names)
        person.confidence = rng.choice(numbers)
        if rng.random() < 0.7:
            person.body = row()
        if rng.random() < 0.7:
            person.left_hand, person.right_hand = row(), row()
    return message


def _bag(folder: Path) -> tuple[tuple[str, bytes], ...]:
    from rosbags.rosbag2 import StoragePlugin, Writer

    store, kind = known_types(), "bharnet_ros/msg/PersonPoseArray"
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection("/bharnet/poses", kind, typestore=store)
        for i in range(3):
            writer.write(topic, 1_700_000_000_000_000_000 + i, _message(store))
    return tuple((f"bag/{path.name}", path.read_bytes()) for path in sorted(folder.iterdir()))


def _ntu() -> bytes:
    joint = "0.1 0.2 3.0 256 212 960 540 0.1 0.2 0.3 0.4 2"
    body = "\n".join(["72057594037931101 0 1 1 1 1 0 0.02 0.05 2", "25", *[joint] * 25])
    return f"3\n1\n{body}\n1\n{body}\n0\n".encode()


def _pku() -> bytes:
    return b"\n".join([b" ".join([b"0.5"] * 150)] * 4) + b"\n"


def _split() -> bytes:
    return b"Training videos:\n0002-L, 0002-M,\nValidataion videos:\n0003-L, 0003-M,\n"


def _takes(save: Callable[..., None]) -> bytes:
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


def _nucla_npz() -> bytes:
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


def _labels() -> tuple[tuple[str, bytes], ...]:
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


def _config() -> bytes:
    return (
        b"name: tiny\nidle: 'null'\nsources:\n- file: takes.npz\n  test: {person: [p9]}\n"
        b"features: {frames: 8}\nnetwork: {blocks: [[16, 2], [24, 1]]}\n"
        b"augmentation: {rest: 0.0}\noptimiser: {epochs: 10, batch: 8, rate: 0.01}\n"
    )


def main() -> int:
    """Run, print a line for each reader, and every finding; 1 if there are any."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", help="names of readers")
    parser.add_argument("--keep", type=Path, help="folder for what broke a reader")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    found = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        chosen = [t for t in targets(folder) if given.only is None or t.name in given.only]
        whole = sum(target.share for target in chosen)
        for target in chosen:
            cases, began = given.cases * target.share // whole, time.monotonic()
            findings = list(fuzz(target, cases, given.seed, folder / "case"))
            found += len(findings)
            seconds = time.monotonic() - began
            print(f"{target.name:18} {cases:7} cases {seconds:7.1f} s {len(findings):4} findings")
            for kind in {
                finding.what.splitlines()[-1][:60]: finding for finding in findings
            }.values():
                print(f"--- case {kind.case} of seed {given.seed}\n{kind.what}")
                if given.keep:
                    given.keep.mkdir(parents=True, exist_ok=True)
                    (given.keep / f"{target.name}-{kind.case}").write_bytes(kind.content)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"peak {peak} MiB")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
