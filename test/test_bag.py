# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reading recordings, whole and broken ones. Needs no ROS."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import yaml
from bags import FIRST_BEYOND_HUMBLE, frame_of, write_bag
from hypothesis import given, settings
from hypothesis import strategies as st
from people import START
from rosbags.rosbag2 import CompressionMode, StoragePlugin, Writer

from bharnet.bag import (
    POSE_TYPE,
    POSES,
    TRUTH,
    DamagedBag,
    EmptyBag,
    InvalidBag,
    MissingBag,
    NoTopic,
    PoseBag,
    known_types,
)
from bharnet.window import NANOSECONDS

STORE = known_types()


def write(
    folder: Path,
    topics: tuple[str, ...] = (POSES,),
    count: int = 5,
    plugin: StoragePlugin = StoragePlugin.MCAP,
    truth: str = "",
) -> Path:
    """A bag with ``count`` empty frames on each topic, logged 0.5 s after their stamps."""
    with Writer(folder, version=9, storage_plugin=plugin) as writer:
        for topic in topics:
            connection = writer.add_connection(topic, POSE_TYPE, typestore=STORE)
            for i in range(count):
                stamp = START + i * NANOSECONDS + 7
                data = STORE.serialize_cdr(frame_of(stamp, []), POSE_TYPE)
                writer.write(connection, stamp + NANOSECONDS // 2, data)
        if truth:
            kind = "std_msgs/msg/String"
            connection = writer.add_connection(TRUTH, kind, typestore=STORE)
            told = STORE.types[kind](data=truth)
            writer.write(connection, START, STORE.serialize_cdr(told, kind))
    return folder


@pytest.mark.parametrize("plugin", StoragePlugin)
def test_reads_what_was_written(tmp_path, plugin):
    with PoseBag(write(tmp_path / "bag", plugin=plugin, truth="told")) as bag:
        assert (bag.topic, bag.count, bag.truth()) == (POSES, 5, ["told"])
        read = list(bag.poses())
        assert [each.stamp for each in read] == [START + i * NANOSECONDS + 7 for i in range(5)]
        assert {each.logged - each.stamp for each in read} == {NANOSECONDS // 2}
        message = STORE.deserialize_cdr(read[0].data, POSE_TYPE)
        assert message.body_layout == "upper_body_11"


def test_the_recording_that_ships():
    folder = Path(__file__).resolve().parents[1] / "demo" / "signs"
    (told,) = yaml.safe_load((folder / "metadata.yaml").read_text()).values()
    assert told["version"] < FIRST_BEYOND_HUMBLE
    with PoseBag(folder) as bag:
        stamps = [each.stamp for each in bag.poses()]
        assert len(stamps) == bag.count > 100
        assert (np.diff(stamps) > 0).all()
        assert len(bag.truth()) == 10


def test_missing(tmp_path):
    with pytest.raises(MissingBag, match="there is no recording"):
        PoseBag(tmp_path / "nowhere")


def test_a_folder_that_is_no_bag(tmp_path):
    with pytest.raises(DamagedBag, match="no rosbag2"):
        PoseBag(tmp_path)


def test_a_file_that_is_no_bag(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("remember the milk")
    with pytest.raises(DamagedBag, match="damaged or of an unknown kind"):
        PoseBag(file)


@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_a_file_out_of_a_folder_that_says_how_it_is_compressed(tmp_path, mode):
    folder = write_bag(tmp_path / "bag", [("ann", 0.0, 1.0)], 1.0, compression=mode)
    read(folder)
    (file,) = (each for each in folder.iterdir() if each.suffix != ".yaml")
    for each in (file, folder / "metadata.yaml"):
        with pytest.raises(DamagedBag, match=f"give its folder, {folder}"):
            read(each)


@pytest.mark.parametrize("topics", [(), (POSES,)])
def test_empty(tmp_path, topics):
    with pytest.raises(EmptyBag, match="no messages"):
        PoseBag(write(tmp_path / "bag", topics, count=0))


def test_topics(tmp_path):
    with pytest.raises(NoTopic, match=f"no topic of {POSE_TYPE}, only {TRUTH}"):
        PoseBag(write(tmp_path / "none", (), truth="told"))
    with PoseBag(write(tmp_path / "other", ("/robot1/poses",))) as bag:
        assert bag.topic == "/robot1/poses"
    several = write(tmp_path / "several", ("/a", "/b"))
    with pytest.raises(NoTopic, match=f"no {POSE_TYPE} on {POSES}, but on /a, /b; name one"):
        PoseBag(several)
    with PoseBag(several, "/b") as bag:
        assert bag.topic == "/b"
    mixed = write(tmp_path / "mixed", truth="told")
    with pytest.raises(NoTopic, match=f"{TRUTH} is of type std_msgs/msg/String, not {POSE_TYPE}"):
        PoseBag(mixed, TRUTH)


def spoil(file: Path, kind: str, encoding: bytes) -> None:
    """Let the definition of a type be of another encoding; what an mcap holds stays as long."""
    if file.suffix == ".db3":
        with contextlib.closing(sqlite3.connect(file)) as base, base:
            given = (encoding.decode(), kind)
            base.execute("UPDATE message_definitions SET encoding=? WHERE topic_type=?", given)
        return
    name = kind.encode() + len(encoding).to_bytes(4, "little")
    content = file.read_bytes()
    assert name + b"ros2msg" in content
    file.write_bytes(content.replace(name + b"ros2msg", name + encoding))


@pytest.mark.parametrize("kind", ["std_msgs/msg/String", POSE_TYPE])
def test_a_type_without_definition_leaves_the_others_readable(tmp_path, kind):
    """As rosbag2 records an action's feedback, with its definition "unknown"."""
    folder = write(tmp_path / "bag", truth="told")
    spoil(folder / "bag.mcap", kind, b"unknown")
    with PoseBag(folder) as bag:
        frames = [bag.deserialize(each.data, POSE_TYPE) for each in bag.poses()]
        assert {each.body_layout for each in frames} == {"upper_body_11"}
        assert bag.truth() == ["told"]


def test_an_sqlite3_with_a_type_without_definition_has_a_cure(tmp_path):
    folder = write(tmp_path / "bag", plugin=StoragePlugin.SQLITE3, truth="told")
    spoil(folder / "bag.db3", "std_msgs/msg/String", b"unknown")
    with pytest.raises(DamagedBag, match=r"no definition of.*record without that topic"):
        PoseBag(folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write(tmp_path_factory.mktemp("whole") / "bag", truth="told")


def read(folder: Path) -> None:
    with PoseBag(folder) as bag:
        for each in bag.poses():
            bag.deserialize(each.data, POSE_TYPE)
        bag.truth()


def test_cut_short(whole, tmp_path):
    (folder := tmp_path / "bag").mkdir()
    for file in whole.iterdir():
        content = file.read_bytes()
        (folder / file.name).write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedBag):
        read(folder)
    (folder / "metadata.yaml").write_bytes((whole / "metadata.yaml").read_bytes())
    with pytest.raises(DamagedBag, match="copy it again"):
        read(folder)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_damage_is_told_or_harmless(whole, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    for file in whole.iterdir():
        content = bytearray(file.read_bytes())
        if file.suffix == ".mcap" or data.draw(st.booleans()):
            for _ in range(data.draw(st.integers(1, 5))):
                content[data.draw(st.integers(0, len(content) - 1))] = data.draw(
                    st.integers(0, 255)
                )
        (folder / file.name).write_bytes(content)
    try:
        read(folder)
    except InvalidBag as error:
        assert str(folder) in str(error)  # noqa: PT017
