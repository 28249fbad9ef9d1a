# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""docs/howto/python.md, run as it stands, and the names that it imports."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from commands import ROOT, blocks

import bharnet
from bharnet.bag import PoseBag
from bharnet.skeleton import MEDIAPIPE_33

PAGE = (ROOT / "docs" / "howto" / "python.md").read_text(encoding="utf-8")
JOINTS, MEDIAPIPE, COCO, CHANGES = blocks(PAGE, "python")


@pytest.fixture
def page() -> dict[str, Any]:
    """Names after the first snippet."""
    names: dict[str, Any] = {}
    exec(JOINTS, names)
    return names


def play(names: dict[str, Any]) -> None:
    """The recording of the demo."""
    with PoseBag(ROOT / "demo" / "signs") as bag:
        for recorded in bag.poses():
            message = bag.deserialize(recorded.data, bag.chosen.msgtype)
            people = {
                each.body_id: (each.body, *(each.left_hand, each.right_hand))
                for each in message.people
            }
            names["see"](people, recorded.stamp)


def test_joints_in_actions_out(page, capsys):
    play(page)
    lines = capsys.readouterr().out.splitlines()
    told = [line.split()[2] for line in lines if " begins " in line]
    assert told == ["no", "hello", "man", "namaste", "sorry", "welcome", "woman", "you"]
    assert len([line for line in lines if " took " in line]) == len(told)
    assert len(lines) == 2 * len(told)  # and nothing was reported


def landmarks(joints: np.ndarray) -> list[SimpleNamespace]:
    """As MediaPipe gives them; visibility is None of hands."""
    return [SimpleNamespace(x=x, y=y, z=z, visibility=None) for x, y, z in joints.tolist()]


def test_mediapipes_hands_go_to_their_wrists(page):
    exec(MEDIAPIPE, page)
    body = np.random.default_rng(0).random((33, 3))
    body[MEDIAPIPE_33.index("left_wrist")] = 0.8, 0.5, 0.0
    body[MEDIAPIPE_33.index("right_wrist")] = 0.2, 0.5, 0.0
    pose = landmarks(body)
    for each in pose:
        each.visibility = 0.9
    near = np.full((21, 3), 0.25), np.full((21, 3), 0.75)
    read = page["from_mediapipe"]
    (people,) = read(
        SimpleNamespace(pose_landmarks=[pose]),
        SimpleNamespace(hand_landmarks=[landmarks(each) for each in near]),
    ).values()
    seen = page["observe"]("a", *people, page["camera"], page["layout"])
    np.testing.assert_allclose(seen.hands[:, 0, 1], [0.75, 0.25])
    assert np.isnan(seen.hands[..., 3]).all()
    one_hand = SimpleNamespace(hand_landmarks=[landmarks(near[0])])
    (people,) = read(SimpleNamespace(pose_landmarks=[pose]), one_hand).values()
    assert [each is None for each in people] == [False, True, False]
    assert read(SimpleNamespace(pose_landmarks=[]), one_hand) == {}


def test_coco_keypoints_come_in_pixels(page):
    exec(MEDIAPIPE.split("\n\n")[0], page)  # numpy
    exec(COCO, page)
    points = np.full((2, 17, 3), (320.0, 120.0, 0.9))
    points[1, 9] = 0.0  # not seen, as YOLO writes it
    people = page["from_coco"](points.tolist(), [3, 4], 640, 480)
    assert list(people) == ["3", "4"]
    np.testing.assert_allclose(people["3"][0][0], (0.5, 0.25, np.nan, 0.9), rtol=1e-6)
    assert people["4"][0][9, 3] == 0.0
    page["camera"] = page["PoseFormat"](
        page["get_layout"]("coco_17"), page["Coordinates"].IMAGE, aspect=640 / 480
    )
    page["see"](people, 1)
    assert len(page["stream"]) == 2


def test_changes_change_what_is_told(page, capsys):
    exec(CHANGES, page)
    stream = page["stream"]
    assert stream.decider.config.enter_threshold == 0.8
    assert stream.decider.config.leave_seconds == 0.6
    own = page["recognizer"].info.decision
    assert stream.decider.config.enter_seconds == own["enter_seconds"]
    assert page["ended"] is None
    play(page)
    told = [line.split()[2] for line in capsys.readouterr().out.splitlines() if " begins " in line]
    assert told == ["no"]


def test_every_exported_name_is_there():
    for name in bharnet.__all__:
        assert getattr(bharnet, name) is not None
    assert set(bharnet.__all__) <= set(dir(bharnet))
    with pytest.raises(AttributeError, match="no attribute 'Recogniser'"):
        bharnet.Recogniser  # noqa: B018


def test_importing_it_imports_no_torch():
    code = "import sys, bharnet; print('torch' in sys.modules, bharnet.State.ONSET.name)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "ONSET"]
