"""The model that ships: small, described, and right about what it is claimed to be right about."""

import numpy as np
import pytest
from people import frame, person

from bharnet.checkpoint import load_checkpoint
from bharnet.decision import State
from bharnet.models import SHIPPED
from bharnet.recognizer import Recognizer
from bharnet.stream import ActionStream


@pytest.fixture(scope="module")
def checkpoint():
    return load_checkpoint(SHIPPED)


def test_it_is_small_and_carries_its_origin(checkpoint):
    assert SHIPPED.stat().st_size < 5_000_000
    provenance = checkpoint.info.provenance
    assert {"command", "seed", "sources", "scores", "sequences"} <= set(provenance)
    assert {source["file"] for source in provenance["sources"]} == {
        "asl_words.npz",
        "isl_words.npz",
        "ksl_words.npz",
        "webcam_words.npz",
    }


def test_the_card_names_every_class_and_score(checkpoint):
    card = SHIPPED.with_suffix(".md").read_text(encoding="utf-8")
    for name in checkpoint.info.classes:
        assert f"`{name}`" in card
    for score in checkpoint.info.provenance["scores"]["test_groups"].values():
        assert f"{score:.1f}" in card


def test_somebody_who_stands_is_idle_and_does_nothing(checkpoint):
    stream = ActionStream(Recognizer(checkpoint, "cpu"))
    ticks = [
        tick for i in range(40) for tick in stream.advance(frame(i * 0.1, person(hands=False)))
    ]
    states = {entry.decided.state for tick in ticks for entry in tick.entries}
    assert states <= {State.UNKNOWN, State.IDLE}
    assert ticks[-1].entries[0].decided.state == State.IDLE


def test_one_person_is_answered_the_same_alone_and_in_a_crowd(checkpoint):
    def probabilities(*others):
        stream = ActionStream(Recognizer(checkpoint, "cpu"))
        for i in range(25):
            ticks = stream.advance(frame(i * 0.1, person("me", 3), *others))
        (mine,) = [e for e in ticks[-1].entries if e.decided.body_id == "me"]
        return mine.decided.prediction.probabilities

    crowd = [person(f"p{i}", i) for i in range(20)]
    np.testing.assert_allclose(probabilities(), probabilities(*crowd), atol=1e-5)
