# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The guardian: crashes, hangs and stops of its process, with a process that obeys the test."""

from __future__ import annotations

import ast
import errno
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from polling import DEADLINE, until

from bharnet_ros.camera import guardian
from bharnet_ros.camera.guardian import PIPE, RESTARTS, Guardian, Heartbeat

# Says its process id and how often it was started again, beats, and does what it is told.
CHILD = """
import sys, threading
from bharnet_ros.camera.guardian import Heartbeat
heartbeat = Heartbeat.of_guardian()
ends = threading.Event()
stuck = threading.Event()
import signal, os
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, lambda *_: ends.set())
signal.signal(signal.SIGUSR1, lambda *_: stuck.set())
heartbeat.beat_while(lambda: not stuck.is_set(), ends.set)
with open(sys.argv[1], "a") as file:
    print(os.getpid(), heartbeat.restarts, file=file, flush=True)
while not ends.wait(0.05):
    pass
"""


class Guarded:
    """A guardian in a thread, and its processes."""

    def __init__(self, tmp_path, code: str = CHILD) -> None:
        self.notes = tmp_path / "notes"
        self.notes.write_text("")
        self.said: list[str] = []
        command = [sys.executable, "-c", code, str(self.notes)]
        self.guardian = Guardian(command, self.said.append)
        self.codes: list[int] = []
        self.thread = threading.Thread(target=lambda: self.codes.append(self.guardian.run()))
        self.thread.start()

    def started(self, count: int) -> int:
        """Wait for the process to be started so often; its id."""
        until(lambda: self.notes.read_text().count("\n") >= count)
        process, restarts = map(int, self.notes.read_text().splitlines()[-1].split())
        assert restarts == count - 1
        return process

    def end(self) -> int:
        self.guardian.stop()
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive()
        return self.codes[0]


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    monkeypatch.setattr(guardian, "MISSING_SECONDS", 1.0)
    running = Guarded(tmp_path)
    yield running
    running.end()


def test_a_crash(guarded):
    for count in range(1, 4):
        os.kill(guarded.started(count), signal.SIGSEGV)
    guarded.started(4)
    assert [each.split(";")[0] for each in guarded.said] == [
        "the estimator was ended by SIGSEGV"
    ] * 3
    assert guarded.end() == 0


def test_a_signal_without_a_name(guarded):
    """The guardian itself had ended of it, and nobody started the estimator again."""
    os.kill(guarded.started(1), signal.SIGRTMIN + 2)
    guarded.started(2)
    assert guarded.said[0].startswith(f"the estimator was ended by signal {signal.SIGRTMIN + 2};")
    assert guarded.end() == 0


def test_an_error_in_python_is_a_crash_once_it_has_worked(tmp_path):
    guarded = Guarded(tmp_path, CHILD + "raise RuntimeError('bug')")
    # Before, it would be one that cannot start.
    until(lambda: guarded.guardian._first_beat)
    os.kill(guarded.started(1), signal.SIGINT)
    guarded.started(2)
    assert guarded.said[0].startswith("the estimator ended with code 1;")
    guarded.end()


def test_a_process_that_was_stopped(guarded, monkeypatch):
    """Noticed by its parent, long before its beats are missed."""
    monkeypatch.setattr(guardian, "MISSING_SECONDS", 10 * DEADLINE)
    os.kill(guarded.started(1), signal.SIGSTOP)
    guarded.started(2)
    assert "was stopped by a signal and was killed" in guarded.said[0]


def test_a_process_that_was_stopped_before_its_first_beat(tmp_path):
    guarded = Guarded(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)")
    until(lambda: guarded.said)
    assert "was stopped" in guarded.said[0]
    guarded.end()


def test_a_short_stop_is_forgiven(tmp_path, monkeypatch):
    """Stopped and continued again and again, in all for longer than one stop may last."""
    looked: list[bool] = []
    is_stopped = guardian._is_stopped

    def look(process: int) -> bool:
        looked.append(is_stopped(process))
        return looked[-1]

    monkeypatch.setattr(guardian, "_is_stopped", look)
    monkeypatch.setattr(guardian, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(guardian, "STOPPED_SECONDS", 10 * DEADLINE)
    guarded = Guarded(tmp_path)
    process = guarded.started(1)

    def seen(stopped: bool) -> None:
        looks = len(looked) + 2  # the look after the one that may be under way
        until(lambda: len(looked) >= looks and looked[-1] is stopped, pause=0.001)

    for _ in range(3):
        os.kill(process, signal.SIGSTOP)
        seen(stopped=True)
        os.kill(process, signal.SIGCONT)
        seen(stopped=False)
    # Were time stopped added up, or never forgotten, this would kill it now.
    monkeypatch.setattr(guardian, "STOPPED_SECONDS", 0.0)
    seen(stopped=False)
    assert guarded.end() == 0
    assert guarded.said == []


def test_a_worker_that_is_stuck(guarded):
    """The process lives, but says itself that it is not well."""
    os.kill(guarded.started(1), signal.SIGUSR1)
    guarded.started(2)
    assert "does not answer" in guarded.said[0]


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_process_that_ends_of_itself_is_not_started_again(tmp_path, code):
    guarded = Guarded(tmp_path, f"import sys; sys.exit({code})")
    guarded.thread.join(DEADLINE)
    assert guarded.codes == [code]
    assert guarded.said == []


def test_one_that_dies_at_once_is_started_ever_more_slowly(tmp_path):
    guarded = Guarded(tmp_path, "import os; os.abort()")
    until(lambda: len(guarded.said) >= 4)
    guarded.end()
    pauses = [float(each.split(" in ")[1].split()[0]) for each in guarded.said[:4]]
    assert pauses == [0.1, 0.2, 0.4, 0.8]


def test_one_that_cannot_be_started_for_a_while_is_tried_again(tmp_path, monkeypatch):
    """Where memory is short the guardian must not end with what it guards."""
    start, starts = subprocess.Popen, []

    def short_of_memory(*given, **options):
        starts.append(given)
        if len(starts) in (2, 3):
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return start(*given, **options)

    monkeypatch.setattr(guardian.subprocess, "Popen", short_of_memory)
    guarded = Guarded(tmp_path)
    os.kill(guarded.started(1), signal.SIGKILL)
    until(lambda: guarded.notes.read_text().count("\n") >= 2)
    assert guarded.end() == 0
    why = [each.split(";")[0] for each in guarded.said[1:]]
    assert why == ["the estimator could not be started (Cannot allocate memory)"] * 2


def test_one_that_has_worked_is_started_again_at_once(guarded, monkeypatch):
    """However often: no pause is doubled for it."""
    monkeypatch.setattr(guardian, "STEADY_SECONDS", 0.0)
    for count in range(1, 5):
        process = guarded.started(count)
        until(lambda: guarded.guardian._first_beat is not None)
        os.kill(process, signal.SIGSEGV)
    guarded.started(5)
    assert {each.split(" in ")[1] for each in guarded.said} == {"0.1 s"}


def test_one_that_and_the_camera_never_meet_is_started_anew_but_not_for_ever(
    tmp_path, monkeypatch
):
    """Only where pictures had come before, and twice at most until they come again."""
    monkeypatch.setattr(guardian, "STEADY_SECONDS", 0.0)  # no pauses
    beats = "heartbeat.beat_while(lambda: not stuck.is_set(), ends.set"
    senses = "lambda: b'+' if heartbeat.restarts in (1, 5) else b'-'"
    code = CHILD.replace(f"{beats})\n", "").replace("while", f"{beats}, {senses})\nwhile")
    assert senses in code  # it beats once it has taken its note
    guarded = Guarded(tmp_path, code)
    try:
        # The first is deaf, but nobody knows that there is anything to hear; the second sees. Of
        # the next three two are given up. The sixth sees: all is forgotten.
        for count in (1, 2, 5, 6):
            process = guarded.started(count)
            wait_for_beats(guarded)
            os.kill(process, signal.SIGSEGV)
        guarded.started(9)
    finally:
        guarded.end()
    deaf = ["gets no pictures" in each for each in guarded.said]
    assert deaf == [False, False, True, True, False, False, True, True]


def test_the_next_process_learns_the_state_of_the_one_before(tmp_path):
    """Of one that dies before it has told any, that of the one before."""
    beats = "heartbeat.beat_while(lambda: not stuck.is_set(), ends.set"
    code = CHILD.replace(beats, f"{beats}, lambda: (b'.a', b'+', b'.i', b'.')[heartbeat.restarts]")
    code = code.replace("heartbeat.restarts, file", "heartbeat.restarts, heartbeat.state, file")
    guarded = Guarded(tmp_path, code)
    crash_three_times(guarded)
    states = [line.split()[2:] for line in guarded.notes.read_text().splitlines()]
    assert states == [[], ["a"], ["a"], ["i"]]


def test_the_next_process_begins_with_the_parameters_that_were_changed(tmp_path):
    """Those of all processes before, the last value of each; what makes no environment is left."""
    changes = [{"rate": 0.5, "folder": "a '}\n.+ä", "on": True}, {"rate": 2.0}]
    long = "{'folder': 200_000 * 'x'}"
    change = f"heartbeat.remember([*{changes}, {long}, {{}}][heartbeat.restarts])\n"
    code = CHILD.replace("with open", f"seen = dict(heartbeat.parameters)\n{change}with open")
    code = code.replace("heartbeat.restarts, file", "heartbeat.restarts, repr(seen), file")
    guarded = Guarded(tmp_path, code + "\n")
    crash_three_times(guarded)
    lines = guarded.notes.read_text().splitlines()
    seen = [ast.literal_eval(line.split(maxsplit=2)[2]) for line in lines]
    assert seen == [{}, changes[0], changes[0] | changes[1], changes[0] | changes[1]]


def crash_three_times(guarded: Guarded) -> None:
    """Each process once it beats; then wait for the notes of the fourth, and end it."""
    try:
        for count in range(1, 4):
            until(lambda count=count: guarded.notes.read_text().count("\n") >= count)
            process = int(guarded.notes.read_text().splitlines()[-1].split()[0])
            wait_for_beats(guarded)
            os.kill(process, signal.SIGSEGV)
        until(lambda: guarded.notes.read_text().count("\n") >= 4)
    finally:
        guarded.end()


def wait_for_beats(guarded: Guarded) -> None:
    """Until the present process has beaten more than once."""

    def beaten() -> bool:
        first = guarded.guardian._first_beat
        return first is not None and time.monotonic() >= first + 2 * guardian.BEAT_SECONDS

    until(beaten)


def test_a_process_that_does_not_want_to_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(guardian, "QUIT_SECONDS", 0.2)
    guarded = Guarded(tmp_path, CHILD.replace("lambda *_: ends.set()", "signal.SIG_IGN", 1))
    process = guarded.started(1)
    assert guarded.end() == 1
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_process_that_is_told_to_stop_while_it_loads_has_ended_well(tmp_path, capfd):
    code = "import signal, sys; open(sys.argv[1], 'w').write('0 0\\n'); signal.pause()"
    guarded = Guarded(tmp_path, code)
    guarded.started(1)
    assert guarded.end() == 0
    assert capfd.readouterr().err == ""


def test_no_process_outlives_its_guardian(tmp_path):
    notes = tmp_path / "notes"
    notes.write_text("")
    code = (
        "import sys; from bharnet_ros.camera.guardian import Guardian; "
        "Guardian(sys.argv[1:], print).run()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, sys.executable, "-c", CHILD, notes])
    until(lambda: notes.read_text().endswith("\n"))
    process = int(notes.read_text().split()[0])
    parent.kill()
    parent.wait()
    until(lambda: not os.path.exists(f"/proc/{process}") or is_zombie(process))


def is_zombie(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_without_a_guardian_there_are_no_beats(monkeypatch):
    monkeypatch.delenv(PIPE, raising=False)
    monkeypatch.delenv(RESTARTS, raising=False)
    before = threading.active_count()
    Heartbeat.of_guardian().beat_while(lambda: True, lambda: None)
    assert threading.active_count() == before
