# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""When running actions end because nothing usable comes, and what diagnostics count."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from people import START
from rclpy.duration import Duration
from robot import DEADLINE, SUCCESS, in_executor, pose, poses, robot, stamp, start

from bharnet.stream import Tick
from bharnet.window import NANOSECONDS
from bharnet_ros import health, levels, worker
from bharnet_ros import node as node_module
from bharnet_ros.msg import Action, PersonPose
from bharnet_ros.status import Reminder
from bharnet_ros.worker import Result


def unknown_layout(second: float):
    message = poses(second, pose())
    message.body_layout = "octopus_8"
    return message


def test_silence_is_told_less_and_less_often():
    reminder = Reminder(5.0)
    told = [second for second in range(300) if reminder.due(second + 0.5)]
    assert told == [5, 15, 35, 75, 135, 195, 255]
    assert not reminder.due(0.1)  # something came
    assert [second for second in range(20) if reminder.due(second + 0.5)] == [5, 15]


def is_error(tester) -> bool:
    return any(each.level == DiagnosticStatus.ERROR for each in tester.statuses[-1:])


@pytest.mark.parametrize(
    "useless",
    [unknown_layout, lambda second: poses(0.9, pose())],
    ids=["refused", "one stamp for ever"],
)
def test_what_runs_ends_though_messages_come(model, monkeypatch, useless):
    monkeypatch.setattr(levels, "RAISE_SECONDS", 0.0)
    with robot(model=model, stop_after_seconds=0.5) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), seconds=1.0)

        def go_on() -> None:
            tester.tell(useless(end))

        tester.wait(lambda: go_on() or tester.saw(Action.OFFSET))
        assert tester.saw(Action.OFFSET)[0].reason == Action.REASON_INPUT_STOPPED
        # Not that no poses arrive: they do.
        tester.wait(lambda: go_on() or is_error(tester))
        assert tester.statuses[-1].message == "nothing that arrives can be used, see the log"
        assert tester.diagnostics[-1]["frames used"] == "10"
        tester.play(pose(), start=5.0, seconds=1.0)
        assert [each.event_id for each in tester.saw(Action.ONSET)] == [1, 2]


def test_what_runs_ends_though_the_network_fails_for_good(model, monkeypatch):
    monkeypatch.setattr(levels, "RAISE_SECONDS", 0.0)
    with robot(model=model, lost_seconds=0.5, stop_after_seconds=DEADLINE) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), seconds=1.0)
        recognizer = node._worker._stream.recognizer
        good = recognizer.recognize

        def fail(*_):
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

        recognizer.recognize = fail
        failed_from = end
        for i in range(10):
            tester.tell(poses(end + i / 10, pose()))
        tester.wait(lambda: tester.saw(Action.OFFSET))
        (offset,) = tester.saw(Action.OFFSET)
        assert (offset.reason, offset.event_id) == (Action.REASON_RESET, 1)
        assert stamp(tester.actions[-1].header) - START <= (failed_from + 1.0) * NANOSECONDS
        tester.wait(lambda: is_error(tester))
        # It works again: the windows are whole, the action begins anew.
        recognizer.recognize = good
        tester.play(pose(), start=end + 1.0, seconds=1.0)
        assert [each.event_id for each in tester.saw(Action.ONSET)] == [1, 2]
        assert len(tester.saw(Action.OFFSET)) == 1
        assert tester.actions[-1].actions[0].frames_used >= 10


def hang(node, fails: bool = False) -> tuple[threading.Event, threading.Event]:
    """Let the network hang from now on: set once it does, and to be set that it gets on.

    ``fails``: whether it fails then.
    """
    recognizer, begun, gate = node._worker._stream.recognizer, threading.Event(), threading.Event()
    good = recognizer.recognize

    def wait(*given):
        begun.set()
        assert gate.wait(DEADLINE)
        if fails:
            raise RuntimeError("CUDA error: the launch timed out and was terminated")
        return good(*given)

    recognizer.recognize = wait
    return begun, gate


def test_what_runs_ends_though_the_network_hangs(model, monkeypatch):
    monkeypatch.setattr(levels, "RAISE_SECONDS", 0.0)
    monkeypatch.setattr(health, "HANG_SECONDS", 0.3)
    with robot(model=model, stop_after_seconds=DEADLINE) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), seconds=1.0)
        _, gate = hang(node)
        for i in range(5):
            tester.tell(poses(end + i / 10, pose()))
        tester.wait(lambda: tester.saw(Action.OFFSET))
        (offset,) = tester.saw(Action.OFFSET)
        assert (offset.reason, offset.event_id) == (Action.REASON_RESET, 1)
        tester.wait(lambda: is_error(tester))
        assert "the network has not answered for" in tester.statuses[-1].message
        assert any("running actions have ended; see whether" in line for line in tester.log)
        # It gets on: the windows are whole, the action begins anew.
        gate.set()
        tester.play(pose(), start=end + 0.5, seconds=1.0)
        assert [each.event_id for each in tester.saw(Action.ONSET)] == [1, 2]
        assert len(tester.saw(Action.OFFSET)) == 1
        assert tester.actions[-1].actions[0].frames_used >= 10


@pytest.mark.parametrize("fails", [False, True], ids=["answers late", "fails late"])
def test_a_node_ends_though_its_network_hangs(model, monkeypatch, fails):
    monkeypatch.setattr(worker, "CLOSE_SECONDS", 0.1)
    with robot(model=model, stop_after_seconds=DEADLINE) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), seconds=1.0)
        closed = threading.Event()
        thread, recognizer = node._worker._thread, node._worker._stream.recognizer
        recognizer.close = closed.set
        begun, gate = hang(node, fails)
        tester.tell(poses(end + 0.2, pose()))
        tester.wait(begun.is_set)
        assert in_executor(node, node.trigger_deactivate) == SUCCESS
        tester.wait(lambda: tester.saw(Action.OFFSET))
        assert tester.saw(Action.OFFSET)[0].reason == Action.REASON_RESET
        assert any("is left behind; see whether" in line for line in tester.log)
        assert not closed.is_set()  # it is in use
        # Another takes over; what the old one says at last is not heard.
        assert in_executor(node, node.trigger_activate) == SUCCESS
        tester.wait(tester.publisher.get_subscription_count)
        tester.play(pose(), start=10.0, seconds=1.0)
        gate.set()
        thread.join(DEADLINE)
        assert closed.is_set()
        assert not node.report.counts["recognise"]  # it is not the network in use that failed
        tester.play(pose(), start=11.0, seconds=0.5)
        assert [each.event_id for each in tester.saw(Action.ONSET)] == [1, 2]
        assert min(stamp(each.header) for each in tester.actions[-5:]) >= START + 10 * NANOSECONDS


def test_a_node_that_was_held_up_takes_that_for_no_silence(model, monkeypatch):
    ahead = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead)
    monkeypatch.setattr(health, "time", clock)
    monkeypatch.setattr(node_module, "time", clock)
    with robot(model=model, stop_after_seconds=DEADLINE) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), seconds=1.0)

        def hold() -> None:
            nonlocal ahead
            ahead = 2 * DEADLINE  # so long, and meanwhile a message came
            tester.publisher.publish(poses(end, pose()))
            assert tester.publisher.wait_for_all_acked(Duration(seconds=DEADLINE))
            while not node._health._timer.is_ready():  # and a check is due
                pass

        in_executor(node, hold)
        tester.play(pose(), start=end + 0.1, seconds=0.5)
        assert not tester.saw(Action.OFFSET)
        assert len(tester.saw(Action.ONSET)) == 1


def test_counts_begin_anew_with_each_activation(model):
    bad = PersonPose(body_id="bad", body=[0.5])
    with robot(model=model) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), bad, seconds=1.0)
        tester.wait(lambda: tester.told("frames or people left out", "10"))
        in_executor(node, node.trigger_deactivate)
        in_executor(node, node.trigger_activate)
        tester.wait(tester.publisher.get_subscription_count)
        before = len(tester.diagnostics)
        tester.play(pose(), start=end, seconds=0.5)
        tester.wait(lambda: len(tester.diagnostics) > before)
        assert {each["frames or people left out"] for each in tester.diagnostics[before:]} == {"0"}
        assert {each.message for each in tester.statuses[before:]} <= {
            "recognising",
            "no poses arrive",
        }


def test_who_reads_of_nothing_waiting_reads_of_the_last_result(model):
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready().play(pose(), seconds=1.0)
        tester.wait(lambda: not node._worker.waiting)
        last = Result(Tick(START, ()), node._worker._stream)

        def tell() -> dict[str, str]:
            node._outbox.append(last)  # by the worker, a moment ago
            real, told = node.diagnostics, []
            node.diagnostics = SimpleNamespace(publish=told.append)
            node._health._tell(1.0, False, False)
            node.diagnostics = real
            return {each.key: each.value for each in told[0].status[0].values}

        told = in_executor(node, tell)
        tester.wait(lambda: stamp(tester.actions[-1].header) == START)
        assert (told["frames waiting"], told["results"]) == ("0", str(len(tester.actions)))


def test_another_recogniser_of_the_same_name_is_told_of(model, monkeypatch):
    monkeypatch.setattr(health, "TWIN_SECONDS", 0.5)
    monkeypatch.setattr(health, "TELL_SECONDS", 0.1)
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready()
        other = rclpy.create_node("bharnet", namespace="/robot1", context=tester.node.context)
        tester.wait(lambda: len(tester.diagnostics) > 20)  # two seconds
        assert not [line for line in tester.log if "another node" in line]
        other.destroy_node()
        other = rclpy.create_node("bharnet", context=tester.node.context)
        tester.wait(lambda: [line for line in tester.log if "another node" in line])
        other.destroy_node()
        line = next(line for line in tester.log if "another node" in line)
        assert line.startswith("another node is /bharnet, too: ")
        assert "namespace:=robot1" in line


def test_losses_of_two_topics_add_up(model):
    with robot(model=model) as (node, tester):
        start(node)
        for total, change in ((3, 3), (1, 1), (5, 2)):  # of one topic, another, the first
            event = SimpleNamespace(total_count=total, total_count_change=change)
            in_executor(node, lambda event=event: node._health.lost(event))
        tester.wait(lambda: tester.told("messages lost on the way", "6"))
