# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Disturbances of recorded people, and people who do nothing made of them."""

import torch

from bharnet.skeleton import UPPER_BODY_11
from bharnet_train.augmentation import augment
from bharnet_train.config import Augmentation, read_config
from bharnet_train.datasets.select import load_split
from bharnet_train.idling import begin_or_end, fidget, lay_to_rest
from bharnet_train.sampling import Windows


def test_augmentation_keeps_shapes_and_its_inputs(takes):
    config = read_config(takes / "tiny.yaml")
    split = load_split(config, takes)
    windows = Windows(split.train, split.classes, config.features, Augmentation())
    position, seen, _ = windows[0]
    position, seen = position[None].repeat(6, 1, 1, 1), seen[None].repeat(6, 1, 1)
    before = position.clone()
    generator = torch.Generator().manual_seed(0)
    changed, visible = augment(position, seen, UPPER_BODY_11, Augmentation(), generator)
    assert changed.shape == position.shape
    assert visible.shape == seen.shape
    torch.testing.assert_close(position, before)
    assert not (visible & ~seen).any() or visible.sum() <= seen.sum()
    assert not torch.equal(changed, before)


def test_no_augmentation_changes_nothing(takes):
    none = Augmentation(**dict.fromkeys(Augmentation.model_fields, 0.0))
    position = torch.randn(2, 8, 53, 3)
    seen = torch.ones(2, 8, 53, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    changed, visible = augment(position, seen, UPPER_BODY_11, none, generator)
    torch.testing.assert_close(changed, position, atol=1e-5, rtol=1e-5)
    assert visible.all()


def test_a_body_goes_out_of_sight_only_where_a_hand_is_left():
    off = dict.fromkeys(Augmentation.model_fields, 0.0)
    strength = Augmentation(**{**off, "lose_body": 1.0})
    position, seen = torch.randn(3, 8, 53, 3), torch.ones(3, 8, 53, dtype=torch.bool)
    seen[0, :, 11:] = False
    seen[1, 1:, 11:] = False
    generator = torch.Generator().manual_seed(0)
    changed, visible = augment(position, seen, UPPER_BODY_11, strength, generator)
    assert visible[0, :, :11].all()
    assert not visible[1:, :, :11].any()
    assert torch.equal(visible[:, :, 11:], seen[:, :, 11:])
    torch.testing.assert_close(changed, position)


def test_other_limbs_point_the_same_way_at_another_length():
    off = dict.fromkeys(Augmentation.model_fields, 0.0)
    generator = torch.Generator().manual_seed(0)
    position = torch.randn(3, 8, 53, 3, generator=generator)
    seen = torch.rand(3, 8, 53, generator=generator) < 0.9
    seen[:, :, :11] = True
    position = position * seen[..., None]
    strength = Augmentation(**{**off, "limbs": 0.2})
    changed, visible = augment(position, seen, UPPER_BODY_11, strength, generator)
    assert torch.equal(visible, seen)
    assert not changed[~seen].any()

    elbow, wrist = (UPPER_BODY_11.index(f"left_{joint}") for joint in ("elbow", "wrist"))
    before, after = (each[:, :, wrist] - each[:, :, elbow] for each in (position, changed))
    longer = after.norm(dim=-1) / before.norm(dim=-1)
    torch.testing.assert_close(longer, longer[:, :1].expand_as(longer))
    torch.testing.assert_close(after, before * longer[..., None])
    assert longer[0, 0] != longer[1, 0] != 1.0
    # The hand goes where its wrist goes.
    root = seen[:, :, 11]
    moved = (changed - position)[:, :, 11][root]
    torch.testing.assert_close(moved, (changed - position)[:, :, wrist][root])


def test_somebody_at_rest_shows_no_hands_and_hangs_the_arms():
    position, seen = torch.randn(2, 8, 53, 3), torch.ones(2, 8, 53, dtype=torch.bool)
    left, right = UPPER_BODY_11.index("left_shoulder"), UPPER_BODY_11.index("right_shoulder")
    position[:, :, left] = torch.tensor([0.8, 0.5, 0.0])
    position[:, :, right] = torch.tensor([0.5, 0.5, 0.0])
    resting = torch.tensor([True, False])
    generator = torch.Generator().manual_seed(0)
    placed, visible = lay_to_rest(position, seen, resting, UPPER_BODY_11, generator)
    assert not visible[0, :, 11:].any()
    wrist = UPPER_BODY_11.index("left_wrist")
    shown = visible[0, :, wrist]
    assert (placed[0, shown, wrist, 1] > 0.5 + 2 * 0.6 * 0.3 - 1e-4).all()
    torch.testing.assert_close(placed[1], position[1])
    assert visible[1].all()


def test_a_fidgeting_hand_hangs_on_its_wrist():
    position, seen = torch.randn(4, 8, 53, 3), torch.ones(4, 8, 53, dtype=torch.bool)
    chosen = torch.tensor([True, True, True, False])
    generator = torch.Generator().manual_seed(0)
    placed, visible = fidget(position, seen, chosen, UPPER_BODY_11, generator)
    for start, joint in ((11, "left_wrist"), (32, "right_wrist")):
        shown = visible[:3, :, start]
        wrist = placed[:3, :, UPPER_BODY_11.index(joint)]
        torch.testing.assert_close(placed[:3, :, start][shown], wrist[shown])
    torch.testing.assert_close(placed[3], position[3])
    assert visible[3].all()


def test_an_action_that_begins_or_ends_keeps_half_of_itself():
    position, seen = torch.randn(40, 16, 53, 3), torch.ones(40, 16, 53, dtype=torch.bool)
    partial = torch.arange(40) < 30
    generator = torch.Generator().manual_seed(0)
    mixed, shown = begin_or_end(position, seen, partial, UPPER_BODY_11, generator)
    torch.testing.assert_close(mixed[30:], position[30:])
    hands = shown[:30, :, 11:].all(-1).float().mean(1)
    assert (hands < 1).all()
    assert (hands > 0.25).all()
    first, last = shown[:30, 0, 20], shown[:30, -1, 20]
    assert (first ^ last).all()  # either begins or ends at rest, never both
