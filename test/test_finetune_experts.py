# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Takes of which one expert sees nothing are taught to the other alone."""

import numpy as np
import pytest
from gestures import GESTURES, make_take, sequences_of, write_recordings

from bharnet.checkpoint import load_checkpoint, save_checkpoint
from bharnet.models import SHIPPED
from bharnet.recognizer import Recognizer
from bharnet.recording import Recordings
from bharnet.skeleton import UPPER_BODY_11
from bharnet_train.finetune.experts import only, seeing
from bharnet_train.finetune.inspect import look_at_joints
from bharnet_train.finetune.run import Plan, Told, UnfitRecordings, finetune


@pytest.fixture(scope="module")
def base():
    return load_checkpoint(SHIPPED)


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
    assert [each.take for each in told] == ["stop_003.npz"]
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
        for each in sequences_of([make_take(label, seed, hands=hands) for seed in range(2)], label)
    ]
    assert seeing(sequences, features) == ("body", "hand")
    assert only(base, ("body", "hand")) is base
    told = [each.text for each in look_at_joints(sequences, "idle", features)]
    assert any("'wave': it will be told only while no hand is in view" in each for each in told)
