# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``tools/measure_accuracy.py`` prints figures of what was asked for, not of what lies there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tools import measure_accuracy


@pytest.fixture
def trained(monkeypatch):
    """What was trained, by its overrides; nothing really is."""
    runs: list[list[str]] = []

    def train(config, data, out, overrides, command, **options):
        runs.append(overrides)
        return SimpleNamespace(top1=50.0 + len(runs))

    monkeypatch.setattr(measure_accuracy, "train_and_score", train)
    return runs


def measured(folder, *overrides):
    return measure_accuracy.measure("asl_test_p2", "B: x", list(overrides), 0, folder, folder)


def test_a_finished_run_is_not_repeated(trained, tmp_path):
    first, second = (measured(tmp_path, "network.variant=B") for _ in range(2))
    assert first == second
    assert len(trained) == 1


def test_a_run_with_another_set_is_not_taken_for_it(trained, tmp_path):
    """After a trial of one epoch in OUT its figure stood in the table."""
    measured(tmp_path, "optimiser.epochs=1")
    with pytest.raises(SystemExit, match="made with another --set"):
        measured(tmp_path)
