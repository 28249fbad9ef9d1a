# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings: reads a rosbag2 (mcap or sqlite3, compressed or not) without ROS."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosbags import rosbag2
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from bharnet.share import shared_folder
from bharnet.window import NANOSECONDS

if TYPE_CHECKING:
    from typing_extensions import Self

POSE_TYPE = "bharnet_ros/msg/PersonPoseArray"
IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
ACTION_TYPE = "bharnet_ros/msg/ActionArray"
LABELS_TYPE = "bharnet_ros/msg/ActionLabels"
TEXT_TYPE = "std_msgs/msg/String"
POSES, ACTIONS, IMAGES = "/bharnet/poses", "/bharnet/actions", "/image"
TRUTH = "/bharnet/demo/truth"
MESSAGES = ("PersonPose", "PersonPoseArray", "Hypothesis", "Action", "ActionArray", "ActionLabels")


class InvalidBag(ValueError):
    """A recording that cannot be used; the message names the cause and the cure."""


class MissingBag(InvalidBag):
    """There is no recording at this place."""


class EmptyBag(InvalidBag):
    """The recording has no messages."""


class NoTopic(InvalidBag):
    """The recording has no topic of the type that is needed, or several and none was named."""


class DamagedBag(InvalidBag):
    """The recording cannot be read, or not to its end."""


@dataclass(frozen=True)
class Recorded:
    """One message as recorded: stamp is its header's, logged the recorder's, in nanoseconds."""

    stamp: int
    logged: int
    data: bytes  # CDR, as it went over the wire


def name_of(path: Path) -> str:
    """A recording's name. What follows a dot in a folder's name is no ending: run.1, run.2 ..."""
    whole = path.resolve()
    return whole.name if whole.is_dir() else whole.stem


class Bag:
    """An open recording. Use it as a context manager.

    Raises MissingBag, EmptyBag or DamagedBag, all of them InvalidBag; the methods that read raise
    DamagedBag where the file turns out to be broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise MissingBag(f"there is no recording {path}; give the folder of a rosbag2")
        if path.is_dir() and not (path / "metadata.yaml").is_file():
            raise DamagedBag(
                f"{path} has no metadata.yaml, so it is no rosbag2, or its recorder was killed; "
                "`ros2 bag reindex` writes it anew"
            )
        try:
            self._known = known_types()
            self._reader = AnyReader([path], default_typestore=self._known)
            with _undefined_types():
                self._reader.open()
        except Exception as error:  # rosbags passes on whatever its parsers raise
            raise self._damaged(error) from error
        if not self._reader.message_count:
            self._reader.close()
            raise EmptyBag(f"{path} holds no messages; record while the topic is alive")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._reader.close()

    @property
    def notes(self) -> Mapping[str, str]:
        """What the recorder wrote beside the messages: rosbag2's custom data."""
        storage = getattr(self._reader.readers[0], "storage", None)
        custom = getattr(getattr(storage, "metadata", None), "custom", None)
        return {str(key): str(value) for key, value in (custom or {}).items()}

    def choose(self, kinds: Collection[str], topic: str, usual: str) -> Connection:
        """The topic of one of these types: the one named, else the usual one, else the only one.

        Raises NoTopic, or EmptyBag for a topic without messages.
        """
        connections = self._reader.connections
        wanted_type = " or ".join(kinds)
        if topic:
            other = [each for each in connections if each.topic == topic]
            if other and other[0].msgtype not in kinds:
                raise NoTopic(
                    f"{self.path}: {topic} is of type {other[0].msgtype}, not {wanted_type}; "
                    "name another topic"
                )
        # A topic may have been recorded from several publishers; one of them may have been silent.
        fullest = sorted(connections, key=lambda each: each.msgcount)
        found = {each.topic: each for each in fullest if each.msgtype in kinds}
        if not found:
            there = sorted({f"{each.topic} ({each.msgtype})" for each in connections})
            raise NoTopic(
                f"{self.path} has no topic of {wanted_type}, only {', '.join(there)[:300]}; "
                f"record the topic {usual.lstrip('/')}"
            )
        wanted = topic or (usual if len(found) > 1 else next(iter(found)))
        if wanted not in found:
            raise NoTopic(
                f"{self.path} has no {wanted_type} on {wanted}, but on "
                f"{', '.join(sorted(found))}; name one of these"
            )
        if not found[wanted].msgcount:
            raise EmptyBag(f"{self.path}: no messages on {wanted}; record it while alive")
        return found[wanted]

    def recorded(self, connection: Connection) -> Iterator[Recorded]:
        """Every message of a topic whose messages begin with a header, in recording order."""
        for logged, data in self._read(connection):
            if len(data) < 12:
                raise self._damaged(AnyReaderError(f"a message of {len(data)} bytes"))
            # The header comes first: encapsulation (4 bytes), then sec and nanosec.
            order = "little" if data[1] & 1 else "big"
            second = int.from_bytes(data[4:8], order, signed=True)  # type: ignore[arg-type]
            part = int.from_bytes(data[8:12], order)  # type: ignore[arg-type]
            yield Recorded(second * NANOSECONDS + part, logged, data)

    def messages(self, connection: Connection) -> Iterator[tuple[int, Any]]:
        """(logged, message) of a topic, in recording order."""
        for logged, data in self._read(connection):
            yield logged, self.deserialize(data, connection.msgtype)

    def deserialize(self, data: bytes, kind: str) -> Any:
        """A message whose type the recording knows, or we do. Raises DamagedBag."""
        try:
            if kind not in self._reader.typestore.fielddefs:
                return self._known.deserialize_cdr(data, kind)
            return self._reader.deserialize(data, kind)
        except Exception as error:  # rosbags passes on whatever its parsers raise
            raise self._damaged(error) from error

    def texts(self, topic: str) -> list[str]:
        """The texts on a topic of std_msgs/String; [] if it is not there."""
        return [
            str(message.data)
            for connection in self._reader.connections
            if connection.topic == topic and connection.msgtype == TEXT_TYPE
            for _, message in self.messages(connection)
        ]

    def _read(self, connection: Connection) -> Iterator[tuple[int, bytes]]:
        # The same topic may have been recorded from several publishers.
        same = [
            each
            for each in self._reader.connections
            if (each.topic, each.msgtype) == (connection.topic, connection.msgtype)
        ]
        try:
            for _, logged, data in self._reader.messages(same):
                if len(data) < 5:
                    raise AnyReaderError(f"a message of {len(data)} bytes")
                yield logged, bytes(data)
        except (GeneratorExit, InvalidBag):
            raise
        except Exception as error:  # rosbags passes on whatever its parsers raise
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DamagedBag:
        cause = f"{type(error).__name__}: {error}"
        if isinstance(error, KeyError) and error.args in _UNDEFINED:
            return DamagedBag(
                f"{self.path} has a topic whose type rosbag2 found no definition of, as of an "
                "action's feedback; record without that topic, or make an mcap of it "
                "(`ros2 bag convert`)"
            )
        cure = "copy it again, or try `ros2 bag reindex`"
        if self.path.is_file() and (self.path.parent / "metadata.yaml").is_file():
            cure = f"give its folder, {self.path.parent}, which says how it is compressed"
        return DamagedBag(f"{self.path} is damaged or of an unknown kind ({cause[:200]}); {cure}")


class TopicBag(Bag):
    """A recording of which one topic is read; its messages begin with a header."""

    kinds: tuple[str, ...]
    usual: str
    source: str  # who fills the topic, for complaints

    def __init__(self, path: Path, topic: str = "") -> None:
        super().__init__(path)
        try:
            self.chosen = self.choose(self.kinds, topic, self.usual)
        except InvalidBag:
            self._reader.close()
            raise

    @property
    def topic(self) -> str:
        """The topic that is read."""
        return self.chosen.topic

    @property
    def count(self) -> int:
        """How many messages it has."""
        return self.chosen.msgcount

    def span(self) -> tuple[int, int]:
        """First and last stamp. Raises EmptyBag if no message has one."""
        stamps = [each.stamp for each in self.recorded(self.chosen) if each.stamp > 0]
        if not stamps:
            raise EmptyBag(
                f"{self.path}: no message on {self.topic} has a stamp; {self.source} must give "
                "the acquisition time"
            )
        return min(stamps), max(stamps)


class PoseBag(TopicBag):
    """A recording of poses. Raises InvalidBag, as Bag does, or where no topic fits."""

    kinds, usual, source = (POSE_TYPE,), POSES, "the pose source"

    def poses(self) -> Iterator[Recorded]:
        """Every message of poses, in the order of recording."""
        return self.recorded(self.chosen)

    def truth(self) -> list[str]:
        """What is known to be in the recording, as JSON texts; [] if nothing is told."""
        return self.texts(TRUTH)


class ImageBag(TopicBag):
    """A recording of pictures. Raises InvalidBag."""

    kinds, usual, source = IMAGE_TYPES, IMAGES, "the camera"


# What rosbag2 writes in the place of a definition's encoding that it did not find.
_UNDEFINED = (("unknown",), ("",))


@contextlib.contextmanager
def _undefined_types() -> Iterator[None]:
    """Let an mcap be opened though some types have no definition, for others are read.

    As those of hidden topics, which `ros2 bag record --all --include-hidden-topics` records.
    rosbags (0.11) raises KeyError, and has nothing for it in public.
    """
    mcap: Any = getattr(rosbag2, "storage_mcap", None)
    read = getattr(mcap, "get_msgdef", None)
    if read is None:  # another version
        yield
        return

    def read_or_none(schema: Any) -> Any:
        try:
            return read(schema)
        except KeyError:
            return read(None)

    mcap.get_msgdef = read_or_none
    try:
        yield
    finally:
        mcap.get_msgdef = read


def known_types() -> Typestore:
    """The standard messages and ours, for bags that do not bring their own definitions."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name in MESSAGES:
        file = shared_folder("msg") / f"{name}.msg"
        if file.is_file():
            store.register(get_types_from_msg(file.read_text(), f"bharnet_ros/msg/{name}"))
    return store
