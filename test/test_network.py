import pytest
import torch

from bharnet.features import FeatureConfig, Streams, make_streams
from bharnet.network import BHaRNet, NetworkConfig
from bharnet_train.loss import ensemble_loss

FEATURES = FeatureConfig(frames=16)
BLOCKS = ((16, 2), (24, 1))


def network(**changes):
    torch.manual_seed(0)
    return BHaRNet(NetworkConfig(blocks=BLOCKS, **changes), FEATURES, 5).eval()


def people(count=3, hands=True):
    generator = torch.Generator().manual_seed(1)
    position = torch.randn(count, 16, 53, 3, generator=generator)
    seen = torch.ones(count, 16, 53, dtype=torch.bool)
    if not hands:
        seen[:, :, 11:] = False
    return make_streams(position * seen[..., None], seen, FEATURES)


@pytest.mark.parametrize("variant", ["B", "P"])
@pytest.mark.parametrize("experts", [("body", "hand"), ("body",), ("hand",)])
def test_scores_have_a_row_a_person_and_add_up(variant, experts):
    scores = network(variant=variant, experts=experts)(people())
    assert scores.fused.shape == (3, 5)
    torch.testing.assert_close(scores.fused, scores.body + scores.hand)
    assert torch.isfinite(scores.fused).all()


@pytest.mark.parametrize("variant", ["B", "P"])
def test_absent_hands_leave_the_decision_to_the_body(variant):
    net = network(variant=variant)
    scores = net(people(hands=False))
    assert not scores.hand.any()
    assert not scores.hand_present.any()
    torch.testing.assert_close(scores.fused, scores.body)


@pytest.mark.parametrize("variant", ["B", "P"])
def test_an_absent_second_hand_does_not_dilute_the_first(variant):
    net = network(variant=variant, experts=("hand",))
    both = people()
    one_seen = both.hands_seen.clone()
    one_seen[:, 0] = 0
    hands = both.hands * torch.tensor([0.0, 1.0])[:, None, None, None]
    one = net(Streams(both.body, hands, both.body_seen, one_seen)).hand
    same = Streams(both.body, both.hands[:, [1, 1]], both.body_seen, both.hands_seen)
    torch.testing.assert_close(one, net(same).hand, atol=1e-4, rtol=1e-4)


def test_pooling_attention_lets_the_body_see_the_hands():
    both = people()
    other = Streams(both.body, both.hands.flip(0), both.body_seen, both.hands_seen)
    with_attention, without = network(variant="P"), network(variant="B")
    assert not torch.allclose(with_attention(both).body, with_attention(other).body)
    torch.testing.assert_close(without(both).body, without(other).body)


def test_people_in_a_batch_do_not_see_each_other():
    net, all_three = network(), people()
    alone = net(Streams(*(each[1:2] for each in vars(all_three).values())))
    torch.testing.assert_close(net(all_three).fused[1:2], alone.fused, atol=1e-5, rtol=1e-5)


def test_ensemble_loss_is_the_three_losses():
    scores, target = network()(people()), torch.tensor([0, 1, 2])
    cross = torch.nn.functional.cross_entropy
    expected = cross(scores.body, target) + cross(scores.hand, target)
    expected = expected + 0.5 * cross(scores.fused, target)
    got = ensemble_loss(scores, target, ("body", "hand"), 0.5, 0.0)
    torch.testing.assert_close(got, expected)


def test_an_expert_that_saw_nothing_is_not_punished():
    scores, target = network()(people(hands=False)), torch.tensor([0, 1, 2])
    cross = torch.nn.functional.cross_entropy
    got = ensemble_loss(scores, target, ("body", "hand"), 0.0, 0.0)
    torch.testing.assert_close(got, cross(scores.body, target))


@pytest.mark.parametrize(
    "wrong",
    [{"variant": "Q"}, {"experts": ("hand", "body")}, {"blocks": ((30, 1),)}],
)
def test_nonsense_network_is_refused(wrong):
    with pytest.raises(ValueError, match=r"variant|experts|blocks"):
        NetworkConfig(**wrong)
