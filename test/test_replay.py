# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A recording through the real node says what the core says of it offline."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml
from bags import FIRST_BEYOND_HUMBLE

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from bharnet.bag import ACTION_TYPE, ACTIONS, Bag
from bharnet.judging.document import describe
from bharnet.judging.evaluate import evaluate
from bharnet.judging.evaluation import Request
from bharnet_ros.action_bag import ActionBag
from bharnet_ros.demo import replay
from bharnet_ros.demo.domain import own_domain, ros_context
from bharnet_ros.msg import ActionArray
from bharnet_ros.replay import main


def test_live_and_offline_are_the_same(bag, labels, model_file, tmp_path, capsys):
    given = [str(bag), "--labels", str(labels), "--model", str(model_file), "--speed", "20"]
    assert main([*given, "--out", str(tmp_path / "live")]) == 0
    assert "121 sent, 0 lost, 0 skipped" in capsys.readouterr().out
    offline = evaluate(Request(bag, labels, model=model_file))
    actions = tmp_path / "live" / "story-actions"
    live = evaluate(Request(actions, labels, recorded=True))
    assert live.heard.listener.events == offline.heard.listener.events
    assert live.heard.listener.sightings == offline.heard.listener.sightings
    assert live.judgement == offline.judgement
    assert live.heard.losses == {"sent": 121, "lost": 0, "skipped": 0}
    assert (live.heard.model, live.heard.classes) == (offline.heard.model, offline.heard.classes)
    assert len(live.heard.ages) >= 60
    written = json.loads((tmp_path / "live" / "report.json").read_text())
    assert written == describe(live)
    assert written["summary"] == describe(offline)["summary"]


def test_without_labels_the_actions_are_kept_and_not_judged(bag, model_file, tmp_path, capsys):
    given = [str(bag), "--model", str(model_file), "--speed", "50", "--out", str(tmp_path / "out")]
    assert main(given) == 0
    assert "there is no score" in capsys.readouterr().out
    with Bag(tmp_path / "out" / "story-actions") as recorded:
        topic = recorded.choose((ACTION_TYPE,), "", ACTIONS)
        assert len(list(recorded.messages(topic))) >= 60
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["story-actions"]


def test_what_follows_a_dot_belongs_to_a_recordings_name(bag, model_file, tmp_path, monkeypatch):
    """Else run.1 and run.2 would write into one folder."""
    shutil.copytree(bag, tmp_path / "run.1")
    monkeypatch.chdir(tmp_path)
    assert main(["run.1", "--model", str(model_file), "--speed", "50"]) == 0
    assert (tmp_path / "runs" / "run.1-replay" / "run.1-actions").is_dir()


def test_a_node_that_runs_has_its_model(bag, model_file, capsys):
    with pytest.raises(SystemExit):
        main([str(bag), "--running", "--model", str(model_file)])
    assert "--model is for a node that is started here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("alive", "said"), [(True, "3 frames wait, and nothing more came"), (False, "ended before")]
)
def test_a_node_that_gets_on_no_more_is_not_waited_for(monkeypatch, alive, said):
    monkeypatch.setattr(replay, "FINISH_SECONDS", 0.3)
    with own_domain() as domain, ros_context(domain) as context:
        player = replay.Replay(context, lambda *_: None, "/bharnet/poses")
        try:
            player.outcome.waiting = 3  # as its last word was
            with pytest.raises(replay.ReplayError, match=said):
                player.finish(lambda: alive)
        finally:
            player.close()


def test_what_cannot_be_replayed_is_said_before_it_is_played(bag, labels, tmp_path, capsys):
    out = tmp_path / "out"
    outside = tmp_path / "outside.csv"
    outside.write_text("start,end,label\n100,101,wave\n")
    for given, said in (
        ([tmp_path / "nowhere"], "there is no recording"),
        ([bag, "--labels", tmp_path / "none.csv"], "there is no file of labels"),
        ([bag, "--labels", outside], "lies outside the recording"),
        ([bag, "--labels", labels, "--unlabelled", "maybe"], "idle or ignored"),
        ([bag, "--labels", labels, "--offset", "soon"], "--offset soon is no number"),
        ([bag, "--labels", labels, "--rename", "wave"], "--rename wave: write it as LABEL=CLASS"),
    ):
        assert main([*map(str, given), "--out", str(out)]) == 2
        assert said in capsys.readouterr().err
        assert not out.exists()


def test_results_stay_in_their_order_however_late_they_are(tmp_path):
    answers = ActionBag()
    for nanosec, age in ((100, 5.0), (200, 0.1), (300, float("nan"))):
        message = ActionArray(model_id="m")
        message.header.stamp.sec, message.header.stamp.nanosec = 7, nanosec
        answers.take(message, age)
    answers.write(tmp_path / "bag", None, {"/bharnet/truth": ["told"]}, {"lost": "3"})
    (told,) = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text()).values()
    assert told["version"] < FIRST_BEYOND_HUMBLE
    with Bag(tmp_path / "bag") as bag:
        stamps = [
            m.header.stamp.nanosec for _, m in bag.messages(bag.choose((ACTION_TYPE,), "", ""))
        ]
        assert stamps == [100, 200, 300]
        assert bag.texts("/bharnet/truth") == ["told"]
        assert bag.notes == {"bharnet.lost": "3"}


@pytest.mark.parametrize(
    ("said", "why"),
    [("[WARN] no poses arrive", "not ready"), ("[ERROR] no model", "cannot start")],
)
def test_a_warning_is_no_reason_to_give_up(monkeypatch, said, why):
    monkeypatch.setattr(replay, "MATCH_SECONDS", 0.0)
    with own_domain() as domain, ros_context(domain) as context:
        player = replay.Replay(context, lambda *_: None, "/bharnet/poses")
        with pytest.raises(replay.ReplayError, match=why):
            player.wait_for_node(lambda: True, lambda: [said])
        player.close()


def test_diagnostics_of_other_nodes_are_none_of_ours():
    """In a robot's domain (--running) any node tells of what it likes: it ended the replay."""

    def told(name, **values):
        pairs = [KeyValue(key=key.replace("_", " "), value=each) for key, each in values.items()]
        return DiagnosticArray(status=[DiagnosticStatus(name=name, values=pairs)])

    with own_domain() as domain, ros_context(domain) as context:
        player = replay.Replay(context, lambda *_: None, "/bharnet/poses")
        player._on_diagnostics(told("/bharnet: recognition", messages_received="7"))
        player._on_diagnostics(told("motors", messages_received="12 of 13", frames_waiting="-"))
        assert player.outcome.received == 7
        player.close()
