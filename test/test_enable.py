# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The service ~/enable: silence when asked, and nothing old once it is asked for again."""

from __future__ import annotations

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from people import START
from robot import Tester, in_executor, pose, poses, robot, stamp, start
from std_srvs.srv import SetBool, Trigger

from bharnet.window import NANOSECONDS
from bharnet_ros.msg import Action


def enable(tester: Tester, data: bool) -> str:
    """Ask for it; what the node answers."""
    answer = tester.ask(SetBool, "bharnet/enable", SetBool.Request(data=data))
    assert answer.success
    return answer.message


def says(tester: Tester, text: str) -> bool:
    """Whether the newest diagnostics begin so."""
    return bool(tester.statuses) and tester.statuses[-1].message.startswith(text)


def test_disabled_it_ends_what_runs_and_keeps_nothing(model):
    with robot(model=model) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), seconds=1.0)
        (onset,) = tester.saw(Action.ONSET)
        assert enable(tester, False) == "running actions end, then silence"
        tester.wait(lambda: tester.saw(Action.OFFSET))
        (offset,) = tester.saw(Action.OFFSET)
        assert (offset.event_id, offset.reason) == (onset.event_id, Action.REASON_RESET)
        assert stamp(tester.actions[-1].header) == START + round(0.9 * NANOSECONDS)
        told = len(tester.actions)
        for number in range(10):  # it stays subscribed: these are counted, and not used
            tester.tell(poses(end + 0.1 * number, pose("late")))
        tester.wait(lambda: tester.told("messages received", "20"))
        tester.wait(lambda: says(tester, "disabled"))
        newest = tester.diagnostics[-1]
        assert (newest["frames used"], newest["people"]) == ("10", "0")
        assert len(tester.actions) == told


def test_enabled_again_it_knows_only_what_came_since(model):
    with robot(model=model) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), seconds=1.0)
        enable(tester, False)
        for number in range(10):
            tester.tell(poses(end + 0.1 * number, pose("while disabled")))
        tester.wait(lambda: tester.told("messages received", "20"))
        enable(tester, False)  # twice is as good as once
        assert enable(tester, True) == "recognising"
        told = len(tester.actions)
        again = end + 1.0
        tester.play(pose(), start=again, seconds=1.0)
        since = START + round(again * NANOSECONDS)
        for array in tester.actions[told:]:
            assert [each.body_id for each in array.actions] == ["ab12c"]
            for each in array.actions:
                window = each.window_start
                assert window.sec * NANOSECONDS + window.nanosec >= since
        assert [each.event_id for each in tester.saw(Action.ONSET)] == [1, 2]
        onset = tester.saw(Action.ONSET)[1].onset
        assert onset.sec * NANOSECONDS + onset.nanosec >= since
        assert len(tester.saw(Action.OFFSET)) == 1
        tester.wait(lambda: not says(tester, "disabled"))


def test_the_switch_outlives_deactivation_and_minds_no_reset(model):
    with robot(model=model) as (node, tester):
        assert enable(tester, False) == "disabled once it is active"
        start(node)
        tester.ready()
        for number in range(10):
            tester.tell(poses(0.1 * number, pose()))
        tester.wait(lambda: tester.told("messages received", "10"))
        assert tester.ask(Trigger, "bharnet/reset", Trigger.Request()).success
        in_executor(node, node.trigger_deactivate)
        assert enable(tester, True) == "enabled once it is active"
        assert enable(tester, False) == "disabled once it is active"
        in_executor(node, node.trigger_activate)
        tester.wait(lambda: tester.publisher.get_subscription_count())
        tester.wait(lambda: says(tester, "disabled"))
        assert tester.actions == []
        enable(tester, True)
        tester.play(pose(), start=2.0, seconds=1.0)
        assert len(tester.saw(Action.ONSET)) == 1
