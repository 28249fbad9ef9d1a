# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bad input through the real node: it lives, says cause and cure, and costs nobody else."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from robot import pose, poses, robot, save_model, start
from test_convert import BAD_MESSAGES, BAD_PEOPLE

from bharnet_ros.msg import Action, PersonPose


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One node for all cases: what one leaves behind would harm the next."""
    model = save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")
    with robot(model=str(model), stop_after_seconds=20.0) as (node, tester):
        node.report.seconds = 0.0  # say everything
        start(node)
        tester.ready()
        tester.next_second = tester.play(pose("good"), seconds=1.5)
        yield tester


def goes_on(tester, *bad, same=(), says="") -> None:
    """The good person is there all the time, the bad things come in between."""
    tester.log.clear()
    heard, begun = len(tester.actions), tester.next_second
    tester.next_second = begun + 1.0
    for i, second in enumerate(begun + 0.1 * k for k in range(10)):
        tester.tell(poses(second, pose("good"), *same))
        for message in bad if i % 2 else ():
            tester.tell(message(second) if callable(message) else message)
        tester.wait_stamp(second - 0.3)
    if says:
        tester.wait(lambda: any(says in line for line in tester.log))
    told = [each for array in tester.actions[heard:] for each in array.actions]
    good = [each for each in told if each.body_id == "good"]
    assert len(good) >= 4
    assert {each.state for each in good} == {Action.ONGOING}
    assert len({each.event_id for each in good}) == 1
    # Every frame of the last second is in the window, none of them spoilt.
    assert {each.frames_used for each in good} <= {10, 11}
    assert all(each.coverage > 0.95 for each in good)


@pytest.mark.parametrize("case", BAD_MESSAGES)
def test_bad_messages(running, case):
    message, says = BAD_MESSAGES[case]
    goes_on(running, message, says=says)


@pytest.mark.parametrize("case", BAD_PEOPLE)
def test_bad_people(running, case):
    bad, says = BAD_PEOPLE[case]
    goes_on(running, same=[bad], says=says)


def test_empty_arrays(running):
    goes_on(running, same=[PersonPose(body_id="empty")])
    ghost = running.saw(Action.UNKNOWN, "empty")
    assert ghost  # tracked, and nothing is claimed of it
    assert all(each.coverage == 0 for each in ghost)


def test_nothing_but_nan(running):
    nan = PersonPose(body_id="nan", body=[math.nan] * 44, left_hand=[math.nan] * 84)
    goes_on(running, same=[nan])
    assert running.saw(Action.UNKNOWN, "nan")


def test_no_id(running):
    goes_on(running, same=[pose("")], says="the pose source must assign ids")


def test_same_id_twice(running):
    goes_on(running, same=[pose("good", seed=9)], says="body_id 'good' occurs twice")


def test_equal_and_older_stamps(running):
    goes_on(
        running,
        lambda second: poses(second, pose("good", seed=9)),
        lambda second: poses(second - 0.35, pose("good", seed=9)),
        says="dropped a frame",
    )


def test_fifty_people(running):
    goes_on(running, same=[pose(f"crowd{i}") for i in range(49)])
    assert len(running.actions[-1].actions) >= 50


def test_more_people_than_allowed(running):
    goes_on(running, same=[pose(f"throng{i}") for i in range(70)], says="max_people is 50")


def test_hours_back(running):
    """The last one: a time jump ends everything, and life goes on in the new time."""
    running.actions.clear()
    running.log.clear()
    early = running.next_second - 2 * 3600
    for k in range(10):
        running.tell(poses(early + 0.1 * k, pose("good")))
    running.wait(lambda: running.saw(Action.ONSET, "good"))
    (offset,) = running.saw(Action.OFFSET, "good")
    assert offset.reason == Action.REASON_RESET
    running.wait(lambda: any("time jumped back" in line for line in running.log))
