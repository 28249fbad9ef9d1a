# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Own gestures: a new head on a frozen trunk, checked honestly, and what is said beforehand."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from gestures import GESTURES, make_take, write_recordings
from typer.testing import CliRunner

from bharnet.checkpoint import load_checkpoint, save_checkpoint
from bharnet.features import make_streams
from bharnet.models import SHIPPED
from bharnet.network import BHaRNet
from bharnet.recognizer import Recognizer
from bharnet.recording import Recordings
from bharnet.skeleton import UPPER_BODY_11, get_layout
from bharnet.take import Take
from bharnet_train.cli import app
from bharnet_train.config import InvalidConfig
from bharnet_train.datasets.own import read_own
from bharnet_train.datasets.recordings import UnreadableData
from bharnet_train.evaluation import Result
from bharnet_train.finetune.copies import plain
from bharnet_train.finetune.crossval import Checked, make_folds, takes_for_gesture
from bharnet_train.finetune.experts import only, seeing
from bharnet_train.finetune.head import Pooled, fit_head, pool
from bharnet_train.finetune.inspect import look_alike, look_at_joints, mirror_twins, unusable
from bharnet_train.finetune.refusal import Refusal, fit_refusal
from bharnet_train.finetune.run import Plan, Told, UnfitRecordings, cut, finetune


@pytest.fixture(scope="module")
def base():
    return load_checkpoint(SHIPPED)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A model that was taught three invented gestures at two sittings, and its folder."""
    folder = tmp_path_factory.mktemp("own")
    write_recordings(folder / "mine", takes=3, sessions=2)
    steps = []
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


def test_the_network_answers_as_the_head_did(base):
    sequences = [
        replace(each, label=label)
        for label in GESTURES
        for each in _sequences([make_take(label, seed) for seed in range(3)], label)
    ]
    features = base.info.features
    pooled = plain(base.network, features, sequences)
    target = torch.tensor([sorted(GESTURES).index(each.label) for each in sequences])
    head = fit_head(pooled, target, 4).refusing(2.0)
    from bharnet_train.evaluation import predict

    made = head.give_to(base.network)
    logits, _ = predict(made, features, sequences, [*sorted(GESTURES), "idle"])
    torch.testing.assert_close(head.logits(pooled), logits, rtol=1e-3, atol=1e-3)


def test_the_head_answers_for_people_without_hands_too(base):
    """The second classifier of a network that has one knows the old classes only."""
    config = replace(base.info.network, alone=True)
    network = BHaRNet(config, base.info.features, len(base.info.classes)).eval()
    take = _sequences([make_take("circle", 0)], "circle")
    head = fit_head(plain(network, base.info.features, take), torch.tensor([0]), 3)
    made = head.give_to(network)
    assert not made.config.alone
    joints = len(get_layout(base.info.features.body_layout)) + 42
    seen = torch.ones(1, base.info.features.frames, joints, dtype=torch.bool)
    seen[:, :, -42:] = False
    position = torch.randn(*seen.shape, 3) * seen[..., None]
    scores = made(make_streams(position, seen, base.info.features))
    assert scores.fused.shape == (1, 3)
    assert scores.alone is None


def invented(count, seed=0, hands=True):
    """What is read of two gestures, class 0 and 1: clouds about two places, one behind another."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.arange(count) % 2
    body = torch.randn(count, 6, generator=generator)
    body[:, 0] += 8.0 * target
    hand = torch.randn(count, 4, generator=generator) if hands else torch.zeros(count, 4)
    present = {"body": torch.ones(count), "hand": torch.full((count,), float(hands))}
    return Pooled({"body.classify": body, "hand.classify": hand}, present), target


def test_a_head_without_hands_is_the_bodys():
    pooled, target = invented(400, hands=False)
    summed, own, of_hand = fit_head(pooled, target, 3).logits(pooled)
    assert torch.equal(summed, own)
    assert not of_hand.any()
    assert (summed[:, :2].argmax(1) == target).float().mean() > 0.99


def test_a_gesture_that_was_not_learnt_is_never_the_answer():
    pooled, target = invented(400)
    rows = target == 0
    logits = fit_head(pooled.pick(rows), target[rows], 3).logits(pooled)[0]
    assert (logits.argmax(1) != 1).all()


def test_what_lies_far_from_every_gesture_is_refused():
    pooled, target = invented(400)
    head = fit_head(pooled, target, 3)
    refusal = fit_refusal(
        head.logits(invented(400, seed=1)[0])[0],
        target,
        torch.cat(
            [
                fit_head(pooled.pick(target != gone), target[target != gone], 3).logits(
                    pooled.pick(target == gone)
                )[0]
                for gone in (0, 1)
            ]
        ),
        0.6,
    )
    head = head.refusing(refusal.offset)
    again, same = invented(400, seed=2)
    assert (head.logits(again)[0].argmax(1) == same).float().mean() > 0.9
    # Between the two, and beside them: where a linear head would be sure of one of them.
    for away in (torch.tensor([4.0, 9, 0, 0, 0, 0]), torch.tensor([8.0, 0, 0, 0, 0, 25])):
        stranger = Pooled(
            {
                "body.classify": torch.randn(50, 6) * 0.5 + away,
                "hand.classify": torch.zeros(50, 4),
            },
            {"body": torch.ones(50), "hand": torch.zeros(50)},
        )
        assert not takes_for_gesture(head, stranger, refusal, 0.6).any()


def test_the_bodys_evidence_counts_a_quarter(monkeypatch):
    """Another day moves the arms farther than copies of takes do."""
    pooled, target = invented(400)
    summed, body, hand = fit_head(pooled, target, 3).logits(pooled)
    torch.testing.assert_close(summed, body + hand)
    monkeypatch.setattr("bharnet_train.finetune.head.BODY", 1.0)
    _, whole, same = fit_head(pooled, target, 3).logits(pooled)
    torch.testing.assert_close(body, whole / 4)
    assert torch.equal(hand, same)


@pytest.mark.parametrize(
    ("farthest", "limit"),
    [
        (-25, 5.0),  # seven of ten strangers pass
        (-500, 1.0),  # but no more than costs one of a hundred copies of takes left out
        (500, 10.0),  # and no fewer than costs one of ten
    ],
)
def test_the_limit_is_where_the_gesture_is_as_sure_as_asked(farthest, limit):
    own = torch.tensor([[float(x), -500.0, 0.0] for x in range(100)])
    strangers = torch.tensor([[float(x), -500.0, 0.0] for x in range(farthest, farthest + 100)])
    refusal = fit_refusal(own, torch.zeros(100, dtype=torch.long), strangers, 0.6)
    at = torch.tensor([limit, -500.0, refusal.offset]) / refusal.temperature
    assert float(torch.softmax(at, 0)[0]) == pytest.approx(0.6, abs=1e-3)


def _sequences(takes, label):
    from bharnet_train.datasets.recordings import Sequence

    return [Sequence(take.window(UPPER_BODY_11), label, "p1", "", "test") for take in takes]


# --- takes of which one expert sees nothing


def teach_without(part, folder):
    """A model of takes that never show the hands, or the body; and what is said of them."""
    recordings = Recordings(folder / "mine")
    for label in GESTURES:
        for seed in range(3):
            recordings.add(make_take(label, seed, **{part: False}), label)
    made = finetune(folder / "mine", Plan("mine", copies=4), folder / "runs", "")
    return load_checkpoint(made.path), [each.text for each in made.findings]


@pytest.mark.parametrize(
    ("part", "expert", "said"),
    [
        ("body", "hand", "no body is seen: the model will look at hands alone"),
        ("hands", "body", "no hand is seen in any take of 3 of 3 gestures"),
    ],
)
def test_what_was_never_seen_changes_no_answer(part, expert, said, tmp_path):
    """An expert reads other things beside one that sees nothing: everybody else was refused."""
    model, findings = teach_without(part, tmp_path)
    assert model.info.network.experts == (expert,)
    assert any(text.startswith(said) for text in findings)
    recognizer = Recognizer(model, "cpu")
    for label in GESTURES:
        answers = []
        for more in ({}, {part: False}):
            take = make_take(label, 77, 2.0, **more)
            windows = [take.window(UPPER_BODY_11)]
            answers += recognizer.recognize(windows, int(take.stamps[-1]))
        whole, same = (each.probabilities for each in answers)
        assert model.info.classes[whole.argmax()] == label
        np.testing.assert_array_equal(whole, same)


def test_takes_of_hands_alone_do_not_mix_with_others(tmp_path):
    folder = write_recordings(tmp_path / "mine", takes=2)
    Recordings(folder).add(make_take("stop", 9, body=False), "stop")
    told = []
    made = finetune(
        folder, Plan("m", copies=1), tmp_path, "", Told(lambda _, left: told.extend(left))
    )
    assert made.takes["stop"] == 2
    assert [each.take for each in told] == ["a take of 'stop'"]
    assert "put takes of hands alone in another folder" in told[0].why
    assert made.info.network.experts == ("body", "hand")


def test_hands_alone_need_an_expert_of_hands(tmp_path, base):
    path = tmp_path / "arms.safetensors"
    arms = only(base, ("body",))
    save_checkpoint(path, arms.network, arms.info)
    recordings = Recordings(tmp_path / "mine")
    recordings.add(make_take("stop", body=False), "stop")
    with pytest.raises(UnfitRecordings, match="shoulders are seen in 0 %"):
        finetune(tmp_path / "mine", Plan("mine", str(path)), tmp_path, "")


def test_one_gesture_of_several_without_hands_leaves_both_experts(base):
    features = base.info.features
    makes = {"wave": False, "stop": True, "come": True}
    sequences = [
        each
        for label, hands in makes.items()
        for each in _sequences([make_take(label, seed, hands=hands) for seed in range(2)], label)
    ]
    assert seeing(sequences, features) == ("body", "hand")
    assert only(base, ("body", "hand")) is base
    told = [each.text for each in look_at_joints(sequences, "idle", features)]
    assert any("'wave': it will be told only while no hand is in view" in each for each in told)


# --- left out honestly


def test_neighbouring_takes_are_left_out_together():
    sequences = _sequences([make_take("wave", seed) for seed in range(10)], "wave")
    sequences += _sequences([make_take("stop", seed) for seed in range(10)], "stop")
    folds, how = make_folds(sequences, range(20))
    assert folds == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] * 2
    assert "same sitting" in how


def test_pieces_of_one_take_are_left_out_together(base):
    long = [make_take("idle", seed, seconds=9.0) for seed in range(2)]
    short = [make_take("wave", seed) for seed in range(2)]
    sequences = _sequences(long, "idle") + _sequences(short, "wave")
    takes = cut(sequences, base.info.features)
    assert takes.origin == [0] * 8 + [1] * 8 + [2, 3]
    assert all(each.seconds <= 2.0 for each in takes.sequences)
    folds, _ = make_folds(takes.sequences, takes.origin)
    assert folds == [0] * 8 + [1] * 8 + [0, 1]


def test_whole_sittings_are_left_out_where_there_are_several():
    sequences = []
    for label in ("wave", "stop"):
        for day in ("a", "b", "c"):
            made = _sequences([make_take(label, seed) for seed in range(2)], label)
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
    (short,) = _sequences([make_take("wave", seconds=0.3)], "wave")
    assert "lasts 0.27 s" in unusable(short, features)
    take = make_take("wave")
    body = take.body.copy()
    body[5:, UPPER_BODY_11.index("left_shoulder"), :3] = np.nan
    (half,) = _sequences([Take(take.stamps, body, take.hands, take.layout)], "wave")
    assert "shoulders are seen in 20 %" in unusable(half, features)
    # MediaPipe places a shoulder beside the picture, with a low score.
    body = take.body.copy()
    body[5:, UPPER_BODY_11.index("left_shoulder"), 3] = 0.9 * features.lowest_score
    (beside,) = _sequences([Take(take.stamps, body, take.hands, take.layout)], "wave")
    assert "shoulders are seen in 20 %" in unusable(beside, features)
    assert unusable(_sequences([take], "wave")[0], features) == ""


def test_what_is_doubtful_is_told(base):
    sequences = _sequences([make_take("wave", seed, hands=False) for seed in range(3)], "wave")
    sequences += _sequences([make_take("stop", seed, rate=6) for seed in range(5)], "stop")
    sequences += _sequences([make_take("come", 9, seconds=4.0)], "come")
    told = look_at_joints(sequences, "idle", base.info.features)
    for words in (
        "'wave' has 3 takes only",
        "no hand is seen in any take of 'wave'",
        "5 of 9 takes have fewer than 8 frames a second",
        "1 of 1 takes of 'come' last longer than the 2 s",
        "there is no take of 'idle'",
        "one person at one sitting",
    ):
        assert any(words in each.text for each in told), words
    assert [each.text for each in told if each.fatal] == [
        "'come' has 1 take; at least 2 are needed, 5 are better"
    ]


def test_gestures_that_look_alike_are_named(base):
    sequences = _sequences([make_take("wave", seed) for seed in range(4)], "wave")
    sequences += _sequences([make_take("wave", seed) for seed in range(4, 8)], "hello")
    sequences += _sequences([make_take("stop", seed) for seed in range(4)], "stop")
    labels = [each.label for each in sequences]
    told = look_alike(labels, plain(base.network, base.info.features, sequences), "idle")
    assert len(told) == 1
    assert "'hello' and 'wave' look alike" in told[0].text


def test_left_and_right_are_noticed(base):
    features = base.info.features
    right = _sequences([make_take("stop", seed) for seed in range(4)], "right")
    left = [replace(_mirrored(each), label="left") for each in right]
    other = _sequences([make_take("wave", seed) for seed in range(4)], "wave")
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


# --- the command line


def test_the_command_line_teaches_and_tells(tmp_path, monkeypatch):
    monkeypatch.setattr("bharnet_train.finetune.command.console.width", 200, raising=False)
    folder = write_recordings(tmp_path / "mine", takes=2)
    given = ["--recordings", str(folder), "--copies", "2", "--out", str(tmp_path / "runs")]
    done = CliRunner().invoke(app, ["train", *given, "--no-progress"])
    assert done.exit_code == 0, done.output
    assert "takes left out:" in done.output
    assert "doubtful" in done.output
    info = load_checkpoint(tmp_path / "runs" / "mine.safetensors").info
    assert str(tmp_path) not in json.dumps(dict(info.provenance))


def test_another_checkpoint_may_be_the_base_and_nulls_are_idle(takes, tmp_path):
    folder = write_recordings(tmp_path / "mine", takes=2)
    first = finetune(folder, Plan("first", copies=1), tmp_path, "")
    plan = Plan("second", str(first.path), copies=1, nulls=takes / "takes.npz")
    again = load_checkpoint(finetune(folder, plan, tmp_path, "").path)
    assert again.info.provenance["base"]["name"] == "first"
    assert again.info.provenance["foreign_nulls"] == 16


def test_nulls_that_are_not_there_are_named(tmp_path):
    folder = write_recordings(tmp_path / "mine", takes=2)
    plan = Plan("mine", copies=1, nulls=tmp_path / "none.npz")
    with pytest.raises(UnreadableData, match=r"there is no file .*none\.npz .* \(--nulls\)"):
        finetune(folder, plan, tmp_path, "")


@pytest.mark.parametrize("name", ["a/b", "../mine", "", "."])
def test_a_name_stays_in_its_folder(tmp_path, name):
    folder = write_recordings(tmp_path / "mine", takes=2)
    given = ["--recordings", str(folder), "--copies", "1", "--out", str(tmp_path / "runs")]
    done = CliRunner().invoke(app, ["train", *given, "--name", name])
    assert isinstance(done.exception, InvalidConfig), done.output
    assert f"'{name}' is no name for files" in str(done.exception)
    assert list(tmp_path.rglob("*.safetensors")) == []


@pytest.mark.parametrize("seed", [-1, 2**32])
@pytest.mark.parametrize("what", ["--recordings", "--config"])
def test_a_seed_is_what_numpy_takes(what, seed, tmp_path):
    done = CliRunner().invoke(app, ["train", what, str(tmp_path), "--seed", str(seed)])
    assert done.exit_code == 2
    assert "--seed" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--recordings", "x", "--config", "y.yaml"], "--config is not for --recordings"),
        (["--recordings", "x", "--set", "optimiser.epochs=3"], "--set is not for --recordings"),
        (["--recordings", "x", "--resume"], "--resume is not for --recordings"),
        (["--config", "y.yaml", "--name", "mine"], "--name is for --recordings; --set name=NAME"),
        (["--config", "y.yaml", "--from", "base.safetensors"], "--from is for --recordings"),
        (["--config", "y.yaml", "--no-mirror"], "--mirror is for --recordings"),
    ],
)
def test_an_option_of_the_other_kind_of_training_is_refused(given, said):
    """It would be ignored, and nothing would tell."""
    done = CliRunner().invoke(app, ["train", *given])
    assert isinstance(done.exception, InvalidConfig), done.output
    assert said in str(done.exception)


@pytest.mark.parametrize("given", [[], ["--recordings", "nowhere"]])
def test_what_cannot_be_trained_on_is_one_sentence(given, monkeypatch, capsys):
    from bharnet_train.cli import main

    monkeypatch.setattr("sys.argv", ["bharnet", "train", *given])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "bharnet:" in capsys.readouterr().out


def test_pooling_leaves_the_network_as_it_was(base):
    from bharnet.features import make_streams

    features = base.info.features
    streams = make_streams(torch.zeros(1, 16, 53, 3), torch.ones(1, 16, 53), features)
    pool(base.network, streams)
    assert not any(m._forward_pre_hooks for m in base.network.modules())


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
