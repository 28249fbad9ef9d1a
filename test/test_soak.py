# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Minutes of what tools/soak does for a day; and that it notices what must never be."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tiny import save_model

from bharnet.checkpoint import load_checkpoint
from bharnet.decision import Reason, State
from bharnet.judging.hearing import Told
from bharnet.recognizer import Recognizer
from bharnet.stream import ActionStream
from tools.soak import crowd
from tools.soak.__main__ import soak as run_soak
from tools.soak.core import Soak
from tools.soak.footprint import footprint
from tools.soak.ledger import Ledger
from tools.soak.light import save_light


@pytest.fixture
def soak(tmp_path):
    model = load_checkpoint(save_model(tmp_path / "tiny.safetensors"))
    made = Soak(lambda: ActionStream(Recognizer(model, "cpu", "eager")), random.Random(5))
    made.crowd.come = 1.0
    return made


def test_nothing_goes_wrong(soak):
    soak.run(300)
    soak.end()
    assert not any(soak.wrong.values()), soak.wrong
    assert not soak.ledger.open
    assert len(soak.stream) == 0
    for what in ("came", "left"):
        assert soak.counts[what], what
    assert soak.ledger.counts["events"]


def test_everything_that_befalls_it_ends_what_runs(soak, monkeypatch):
    for chance in (0.0001, 0.0007, 0.0010, 0.0015, 0.0021):
        soak.run(40)
        monkeypatch.setattr(soak.rng, "random", lambda chance=chance: chance)
        soak._disturb()
        monkeypatch.undo()
    soak.end()
    assert not any(soak.wrong.values()), soak.wrong
    for what in ("stops", "clock jumps", "resets", "parameters changed", "activated again"):
        assert soak.counts[what], what


def test_a_lost_person_is_noticed(soak):
    soak.stream._usable = lambda frame: frame.people[1:]
    soak.run(100)
    assert soak.wrong["person lost"]


def test_an_event_without_an_end_is_noticed(soak):
    hear, dropped = soak.ledger.hear, []

    def deaf(told):
        kept = [each for each in told if each.state != State.OFFSET]
        dropped.extend(each for each in told if each.state == State.OFFSET)
        hear(kept)

    soak.ledger.hear = deaf
    soak.run(200)
    soak.end()
    assert dropped
    assert soak.wrong["two events of one body"] or soak.wrong["event never ended"]


ONSET = Told("a", "", State.ONSET, Reason.NONE, 7, "wave", 0.9, 10, 0, 12)
OFFSET = replace(ONSET, state=State.OFFSET, reason=Reason.FINISHED, offset=20)
NEVER = {
    "event id not new": [ONSET, OFFSET, ONSET],
    "two events of one body": [ONSET, replace(ONSET, event_id=8)],
    "event runs that is not open": [replace(ONSET, state=State.ONGOING)],
    "event ended that never began": [OFFSET],
    "event ended without a reason": [ONSET, replace(OFFSET, reason=Reason.NONE)],
    "event ended before it began": [ONSET, replace(OFFSET, offset=9)],
}


@pytest.mark.parametrize("what", NEVER)
def test_what_must_never_be_told_is_noticed(what):
    ledger = Ledger()
    for told in NEVER[what]:
        ledger.hear([told])
    assert ledger.wrong[what] == 1


def test_a_body_twice_in_a_result_is_noticed():
    ledger = Ledger()
    ledger.hear([OFFSET, ONSET])  # these two may be together
    assert not ledger.wrong["body listed twice"]
    ledger.hear([replace(ONSET, state=State.ONGOING)] * 2)
    assert ledger.wrong["body listed twice"] == 1


def test_the_command_tells_what_happened(tmp_path, capsys):
    light = load_checkpoint(save_light(tmp_path / "light.safetensors"))
    again = load_checkpoint(save_light(tmp_path / "again.safetensors"))
    assert light.digest == again.digest  # one graph in the cache
    assert run_soak(light, "eager", 0.001, 2) in (0, 1)  # so short, times are of no account
    said = capsys.readouterr().out
    assert "0.001 h of stream" in said
    assert "light by eager" in said
    assert "frames 40" in said


def test_people_do_different_things_for_a_while():
    people = crowd.Crowd(random.Random(1), 11, come=10.0)
    people.step(0)
    (body_id,) = people.until
    looks = [people.look(body_id)[0] for _ in range(20)]
    assert {each.shape for each in looks} == {(11, 4)}
    assert people.look(body_id)[1].shape == (2, 21, 4)
    people.leave()
    assert not people.until


def test_a_footprint_is_of_the_process():
    mine = footprint()
    assert mine.memory > 10
    assert mine.threads >= 1
    assert mine.files >= 3
    assert mine.cpu > 0
    with pytest.raises(OSError, match="No such file"):
        footprint(2**22 + 1)
