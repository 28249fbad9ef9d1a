# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings, held-out people, and a training small enough for a test."""

import json
import shutil

import numpy as np
import pytest
import torch
from conftest import ROOT

from bharnet.checkpoint import ModelInfo, load_checkpoint
from bharnet.skeleton import UPPER_BODY_11
from bharnet_train.config import (
    InvalidConfig,
    NothingToResume,
    TrainConfig,
    read_config,
)
from bharnet_train.datasets.recordings import UnreadableData, read_recordings
from bharnet_train.datasets.select import load_split
from bharnet_train.evaluation import Result, draw_confusion, evaluate, fit_temperature
from bharnet_train.run import score, train_and_score
from bharnet_train.sampling import BalancedOrder
from bharnet_train.training import train


def config(folder, *overrides):
    return read_config(folder / "tiny.yaml", list(overrides))


def test_recordings_come_in_the_units_of_the_node(takes):
    first = read_recordings(takes / "takes.npz", UPPER_BODY_11)[0]
    raw = np.load(takes / "takes.npz")
    nose = raw["body"][0, 0].astype(np.float32)
    np.testing.assert_allclose(first.window.body[0, 0, :2], nose[:2] * [640 / 480, 1], rtol=1e-3)
    assert (first.label, first.person) == ("fist", "p1")
    assert np.isnan(first.window.hands[0, 0, :, 0]).all()


def test_what_is_no_body_is_read_as_not_seen(takes, tmp_path, caplog):
    """As of p3 in webcam_words.npz, whose bodies are the first points of a face mesh."""
    with np.load(takes / "takes.npz") as file:
        arrays = dict(file)
    first = int(np.flatnonzero(arrays["person"] == "p2")[0])
    arrays["body"][arrays["offsets"][first + 1] - 1, 7, 3] = -0.06
    np.savez(tmp_path / "takes.npz", **arrays)
    read_recordings(takes / "takes.npz", UPPER_BODY_11)
    assert caplog.text == ""
    sequences = read_recordings(tmp_path / "takes.npz", UPPER_BODY_11)
    assert "visibilities of 1 takes of p2 are out of 0..1" in caplog.text
    unseen = [i for i, each in enumerate(sequences) if np.isnan(each.window.body).all()]
    assert unseen == [first]
    assert np.isfinite(sequences[first].window.hands[..., 0]).any()


def test_held_out_people_are_never_trained_on(takes):
    split = load_split(config(takes), takes)
    assert {each.person for each in split.train} == {"p1", "p2"}
    assert {each.person for each in split.validation} == {"p8"}
    assert {each.person for each in split.test} == {"p9"}
    assert split.classes == ("fist", "open", "null")


@pytest.mark.parametrize(
    ("files", "sources"),
    [
        (("monday/takes.npz", "tuesday/takes.npz"), {"monday/takes.npz", "tuesday/takes.npz"}),
        (("monday", "tuesday/takes.npz"), {"monday/takes.npz", "tuesday/takes.npz"}),
        (("a/b/takes.npz", "c/b/takes.npz"), {"a/b/takes.npz", "c/b/takes.npz"}),
        (("monday/takes.npz", "tuesday/other.npz"), {"takes", "other"}),
        # The same file, however it is named, is the same people.
        (("monday/takes.npz", "tuesday/../monday/takes.npz"), {"takes"}),
        (("monday/takes.npz", "monday"), {"takes"}),
    ],
)
def test_people_of_files_of_one_name_are_told_apart(takes, tmp_path, files, sources):
    for each in files:
        path = tmp_path / each
        file = path if path.suffix else path / "takes.npz"
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(takes / "takes.npz", file)
    given = [{"file": each, "test": {"person": ["p9"]}} for each in files]
    split = load_split(config(takes, f"sources={json.dumps(given)}"), tmp_path)
    assert {each.source for each in split.train} == sources
    assert {each.source for each in split.test} == sources


def test_what_nobody_trained_on_shows_is_not_left_out_without_a_word(takes, tmp_path, caplog):
    """A score of eight takes is none of twelve."""
    with np.load(takes / "takes.npz") as file:
        arrays = dict(file)
    only = (arrays["person"] == "p9") & (arrays["label"] == "fist")
    np.savez(
        tmp_path / "takes.npz", **{**arrays, "label": np.where(only, "wave", arrays["label"])}
    )
    assert len(load_split(config(takes), tmp_path).test) == 8
    assert "4 of 12 sequences for test are left out, nobody trained on shows wave" in caplog.text


def test_takes_listed_by_fingerprint_are_kept_out(takes, caplog):
    split = load_split(config(takes), takes)
    marks = "\n".join(each.fingerprint() for each in (split.train[0], split.test[0]))
    (takes / "kept_out.txt").write_text(f"# why\n{marks} demo clip\n")
    again = load_split(config(takes, "exclude=kept_out.txt"), takes, takes)
    assert len(again.train) == len(split.train) - 1
    assert not caplog.text


def test_fingerprints_that_keep_nothing_out_are_told_of(takes, caplog):
    """Of another layout a take has another: what must not be trained on would be, unseen."""
    split = load_split(config(takes), takes)
    (takes / "kept_out.txt").write_text(split.train[0].fingerprint())
    other = ("exclude=kept_out.txt", "features.body_layout=coco_17")
    assert len(load_split(config(takes, *other), takes, takes).train) == len(split.train)
    assert "1 of the 1 fingerprints that exclude lists are of no take here" in caplog.text


def test_what_is_dropped_is_not_used_though_it_has_another_name(takes):
    """It had been, without a word."""
    renamed = "sources.0.labels={fist: fist, open: flat, 'null': 'null'}"
    split = load_split(config(takes, renamed, "sources.0.drop=[open]"), takes)
    assert split.classes == ("fist", "null")


def test_idle_takes_that_show_a_hand_can_be_left_out_of_training_only(takes):
    def shown(part):
        return [np.isfinite(each.window.hands[..., 0]).any() for each in part]

    plain = load_split(config(takes), takes)
    split = load_split(config(takes, 'sources.0.hands_down=["fist"]'), takes)
    assert all(shown(each for each in plain.train if each.label == "fist"))
    assert {each.label for each in split.train} == {"open", "null"}
    # A class that nobody is trained on is tested no longer; all others as before.
    kept = [each for each in plain.test if each.label != "fist"]
    assert len(split.test) == len(kept)
    assert shown(split.test) == shown(kept)


@pytest.mark.parametrize(
    ("content", "match"),
    [(None, "does not exist"), (b"nonsense", "no readable"), (b"", "no readable")],
)
def test_unreadable_recordings_say_why(tmp_path, content, match):
    path = tmp_path / "takes.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableData, match=match):
        read_recordings(path, UPPER_BODY_11)


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("offsets", np.array([0, 5, 4]), "offsets"),
        ("label", np.array(["a"]), "do not match"),
        ("body", np.zeros((576, 25, 3)), "MediaPipe"),
    ],
)
def test_recordings_of_another_form_say_why(takes, tmp_path, key, value, match):
    arrays = {**np.load(takes / "takes.npz"), key: value}
    np.savez(tmp_path / "takes.npz", **arrays)
    with pytest.raises(UnreadableData, match=match):
        read_recordings(tmp_path / "takes.npz", UPPER_BODY_11)


def test_training_learns_and_the_checkpoint_answers_the_same(takes, tmp_path):
    result = train_and_score(
        takes / "tiny.yaml", takes, tmp_path, [], "test", accelerator="cpu", progress=False
    )
    assert result.top1 >= 90.0
    loaded = load_checkpoint(tmp_path / "tiny.safetensors")
    assert loaded.info.idle == "null"
    assert loaded.info.provenance["scores"]["test_top1"] == result.top1
    split = load_split(config(takes), takes)
    again = evaluate(loaded.network, loaded.info, split.test)
    assert again == result
    rescored = score(
        tmp_path / "tiny.safetensors", takes / "tiny.yaml", takes, tmp_path / "b", [], "cpu"
    )
    assert rescored == result
    assert json.loads((tmp_path / "tiny.json").read_text())["top1"] == result.top1
    assert (tmp_path / "tiny.png").stat().st_size > 5000


def test_two_runs_with_one_seed_are_equal_and_another_seed_differs(takes, tmp_path):
    chosen = config(takes, "optimiser.epochs=1")
    split = load_split(chosen, takes)

    def weights(seed):
        values = chosen.model_copy(update={"seed": seed})
        folder = tmp_path / str(seed)
        return next(train(values, split, folder, accelerator="cpu", progress=False).parameters())

    torch.testing.assert_close(weights(0), weights(0), rtol=0, atol=0)
    assert not torch.equal(weights(0), weights(1))


def test_resuming_equals_not_stopping(takes, tmp_path):
    split = load_split(config(takes), takes)
    options = {"accelerator": "cpu", "progress": False}
    whole = train(config(takes, "optimiser.epochs=3"), split, tmp_path / "whole", **options)

    class Killed(Exception):
        pass

    def stop_after_two(trainer, *_):
        if trainer.current_epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        train(
            config(takes, "optimiser.epochs=3"),
            split,
            tmp_path / "cut",
            on_epoch_start=stop_after_two,
            **options,
        )
    assert (tmp_path / "cut" / "last.ckpt").exists()
    resumed = train(
        config(takes, "optimiser.epochs=3"), split, tmp_path / "cut", resume=True, **options
    )
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_resuming_nothing_is_said(takes, tmp_path):
    split = load_split(config(takes), takes)
    with pytest.raises(NothingToResume, match="without --resume"):
        train(config(takes), split, tmp_path, resume=True, accelerator="cpu", progress=False)


@pytest.mark.parametrize(
    ("override", "cause"),
    [
        ("optimiser.rate=1e30", "training diverged"),
        ("decision={enter_treshold: 0.9}", "decides by enter_treshold"),
        ("idle=nul", "idle: 'nul' is no class; the classes are fist, null, open"),
        ("sources.0.drop=[open, fist]", "'null' is all there is to tell"),
    ],
)
def test_a_model_that_nobody_could_use_is_not_written(takes, tmp_path, override, cause):
    overrides = [override, "optimiser.epochs=2", "augmentation.partial=0.3"]
    with pytest.raises(InvalidConfig, match=cause):
        train_and_score(
            takes / "tiny.yaml", takes, tmp_path, overrides, "", accelerator="cpu", progress=False
        )
    assert not list(tmp_path.glob("*.safetensors"))


def test_evaluating_nobody_is_said():
    with pytest.raises(ValueError, match="no sequence"):
        evaluate(None, None, [])


def test_rare_classes_are_drawn_more_often_with_balance():
    targets = [0] * 900 + [1] * 100
    even = [targets[i] for _, i in BalancedOrder(targets, 1.0, 0)]
    assert 400 < sum(even) < 600
    natural = [targets[i] for _, i in BalancedOrder(targets, 0.0, 0)]
    assert 60 < sum(natural) < 140
    order = BalancedOrder(targets, 0.5, 0)
    first = list(order)
    order.set_epoch(1)
    assert first != list(order)
    order.set_epoch(0)
    assert first == list(order)


def test_temperature_of_overconfident_logits_is_above_one():
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, 3, (500,), generator=generator)
    logits = torch.randn(500, 3, generator=generator)
    logits[torch.arange(500), target] += 1.0
    assert fit_temperature(logits, target) == pytest.approx(1.0, abs=0.25)
    assert fit_temperature(logits * 4, target) == pytest.approx(4.0, rel=0.25)


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "train").glob("*.yaml")))
def test_shipped_configurations_are_valid(path):
    assert isinstance(read_config(path), TrainConfig)


@pytest.mark.parametrize(
    "text", ["", "name: x", "name: x\nsources: []\ncolour: red", "[1, 2", "- 1"]
)
def test_unusable_configuration_is_refused(tmp_path, text):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InvalidConfig, match=r"bad\.yaml"):
        read_config(path)


@pytest.mark.parametrize(
    ("override", "cause"),
    [
        ("sources.0.labels={open: no}", "sources.0.labels.open False is no text; YAML takes null"),
        ("sources.0.drop=[null, open]", "sources.0.drop.0 None is no text; YAML takes null"),
        ("optimiser.epoch=1", "there is no setting optimiser.epoch; did you mean epochs?"),
        ("optimizer.epochs=1", "did you mean optimiser?"),
        ("epochs=1", "did you mean optimiser.epochs?"),
        ("features.frame=8", "did you mean frames?"),
        ("sources.0.dorp=[a]", "did you mean drop?"),
        ("sources.7.drop=[a]", "--set sources.7.drop=[a]: there is no such place"),
        ("optimiser.epochs", "write it as section.key=value"),
        ("optimiser.epochs=[", "'[' is no value"),
        ("optimiser.epochs=0", "optimiser.epochs should be greater"),
        ("optimiser.rate=-1", "optimiser.rate should be greater"),
        ("optimiser.rate=.inf", "optimiser.rate should be a finite number"),
        ("augmentation.jitter_hand=.inf", "augmentation.jitter_hand should be a finite number"),
        ("streams.frame_rate=1e9", "streams.frame_rate should be less"),
        ("streams.pace=.inf", "streams.pace should be less"),
        ("augmentation={rest: 0.8}", "fidget, partial and rest are shares of the same windows"),
        ("optimiser.average=1", "optimiser.average should be less"),
        ("augmentation.shortest=2", "augmentation.shortest should be less"),
        ("seed=-1", "seed should be greater"),
        ("streams.way_seconds=[0.2, .inf]", "streams.way_seconds.1 should be less"),
        ("streams.way_seconds=[0.5, 0.2]", "the least and the longest way, in this order"),
        ("streams.unsure_seconds=.inf", "streams.unsure_seconds should be less"),
        ("name=../x", "name '../x' is no name for files"),
    ],
)
def test_a_setting_that_cannot_be_is_said_in_one_line(takes, override, cause):
    with pytest.raises(InvalidConfig) as refused:
        config(takes, override)
    assert cause in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("override", "cause"),
    [
        ("sources.0.validation={person: [p88]}", "validation names p88"),
        ("sources.0.validation={person: [p8, p9]}", "names p9, but takes.npz holds them out"),
        ("sources.0.labels={fits: fist}", "labels names fits"),
        ("sources.0.skip_frames=11", "less than two frames"),
        ("exclude=not_there.txt", r"exclude names cannot be read"),
    ],
)
def test_a_configuration_that_the_data_do_not_fit_is_refused(takes, override, cause):
    with pytest.raises(UnreadableData, match=cause):
        load_split(config(takes, override), takes, takes)


def test_picture_names_every_class(takes, tmp_path):
    split = load_split(config(takes), takes)
    torch.manual_seed(0)
    from bharnet.network import BHaRNet

    chosen = config(takes)
    network = BHaRNet(chosen.network, chosen.features, 3)
    info = ModelInfo("tiny", "1", split.classes, network=chosen.network, features=chosen.features)
    result = evaluate(network, info, split.test)
    draw_confusion(result, tmp_path / "c.png", "tiny")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def drawn(tmp_path, *names):
    right = np.eye(len(names), dtype=int).tolist()
    result = Result(100.0, None, None, len(names), names, {}, {}, {}, right)
    draw_confusion(result, tmp_path / "c.png", "$title^$")


def test_a_picture_shows_names_as_they_are_written(tmp_path, recwarn):
    """Of a formula that is none matplotlib raises; long names left no room for the picture."""
    drawn(tmp_path, "$x^$", "y" * 64)
    assert (tmp_path / "c.png").exists()
    assert not [each for each in recwarn if each.category is UserWarning]


def test_letters_that_no_font_has_are_told_once(tmp_path, caplog, recwarn):
    drawn(tmp_path, "\U000f0000", "\U000f0001")  # of no script, so of no font
    assert [each.message for each in caplog.records] == [
        "no font of this machine has all letters of the names in the picture: they are boxes "
        "there; install one that has, as fonts-noto-cjk for Chinese, Japanese and Korean"
    ]
    assert not [each for each in recwarn if each.category is UserWarning]
