# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The model that ships: small, described, and right about what it is claimed to be right about."""

import numpy as np
import pytest
from conftest import ROOT
from people import frame, person

from bharnet.checkpoint import load_checkpoint
from bharnet.decision import State, decision_config
from bharnet.judging.matching import Verdict
from bharnet.models import SHIPPED
from bharnet.recognizer import Recognizer
from bharnet.skeleton import get_layout
from bharnet.stream import ActionStream, StreamConfig
from bharnet_train.config import read_config
from bharnet_train.datasets.select import load_split
from bharnet_train.streams.compose import compose_people
from bharnet_train.streams.run import ask, decide_and_judge


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


def test_the_card_names_every_label_and_score(checkpoint):
    card = SHIPPED.with_suffix(".md").read_text(encoding="utf-8")
    assert f"`{checkpoint.digest}`" in card
    for name in checkpoint.info.labels:
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


def test_a_person_it_never_saw_is_recognised_in_a_stream(checkpoint, shared_data):
    """As the card says: asl_words p2 at half speed, here 40 signs, as the node reads them."""
    config = read_config(ROOT / "config" / "train" / "robot_words.yaml")
    asl = next(source for source in config.sources if source.file == "asl_words.npz")
    config = config.model_copy(update={"sources": [asl]})
    unseen = load_split(config, shared_data).test
    assert {each.person for each in unseen} == {"p2"}
    layout = get_layout(checkpoint.info.features.body_layout)
    (stream,) = compose_people(unseen, layout, config.idle, 10.0, most_signs=40)
    recognizer = Recognizer(checkpoint, "cpu")
    info = recognizer.info
    (answers,) = ask(
        [stream.renamed(checkpoint.info.synonyms)], recognizer, StreamConfig(stride_seconds=0.1)
    )
    judged = decide_and_judge([answers], info, decision_config(info))
    verdicts = [each.verdict for who in judged.people for each in who.outcomes]
    assert verdicts.count(Verdict.RIGHT) >= 30
    assert verdicts.count(Verdict.WRONG) == verdicts.count(Verdict.FALSE_ALARM) == 0
    delay = judged.overall.delay.median
    assert delay is not None
    assert delay < 0.6
