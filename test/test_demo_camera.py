# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The demo's camera act: what is played, and who is who in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from bharnet_ros.camera.images import to_rgb
from bharnet_ros.demo.camera import Stage, pictures
from bharnet_ros.demo.clips import Clip, Shot, Sign, beside, read_clips
from bharnet_ros.msg import Action, ActionArray
from bharnet_ros.stamps import nanoseconds, to_time

ROOT = Path(__file__).resolve().parents[1]
SECOND = 1_000_000_000


def clip(name: str, count: int, grey: int, start_s: float = 1.0) -> Clip:
    rows = np.full((48, 64, 3), grey, np.uint8)
    shown_at = tuple(0.2 * i for i in range(count))
    sign = Sign("you", 0.4, 1.0)
    return Clip(name, (rows,) * count, shown_at, round(start_s * SECOND), 10.0, sign)


LONG, SHORT = clip("long", 20, 200), clip("short", 12, 100)
PAIR = beside(LONG, SHORT, 100 * SECOND)


def test_two_beside_each_other() -> None:
    assert PAIR.length == 20
    first, last = PAIR.picture(0), PAIR.picture(19)
    assert first.shape == (48, 128, 3)
    assert (first[0, 0, 0], first[0, -1, 0]) == (200, 100)
    assert (last[0, 0, 0], last[0, -1, 0]) == (200, 100)  # who is through stays
    assert PAIR.picture(-1).max() == PAIR.picture(20).max() == 0
    assert [each.name for each in PAIR.clips] == ["long (left)", "short (right)"]
    assert len({each.body_id for each in (LONG, SHORT, *PAIR.clips)}) == 4
    truth = json.loads(PAIR.clips[1].truth())
    assert (truth["clip_start"], truth["start"]) == (100 * SECOND, 100 * SECOND + SECOND // 5)


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_pictures_come_in_time_with_nobody_between(transport: str) -> None:
    sent = list(pictures([Shot((SHORT,)), PAIR], transport))
    gap = 15
    assert len(sent) == gap + 12 + gap + 20 + gap
    stamps = [each.stamp for each in sent]
    assert stamps == sorted(set(stamps))
    assert [nanoseconds(each.data.header.stamp) for each in sent] == stamps
    greys = [int(to_rgb(each.data).max()) for each in sent]
    assert max(greys[:gap]) == max(greys[-gap:]) == 0
    assert min(greys[gap : gap + 12]) > 90


def actions(second: float, *bodies: tuple[str, float]) -> ActionArray:
    """Bodies by id and place in the picture."""
    return ActionArray(
        actions=[
            Action(
                body_id=body,
                bbox=[x - 0.1, 0.1, x + 0.1, 0.9],
                last_seen=to_time(round(second * SECOND)),
            )
            for body, x in bodies
        ]
    )


def test_time_and_place_tell_who_is_who() -> None:
    stage = Stage([PAIR, Shot((LONG,))])
    told = [actions(2.0, ("a", 0.7)), actions(101.0, ("c", 0.8), ("b", 0.2))]
    for message in told:
        stage.rename(message)
    names = [each.body_id for message in told for each in message.actions]
    assert names == [LONG.body_id, PAIR.clips[1].body_id, PAIR.clips[0].body_id]
    assert stage.switches == 0


@pytest.mark.parametrize(
    ("second", "bodies"),
    [
        (101.5, [("b", 0.2), ("new", 0.8)]),  # the right one gets another id
        (101.5, [("b", 0.8), ("c", 0.2)]),  # they change ids
        (101.5, [("a", 0.2), ("c", 0.8)]),  # an id of somebody who has long left
    ],
)
def test_switches_are_found(second: float, bodies: list[tuple[str, float]]) -> None:
    stage = Stage([Shot((LONG,)), PAIR])
    for message in (actions(2.0, ("a", 0.5)), actions(101.0, ("b", 0.2), ("c", 0.8))):
        stage.rename(message)
    assert stage.switches == 0
    stage.rename(actions(second, *bodies))
    assert stage.switches > 0


def test_nobody_without_a_place() -> None:
    stage = Stage([Shot((LONG,))])
    message = actions(2.0, ("a", float("nan")))
    stage.rename(message)
    assert message.actions[0].body_id == "a"
    for second in (0.5, 3.5):  # nothing was shown yet, nothing is shown any more
        message = actions(second, ("a", 0.5))
        stage.rename(message)
        assert message.actions[0].body_id == "a"
    assert stage.ids == {}


def demo(*arguments: str, data: str = "/nowhere") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bharnet_ros.demo.camera", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "BHARNET_DATA": data},
    )


def test_without_clips_it_says_so() -> None:
    done = demo()
    assert (done.returncode, done.stderr) == (0, "")
    assert "The camera's act is left out" in done.stdout


def test_a_video_that_is_none(tmp_path: Path) -> None:
    bad = tmp_path / "bad.avi"
    bad.write_text("no video")
    done = demo("--video", str(bad))
    assert done.returncode == 1
    assert "is no video that OpenCV can read" in done.stderr
    assert "Traceback" not in done.stderr


def write_video(path: Path, count: int) -> None:
    """Noise, each picture another."""
    rng = np.random.default_rng(0)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    for _ in range(count):
        video.write(rng.integers(0, 255, (48, 64, 3), np.uint8))
    video.release()


def test_pictures_of_a_video(tmp_path: Path) -> None:
    path = tmp_path / "noise.avi"
    write_video(path, 7)
    (found,) = read_clips([path], {}, 10.0)
    assert len(found.pictures) == 7
    assert found.segment is None
