# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Own gestures: a new head on a frozen trunk, checked honestly, and what is said beforehand."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from gestures import GESTURES, make_take, sequences_of, write_recordings

from bharnet.checkpoint import load_checkpoint
from bharnet.models import SHIPPED
from bharnet.recognizer import Recognizer
from bharnet.recording import Recordings
from bharnet.skeleton import UPPER_BODY_11
from bharnet.take import Take
from bharnet_train.datasets.overlap import fingerprints_of
from bharnet_train.datasets.own import read_own
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.evaluation import Result
from bharnet_train.finetune.copies import plain
from bharnet_train.finetune.crossval import Checked, make_folds
from bharnet_train.finetune.inspect import look_alike, look_at_joints, mirror_twins, unusable
from bharnet_train.finetune.refusal import Refusal
from bharnet_train.finetune.run import Plan, UnfitRecordings, cut, finetune


@pytest.fixture(scope="module")
def base():
    return load_checkpoint(SHIPPED)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A model that was taught three invented gestures at two sittings, and its folder."""
    folder = tmp_path_factory.mktemp("own")
    write_recordings(folder / "mine", takes=3, sessions=2)
    steps = []
    from bharnet_train.finetune.run import Told

    told = Told(step=lambda *given: steps.append(given))
    made = finetune(folder / "mine", Plan("mine", copies=4), folder / "runs", "the command", told)
    assert ("learning", 4, 4) in steps
    return made


def test_it_recognises_what_it_was_taught(taught):
    model = load_checkpoint(taught.path)
    assert model.info.classes == ("come", "stop", "wave", "idle")
    recognizer = Recognizer(model, "cpu")
    for label in (*GESTURES, "idle"):
        take = make_take(label, seed=77, seconds=2.0)
        window = take.window(UPPER_BODY_11)
        (said,) = recognizer.recognize([window], int(take.stamps[-1]))
        assert model.info.classes[said.probabilities.argmax()] == label


def test_its_trunk_is_the_base_networks(taught, base):
    model = load_checkpoint(taught.path)
    own, shipped = model.network.state_dict(), base.network.state_dict()
    changed = {
        key
        for key, value in own.items()
        if key not in shipped or not torch.equal(value, shipped[key])
    }
    assert {key.split(".")[2] for key in changed} == {"classify"}


def test_it_says_what_it_was_made_of(taught):
    info = load_checkpoint(taught.path).info
    assert info.provenance["takes"] == {"wave": 6, "stop": 6, "come": 6, "idle": 6}
    assert info.provenance["base"]["digest"] == load_checkpoint(SHIPPED).digest
    card = taught.path.with_suffix(".md").read_text()
    assert "the command" in card
    assert "| `wave` | 6 |" in card
    scores = json.loads(taught.path.with_suffix(".json").read_text())
    assert scores["sequences"] == 24
    assert "whole sittings" in taught.checked.how
    assert taught.checked.result.top1 >= 90
    assert info.network.wide_class == info.classes.index("idle")
    assert 0 <= scores_told(info)["strangers_taken"] <= 100


def scores_told(info):
    return info.provenance["scores"]


def test_the_same_seed_gives_the_same_model(tmp_path):
    folder = write_recordings(tmp_path / "mine", takes=2)
    one, two = (
        finetune(folder, Plan("mine", copies=2), tmp_path / name, "") for name in ("a", "b")
    )
    own, other = (load_checkpoint(each.path).network.state_dict() for each in (one, two))
    assert all(torch.equal(own[key], other[key]) for key in own)


# --- left out honestly


def test_neighbouring_takes_are_left_out_together():
    sequences = sequences_of([make_take("wave", seed) for seed in range(10)], "wave")
    sequences += sequences_of([make_take("stop", seed) for seed in range(10)], "stop")
    folds, how = make_folds(sequences, range(20))
    assert folds == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] * 2
    assert "same sitting" in how


def test_pieces_of_one_take_are_left_out_together(base):
    long = [make_take("idle", seed, seconds=9.0) for seed in range(2)]
    short = [make_take("wave", seed) for seed in range(2)]
    sequences = sequences_of(long, "idle") + sequences_of(short, "wave")
    takes = cut(sequences, replace(base.info.features, window_seconds=2.0))
    assert takes.origin == [0] * 8 + [1] * 8 + [2, 3]
    assert all(each.seconds <= 2.0 for each in takes.sequences)
    folds, _ = make_folds(takes.sequences, takes.origin)
    assert folds == [0] * 8 + [1] * 8 + [0, 1]


def test_whole_sittings_are_left_out_where_there_are_several():
    sequences = []
    for label in ("wave", "stop"):
        for day in ("a", "b", "c"):
            made = sequences_of([make_take(label, seed) for seed in range(2)], label)
            sequences += [replace(each, session=day) for each in made]
    folds, how = make_folds(sequences, range(12))
    assert folds == [0, 0, 1, 1, 2, 2] * 2
    assert "sittings" in how


@pytest.mark.parametrize(("calm", "end"), [(38, "100.0 % of 38 windows of idle"), (0, "gestures")])
def test_a_long_take_of_idle_does_not_drown_the_gestures(calm, end):
    """Two of 20 s are 38 windows: with all of them right, no gesture right was 81 % of 47."""
    confusion = [[3, 2, 0], [0, 1, 3], [0, 0, calm]]
    result = Result(
        90.0, None, None, 9 + calm, ("a", "b", "idle"), {}, {}, {}, confusion=confusion
    )
    said = Checked(result, "", Refusal(0.0, 1.0), 0.0).right
    assert said.startswith("44.4 % of 9 takes of gestures")
    assert said.endswith(end)


# --- what is said before training


def test_takes_that_cannot_be_used(base):
    features = base.info.features
    (short,) = sequences_of([make_take("wave", seconds=0.3)], "wave")
    assert "lasts 0.27 s" in unusable(short, features)
    take = make_take("wave")
    body = take.body.copy()
    body[5:, UPPER_BODY_11.index("left_shoulder"), :3] = np.nan
    (half,) = sequences_of([Take(take.stamps, body, take.hands, take.layout)], "wave")
    assert "shoulders are seen in 20 %" in unusable(half, features)
    # MediaPipe places a shoulder beside the picture, with a low score.
    body = take.body.copy()
    body[5:, UPPER_BODY_11.index("left_shoulder"), 3] = 0.9 * features.lowest_score
    (beside,) = sequences_of([Take(take.stamps, body, take.hands, take.layout)], "wave")
    assert "shoulders are seen in 20 %" in unusable(beside, features)
    assert unusable(sequences_of([take], "wave")[0], features) == ""


def test_what_is_doubtful_is_told(base):
    sequences = sequences_of([make_take("wave", seed, hands=False) for seed in range(3)], "wave")
    sequences += sequences_of([make_take("stop", seed, rate=6) for seed in range(5)], "stop")
    sequences += sequences_of([make_take("come", 9, seconds=4.0)], "come")
    sequences += sequences_of([make_take("come", seed) for seed in (3, 4)], "Null")
    told = look_at_joints(sequences, "idle", base.info.features)
    for words in (
        "'wave' has 3 takes only",
        "no hand is seen in any take of 'wave'",
        "5 of 11 takes have fewer than 8 frames a second",
        "1 of 1 takes of 'come' last longer than ",
        "there is no take of 'idle'",
        "'Null' will be taught as a gesture, for doing nothing is written 'idle'",
        "one person at one sitting",
    ):
        assert any(words in each.text for each in told), words
    assert [each.text for each in told if each.fatal] == [
        "'come' has 1 take; at least 2 are needed, 5 are better"
    ]


def test_gestures_that_look_alike_are_named(base):
    sequences = sequences_of([make_take("wave", seed) for seed in range(4)], "wave")
    sequences += sequences_of([make_take("wave", seed) for seed in range(4, 8)], "hello")
    sequences += sequences_of([make_take("stop", seed) for seed in range(4)], "stop")
    labels = [each.label for each in sequences]
    told = look_alike(labels, plain(base.network, base.info.features, sequences), "idle")
    assert len(told) == 1
    assert "'hello' and 'wave' look alike" in told[0].text


def test_left_and_right_are_noticed(base):
    features = base.info.features
    right = sequences_of([make_take("stop", seed) for seed in range(4)], "right")
    left = [replace(_mirrored(each), label="left") for each in right]
    other = sequences_of([make_take("wave", seed) for seed in range(4)], "wave")
    sequences = right + left + other
    labels = [each.label for each in sequences]
    pooled = plain(base.network, features, sequences)
    flipped = plain(base.network, features, sequences, mirrored=True)
    assert mirror_twins(labels, pooled, flipped) == [("left", "right")]


def _mirrored(sequence):
    """The same by somebody left-handed."""
    body = sequence.window.body[:, UPPER_BODY_11.mirror] * [-1, 1, 1, 1]
    hands = sequence.window.hands[:, ::-1] * [-1, 1, 1, 1]
    window = replace(sequence.window, body=body.astype(np.float32), hands=hands.astype(np.float32))
    return replace(sequence, window=window)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (["wave"] * 3, "two or more are needed"),
        (["wave", "wave", "stop"], "'stop' has 1 take"),
        (["idle"] * 4, r"0 gesture\(s\) \(none\)"),
    ],
)
def test_too_little_is_refused_before_training(tmp_path, labels, match):
    recordings = Recordings(tmp_path / "few")
    for seed, label in enumerate(labels):
        recordings.add(make_take(label, seed), label)
    with pytest.raises(UnfitRecordings, match=match):
        finetune(tmp_path / "few", Plan("few", copies=1), tmp_path / "runs", "")
    assert not (tmp_path / "runs").exists()


def test_another_checkpoint_may_be_the_base_and_nulls_are_idle(takes, tmp_path):
    folder = write_recordings(tmp_path / "mine", takes=2)
    first = finetune(folder, Plan("first", copies=1), tmp_path, "")
    plan = Plan("second", str(first.path), copies=1, nulls=takes / "takes.npz")
    again = load_checkpoint(finetune(folder, plan, tmp_path, "").path)
    assert again.info.provenance["base"]["name"] == "first"
    assert again.info.provenance["foreign_nulls"] == 16
    # An evaluation on theirs knows them again.
    own = load_checkpoint(first.path).info.provenance
    assert len(fingerprints_of(again.info.provenance) - fingerprints_of(own)) == 16


def test_nulls_that_are_not_there_are_named(tmp_path):
    folder = write_recordings(tmp_path / "mine", takes=2)
    plan = Plan("mine", copies=1, nulls=tmp_path / "none.npz")
    with pytest.raises(UnreadableData, match=r"there is no file .*none\.npz .* \(--nulls\)"):
        finetune(folder, plan, tmp_path, "")


def test_the_reader_is_there_for_configurations(tmp_path, caplog):
    from bharnet_train.config import TrainConfig
    from bharnet_train.datasets.select import load_split

    write_recordings(tmp_path / "mine", takes=2, sessions=2)
    Recordings(tmp_path / "mine").add(make_take("wave", 99), "wave")
    (tmp_path / "mine" / "wave_005.npz").write_bytes(b"half")
    source = {"file": "mine", "format": "own", "test": {"session": ["day1"]}}
    split = load_split(TrainConfig(name="x", idle="idle", sources=[source]), tmp_path)
    assert (len(split.train), len(split.test)) == (8, 8)
    assert "left out wave_005.npz" in caplog.text
    assert split.classes == ("come", "stop", "wave", "idle")
    assert len(read_own(tmp_path / "mine", UPPER_BODY_11)[0]) == 16
