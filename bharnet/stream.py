# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Frames in, decided actions out: the whole core, driven by stamps alone.

The node, the demo's check and bag evaluation all drive this one class, so they agree. The same
frames give the same actions at any speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bharnet.decision import Decided, Decider, DecisionConfig, Reason, decision_config
from bharnet.observation import Frame, InvalidPose, Observation
from bharnet.recognizer import Prediction, Recognizer
from bharnet.reporting import Report, ignore
from bharnet.skeleton import HAND_21, get_layout
from bharnet.window import NANOSECONDS, PersonWindows


@dataclass(frozen=True)
class StreamConfig:
    """When the core looks and whom it forgets.

    stride_seconds   a tick runs when a stamp passes the last tick by this
    reorder_seconds  a frame older than the last by up to this is dropped; by more, all is reset
    lost_seconds     a person unseen for longer is forgotten; so long may recognition fail
    max_people       further people in a frame are ignored
    window_seconds   lengths of the windows that are read at once (``Recognizer.recognize``);
                     () = the model's own

    Raises ValueError that names what is out of its range.
    """

    stride_seconds: float = 0.2
    reorder_seconds: float = 0.5
    lost_seconds: float = 1.0
    max_people: int = 50
    window_seconds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name, low, high in (
            ("stride_seconds", 0.01, 10.0),
            ("reorder_seconds", 0.0, 60.0),
            ("lost_seconds", 0.05, 60.0),
            ("max_people", 1, 1000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} {value:g} is out of {low:g}..{high:g}")
        if any(not 0.1 <= each <= 60.0 for each in self.window_seconds):
            raise ValueError(f"window_seconds {self.window_seconds} is out of 0.1..60")


@dataclass(frozen=True, eq=False)
class Entry:
    """A decision, and the person as last seen (nanoseconds).

    ``label``: the name of ``decided.class_id``, of the idle class while nothing is done; "" while
    the answer is UNKNOWN.
    """

    decided: Decided
    person: Observation
    last_seen: int
    label: str = ""


@dataclass(frozen=True, eq=False)
class Tick:
    """Every tracked body at ``stamp``, the stamp of the newest frame used (nanoseconds)."""

    stamp: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network says of every tracked body at ``stamp``, by its id."""

    stamp: int
    of: Mapping[str, Prediction]


class ActionStream:
    """Windows, recogniser and decider of one source.

    ``report(key, message)`` is told of every frame or person that could not be used.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        decision: DecisionConfig | None = None,
        config: StreamConfig | None = None,
        report: Report = ignore,
    ) -> None:
        info = recognizer.info
        self.recognizer = recognizer
        self.decider = Decider(decision or decision_config(info), info.idle_id)
        self._report = report
        joints = len(get_layout(info.features.body_layout))
        self._shapes = (joints, 4), (2, len(HAND_21), 4)
        config = config or StreamConfig()
        self._windows = PersonWindows(info.features.window_seconds, config.lost_seconds)
        self.config = config
        self._newest = self._answered = 0  # stamps of the newest frame, and of the last answer
        self._last_tick: int | None = None
        self._last_entry: dict[str, tuple[int, Observation]] = {}
        self._lost: list[Entry] = []

    @property
    def config(self) -> StreamConfig:
        """May be replaced at any time."""
        return self._config

    @config.setter
    def config(self, new: StreamConfig) -> None:
        self._config, features = new, self.recognizer.info.features
        longest = max(new.window_seconds or (features.window_seconds,))
        self._windows.keep(longest + features.longest_gap)

    @property
    def newest(self) -> int:
        """Stamp of the newest frame, 0 before the first."""
        return self._newest

    def __len__(self) -> int:
        return len(self._windows)

    def push(self, frame: Frame) -> Tick | None:
        """Take a frame. Returns a tick only if time jumped back and running events ended.

        Raises InvalidPose for joints that are not in the model's layout; then nothing was taken.
        """
        self._refuse_others(frame)
        ended = None
        if self._newest and frame.stamp <= self._newest:
            back = (self._newest - frame.stamp) / NANOSECONDS
            if back <= self.config.reorder_seconds:
                self._report("old_stamp", _why_old(back))
                return None
            self._report(
                "time_jump",
                f"time jumped back by {back:.3f} s: all windows are cleared, running actions end",
            )
            ended = self.reset()
        self._newest = frame.stamp
        if self._last_tick is None:
            self._last_tick = frame.stamp - round(self.config.stride_seconds * NANOSECONDS)
        self._forget(self._windows.forget_lost(frame.stamp))
        self._windows.push(Frame(frame.stamp, self._usable(frame)))
        for body_id in self._windows:
            self._last_entry[body_id] = self._windows.newest(body_id)
        return ended

    @property
    def due(self) -> bool:
        """Whether a stamp has passed the last tick by the stride."""
        stride = round(self.config.stride_seconds * NANOSECONDS)
        return self._last_tick is not None and self._newest - self._last_tick >= stride

    def tick(self) -> Tick:
        """Recognise everybody tracked, in one batch, and decide."""
        return self.tell(self.ask())

    def ask(self) -> Answers:
        """The network's part of a tick: all of it that takes long, or fails."""
        stamp = self._newest
        self._last_tick = stamp
        bodies = list(self._windows)
        windows = [self._windows.window(body_id) for body_id in bodies]
        answers = self.recognizer.recognize(windows, stamp, self.config.window_seconds)
        return Answers(stamp, dict(zip(bodies, answers, strict=True)))

    def tell(self, answers: Answers) -> Tick:
        """The rest of it: decide."""
        # Only now: where recognition fails, the next tick tells who left.
        entries, self._lost = self._lost, []
        for body_id, prediction in answers.of.items():
            for decided in self.decider.decide(body_id, answers.stamp, prediction):
                entries.append(self._entry(decided))
        self._answered = answers.stamp
        return Tick(answers.stamp, tuple(entries))

    def give_up(self) -> Tick | None:
        """To be called when ``tick`` failed. Once it has for longer than ``lost_seconds``, every
        running event ends: nobody knows whether it goes on. Windows stay, for it may work again.
        """
        failing = self._newest - self._answered
        if failing <= self.config.lost_seconds * NANOSECONDS:
            return None
        return self.end_events()

    def end_events(self) -> Tick | None:
        """Every running event ends, for nobody knows whether it goes on. Windows stay."""
        return self._end_events(Reason.RESET)

    def advance(self, frame: Frame) -> list[Tick]:
        """``push`` and, when due, ``tick``: what an offline caller wants."""
        ticks = [ended] if (ended := self.push(frame)) else []
        if self.due:
            ticks.append(self.tick())
        return ticks

    def input_stopped(self) -> Tick | None:
        """No frames arrive any more: every running event ends, at the last frame's stamp."""
        return self._end_all(Reason.INPUT_STOPPED)

    def reset(self) -> Tick | None:
        """Forget everybody; every running event ends, at the last frame's stamp."""
        ended = self._end_all(Reason.RESET)
        self._newest, self._last_tick = 0, None
        return ended

    def _end_all(self, reason: Reason) -> Tick | None:
        ended = self._end_events(reason)
        self._windows.clear()
        self._last_entry.clear()
        return ended

    def _end_events(self, reason: Reason) -> Tick | None:
        seen = {body_id: stamp for body_id, (stamp, _) in self._last_entry.items()}
        entries = [self._entry(decided) for decided in self.decider.finish_all(reason, seen)]
        entries, self._lost = self._lost + entries, []
        return Tick(self._newest, tuple(entries)) if entries else None

    def _forget(self, lost: list[str]) -> None:
        """Events of people who left are told at the next tick."""
        for body_id in lost:
            for decided in self.decider.finish(body_id, self._last_entry[body_id][0], Reason.LOST):
                self._lost.append(self._entry(decided))
            self._last_entry.pop(body_id, None)

    def _entry(self, decided: Decided) -> Entry:
        last_seen, person = self._last_entry[decided.body_id]
        known = decided.class_id >= 0  # -1 would name the last class
        label = self.recognizer.info.classes[decided.class_id] if known else ""
        return Entry(decided, person, last_seen, label)

    def _refuse_others(self, frame: Frame) -> None:
        """Raise InvalidPose for joints of another layout than the model's."""
        for person in frame.people:
            if (person.body.shape, person.hands.shape) != self._shapes:
                raise InvalidPose(
                    f"'{person.body_id}' has a body of {person.body.shape} and hands of "
                    f"{person.hands.shape}, the model reads {' and '.join(map(str, self._shapes))}"
                    "; let observation.observe convert it, with target="
                    f"get_layout('{self.recognizer.info.features.body_layout}')"
                )

    def _usable(self, frame: Frame) -> tuple[Observation, ...]:
        """The people of a frame that have an id, once each, tracked ones first."""
        people: dict[str, Observation] = {}
        for person in frame.people:
            if not person.body_id:
                self._report(
                    "no_id", "ignored a person without body_id; the pose source must assign ids"
                )
            elif person.body_id in people:
                self._report(
                    "same_id",
                    f"body_id '{person.body_id[:40]}' occurs twice in one frame; kept the first",
                )
            else:
                people[person.body_id] = person
        tracked = [key for key in people if key in self._windows]
        new = [key for key in people if key not in self._windows]
        room = max(0, self.config.max_people - len(self._windows))
        if len(new) > room:
            self._report(
                "too_many",
                f"{len(self._windows) + len(new)} people, max_people is "
                f"{self.config.max_people}: the newest are ignored",
            )
        return tuple(people[key] for key in (*tracked, *new[:room]))


def _why_old(back: float) -> str:
    """Why a frame is dropped whose stamp is so many seconds before the newest."""
    two = "if there are two publishers on this topic, stop one"
    if back:
        return f"dropped a frame {back:.3f} s older than the newest; {two}"
    return (
        "dropped a frame with the stamp of the one before; the pose source must give each its own "
        f"(with stamp_source:=receive /clock must tick more often than frames come); {two}"
    )
