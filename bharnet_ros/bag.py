"""Recorded poses: reads a rosbag2 (mcap or sqlite3) without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from bharnet.window import NANOSECONDS

POSE_TYPE = "bharnet_ros/msg/PersonPoseArray"
POSES, TRUTH = "/bharnet/poses", "/bharnet/demo/truth"


class InvalidBag(ValueError):
    """A recording that cannot be played; the message names the cause and the cure."""


class MissingBag(InvalidBag):
    """There is no recording at this place."""


class EmptyBag(InvalidBag):
    """The recording has no messages."""


class NoPoses(InvalidBag):
    """The recording has no topic of poses, or several and none was named."""


class DamagedBag(InvalidBag):
    """The recording cannot be read, or not to its end."""


@dataclass(frozen=True)
class Recorded:
    """One message as recorded: stamp is its header's, logged the recorder's."""

    stamp: int
    logged: int
    data: Any  # CDR, as it went over the wire, or the message itself


class PoseBag:
    """An open recording. Use it as a context manager. Raises InvalidBag."""

    def __init__(self, path: Path, topic: str = "") -> None:
        self.path = path
        if not path.exists():
            raise MissingBag(f"there is no recording {path}; give the folder of a rosbag2")
        if path.is_dir() and not (path / "metadata.yaml").is_file():
            raise DamagedBag(
                f"{path} has no metadata.yaml, so it is no rosbag2, or its recorder was killed; "
                "`ros2 bag reindex` writes it anew"
            )
        try:
            self._reader = AnyReader([path], default_typestore=known_types())
            self._reader.open()
        except Exception as error:  # rosbags passes on whatever its parsers raise
            raise self._damaged(error) from error
        try:
            self._poses = self._choose(topic)
        except InvalidBag:
            self._reader.close()
            raise

    def __enter__(self) -> PoseBag:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.close()

    @property
    def topic(self) -> str:
        """The topic whose poses are read."""
        return self._poses.topic

    @property
    def count(self) -> int:
        """How many messages of poses there are."""
        return self._poses.msgcount

    def poses(self) -> Iterator[Recorded]:
        """Every message of poses, in the order of recording."""
        for logged, data in self._read(self._poses):
            # The header comes first: encapsulation (4 bytes), then sec and nanosec.
            order = "little" if data[1] & 1 else "big"
            second = int.from_bytes(data[4:8], order, signed=True)  # type: ignore[arg-type]
            part = int.from_bytes(data[8:12], order)  # type: ignore[arg-type]
            yield Recorded(second * NANOSECONDS + part, logged, data)

    def truth(self) -> list[str]:
        """What is known to be in the recording, as JSON texts; [] if nothing is told."""
        texts = []
        for connection in self._reader.connections:
            if connection.topic == TRUTH:
                for _, data in self._read(connection):
                    message = self._reader.deserialize(data, connection.msgtype)
                    texts.append(str(message.data))  # type: ignore[attr-defined]
        return texts

    def _choose(self, topic: str) -> Connection:
        if not self._reader.message_count:
            raise EmptyBag(f"{self.path} holds no messages; record while the topic is alive")
        found = [each for each in self._reader.connections if each.msgtype == POSE_TYPE]
        if not found:
            there = sorted(each.topic for each in self._reader.connections)
            raise NoPoses(
                f"{self.path} has no topic of {POSE_TYPE}, only {', '.join(there)[:200]}; "
                "record the topic bharnet/poses"
            )
        wanted = topic or (POSES if len(found) > 1 else found[0].topic)
        for each in found:
            if each.topic == wanted:
                if not each.msgcount:
                    raise EmptyBag(f"{self.path}: no messages on {wanted}; record it while alive")
                return each
        names = ", ".join(sorted(each.topic for each in found))
        raise NoPoses(f"{self.path} has no poses on {wanted}, but on {names}; name one of these")

    def _read(self, connection: Connection) -> Iterator[tuple[int, bytes]]:
        try:
            for _, logged, data in self._reader.messages([connection]):
                if len(data) < 12:
                    raise AnyReaderError(f"a message of {len(data)} bytes")
                yield logged, bytes(data)
        except GeneratorExit:
            raise
        except Exception as error:  # rosbags passes on whatever its parsers raise
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DamagedBag:
        cause = f"{type(error).__name__}: {error}"
        return DamagedBag(
            f"{self.path} is damaged or of an unknown kind ({cause[:200]}); copy it again, or try "
            "`ros2 bag reindex`"
        )


def known_types() -> Typestore:
    """The standard messages and ours, for bags that do not bring their own definitions."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name in ("PersonPose", "PersonPoseArray"):
        file = message_folder() / f"{name}.msg"
        if file.is_file():
            store.register(get_types_from_msg(file.read_text(), f"bharnet_ros/msg/{name}"))
    return store


def message_folder() -> Path:
    """Where the text of our messages lies: in the sources, or where they are installed."""
    return shared_folder("msg")


def shared_folder(name: str) -> Path:
    """A folder of the package, in the sources or in the share folder of the installation."""
    sources = Path(__file__).resolve().parents[1] / name
    if sources.is_dir():
        return sources
    try:
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
    except ImportError:
        return sources
    try:
        return Path(get_package_share_directory("bharnet_ros")) / name
    except PackageNotFoundError:
        return sources
