# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One answer of two experts, and the losses that teach them."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from bharnet.network import Scores
from bharnet.network.fusion import noisy_or
from bharnet_train.config import Optimiser
from bharnet_train.loss import ensemble_loss

ONES = torch.ones(1)
PLAIN = {"label_smoothing": 0.0, "ensemble": 0.0}
logits = st.lists(st.floats(-80, 80, width=32), min_size=4, max_size=4).map(
    lambda values: torch.tensor([values])
)


@given(logits, logits)
@settings(max_examples=100, deadline=None)
def test_noisy_or_is_at_least_the_surer_expert_and_at_most_one(body, hand):
    either = noisy_or(body, hand, ONES, ONES).exp()
    surer = torch.maximum(body.softmax(-1), hand.softmax(-1))
    assert (either >= surer - 1e-5).all()
    assert (either <= 1 + 1e-5).all()
    assert torch.isfinite(noisy_or(body, hand, ONES, ONES)).all()


@given(logits, logits)
@settings(max_examples=50, deadline=None)
def test_an_absent_expert_gives_no_cause(body, hand):
    either = noisy_or(body, hand, ONES, 0 * ONES).exp()
    torch.testing.assert_close(either, body.softmax(-1), atol=1e-5, rtol=1e-4)


def test_noisy_or_by_hand():
    body, hand = torch.tensor([[0.5, 0.3, 0.2]]), torch.tensor([[0.1, 0.6, 0.3]])
    either = noisy_or(body.log(), hand.log(), ONES, ONES).exp()
    torch.testing.assert_close(either, torch.tensor([[0.55, 0.72, 0.44]]), atol=1e-5, rtol=1e-4)


def scores(hands=True):
    generator = torch.Generator().manual_seed(0)
    body, hand = torch.randn(2, 3, 5, generator=generator, requires_grad=True)
    present = torch.ones(3)
    hand = hand * hands
    return Scores(body, hand, body + hand, body + hand, present, present * hands)


TARGET = torch.tensor([0, 1, 2])


def test_ensemble_loss_is_the_three_losses():
    each = scores()
    expected = cross_entropy(each.body, TARGET) + cross_entropy(each.hand, TARGET)
    expected = expected + 0.5 * cross_entropy(each.summed, TARGET)
    weights = Optimiser(label_smoothing=0.0, ensemble=0.5)
    torch.testing.assert_close(ensemble_loss(each, TARGET, ("body", "hand"), weights), expected)


def test_an_expert_that_saw_nothing_is_not_punished():
    each = scores(hands=False)
    got = ensemble_loss(each, TARGET, ("body", "hand"), Optimiser(**PLAIN))
    torch.testing.assert_close(got, cross_entropy(each.body, TARGET))


def test_what_the_body_says_alone_is_a_loss_of_its_own():
    each = scores()
    alone = each._replace(alone=2 * each.body)
    plain = ensemble_loss(each, TARGET, ("body", "hand"), Optimiser(**PLAIN))
    weights = Optimiser(**PLAIN, alone=0.3)
    got = ensemble_loss(alone, TARGET, ("body", "hand"), weights)
    torch.testing.assert_close(got, plain + 0.3 * cross_entropy(2 * each.body, TARGET))


def test_noisy_or_loss_spares_a_wrong_hand_when_the_body_is_sure():
    """The gradient at the hand is scaled by how unsure the body is: reliability without labels."""
    weights = Optimiser(**PLAIN, noisy_or=1.0)
    target = torch.tensor([0])

    def pull(body):
        hand = torch.tensor([[0.0, 3.0, 0.0]], requires_grad=True)
        each = Scores(body, hand, body + hand, body + hand, ONES, ONES)
        alone = cross_entropy(hand, target)
        loss = ensemble_loss(each, target, ("body", "hand"), weights) - alone
        (gradient,) = torch.autograd.grad(loss, hand)
        return gradient.abs().sum().item()

    assert pull(torch.tensor([[9.0, 0.0, 0.0]])) < 0.02 * pull(torch.tensor([[0.0, 9.0, 0.0]]))


def test_a_single_expert_has_one_loss():
    each = scores()
    got = ensemble_loss(each, TARGET, ("whole",), Optimiser(**PLAIN))
    torch.testing.assert_close(got, cross_entropy(each.summed, TARGET))
