# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The new head of a frozen trunk: what it answers, and what it refuses."""

from dataclasses import replace

import pytest
import torch
from gestures import GESTURES, make_take, sequences_of

from bharnet.checkpoint import load_checkpoint
from bharnet.features import make_streams
from bharnet.models import SHIPPED
from bharnet.network import BHaRNet
from bharnet.skeleton import get_layout
from bharnet_train.finetune.copies import plain
from bharnet_train.finetune.crossval import takes_for_gesture
from bharnet_train.finetune.head import Pooled, fit_head, pool
from bharnet_train.finetune.refusal import fit_refusal


@pytest.fixture(scope="module")
def base():
    return load_checkpoint(SHIPPED)


def test_the_network_answers_as_the_head_did(base):
    sequences = [
        replace(each, label=label)
        for label in GESTURES
        for each in sequences_of([make_take(label, seed) for seed in range(3)], label)
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
    take = sequences_of([make_take("circle", 0)], "circle")
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


def test_pooling_leaves_the_network_as_it_was(base):
    from bharnet.features import make_streams

    features = base.info.features
    streams = make_streams(torch.zeros(1, 16, 53, 3), torch.ones(1, 16, 53), features)
    pool(base.network, streams)
    assert not any(m._forward_pre_hooks for m in base.network.modules())
