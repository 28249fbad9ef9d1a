# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The node on real DDS: what goes in, what comes out, under which stamps."""

from __future__ import annotations

import itertools
import math
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from diagnostic_msgs.msg import DiagnosticStatus
from people import START, frame, person
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from robot import CLASSES, in_executor, pose, poses, robot, set_parameter, stamp, start
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String
from std_srvs.srv import Trigger
from tiny import rewrite

from bharnet.checkpoint import load_checkpoint
from bharnet.recognizer import Recognizer
from bharnet.stream import ActionStream
from bharnet.window import NANOSECONDS
from bharnet_ros import health, levels
from bharnet_ros.msg import Action, ActionLabels, PersonPose, PersonPoseArray
from bharnet_ros.stamps import to_time
from bharnet_ros.worker import MOST_WAITING, Result, Worker


def test_poses_in_actions_out(model):
    with robot(model=model, lost_seconds=0.3) as (node, tester):
        start(node)
        tester.ready()
        assert tester.labels[-1].labels == list(CLASSES)
        end = tester.play(pose())
        first, *_ = tester.actions
        assert stamp(first.header) == START
        assert first.header.frame_id == "camera"
        assert {array.model_id for array in tester.actions} == {tester.labels[-1].model_id}
        (onset,) = tester.saw(Action.ONSET)
        assert (onset.label, onset.class_id, onset.confidence > 0.9) == ("wave", 1, True)
        assert [each.label for each in onset.hypotheses] == ["wave", "idle", "yes"]
        assert onset.frames_used > 1
        assert 0 < onset.coverage <= 1
        assert not math.isnan(onset.body_score)
        assert 0 <= onset.bbox[0] < onset.bbox[2] <= 1
        assert {each.event_id for each in tester.saw(Action.ONGOING)} == {onset.event_id}
        # The person leaves: one OFFSET, then nobody.
        tester.play(start=end)
        (offset,) = tester.saw(Action.OFFSET)
        assert (offset.reason, offset.event_id) == (Action.REASON_LOST, onset.event_id)
        # Nothing was computed of who is not there.
        assert list(offset.hypotheses) == []
        assert (offset.frames_used, math.isnan(offset.coverage)) == (0, True)
        assert list(tester.actions[-1].actions) == []


def test_input_stops_without_any_clock(model):
    # use_sim_time and no /clock: ROS time stands still, and nothing may depend on it.
    with robot(model=model, use_sim_time=True, stop_after_seconds=0.3) as (node, tester):
        start(node)
        tester.ready().play(pose(), seconds=1.0)
        tester.wait(lambda: tester.saw(Action.OFFSET))
        (offset,) = tester.saw(Action.OFFSET)
        assert offset.reason == Action.REASON_INPUT_STOPPED
        told = len(tester.actions)
        assert stamp(tester.actions[-1].header) == START + round(0.9 * NANOSECONDS)
        tester.wait(lambda: tester.told("times the input stopped", "1"))
        assert len(tester.actions) == told
        # It comes back: a new event, an unused id.
        tester.play(pose(), start=5.0, seconds=1.0)
        assert [each.event_id for each in tester.saw(Action.ONSET)] == [1, 2]


def test_time_jumps_back(model):
    # A busy machine may pause the poses for longer than a camera would.
    with robot(model=model, stop_after_seconds=60.0) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), start=7200.0, seconds=1.0)
        tester.tell(poses(end - 0.2, pose()))  # a little late: dropped
        for second in np.arange(0.0, 1.0, 0.1):
            tester.tell(poses(float(second), pose()))
        tester.wait(lambda: len(tester.saw(Action.ONSET)) == 2)
        (offset,) = tester.saw(Action.OFFSET)
        assert offset.reason == Action.REASON_RESET
        assert [each.event_id for each in tester.saw(Action.ONSET)] == [1, 2]
        tester.wait(lambda: any("time jumped back by 7" in line for line in tester.log))
        assert any("dropped a frame" in line for line in tester.log)


def test_receive_stamps_where_the_source_has_none(model):
    with robot(model=model, stamp_source="receive") as (node, tester):
        start(node)
        tester.ready()
        message = poses(0.0, pose())
        message.header.stamp.sec = message.header.stamp.nanosec = 0
        before = time.time_ns()
        tester.tell(message)
        tester.wait(lambda: tester.actions)
        assert before <= stamp(tester.actions[0].header) <= time.time_ns()


def test_before_the_first_clock_nothing_can_be_stamped(model):
    with robot(model=model, stamp_source="receive", use_sim_time=True) as (node, tester):
        start(node)
        tester.ready().tell(poses(0.0, pose()))
        tester.wait(lambda: any("let /clock be published" in line for line in tester.log))
        clock = tester.node.create_publisher(Clock, "/clock", 10)
        tester.wait(clock.get_subscription_count)
        seconds = itertools.count(100)

        def go_on() -> None:
            clock.publish(Clock(clock=to_time(next(seconds) * NANOSECONDS)))
            tester.tell(poses(0.0, pose()))

        tester.wait(lambda: go_on() or tester.actions)
        assert stamp(tester.actions[0].header) >= 100 * NANOSECONDS


def test_only_allowed_labels_are_told(model):
    with robot(model=model, labels=["yes"]) as (node, tester):
        start(node)
        tester.ready().play(pose(), seconds=1.0)
        states = {each.state for array in tester.actions for each in array.actions}
        assert states == {Action.UNKNOWN}
        assert np.isnan(tester.labels[-1].enter_thresholds).tolist() == [False, True, False]
        # The guess is told all the same, as a guess.
        assert tester.actions[-1].actions[0].hypotheses[0].label == "wave"
        assert tester.actions[-1].actions[0].label == ""


def test_classes_that_mean_the_same_are_told_as_one_label(model):
    rewrite(Path(model), synonyms={"wave": "hello", "yes": "hello"})
    with robot(model=model, labels=["hello"]) as (node, tester):
        start(node)
        tester.ready().play(pose())
        assert tester.labels[-1].labels == ["idle", "hello"]
        (onset,) = tester.saw(Action.ONSET)
        assert (onset.label, onset.class_id) == ("hello", 1)
        assert [each.label for each in onset.hypotheses] == ["hello", "idle"]
        assert "no class 'wave'" in set_parameter(node, "labels", ["wave"])


def test_labels_are_told_once_a_change(model):
    with robot(model=model) as (node, tester):
        told, publish = [], node._publish_labels
        node._publish_labels = lambda stream: told.append(stream) or publish(stream)
        start(node)  # which declares the parameters of each topic's QoS
        tester.ready().play(pose(), seconds=1.0)
        assert len(told) == 1
        set_parameter(node, "top_k", 2)
        tester.wait(lambda: len(told) == 2)
        set_parameter(node, "top_k", 2)
        set_parameter(node, "use_sim_time", True)  # none of ours
        set_parameter(node, "enter_threshold", 0.9)
        tester.wait(lambda: tester.labels[-1].enter_thresholds[1] > 0.8)
        assert len(told) == 3


def test_labels_say_when_the_model_was_loaded(model):
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready()
        loaded = stamp(tester.labels[0].header)
        set_parameter(node, "enter_threshold", 0.9)
        tester.wait(lambda: tester.labels[-1].enter_thresholds[1] > 0.8)
        assert {stamp(each.header) for each in tester.labels} == {loaded}
        set_parameter(node, "model", f"{Path(model).parent}/./{Path(model).name}")
        tester.wait(lambda: stamp(tester.labels[-1].header) > loaded)


def test_late_listener_gets_the_labels(model):
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready()
        late = []
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        tester.node.create_subscription(ActionLabels, "bharnet/labels", late.append, latched)
        tester.wait(lambda: late)
        assert late[0].model_id == tester.labels[-1].model_id


def test_diagnostics_count(model):
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready().play(pose(), pose("other"), seconds=1.0)
        tester.wait(lambda: tester.told("frames used", "10"))
        told = tester.diagnostics[-1]
        names = "messages received", "people", "results skipped"
        assert [told[name] for name in names] == ["10", "2", "0"]
        assert float(told["tick p50 (ms)"]) > 0
        assert float(told["result age p95 (ms)"]) >= float(told["result age p50 (ms)"])


def test_levels_of_diagnostics(model, monkeypatch):
    monkeypatch.setattr(levels, "RAISE_SECONDS", 0.0)
    monkeypatch.setattr(levels, "LOWER_SECONDS", 0.0)
    with robot(model=model) as (node, tester):
        start(node)

        def told(level: bytes, message: str) -> bool:
            newest = tester.statuses[-1:]
            return [(each.level, message in each.message) for each in newest] == [(level, True)]

        tester.ready().play(pose(), seconds=1.0)
        tester.wait(lambda: told(DiagnosticStatus.ERROR, "no poses arrive"))
        second = itertools.count(20)

        def go_on(*people: PersonPose) -> None:
            tester.tell(poses(0.1 * next(second), *people))

        tester.wait(lambda: go_on(pose()) or told(DiagnosticStatus.OK, "recognising"))
        bad = PersonPose(body_id="bad", body=[0.5])
        tester.wait(lambda: go_on(pose(), bad) or told(DiagnosticStatus.WARN, "left out"))


def test_says_why_nothing_arrives(model, monkeypatch):
    monkeypatch.setattr(health, "SILENCE_SECONDS", 0.2)
    with robot(model=model) as (node, tester):
        start(node)
        tester.wait(lambda: any("no poses arrive on /bharnet/poses" in s for s in tester.log))
        tester.node.destroy_publisher(tester.publisher)
        tester.wait(lambda: any("nobody publishes there" in s for s in tester.log))
        tester.node.create_publisher(String, "bharnet/poses", 1)
        tester.wait(lambda: any("publishes std_msgs/msg/String" in s for s in tester.log))


@pytest.mark.parametrize(
    ("source", "topics"), [("poses", ["poses"]), ("poses_and_hands", ["poses", "hands"])]
)
def test_says_whose_qos_does_not_match(model, source, topics):
    override = {
        f"qos_overrides./bharnet/{topic}.subscription.reliability": "reliable" for topic in topics
    }
    with robot(model=model, input=source, **override) as (node, tester):
        start(node)
        weak = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        for topic in reversed(topics):
            tester.node.create_publisher(PersonPoseArray, f"bharnet/{topic}", weak)
            name = f"/bharnet/{topic}"

            def told(name=name) -> list[str]:
                return [s for s in tester.log if f"on {name} offers less reliability" in s]

            tester.wait(told)
            (line,) = told()
            assert f"qos_overrides.{name}.subscription.reliability" in line


def test_reset_service(model):
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready().play(pose(), seconds=1.0)
        assert tester.ask(Trigger, "bharnet/reset", Trigger.Request()).success
        tester.wait(lambda: tester.saw(Action.OFFSET))
        assert tester.saw(Action.OFFSET)[0].reason == Action.REASON_RESET


def test_deactivating_ends_what_runs(model):
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready().play(pose(), seconds=1.0)
        in_executor(node, node.trigger_deactivate)
        tester.wait(lambda: tester.saw(Action.OFFSET))
        assert tester.saw(Action.OFFSET)[0].reason == Action.REASON_RESET
        # Ids go on from where they were.
        in_executor(node, node.trigger_activate)
        tester.wait(lambda: tester.publisher.get_subscription_count())
        tester.play(pose(), start=10.0, seconds=1.0)
        assert [each.event_id for each in tester.saw(Action.ONSET)] == [1, 2]


def test_messages_are_throttled(model):
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready()
        for k in range(30):
            tester.tell(poses(0.1 * k, pose("good"), PersonPose(body_id="bad", body=[0.5])))
        tester.wait_stamp(2.7)
        tester.wait(lambda: tester.told("frames or people left out", "30"))
        assert len([line for line in tester.log if "ignored person" in line]) == 1


class Slow(Recognizer):
    """A recogniser that waits to be let through."""

    gate: threading.Semaphore
    blocked: threading.Event

    def recognize(self, windows, end, lengths=()):
        self.blocked.set()
        self.gate.acquire()
        return super().recognize(windows, end)


def test_overload_skips_ticks_never_frames(model):
    recognizer = Slow(load_checkpoint(Path(model)), "cpu")
    recognizer.gate, recognizer.blocked = threading.Semaphore(0), threading.Event()
    results: list[Result] = []
    reports: list[str] = []
    stream = ActionStream(recognizer)
    worker = Worker(stream, results.append, lambda key, _: reports.append(key), max_backlog=3)
    for i in range(50):
        worker.put(frame(i * 0.05, person()), "camera", 0.0)
    recognizer.gate.release(50)
    done = threading.Event()
    worker.call(lambda _: done.set())
    assert done.wait(20)
    assert worker.skipped_ticks > 5
    assert set(reports) == {"overload"}
    # Nothing is missing in the last window, and the last tick is of the newest frames.
    last = results[-1].tick
    assert last.stamp >= START + round(2.25 * NANOSECONDS)
    assert last.entries[0].decided.prediction.frames_used == 21
    assert worker.dropped_frames == 0
    # Blocked for long: memory is bounded, the newest frames stay.
    recognizer.gate, recognizer.blocked = threading.Semaphore(0), threading.Event()
    worker.put(frame(3.0, person()), "camera", 0.0)
    assert recognizer.blocked.wait(20)
    for i in range(2 * MOST_WAITING):
        worker.put(frame(4.0 + i * 0.05, person()), "camera", 0.0)
    assert worker.dropped_frames == MOST_WAITING
    recognizer.gate.release(2 * MOST_WAITING)
    worker.close()


def test_skipped_results_are_counted_though_time_jumps_back(model):
    recognizer = Slow(load_checkpoint(Path(model)), "cpu")
    recognizer.gate, recognizer.blocked = threading.Semaphore(0), threading.Event()
    stream = ActionStream(recognizer)
    worker = Worker(stream, lambda _: None, lambda *_: None, max_backlog=1)
    worker.put(frame(100.0, person()), "camera", 0.0)
    assert recognizer.blocked.wait(20)
    for second in np.arange(0.0, 1.99, 0.1):
        worker.put(frame(100.1 + second, person()), "camera", 0.0)
    for second in np.arange(0.0, 1.99, 0.1):
        worker.put(frame(second, person()), "camera", 0.0)
        worker.put(frame(second - 0.3, person()), "camera", 0.0)  # late: makes no tick due
    recognizer.gate.release(50)
    done = threading.Event()
    worker.call(lambda _: done.set())
    assert done.wait(20)
    worker.close()
    assert 2 * 9 <= worker.skipped_ticks <= 2 * 10


def test_worker_survives_a_failing_network(model):
    recognizer = Recognizer(load_checkpoint(Path(model)), "cpu")
    good, calls = recognizer.recognize, []

    def fail_once(windows, end, lengths):
        calls.append(end)
        if len(calls) == 1:
            raise RuntimeError("CUDA out of memory")
        return good(windows, end, lengths)

    recognizer.recognize = fail_once
    results: list[Result] = []
    reports: list[str] = []
    worker = Worker(ActionStream(recognizer), results.append, lambda _, text: reports.append(text))
    for i in range(10):
        worker.put(frame(i * 0.1, person()), "camera", 0.0)
    done = threading.Event()
    worker.call(lambda _: done.set())
    assert done.wait(20)
    assert reports == ["recognition failed: RuntimeError: CUDA out of memory"]
    assert len(results) == 4
    worker.close()
