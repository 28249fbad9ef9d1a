# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""From a bag to a report, repeated to the last byte, or refused in one sentence."""

from __future__ import annotations

import json
import multiprocessing
import os
import struct
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from bags import (
    STORY,
    write_actions,
    write_bag,
    write_pictures,
    write_robots,
    write_two_cameras,
)
from people import START, standing
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from bharnet.bag import NoTopic
from bharnet.checkpoint import load_checkpoint, save_checkpoint
from bharnet.estimation.estimator import Detection
from bharnet.estimation.people import PeopleEstimator
from bharnet.estimation.tracker import Tracker
from bharnet.judging import ahead
from bharnet.judging.document import describe
from bharnet.judging.evaluate import evaluate
from bharnet.judging.evaluation import InvalidRequest, Request
from bharnet.judging.invalid import InvalidLabels
from bharnet.judging.offline import configure
from bharnet.judging.page import render
from bharnet.judging.report import write_report
from bharnet.window import NANOSECONDS

DEMO = Path(__file__).resolve().parents[1] / "demo" / "signs"


@pytest.fixture(scope="module")
def report(bag, labels, model_file):
    return describe(evaluate(Request(bag, labels, model=model_file)))


def test_what_was_told_of_whom(report):
    ann, bob = report["people"]
    assert (ann["name"], bob["name"]) == ("ann", "bob")
    assert [span[2] for span in ann["in_view"]] == ["ann", "ann"]
    assert ann["in_view"][0][:2] == [pytest.approx(1.0, abs=0.2), pytest.approx(4.9, abs=0.2)]
    assert (ann["events"][0]["label"], ann["events"][0]["result"]) == ("wave", "right")
    assert ann["segments"][0]["result"] == "found"
    # The wave told of bob lasts while he is in view: most of it where he did something else.
    assert [(e["label"], e["result"]) for e in bob["events"]] == [("wave", "wrong")]
    assert bob["segments"][0]["result"] == "missed"
    assert report["summary"]["iou"]["0.1"]["right"] == 1
    assert report["confusion"]["happened"] == ["wave", "yes", "(nothing)"]
    assert report["recording"]["frames"] == 121
    # Told at the first tick after enter_seconds.
    assert 0.2 <= report["summary"]["delay_s"]["median"] <= 0.6


def test_two_runs_are_the_same_to_the_last_byte(bag, labels, model_file, tmp_path):
    for name in ("one", "two"):
        evaluation = evaluate(Request(bag, labels, model=model_file))
        write_report(evaluation, tmp_path / name, timings=False)
    for name in ("report.json", "report.html"):
        one, two = ((tmp_path / run / name).read_bytes() for run in ("one", "two"))
        assert one == two
    assert not (tmp_path / "one" / "timings.json").exists()
    assert sorted(file.name for file in (tmp_path / "one").iterdir()) == [
        "report.html",
        "report.json",
    ]


def test_several_processes_tell_what_one_does(bag, labels, model_file, report):
    assert describe(evaluate(Request(bag, labels, model=model_file, jobs=2))) == report


@pytest.mark.parametrize(
    ("plugin", "compression"),
    [
        (StoragePlugin.SQLITE3, CompressionMode.NONE),
        (StoragePlugin.SQLITE3, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
    ],
)
def test_the_storage_makes_no_difference(
    tmp_path, labels, model_file, report, plugin, compression
):
    other = write_bag(tmp_path / "story", STORY, 12.0, plugin=plugin, compression=compression)
    assert describe(evaluate(Request(other, labels, model=model_file))) == report


def test_a_file_without_index_is_scanned(tmp_path, bag, labels, model_file, report):
    (mcap,) = bag.glob("*.mcap")
    content = mcap.read_bytes()
    footer = len(content) - 8 - 29
    summary = struct.unpack_from("<Q", content, footer + 9)[0]
    ending = content[footer : footer + 9] + struct.pack("<QQI", 0, 0, 0) + content[-8:]
    plain = tmp_path / "story.mcap"
    plain.write_bytes(content[:summary] + ending)
    found = describe(evaluate(Request(plain, labels, model=model_file)))
    assert {**found["recording"], "bag": "story"} == report["recording"]
    assert found["people"] == report["people"]


def test_labels_from_a_topic(tmp_path, model_file):
    texts = [json.dumps({"label": "wave", "start": 1, "end": 5, "person": "ann"})]
    bag = write_bag(tmp_path / "bag", STORY, 12.0, texts=texts)
    found = evaluate(Request(bag, model=model_file))
    assert found.labels == "/bharnet/truth"
    assert found.judgement.overall.scores[0.1].true == 1


def test_settings_change_what_is_told(bag, labels, model_file):
    slow = evaluate(Request(bag, labels, model=model_file, settings={"enter_seconds": 3.0}))
    assert slow.judgement.overall.delay.median > 2.9
    with pytest.raises(InvalidRequest, match="there is no setting patience; there are enter_sec"):
        evaluate(Request(bag, labels, model=model_file, settings={"patience": 1.0}))
    with pytest.raises(InvalidRequest, match="enter_seconds -1 is out of"):
        evaluate(Request(bag, labels, model=model_file, settings={"enter_seconds": -1.0}))
    with pytest.raises(InvalidRequest, match="idle or ignored"):
        Request(bag, labels, unlabelled="")


def test_a_number_of_people_may_be_written_as_one(model_file):
    info = load_checkpoint(model_file).info
    for people in (3, 3.0):
        _, stream = configure({"max_people": people}, info)
        assert (stream.max_people, type(stream.max_people)) == (3, int)


def test_nothing_happens_and_nothing_may_be_told(bag, model_file, tmp_path):
    (tmp_path / "none.csv").write_text("start,end,label\n")
    found = evaluate(Request(bag, tmp_path / "none.csv", model=model_file)).judgement
    assert found.overall.false_alarms == len(found.mistakes) > 0
    assert found.false_alarms_per_minute > 1
    assert found.overall.scores[0.5].f1 == 0.0


def test_labels_of_somebody_else(bag, model_file, tmp_path):
    (tmp_path / "x.csv").write_text("start,end,label,person\n1,2,wave,zoe\n")
    with pytest.raises(InvalidLabels, match="names zoe, but the recording shows ann, bob"):
        evaluate(Request(bag, tmp_path / "x.csv", model=model_file))


class Outline(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_and_stands_alone(report):
    page = Outline(render(report))
    assert page.open == []
    tags = {tag for tag, _ in page.tags}
    assert {"svg", "table", "style"} <= tags
    assert not {"script", "link", "img", "iframe"} & tags
    links = [
        value for _, given in page.tags for key, value in given.items() if key in ("src", "href")
    ]
    assert links == []
    assert "url(" not in page.text
    assert "wave, 0:01.0 to 0:05.0: found" in page.text


def test_the_page_escapes_what_people_are_called(tmp_path, model_file):
    evil = '"><script>alert(1)</script>'
    label = json.dumps({"label": f"<b>{evil}", "start": 0, "end": 2, "person": evil})
    bag = write_bag(tmp_path / "bag", [(evil, 0.0, 4.0)], 6.0, texts=[label])
    evaluation = evaluate(Request(bag, model=model_file))
    text = render(describe(evaluation))
    assert "<script" not in text
    assert "<b>&" not in text
    page = Outline(text)
    assert evil in page.text
    assert not any("alert" in str(given.get("onclick")) for _, given in page.tags)


@pytest.mark.parametrize("poses", [(), ("/bharnet/poses",), ("/left/poses", "/right/poses")])
def test_recorded_actions_are_judged_whatever_was_recorded_of_poses(tmp_path, poses):
    """None, none that came, or of two cameras: --topic names the actions, not one of these."""
    bag, labels = write_actions(tmp_path / "bag", 21, poses), tmp_path / "labels.csv"
    labels.write_text("start,end,label\n0.5,1.5,wave\n")
    found = evaluate(Request(bag, labels, recorded=True))
    assert found.heard.span.length == 2 * NANOSECONDS
    assert found.judgement.overall.missed == 1


def test_of_several_robots_in_a_recording_one_is_judged(tmp_path):
    """By its own classes, and from its own first frame on."""
    robots = {"/robot1": ("rest", "wave"), "/robot2": ("null", "bow"), "/robot3": ()}
    bag, labels = write_robots(tmp_path / "bag", robots), tmp_path / "labels.csv"
    labels.write_text("start,end,label\n0.5,1.5,bow\n")
    with pytest.raises(NoTopic, match=r"/robot1/bharnet/actions, .*; name one of these"):
        evaluate(Request(bag, labels, recorded=True))
    for number, name, classes, idle in (
        (0, "/robot1", ("rest", "wave"), "rest"),
        (1, "/robot2", ("null", "bow"), "null"),
        (2, "/robot3", None, ""),  # its labels never came
    ):
        heard = evaluate(Request(bag, labels, f"{name}/bharnet/actions", recorded=True)).heard
        assert (heard.classes, heard.idle) == (classes, idle)
        start = START + 10 * number * NANOSECONDS
        assert (heard.span.start, heard.span.end) == (start, start + 3 * NANOSECONDS)


def test_a_worker_that_ends_is_one_sentence(bag, labels, model_file, monkeypatch):
    """As one whom the system killed for its memory."""
    killed = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), os._exit, (9,))
    monkeypatch.setattr(ahead, "_workers", lambda *_: killed)
    with pytest.raises(InvalidRequest, match="use one"):
        evaluate(Request(bag, labels, model=model_file, jobs=2))


def test_a_model_with_a_misspelt_decision_is_one_sentence(bag, labels, model_file, tmp_path):
    """``decision`` of a configuration goes into the checkpoint as it is."""
    loaded = load_checkpoint(model_file)
    wrong = replace(loaded.info, decision={"enter_treshold": 0.5})
    save_checkpoint(tmp_path / "wrong.safetensors", loaded.network, wrong)
    with pytest.raises(InvalidRequest, match="enter_treshold, which is none of smoothing_seconds"):
        evaluate(Request(bag, labels, model=tmp_path / "wrong.safetensors"))


def test_what_cannot_be_used_is_counted_and_the_rest_judged(tmp_path, model_file, labels):
    bag = write_bag(tmp_path / "bag", [("", 0, 12), *STORY], 12.0)
    found = describe(evaluate(Request(bag, labels, model=model_file)))
    assert found["recording"]["left_out"] == {"no_id": 120}
    assert found["summary"]["iou"]["0.1"]["right"] == 1


def test_of_two_cameras_on_one_topic_one_is_followed_as_by_the_node(tmp_path, model_file):
    bag, labels = write_two_cameras(tmp_path / "bag"), tmp_path / "labels.csv"
    labels.write_text("start,end,label\n")
    heard = evaluate(Request(bag, labels, model=model_file)).heard
    assert {each.body_id for each in heard.listener.sightings} == {"ann"}
    assert (heard.frames, heard.left_out) == (21, {"two_sources": 21})


def test_the_demos_recording_is_judged_by_its_own_labels():
    found = evaluate(Request(DEMO))
    assert found.labels == "/bharnet/demo/truth"
    assert found.heard.span.start == 1_767_225_600 * NANOSECONDS
    assert found.judgement.overall.scores[0.1].true >= 5


class Somebody:
    """An estimator that sees one person in every picture that is not black."""

    name, body_layout = "somebody", "upper_body_11"
    smooths = True
    network_ms: ClassVar[dict[str, float]] = {}
    closed = False

    def estimate(self, image, stamp):
        body, hands = standing()
        body = body / [image.shape[1] / image.shape[0], 1, 1, 1]
        return [Detection(body.astype(np.float32), hands[0], hands[1])] if image.any() else []

    def reset(self):
        pass

    def close(self):
        self.closed = True


def test_pictures_go_through_an_estimator(tmp_path, model_file):
    dark, light = np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 90, np.uint8)
    bag = write_pictures(tmp_path / "bag", [dark] * 10 + [light] * 40 + [dark] * 30)
    (tmp_path / "x.csv").write_text("start,end,label\n1,5,wave\n")
    estimator = Somebody()

    def camera():
        return PeopleEstimator(estimator, Tracker(ids=iter(["only"])))

    found = evaluate(Request(bag, tmp_path / "x.csv", model=model_file, camera=camera))
    assert found.heard.frames == 79
    assert dict(found.heard.left_out) == {"image": 1}
    (event,) = found.heard.listener.events
    assert (event.body_id, event.label) == ("only", "wave")
    assert found.judgement.overall.scores[0.5].true == 1
    assert "estimate" in found.milliseconds
    assert describe(found)["recording"]["source"] == "pictures, recognised anew"
    assert estimator.closed
    with pytest.raises(InvalidRequest, match="without pictures"):
        Request(bag, recorded=True, camera=camera)
