# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small process that starts the estimator's again when it crashes or hangs.

`ros2 launch` starts a process again that has ended, but not one that hangs or was stopped, and
without an installed ROS 2 there is no launch. So the estimator's process sends a beat through a
pipe, as long as it lives and its worker is not stuck; the guardian kills it when the beats cease,
and starts another. No ROS in here: there is nothing in the guardian that could crash.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PIPE, RESTARTS = "_BHARNET_HEARTBEAT", "_BHARNET_RESTARTS"
BEAT_SECONDS = 0.25
# Without a beat for longer, the process is taken for hung. A busy machine may delay a beat.
MISSING_SECONDS = 2.0
# Before its first beat it loads its libraries, from a cold disk perhaps.
START_SECONDS = 120.0
QUIT_SECONDS = 5.0
# Between starts of a process that dies at once, each time twice as long.
FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS = 0.1, 10.0, 10.0


@dataclass
class Heartbeat:
    """The end of the pipe in the process that is guarded; without a guardian it does nothing."""

    pipe: int | None = None
    restarts: int = 0  # how often the guardian has started the process again

    @staticmethod
    def of_guardian() -> Heartbeat:
        """As the guardian has told, if there is one."""
        pipe = os.environ.pop(PIPE, None)
        return Heartbeat(int(pipe) if pipe else None, int(os.environ.pop(RESTARTS, "0")))

    def beat_while(self, healthy: Callable[[], bool], orphaned: Callable[[], None]) -> None:
        """Beat in a thread of its own as long as ``healthy()``; ``orphaned()`` = no guardian."""
        if self.pipe is not None:
            threading.Thread(target=self._beat, args=(healthy, orphaned), daemon=True).start()

    def _beat(self, healthy: Callable[[], bool], orphaned: Callable[[], None]) -> None:
        assert self.pipe is not None
        while True:
            if healthy():
                try:
                    os.write(self.pipe, b".")
                except OSError:
                    orphaned()
                    return
            time.sleep(BEAT_SECONDS)


class Guardian:
    """Runs a command until it ends of itself, however often it crashes or hangs.

    ``say(text)`` is told of every restart.
    """

    def __init__(self, command: Sequence[str], say: Callable[[str], None]) -> None:
        self._command, self._say = command, say
        self._stopping = False
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
            begun = time.monotonic()
            code, why = self._run_once()
            if self._stopping or not why:
                return code
            self.restarts += 1
            pause = FIRST_PAUSE if time.monotonic() - begun > STEADY_SECONDS else pause
            self._say(f"the estimator {why}; it is started again in {pause:g} s")
            select.select([self._wake], [], [], pause)
            if self._stopping:
                return code
            pause = min(2 * pause, LONGEST_PAUSE)

    def _run_once(self) -> tuple[int, str]:
        """Exit code, and why the process must be started again ("": it must not)."""
        beats, far_end = os.pipe()
        try:
            process = subprocess.Popen(
                self._command,
                env={**os.environ, PIPE: str(far_end), RESTARTS: str(self.restarts)},
                pass_fds=(far_end,),
                # Ctrl-C is for the guardian, which then ends the process.
                start_new_session=True,
            )
        except BaseException:
            os.close(beats)
            raise
        finally:
            os.close(far_end)
        with open(beats, "rb", buffering=0) as pipe:
            hung = self._listen(pipe.fileno())
        if self._stopping:
            return _end(process), ""
        if hung:
            process.kill()
            process.wait()
            return 1, "does not answer any more and was killed"
        code = process.wait()
        if code >= 0:
            return code, ""
        return 128 - code, f"was ended by {signal.Signals(-code).name}"

    def _listen(self, beats: int) -> bool:
        """Until the process ends, its beats cease (True), or we are told to stop."""
        limit = START_SECONDS
        while not self._stopping:
            ready, _, _ = select.select([beats, self._wake], [], [], limit)
            if not ready:
                return True
            if beats in ready:
                if not os.read(beats, 4096):
                    return False
                limit = MISSING_SECONDS
        return False


def _end(process: subprocess.Popen[bytes]) -> int:
    """Tell it to stop; its exit code, or 1 where it had to be killed."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        return process.wait(QUIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return 1


def main(arguments: Sequence[str] = ()) -> int:
    """Guard the estimator's node; the arguments are the node's."""

    def say(text: str) -> None:
        print(f"[WARN] bharnet_estimator: {text}", file=sys.stderr, flush=True)

    guardian = Guardian([sys.executable, "-m", "bharnet_ros.camera.node", *arguments], say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: guardian.stop())
    return guardian.run()
