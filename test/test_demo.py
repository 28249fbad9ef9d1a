# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The demo: how it counts, and that the node says what the core says, at any speed."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bharnet.bag import TRUTH, PoseBag
from bharnet.judging.segments import Event, Segment, Span
from bharnet.window import NANOSECONDS
from bharnet_ros.demo.score import score

ROOT = Path(__file__).resolve().parents[1]
BAG = ROOT / "demo" / "signs"
LABELS = ("idle", "hello", "man", "tea")


def segment(body: str, sign: str, start: float, end: float) -> Segment:
    return Segment(*(round(s * NANOSECONDS) for s in (start, end)), sign, body)


def event(body: str, label: str, onset: float, offset: float) -> Event:
    times = (round(s * NANOSECONDS) for s in (onset, offset, onset + 0.4))
    return Event(body, label, *times, 0.9)


def test_every_way_it_can_go():
    segments = [
        segment("a", "hello", 2, 4),
        segment("b", "man", 12, 14),
        segment("c", "letter_i", 22, 24),
        segment("d", "letter_x", 32, 34),
        segment("blank", "", 40, 50),
    ]
    events = [
        event("a", "man", 2.0, 2.5),  # wrong, then right: both are told
        event("a", "hello", 3.0, 5.5),
        event("a", "hello", 5.6, 6.0),  # after the sign
        event("c", "tea", 22.5, 23.0),  # no class of the model, and yet
        event("blank", "tea", 42.0, 43.0),
        event("stranger", "man", 12.5, 13.0),  # somebody else did not sign
    ]
    result = score(segments, events, LABELS)
    assert [each.person for each in result.recognised] == ["a"]
    assert [each.label for each in result.recognised] == ["hello"]  # as recorded
    assert [each.person for each in result.missed] == ["b"]
    assert [each.person for each in result.refused] == ["d"]
    assert [(each.label, of.person) for each, of in result.wrong] == [
        ("man", "a"),
        ("tea", "c"),
    ]
    assert [each.body_id for each in result.invented] == ["a", "blank", "stranger"]


# From here on with ROS 2.


def needs_ros() -> None:
    pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")


@pytest.fixture(scope="module")
def told_by_core():
    """Events that the core alone finds in the shipped recording, and how that scores."""
    needs_ros()
    from bharnet.judging.evaluate import evaluate
    from bharnet.judging.evaluation import Request
    from bharnet.judging.labels import Clock, read_texts, to_segments

    heard = evaluate(Request(BAG, jobs=1)).heard
    with PoseBag(BAG) as bag:
        span = Span(*bag.span())
        segments = to_segments(read_texts(bag.truth(), TRUTH), Clock(span.start), span)
    events = heard.listener.events
    return events, score(segments, events, heard.classes)


def test_the_shipped_recording_is_recognised(told_by_core):
    _, result = told_by_core
    assert result.invented == []
    assert len(result.recognised) >= 6
    assert len(result.recognised) + len(result.missed) == 8
    # Nothing is said of the one who sits still.
    assert "" not in {each.label for _, each in result.wrong}


@pytest.mark.parametrize(("speed", "clock"), [(25.0, True), (60.0, False)])
def test_the_node_says_what_the_core_says(told_by_core, speed, clock):
    from bharnet_ros.demo.domain import own_domain, ros_context
    from bharnet_ros.demo.recogniser import recogniser
    from bharnet_ros.demo.replay import Replay

    parameters = {"use_sim_time": clock, "stop_after_seconds": 5.0}
    with (
        PoseBag(BAG) as bag,
        own_domain() as domain,
        recogniser(domain, parameters) as node,
        ros_context(domain) as context,
        closing(Replay(context, lambda *_: None, "/bharnet/poses")) as replay,
    ):
        if not clock:
            replay.clock.publish = lambda _: None
        replay.run(bag.poses(), speed, lambda: node.runs, list)
        # A busy machine may take long from the node's start to the first message.
        assert [line for line in node.complaints() if "no poses arrive" not in line] == []
    outcome = replay.outcome
    assert (outcome.lost, outcome.skipped) == (0, 0)
    events, _ = told_by_core
    assert outcome.events == events
    assert len(outcome.ages) > 200


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bharnet_ros.demo", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_from_the_command_line_into_a_pipe(told_by_core):
    done = demo("--speed", "60")
    assert (done.returncode, done.stderr) == (0, "")
    _, result = told_by_core
    assert "Known person, unseen recording" in done.stdout
    assert f"recognised  {len(result.recognised)} of 8: " in done.stdout
    assert "invented    0" in done.stdout
    assert "lost        0 of 526 messages, 0 results skipped" in done.stdout
    assert "\x1b" not in done.stdout
    assert sum(" begins" in line for line in done.stdout.splitlines()) >= 6


def test_a_recording_without_truth(tmp_path):
    needs_ros()
    from test_bag import write

    done = demo("--speed", "20", "--bag", str(write(tmp_path / "bag", ("/my/poses",))))
    assert (done.returncode, done.stderr) == (0, "")
    assert "recognised  0: nothing" in done.stdout
    assert "there is no score" in done.stdout
    assert "lost        0 of 5" in done.stdout
    assert "Known person" not in done.stdout


def test_what_cannot_run_says_why(tmp_path):
    needs_ros()
    done = demo("--bag", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert done.stderr.startswith("demo: there is no recording")
    bad = tmp_path / "bad.safetensors"
    bad.write_text("no model")
    done = demo("--model", str(bad))
    assert done.returncode == 1
    assert "the recogniser cannot start" in done.stderr
    assert "damaged or no safetensors" in done.stderr.replace("is damaged", "damaged")
    assert "Traceback" not in done.stderr


def test_without_ros_it_says_so():
    code = "import sys; sys.modules['rclpy'] = None; import bharnet_ros.demo.__main__ as d; "
    done = subprocess.run(
        [sys.executable, "-c", code + "sys.exit(d.main([]))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "source tools/ros_env.sh" in done.stderr
    assert "Traceback" not in done.stderr


def test_sigterm_leaves_no_node_behind():
    from bharnet_ros.demo.domain import own_domain
    from bharnet_ros.demo.recogniser import recogniser

    before = signal.getsignal(signal.SIGTERM)
    with (
        own_domain() as domain,
        pytest.raises(SystemExit) as ended,
        recogniser(domain, {}) as node,
    ):
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143
    assert not node.runs
    assert signal.getsignal(signal.SIGTERM) == before
