# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`bharnet record`: from bags, videos and a webcam that others play."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bags import frame_of, write_bag
from gestures import make_take
from people import START, frame, person
from test_watch import Walks, film
from tiny import save_model
from typer.testing import CliRunner

from bharnet.checkpoint import InvalidCheckpoint, load_checkpoint
from bharnet.coach import Coach, Who, Wish
from bharnet.estimation.people import PeopleEstimator
from bharnet.models import SHIPPED
from bharnet.recording import InvalidRecordings, Recordings
from bharnet.skeleton import COCO_17, UPPER_BODY_11
from bharnet.take import read_take
from bharnet_train import record as module
from bharnet_train.cli import app, main
from bharnet_train.finetune.copies import STRONG

ROOT = Path(__file__).resolve().parents[1]


def run(*given: object) -> str:
    done = CliRunner().invoke(app, ["record", *map(str, given)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def labels_of(folder: Path) -> list[str]:
    return [line.label for line in Recordings(folder).lines]


def test_labels_are_said_as_they_are_written(tmp_path):
    """Brackets are rich's markup: a label with one was cut, or ended in a traceback."""
    for label in ("wave [left]", "wave [/]"):
        Recordings(tmp_path / "mine").add(make_take("wave", len(label)), label)
        told = run(label, "--into", tmp_path / "mine", "--discard")
        assert f"0 takes of '{label}' are left" in told
    bag = write_bag(tmp_path / "bag", [("ab12c", 0, 3)], seconds=3)
    told = run("wave [/]", "--bag", bag, "--into", tmp_path / "mine")
    assert told.splitlines()[-1].endswith("mine now holds wave [/] 1")


# --- a rosbag2


def test_a_bag_is_one_take(tmp_path):
    bag = write_bag(tmp_path / "bag", [("ab12c", 0, 3)], seconds=3)
    told = run("wave", "--bag", bag, "--into", tmp_path / "mine", "--session", "monday")
    (line,) = Recordings(tmp_path / "mine").lines
    assert (line.label, line.person, line.session) == ("wave", "p1", "monday")
    take = read_take(tmp_path / "mine" / line.take)
    assert (len(take.stamps), take.layout, take.units) == (30, UPPER_BODY_11, "picture_heights")
    assert take.stamps[0] == START
    assert take.estimator == "test"
    assert "1 take kept" in told


def test_a_bag_keeps_its_joints_however_their_layout_is_written(tmp_path, monkeypatch):
    """The recogniser passes over underscores; here 17 joints had become 11."""

    def coco(stamp, people):
        message = frame_of(stamp, people)
        message.body_layout = "coco17"
        for each in message.people:
            each.body = np.resize(each.body, 17 * 4)
        return message

    monkeypatch.setattr("bags.frame_of", coco)
    bag = write_bag(tmp_path / "bag", [("ab12c", 0, 3)], seconds=3)
    run("wave", "--bag", bag, "--into", tmp_path / "mine")
    (line,) = Recordings(tmp_path / "mine").lines
    assert read_take(tmp_path / "mine" / line.take).layout == COCO_17


def test_what_is_wrong_in_every_frame_is_said_once(tmp_path):
    bag = write_bag(tmp_path / "bag", [("ab12c", 0, 3), ("x" * 300, 0, 3)], seconds=3)
    told = run("wave", "--bag", bag, "--into", tmp_path / "mine")
    assert told.count("body_id is longer") == 1


def test_the_end_that_no_take_holds_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("bharnet.recording.MOST_FRAMES", 20)
    bag = write_bag(tmp_path / "bag", [("ab12c", 0, 3)], seconds=3)
    told = run("wave", "--bag", bag, "--into", tmp_path / "mine")
    assert "'wave' is longer than a take may be: its end is left out" in told
    (line,) = Recordings(tmp_path / "mine").lines
    assert len(read_take(tmp_path / "mine" / line.take).stamps) == 20


@pytest.mark.parametrize("wrong", ["label", "person"])
def test_a_name_that_is_none_is_refused_before_any_take(tmp_path, wrong):
    bag = write_bag(tmp_path / "bag", [("ab12c", 0, 3)], seconds=3)
    table = tmp_path / "labels.csv"
    table.write_text(
        f"start,end,label\n0,1,wave\n1,2,{'x' * 65 if wrong == 'label' else 'stop'}\n"
    )
    given = ["--labels", table, "--person", "x" * 65 if wrong == "person" else "ann"]
    with pytest.raises(InvalidRecordings, match="is no name of a"):
        run("--bag", bag, *given, "--into", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_each_segment_of_a_bag_is_a_take(tmp_path):
    bag = write_bag(tmp_path / "bag", [("ab12c", 0, 9), ("fg34h", 5, 9)], seconds=9)
    table = tmp_path / "labels.csv"
    table.write_text("start,end,label,person\n1,3,wave,ab12c\n3,4,,ab12c\n5,8,stop,fg34h\n")
    run("--bag", bag, "--labels", table, "--into", tmp_path / "mine")
    recordings = Recordings(tmp_path / "mine")
    assert labels_of(recordings.folder) == ["wave", "idle", "stop"]
    lengths = [len(read_take(tmp_path / "mine" / line.take).stamps) for line in recordings.lines]
    assert lengths == [20, 10, 30]
    run("stop", "--bag", bag, "--labels", table, "--into", tmp_path / "other")
    assert labels_of(tmp_path / "other") == ["stop"]


def test_a_segment_that_shows_nobody_is_told(tmp_path):
    bag = write_bag(tmp_path / "bag", [("ab12c", 4, 9)], seconds=9)
    table = tmp_path / "labels.csv"
    table.write_text("start,end,label\n1,3,wave\n5,7,wave\n")
    told = run("--bag", bag, "--labels", table, "--into", tmp_path / "mine")
    assert "no take of 'wave': 20 frames do not show anybody" in told
    assert labels_of(tmp_path / "mine") == ["wave"]


def test_the_demos_bag_brings_its_own_labels(tmp_path):
    run("--bag", ROOT / "demo" / "signs", "--into", tmp_path / "mine")
    labels = labels_of(tmp_path / "mine")
    assert {"hello", "welcome", "idle"} <= set(labels)
    assert len(labels) > 10


def test_a_recording_of_which_nothing_is_kept_has_failed(tmp_path):
    bag = write_bag(tmp_path / "bag", [("ab12c", 4, 9)], seconds=9)
    table = tmp_path / "labels.csv"
    table.write_text("start,end,label\n1,3,wave\n")
    with pytest.raises(InvalidRecordings, match="no take was kept; the lines above say why"):
        run("--bag", bag, "--labels", table, "--into", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (["wave", "--bag", "nowhere"], "there is no recording"),
        (["wave", "--video", "nowhere.mp4"], "there is no file"),
        ([" ", "--bag", "BAG"], "no name of a gesture"),
        (["--bag", "BAG"], "no label names a take"),
        (["dance", "--bag", "BAG", "--labels", "TABLE"], "name no 'dance', but wave"),
        (["wave", "--discard"], "holds no take of 'wave'"),
        (["wave", "--camera", "77"], "camera 77 cannot be opened"),
        (["wave", "--seconds", "0"], "0.2 to 60 s"),
        ([], "which gesture? give its name"),
        (["--video", "x.mp4"], "what does the video show?"),
        (["wave", "--bag", "BAG", "--video", "x.mp4"], "exclude each other"),
        (["wave", "--labels", "TABLE"], "--labels belongs to a recording"),
        (["wave", "--bag", "BAG", "--takes", "5"], "--takes is for a webcam"),
        (["wave", "--bag", "BAG", "--from", "shipped"], "--from is for a webcam"),
        (["wave", "--from", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_recorded_is_one_sentence(tmp_path, monkeypatch, capsys, given, match):
    table = tmp_path / "labels.csv"
    table.write_text("start,end,label\n1,2,wave\n")
    bag = write_bag(tmp_path / "bag", [("ab12c", 0, 3)], seconds=3)
    places = {"BAG": str(bag), "TABLE": str(table)}
    monkeypatch.setattr(module, "_camera", lambda *_: PeopleEstimator(Walks()))
    monkeypatch.setattr("bharnet.video.has_display", lambda: True)
    words = [places.get(word, word) for word in given]
    monkeypatch.setattr("sys.argv", ["bharnet", "record", *words, "--into", str(tmp_path / "m")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert match in capsys.readouterr().out
    assert not (tmp_path / "m").exists()


def test_a_file_for_a_folder_is_told_before_any_take(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("take,label\n")
    with pytest.raises(InvalidRecordings, match="is a file; give the folder that holds labels"):
        run("wave", "--into", table)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    bag = write_bag(tmp_path / "bag", [("ab12c", 0, 3)], seconds=3)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bharnet.recording.write_take", full)
    with pytest.raises(InvalidRecordings, match="No space left"):
        run("wave", "--bag", bag, "--into", tmp_path / "mine")


# --- a video, a webcam


def test_a_video_is_one_take_and_leaves_no_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_camera", lambda *_: PeopleEstimator(Walks()))
    made = film(tmp_path / "some.mp4", count=10)
    run("wave", "--video", made, "--into", tmp_path / "mine")
    assert len(read_take(tmp_path / "mine" / "wave_001.npz").stamps) == 10
    names = {path.name for path in (tmp_path / "mine").iterdir()}
    assert names == {"labels.csv", "wave_001.npz"}
    run("wave", "--discard", "--into", tmp_path / "mine")
    assert labels_of(tmp_path / "mine") == []


class Webcam:
    """Pictures at ten a second."""

    rate = 10.0

    def __iter__(self):
        for i in range(200):
            yield np.full((120, 160, 3), i, np.uint8), START + round(i * 1e8)


def test_before_a_webcam_takes_are_led_through(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_camera", lambda *_: PeopleEstimator(Walks()))
    monkeypatch.setattr("bharnet.video.open_camera", lambda number: Webcam())
    given = ["--takes", 2, "--seconds", 1, "--countdown", 1, "--no-window"]
    told = run("wave", *given, "--into", tmp_path / "mine", "--save", tmp_path / "film.mp4")
    assert labels_of(tmp_path / "mine") == ["wave", "wave", "idle"]
    assert "kept wave_002.npz" in told
    assert [line.split(",")[0] for line in told.splitlines() if "NOW" in line] == [
        "'wave' 1 of 2 NOW",
        "'wave' 2 of 2 NOW",
        "'idle' 1 of 1 NOW",
    ]
    assert read_take(tmp_path / "mine" / "idle_001.npz").seconds == pytest.approx(6)
    assert (tmp_path / "film.mp4").stat().st_size > 1000


def test_takes_last_as_long_as_the_network_that_is_taught_looks_back(tmp_path, monkeypatch):
    """So that a robot sees each whole; a warning where training would give one."""
    monkeypatch.setattr(module, "_camera", lambda *_: PeopleEstimator(Walks()))
    monkeypatch.setattr("bharnet.video.open_camera", lambda number: Webcam())
    usual = ["--takes", 1, "--idle", 0, "--countdown", 1, "--no-window"]

    def recorded(*given: object) -> tuple[float, str]:
        told = run("wave", *usual, *given, "--into", tmp_path / "mine")
        line = Recordings(tmp_path / "mine").lines[-1]
        return read_take(tmp_path / "mine" / line.take).seconds, told

    back = load_checkpoint(SHIPPED).info.features.window_seconds
    seconds, told = recorded()
    assert seconds == pytest.approx(back)
    assert f"each take lasts the {back:g} s that the network looks back" in told
    base = save_model(tmp_path / "base.safetensors")  # looks back 1 s
    assert recorded("--from", base)[0] == pytest.approx(1.0)
    longest = back / STRONG.shortest
    for wished, warned in ((2.0, False), (longest + 0.5, True)):
        seconds, told = recorded("--seconds", wished)
        assert seconds == pytest.approx(wished, abs=0.1)
        assert (f"more than {longest:.1f} s are too long for the {back:g} s" in told) is warned
        assert "each take lasts" not in told
    with pytest.raises(InvalidCheckpoint):
        recorded("--from", tmp_path / "nowhere")


def test_a_camera_that_is_pulled_out_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_camera", lambda *_: PeopleEstimator(Walks()))
    monkeypatch.setattr("bharnet.video.open_camera", lambda number: Webcam())
    given = ["--takes", 3, "--seconds", 5, "--countdown", 3, "--no-window"]
    with pytest.raises(InvalidRecordings, match=r"no more pictures; the 2 takes .* are whole"):
        run("wave", *given, "--into", tmp_path / "mine")
    assert labels_of(tmp_path / "mine") == ["wave", "wave"]


def test_without_a_display_the_way_out_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_camera", lambda *_: PeopleEstimator(Walks()))
    monkeypatch.setattr("bharnet.video.open_camera", lambda number: Webcam())
    monkeypatch.setattr("bharnet.video.has_display", lambda: False)
    with pytest.raises(InvalidRecordings, match=r"no display .*; --no-window needs none"):
        run("wave", "--into", tmp_path / "mine")


def coach(folder: Path, takes: int = 2) -> Coach:
    return Coach(Recordings(folder), [Wish("wave", 1.0)] * takes, Who("p1", "s"), 1.0)


def lead(made: Coach, start: float, seconds: float, *people) -> list[str]:
    """What is shown of frames at 10 Hz."""
    count = round(seconds * 10)
    return [made.see(frame(start + i / 10, *people), UPPER_BODY_11) for i in range(count)]


def test_the_coach_counts_down_records_and_goes_on(tmp_path):
    made = coach(tmp_path)
    shown = lead(made, 0, 2.1, person())
    assert shown[0].startswith("'wave' 1 of 2 in 1.0 s")
    assert shown[12].startswith("'wave' 1 of 2 NOW")
    assert shown[-1] == "kept wave_001.npz"
    assert not made.finished
    lead(made, 2.1, 2.2, person())
    assert made.finished
    assert read_take(tmp_path / "wave_001.npz").seconds == pytest.approx(1.0)


def test_a_take_that_shows_nobody_is_asked_for_again(tmp_path):
    made = coach(tmp_path, takes=1)
    assert "not kept" in lead(made, 0, 2.1)[-1]
    assert not made.finished
    lead(made, 2.1, 2.2, person())
    assert made.finished


def test_a_take_begins_anew_where_time_jumps_back(tmp_path):
    """As where a clock is set: it had been kept with what was seen until then alone."""
    made = coach(tmp_path, takes=1)
    lead(made, 100.0, 1.6, person())
    assert made.recording
    assert lead(made, 99.0, 0.1, person())[0].endswith("time jumped back: the take begins anew")
    lead(made, 99.1, 2.1, person())
    assert made.finished
    take = read_take(tmp_path / "wave_001.npz")
    assert (take.seconds, len(take.stamps)) == (pytest.approx(1.0), 11)


def test_a_take_can_be_discarded_while_and_after(tmp_path):
    made = coach(tmp_path)
    lead(made, 0, 1.5, person())
    assert made.recording
    made.discard()
    assert not made.recording
    lead(made, 1.5, 2.1, person())
    assert len(made.kept) == 1
    made.discard()
    assert (made.kept, Recordings(tmp_path).lines) == ([], [])
    made.discard()  # nothing is left
    assert made.note == "wave_001.npz discarded"
    lead(made, 3.6, 4.4, person())
    assert made.finished
