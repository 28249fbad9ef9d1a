# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet evaluate-bag`` from the command line, and what it refuses, in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bags import STORY, write_bag

from bharnet_train import cli


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bharnet_train.cli", "evaluate-bag", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def called(monkeypatch, capsys, *arguments: object) -> tuple[int, str]:
    """Exit code and what was printed, in this process: a new one takes seconds to start."""
    monkeypatch.setattr(sys, "argv", ["bharnet", "evaluate-bag", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def test_command_line(bag, labels, model_file, tmp_path):
    done = run(bag, "--labels", labels, "--model", model_file, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "IoU 0.1" in done.stdout
    assert done.stdout.splitlines()[-1] == str(tmp_path / "out" / "report.html")
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert written["summary"]["segments"] == 2
    timings = json.loads((tmp_path / "out" / "timings.json").read_text())
    assert {"read", "convert", "recognise", "decide"} == timings["stages_ms"].keys()
    assert "Speed" in (tmp_path / "out" / "report.html").read_text()


@pytest.fixture
def broken(tmp_path, bag, labels, model_file):
    """Everything that cannot be evaluated, by name: bag, labels, further options."""
    (mcap,) = bag.glob("*.mcap")
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "metadata.yaml").write_bytes((bag / "metadata.yaml").read_bytes())
    (cut / mcap.name).write_bytes(mcap.read_bytes()[: mcap.stat().st_size // 2])
    killed = tmp_path / "killed"  # the recorder wrote neither metadata nor index
    killed.mkdir()
    (killed / mcap.name).write_bytes((cut / mcap.name).read_bytes())
    outside = tmp_path / "outside.csv"
    outside.write_text("start,end,label\n1,2,wave\n100,102,wave\n")
    unstamped = write_bag(tmp_path / "unstamped", STORY, 0.0, start=0)
    return {
        "missing": (tmp_path / "nowhere", labels, ()),
        "cut short": (cut, labels, ()),
        "no index": (killed, labels, ()),
        "empty": (write_bag(tmp_path / "empty", [], -1.0), labels, ()),
        "no stamps": (unstamped, labels, ()),
        "no such topic": (bag, labels, ("--topic", "/other/poses")),
        "no actions": (bag, labels, ("--recorded",)),
        "no such labels": (bag, tmp_path / "none.csv", ()),
        "labels outside": (bag, outside, ()),
        "no labels": (bag, None, ()),
        "no model": (bag, labels, ("--model", tmp_path / "none.safetensors")),
        "no number": (bag, labels, ("--set", "enter_seconds=soon")),
        "no pair": (bag, labels, ("--rename", "hello")),
        "no pictures": (bag, labels, ("--images",)),
        "no device": (bag, labels, ("--device", "toaster")),
        "no backend": (bag, labels, ("--backend", "toaster")),
        "no such backend": (bag, labels, ("--backend", "tensorrt")),
        "no such label": (bag, labels, ("--rename", "wafe=wave")),
        "no offset": (bag, labels, ("--offset", "soon")),
        "no finite offset": (bag, labels, ("--offset", "nan")),
        "offset beyond time": (bag, labels, ("--offset", "1e999999")),
        "endless people": (bag, labels, ("--set", "max_people=inf")),
        "half a person": (bag, labels, ("--set", "max_people=2.5")),
        "nowhere to write": (bag, labels, ("--out", labels)),
    }


SAID = {
    "missing": "there is no recording",
    "cut short": "is damaged or of an unknown kind",
    "no index": "has no metadata.yaml, so it is no rosbag2, or its recorder was killed; `ros2 bag",
    "empty": "holds no messages",
    "no stamps": "no message on /bharnet/poses has a stamp",
    "no such topic": "PersonPoseArray on /other/poses, but on /bharnet/poses; name one of these",
    "no actions": "has no topic of bharnet_ros/msg/ActionArray, only /bharnet/poses (bharnet_ros",
    "no such labels": "there is no file of labels",
    "labels outside": "line 3: 100 to 102 lies outside the recording",
    "no labels": "has no labels on /bharnet/truth or /bharnet/demo/truth; give a file",
    "no model": "none.safetensors",
    "no number": "--set wants numbers",
    "no pair": "write it as NAME=VALUE",
    "no pictures": "has no topic of sensor_msgs/msg/Image or sensor_msgs/msg/Compressed",
    "no device": "device 'toaster' is none of",
    "no backend": "backend 'toaster' is none of auto, eager",
    "no such backend": "backend tensorrt cannot be used",
    "nowhere to write": "no folder that can be written",
    "no such label": "has no label 'wafe' to rename; it has",
    "no offset": "--offset soon: it must be a number",
    "no finite offset": "an offset of NaN seconds is no time",
    "offset beyond time": "seconds is no time",
    "endless people": "max_people inf is no whole number",
    "half a person": "max_people 2.5 is no whole number",
}


@pytest.mark.parametrize("name", SAID)
def test_what_cannot_be_is_one_sentence_and_two(
    name, broken, model_file, tmp_path, monkeypatch, capsys
):
    bag, labels, options = broken[name]
    out = tmp_path / "out"
    given = ["--labels", labels] if labels else []
    code, said = called(
        monkeypatch, capsys, bag, *given, "--model", model_file, "--out", out, *options
    )
    assert code == 2
    assert SAID[name] in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    assert not out.exists()  # nothing half-written


def test_reports_of_bags_named_alike_but_for_a_dot_lie_apart(
    model_file, labels, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for name in ("run.1", "run.2"):
        bag = write_bag(tmp_path / name, STORY, 12.0)
        assert called(monkeypatch, capsys, bag, "--labels", labels, "--model", model_file)[0] == 0
    assert {each.name for each in Path("runs").iterdir()} == {"run.1-report", "run.2-report"}
