# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""docs/own-gestures.md: its commands are run, on invented gestures, in a folder of their own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from bags import STORE, frame_of
from gestures import GESTURES, make_take
from people import START
from rosbags.rosbag2 import StoragePlugin, Writer
from typer.testing import CliRunner

from bharnet.bag import POSE_TYPE, POSES
from bharnet.checkpoint import load_checkpoint
from bharnet.recording import Recordings
from bharnet.window import NANOSECONDS
from bharnet_train.cli import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "own-gestures.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.S)


def write_drive(folder: Path, shown: list[tuple[str, int]]) -> None:
    """A bag in which takes follow each other, two seconds apart, and drive.csv beside it."""
    table = ["start,end,label"]
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection(POSES, POSE_TYPE, typestore=STORE)
        begin = START
        for label, seed in shown:
            take = make_take(label, seed)
            hands = np.isfinite(take.hands[..., 0]).any((0, 2))
            for stamp, body, both in zip(take.stamps, take.body, take.hands, strict=True):
                at = int(begin + stamp - take.stamps[0])
                message = frame_of(at, ["ab12c"])
                (person,) = message.people
                for joints in (body, both):
                    joints[..., 0] *= 480 / 640  # picture heights -> shares of the width
                person.body = body.ravel()
                for side, key in enumerate(("left_hand", "right_hand")):
                    setattr(person, key, both[side].ravel() if hands[side] else np.zeros(0, "f4"))
                writer.write(topic, at, STORE.serialize_cdr(message, POSE_TYPE))
            start = (begin - START) / NANOSECONDS
            table.append(f"{start:.3f},{start + take.seconds + 0.01:.3f},{label.strip('-')}")
            begin += round((take.seconds + 0.4) * NANOSECONDS)
    folder.with_suffix(".csv").write_text("\n".join(table) + "\n")


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory) -> Path:
    """The folder in which every block of the page was run, in its order."""
    folder = tmp_path_factory.mktemp("tutorial")
    shown = [(label, seed) for seed in range(3) for label in (*GESTURES, "-")]
    write_drive(folder / "drive", [*shown, ("wave", 8)])
    write_drive(folder / "one_wave", [("wave", 9)])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for language, code in BLOCKS:
            if language == "sh":
                for line in code.splitlines():
                    program, *given = shlex.split(line)
                    assert program == "bharnet"
                    done = CliRunner().invoke(app, given, catch_exceptions=False)
                    assert done.exit_code == 0, f"{line}\n{done.output}"
            elif language == "python":
                exec(compile(code, str(PAGE), "exec"), {})
    return folder


def test_every_block_is_run_or_marked(tutorial):
    assert [language for language, _ in BLOCKS].count("sh") >= 3
    # What is only shown is a table, or stands under words that say why.
    for before in re.split(r"```text\n.*?```", PAGE.read_text(), flags=re.S)[:-1]:
        last = before.rstrip().split("\n\n")[-1].lower()
        assert "not run" in last or "looks like this" in last, last


def test_the_takes_are_as_the_page_says(tutorial):
    recordings = Recordings(tutorial / "my_gestures")
    assert recordings.count() == {"wave": 4, "stop": 3, "come": 3, "idle": 3}
    assert {line.session for line in recordings.lines} == {"monday"}  # tuesday's was discarded


def test_the_model_knows_the_gestures(tutorial):
    info = load_checkpoint(tutorial / "runs" / "my_gestures.safetensors").info
    assert info.classes == ("come", "stop", "wave", "idle")
    assert info.provenance["scores"]["left_out_top1"] >= 80
    for ending in ("md", "json", "png"):
        assert (tutorial / "runs" / f"my_gestures.{ending}").stat().st_size > 100


def test_a_running_node_changes_over_to_it(tutorial, tmp_path):
    pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")
    from robot import pose, robot, save_model, set_parameter, start

    path = tutorial / "runs" / "my_gestures.safetensors"
    with robot(model=str(save_model(tmp_path / "tiny.safetensors"))) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), seconds=1.0)
        assert set_parameter(node, "model", str(path)) == ""
        tester.wait(lambda: list(tester.labels[-1].labels) == ["come", "stop", "wave", "idle"])
        tester.play(pose(), start=end, seconds=2.5)
        newest = tester.actions[-1]
        assert newest.model_id.startswith("my_gestures-")
        assert newest.actions[0].hypotheses[0].label in {"come", "stop", "wave", "idle"}
