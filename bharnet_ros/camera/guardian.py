# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small process that starts the estimator's again when it crashes or hangs.

`ros2 launch` starts a process again that has ended, but not one that hangs or was stopped, and
without an installed ROS 2 there is no launch. So the estimator's process sends a beat through a
pipe, as long as it lives and its worker is not stuck; the guardian kills it when the beats cease,
and starts another. That a process was stopped, its parent learns from the kernel, and sooner.
A beat also says whether pictures come: now and then Fast DDS lets a new process and an old camera
never meet (docs/reliability.md), and then one more start is the cure. And it tells the state of
the node's lifecycle, to which the next process returns: somebody may have activated it, or not.
Parameters that were changed while the process ran go the same way, and the next begins with them.
No ROS in here: there is nothing in the guardian that could crash.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PIPE, RESTARTS, STATE = "_BHARNET_HEARTBEAT", "_BHARNET_RESTARTS", "_BHARNET_STATE"
PARAMETERS = "_BHARNET_PARAMETERS"
# A beat is a line that says: it lives; pictures come; none have come, though somebody publishes
# them. Any other byte is a state, by its first letter. A line of JSON: changed parameters.
ALIVE, SEEING, DEAF = SENSES = b".", b"+", b"-"
# The kernel lets a variable of the environment have no more than 128 KiB.
LONGEST_PARAMETERS = 100_000
BEAT_SECONDS = 0.25
# Without a beat for longer, the process is taken for hung. A busy machine may delay a beat.
MISSING_SECONDS = 2.0
# Before its first beat it loads its libraries, from a cold disk perhaps.
START_SECONDS = 120.0
# How often its parent looks whether a process was stopped, and how long it may be: a debugger or
# a shell's `kill -STOP; kill -CONT` is over soon.
LOOK_SECONDS, STOPPED_SECONDS = 0.1, 0.5
QUIT_SECONDS = 5.0
# Until pictures come again, so many starts are tried for their sake: the camera may be at fault.
MOST_DEAF = 2
# Between starts of a process that dies at once, each time twice as long. One that has beaten for
# some seconds has worked: it is missed, and starts again without a pause, however often it dies.
FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS = 0.1, 10.0, 3.0


@dataclass
class Heartbeat:
    """The end of the pipe in the process that is guarded; without a guardian it does nothing."""

    pipe: int | None = None
    restarts: int = 0  # how often the guardian has started the process again
    state: str = ""  # that of the process before, by its first letter; "" = there was none
    # By name, those that were changed while processes before this one ran, or this one.
    parameters: dict[str, Any] = field(default_factory=dict)
    _whole: threading.Lock = field(default_factory=threading.Lock)  # no line within another

    @staticmethod
    def of_guardian() -> Heartbeat:
        """As the guardian has told, if there is one."""
        pipe = os.environ.pop(PIPE, None)
        restarts, state = int(os.environ.pop(RESTARTS, "0")), os.environ.pop(STATE, "")
        parameters = json.loads(os.environ.pop(PARAMETERS, "") or "{}")
        return Heartbeat(int(pipe) if pipe else None, restarts, state, parameters)

    def remember(self, changed: Mapping[str, Any]) -> None:
        """Parameters that the next process is to begin with, should this one crash or hang."""
        self.parameters.update(changed)
        if self.pipe is not None:
            with contextlib.suppress(OSError):  # no guardian any more: the next beat notices
                self._write(json.dumps(self.parameters).encode())

    def beat_while(
        self,
        healthy: Callable[[], bool],
        orphaned: Callable[[], None],
        senses: Callable[[], bytes] = lambda: ALIVE,
    ) -> None:
        """Beat in a thread of its own as long as ``healthy()``; ``orphaned()`` = no guardian.

        ``senses()``: what to say, ALIVE, SEEING or DEAF, and a state where there is one.
        """
        if self.pipe is not None:
            arguments = healthy, orphaned, senses
            threading.Thread(target=self._beat, args=arguments, daemon=True).start()

    def _beat(
        self,
        healthy: Callable[[], bool],
        orphaned: Callable[[], None],
        senses: Callable[[], bytes],
    ) -> None:
        assert self.pipe is not None
        while True:
            if healthy():
                try:
                    self._write(senses())
                except OSError:
                    orphaned()
                    return
            time.sleep(BEAT_SECONDS)

    def _write(self, line: bytes) -> None:
        assert self.pipe is not None
        left = line + b"\n"
        with self._whole:
            while left:
                left = left[os.write(self.pipe, left) :]


class Guardian:
    """Runs a command until it ends of itself, however often it crashes or hangs.

    ``say(text)`` is told of every restart.
    """

    def __init__(self, command: Sequence[str], say: Callable[[str], None]) -> None:
        self._command, self._say = command, say
        self._stopping = False
        self._first_beat: float | None = None  # of the present process
        self._state = self._parameters = b""  # that were told last
        self._saw, self._deaf = False, 0  # pictures came once; starts for their sake since
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self.restarts = 0

    def stop(self) -> None:
        """End the process in good order, and do not start it again. For signal handlers."""
        self._stopping = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._waker, b".")

    def run(self) -> int:
        """The exit code of the process once it has ended of itself, or has been told to."""
        pause = FIRST_PAUSE
        while True:
            self._first_beat = None
            code, why = self._run_once()
            if self._stopping or not why:
                return code
            self.restarts += 1
            if self._first_beat and time.monotonic() - self._first_beat > STEADY_SECONDS:
                pause = FIRST_PAUSE
            self._say(f"the estimator {why}; it is started again in {pause:g} s")
            select.select([self._wake], [], [], pause)
            if self._stopping:
                return code
            pause = min(2 * pause, LONGEST_PAUSE)

    def _run_once(self) -> tuple[int, str]:
        """Exit code, and why the process must be started again ("": it must not)."""
        beats, far_end = os.pipe()
        told = {PIPE: str(far_end), RESTARTS: str(self.restarts), STATE: self._state.decode()}
        told[PARAMETERS] = self._parameters.decode()
        try:
            process = subprocess.Popen(
                self._command,
                env={**os.environ, **told},
                pass_fds=(far_end,),
                # Ctrl-C is for the guardian, which then ends the process.
                start_new_session=True,
            )
        except OSError as error:  # no memory, perhaps, for whose lack the one before was killed
            os.close(beats)
            return 1, f"could not be started ({error.strerror or error})"
        finally:
            os.close(far_end)
        with open(beats, "rb", buffering=0) as pipe:
            trouble = self._listen(pipe.fileno(), process.pid)
        if self._stopping:
            return _end(process), ""
        if trouble:
            process.kill()
            process.wait()
            return 1, f"{trouble} and was killed"
        code = process.wait()
        # One that never beat could not start, and has said why.
        if code == 0 or (code > 0 and self._first_beat is None):
            return code, ""
        if code > 0:
            return code, f"ended with code {code}"
        return 128 - code, f"was ended by {_name(-code)}"

    def _listen(self, beats: int, process: int) -> str:
        """Until the process ends or we are told to stop (""), or it must be killed: why."""
        running = heard = time.monotonic()
        patience, begun = START_SECONDS, b""
        while not self._stopping:
            ready, _, _ = select.select([beats, self._wake], [], [], LOOK_SECONDS)
            now = time.monotonic()
            if beats in ready:
                told = os.read(beats, 4096)
                if not told:
                    return ""
                *lines, begun = (begun + told).split(b"\n")
                if self._is_deaf(lines):
                    return "gets no pictures, though a camera is there,"
                heard, patience = now, MISSING_SECONDS
                self._first_beat = self._first_beat or now
            elif now - heard > patience:
                return "does not answer any more"
            if not _is_stopped(process):
                running = now
            elif now - running > STOPPED_SECONDS:
                return "was stopped by a signal"
        return ""

    def _is_deaf(self, lines: Sequence[bytes]) -> bool:
        """Take in what was told; whether the process must be started anew to get pictures."""
        parameters = [line for line in lines if line.startswith(b"{")]
        beats = b"".join(line for line in lines if not line.startswith(b"{"))
        if parameters and len(parameters[-1]) <= LONGEST_PARAMETERS:
            self._parameters = parameters[-1]
        self._state = beats.translate(None, b"".join(SENSES))[-1:] or self._state
        if SEEING in beats:
            self._saw, self._deaf = True, 0
        elif DEAF in beats and self._saw and self._deaf < MOST_DEAF:
            self._deaf += 1
            return True
        return False


def _name(number: int) -> str:
    """Of a signal; Python has none for real-time ones but the first and the last."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _is_stopped(process: int) -> bool:
    """Whether a child is stopped now; it stays to be waited for."""
    try:
        return os.waitid(os.P_PID, process, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # it has ended
        return False


def _end(process: subprocess.Popen[bytes]) -> int:
    """Tell it to stop; its exit code, or 1 where it had to be killed."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        code = process.wait(QUIT_SECONDS)
        return 0 if code == -signal.SIGTERM else code  # it was still loading its libraries
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Guard the estimator's node; the arguments are the node's, else those of the process."""

    def say(text: str) -> None:
        print(f"[WARN] bharnet_estimator: {text}", file=sys.stderr, flush=True)

    given = sys.argv[1:] if arguments is None else arguments
    guardian = Guardian([sys.executable, "-m", "bharnet_ros.camera.node", *given], say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: guardian.stop())
    return guardian.run()
