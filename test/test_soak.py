# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Minutes of what tools/soak.py does for a day; and that it notices what must never be."""

from __future__ import annotations

import random

import pytest
from tiny import save_model

from bharnet.checkpoint import load_checkpoint
from bharnet.decision import State
from bharnet.recognizer import Recognizer
from bharnet.stream import ActionStream
from tools.soak import Soak


@pytest.fixture
def soak(tmp_path):
    model = load_checkpoint(save_model(tmp_path / "tiny.safetensors"))
    return Soak(ActionStream(Recognizer(model, "cpu", "eager")), random.Random(5))


def test_nothing_goes_wrong(soak):
    soak.run(600)
    soak._hear(soak.stream.reset())
    assert not any(soak.wrong.values()), soak.wrong
    assert not soak.open
    assert len(soak.stream) == 0
    for what in ("came", "left", "events", "came twice"):
        assert soak.counts[what], what


def test_a_lost_person_is_noticed(soak):
    soak.stream._usable = lambda frame: frame.people[1:]
    soak.run(100)
    assert soak.wrong["person lost"]


def test_an_event_without_an_end_is_noticed(soak):
    hear, dropped = soak._hear, []

    def deaf(tick):
        if tick is not None:
            kept = [each for each in tick.entries if each.decided.state != State.OFFSET]
            dropped.extend(set(tick.entries) - set(kept))
            tick = type(tick)(tick.stamp, tuple(kept))
        hear(tick)

    soak._hear = deaf
    soak.run(400)
    assert dropped
    assert soak.open or soak.wrong["event began twice"]
