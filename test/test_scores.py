# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures beside top-1, against examples counted by hand."""

import pytest
import torch

from bharnet_train.datasets.recordings import Sequence
from bharnet_train.evaluation import calibration_error, score_logits, top5


def probabilities(*rows):
    return torch.tensor(rows).log()


def test_calibration_error_is_the_distance_of_confidence_from_the_share_right():
    # At 0.9 half are right, at 0.6 all are: 0.5 * |0.9 - 0.5| + 0.5 * |0.6 - 1|.
    told = probabilities([0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4])
    assert calibration_error(told, torch.tensor([0, 1, 0, 0])) == pytest.approx(40.0, abs=0.01)


def test_calibration_error_of_one_who_knows_how_sure_to_be():
    told = probabilities(*[[0.75, 0.25]] * 4)
    assert calibration_error(told, torch.tensor([0, 0, 1, 0])) == pytest.approx(0.0, abs=0.01)


def test_calibration_error_of_probabilities_that_add_up_to_a_little_more_than_one():
    """As sums over synonyms do; all of them had been taken for logits."""
    told = torch.tensor([[0.0, -30.0], [2e-7, -30.0]])
    assert calibration_error(told, torch.tensor([0, 0])) == pytest.approx(0.0, abs=0.01)


def test_top5_counts_the_five_likeliest_of_more():
    scores = torch.arange(6.0).repeat(2, 1)  # class 0 is the sixth
    assert top5(scores, torch.tensor([0, 1])) == 50.0
    assert top5(scores[:, :5], torch.tensor([0, 1])) is None


def test_mean_of_classes_counts_rare_ones_as_much():
    takes = [Sequence(window=None, label="a", person="p", session="s", source="f")] * 4
    target = torch.tensor([0, 0, 0, 1])  # class 2 does not occur
    logits = torch.eye(3)[torch.tensor([0, 0, 0, 2])][None]
    result = score_logits(logits, target, takes, ("a", "b", "c"), ())
    assert (result.top1, result.mean_class) == (75.0, 50.0)
