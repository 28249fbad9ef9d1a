# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The one thread that recognises, its mailbox in front and its results behind.

The executor's callbacks only put things in; the worker takes them out in order. Frames are never
left out of the windows, but while too many wait, ticks are skipped: an overloaded robot gets
fewer results, not older ones. No ROS in here.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bharnet.decision import Decider
from bharnet.observation import Frame
from bharnet.reporting import Report
from bharnet.stream import ActionStream, Tick
from bharnet.window import NANOSECONDS

# Memory is bounded even when the network hangs for a minute; beyond, the oldest frames go.
MOST_WAITING = 1000
CLOSE_SECONDS = 2.0  # so long a thread that is to end may take


@dataclass(frozen=True, eq=False)
class Result:
    """A tick, and what the newest frame came with; arrived and seconds on the steady clock."""

    tick: Tick
    stream: ActionStream
    frame_id: str = ""
    arrived: float | None = None  # None: no frame made this tick
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class _Letter:
    frame: Frame
    frame_id: str
    arrived: float
    handed_over: float


def adopt(stream: ActionStream, decider: Decider) -> None:
    """Let a new stream decide as it was made to, but count events on: ids are never reused."""
    new = stream.decider
    decider.config, decider.idle_id, decider.allowed = new.config, new.idle_id, new.allowed
    stream.decider = decider


class Worker:
    """Runs a stream in a thread of its own. ``deliver(result)`` is called from that thread."""

    def __init__(
        self,
        stream: ActionStream,
        deliver: Callable[[Result | ActionStream], None],
        report: Report,
        max_backlog: int = 10,
    ) -> None:
        self._stream, self._deliver, self._report = stream, deliver, report
        self._max_backlog = max_backlog
        self._mail: deque[_Letter | Callable[[], None]] = deque()
        self._arrived = threading.Condition()
        self._closing = self._busy = False
        # Whoever touches the stream holds it, but for the network's part of a tick: others can
        # end what runs while that hangs. Once left behind, the thread does nothing more.
        self._deciding, self._left_behind = threading.Lock(), False
        self._asked: float | None = None  # when the network was, while it has not answered
        self._frame_id = ""
        self._skipped_at = 0
        self.skipped_ticks = self.dropped_frames = self.people = 0
        # Frames that went into windows, and when the newest of them was handed over.
        self.used_frames, self.used_at = 0, 0.0
        self._thread = threading.Thread(target=self._run, name="recognise", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How much is still to be done, what is being done included."""
        with self._arrived:
            return len(self._mail) + self._busy

    @property
    def unanswered(self) -> float:
        """For how many seconds the network has not answered so far; 0 = it has."""
        asked = self._asked
        return 0.0 if asked is None else time.monotonic() - asked

    def put(self, frame: Frame, frame_id: str, arrived: float, now: float | None = None) -> None:
        """Hand over a frame; ``now`` where it arrived a while ago."""
        handed_over = arrived if now is None else now
        with self._arrived:
            if len(self._mail) >= MOST_WAITING:
                oldest = next((m for m in self._mail if isinstance(m, _Letter)), None)
                if oldest is not None:
                    self._mail.remove(oldest)
                    self.dropped_frames += 1
            self._mail.append(_Letter(frame, frame_id, arrived, handed_over))
            self._arrived.notify()

    def call(self, action: Callable[[ActionStream], Tick | None]) -> None:
        """Do something to the stream between two frames; a tick it returns is delivered."""

        def act() -> None:
            with self._deciding:
                self._tell(self._stream, action(self._stream))

        self._post(act)

    def replace(self, stream: ActionStream) -> None:
        """Go on with another stream (another model); the old one's actions end first."""

        def act() -> None:
            with self._deciding:
                old, self._stream = self._stream, stream
                self._tell(old, old.reset())
                adopt(stream, old.decider)
                self._deliver(stream)
            old.recognizer.close()

        self._post(act)

    def end_events(self) -> None:
        """Running actions end now, even while the network hangs."""
        with self._deciding:
            self._tell(self._stream, self._stream.end_events())

    def close(self) -> bool:
        """Stop after what is being done now; what waits is dropped. Running actions end.

        Returns False where the network hangs: the thread is left behind, and gives the device's
        memory back once it gets on.
        """
        with self._arrived:
            self._closing = True
            self._mail.clear()
            self._arrived.notify()
        self._thread.join(CLOSE_SECONDS)
        with self._deciding:
            self._left_behind = True
            self._tell(self._stream, self._stream.reset())
        return not self._thread.is_alive()

    def _tell(self, stream: ActionStream, tick: Tick | None) -> None:
        """Deliver what no frame made."""
        if tick is not None:
            self._deliver(Result(tick, stream, self._frame_id))

    def _post(self, act: Callable[[], None]) -> None:
        with self._arrived:
            self._mail.append(act)
            self._arrived.notify()

    def _run(self) -> None:
        while True:
            with self._arrived:
                self._busy = False
                self._arrived.wait_for(lambda: self._mail or self._closing)
                if self._closing:
                    break
                self._busy = True
                mail, waiting = self._mail.popleft(), len(self._mail)
            try:
                if isinstance(mail, _Letter):
                    self._take(mail, waiting)
                else:
                    mail()
            except Exception as error:  # a robot goes on: the next tick may well succeed
                if not self._left_behind:
                    told = f"recognition failed: {type(error).__name__}: {error}"
                    self._report("recognise", told)
            self.people = len(self._stream)
        self._stream.recognizer.close()

    def _take(self, letter: _Letter, waiting: int) -> None:
        stream = self._stream
        with self._deciding:
            if not self._push(letter, waiting):
                return
            self._asked = begun = time.monotonic()
        try:
            answers = stream.ask()
        except Exception:
            with self._deciding:
                self._asked = None
                if not self._left_behind:
                    self._tell(stream, stream.give_up())
            raise
        with self._deciding:
            self._asked = None
            if self._left_behind:
                return
            tick, seconds = stream.tell(answers), time.monotonic() - begun
            self._skipped_at = 0
            self._deliver(Result(tick, stream, letter.frame_id, letter.arrived, seconds))

    def _push(self, letter: _Letter, waiting: int) -> bool:
        """Take a frame into the windows; whether a tick is to be made."""
        stream, newest = self._stream, self._stream.newest
        self._tell(stream, stream.push(letter.frame))
        if stream.newest != newest:  # else its stamp is too old
            self.used_at = letter.handed_over
            self.used_frames += 1
        self._frame_id = letter.frame_id
        if stream.due and waiting > self._max_backlog:
            self._skip(stream.newest)
            return False
        return stream.due

    def _skip(self, stamp: int) -> None:
        """The tick stays due; it is counted once a stride."""
        passed = (stamp - self._skipped_at) / NANOSECONDS
        if not 0 <= passed < self._stream.config.stride_seconds:  # below 0 time jumped back
            self._skipped_at = stamp
            self.skipped_ticks += 1
            self._report(
                "overload",
                f"more than {self._max_backlog} frames wait, results are skipped; lower the "
                "frame rate, raise stride_seconds, lower max_people or use device:=cuda",
            )
