# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Windows of several lengths, one answer."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from people import START, person
from tiny import save_model

from bharnet.checkpoint import load_checkpoint
from bharnet.recognizer import Recognizer
from bharnet.window import NANOSECONDS, Window


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory):
    checkpoint = load_checkpoint(save_model(tmp_path_factory.mktemp("model") / "a.safetensors"))
    torch.manual_seed(1)
    with torch.no_grad():  # answers that depend on the window
        for expert in checkpoint.network.expert.values():
            torch.nn.init.normal_(expert.classify.weight)
            expert.classify.bias.zero_()
    return Recognizer(checkpoint, "cpu")


def moving(seconds, step=0.05):
    count = round(seconds / step)
    seen = person("a")
    body = np.stack([seen.body] * count)
    body[:, 7, 0] += np.linspace(0, 1, count) ** 3
    stamps = START + np.round(np.arange(count) * step * NANOSECONDS).astype(np.int64)
    return Window(stamps, body, np.stack([seen.hands] * count))


def test_several_lengths_give_the_mean_by_coverage(recognizer):
    window = moving(1.5)
    end = int(window.stamps[-1])
    (short,), (long,), (both,) = (
        recognizer.recognize([window], end, lengths) for lengths in ((0.5,), (3.0,), (0.5, 3.0))
    )
    assert not np.allclose(short.probabilities, long.probabilities, atol=1e-3)
    assert long.coverage < short.coverage == pytest.approx(1.0)
    expected = np.average(
        [short.probabilities, long.probabilities], 0, [short.coverage, long.coverage]
    )
    np.testing.assert_allclose(both.probabilities, expected, atol=1e-6)
    assert (both.coverage, both.window_start) == (short.coverage, long.window_start)
    assert both.probabilities.sum() == pytest.approx(1.0, abs=1e-5)


def test_without_lengths_the_models_own_is_read(recognizer):
    window = moving(1.5)
    end = int(window.stamps[-1])
    (own,) = recognizer.recognize([window], end)
    (named,) = recognizer.recognize([window], end, (recognizer.info.features.window_seconds,))
    np.testing.assert_array_equal(own.probabilities, named.probabilities)


def test_threads_may_share_it(recognizer):
    windows = [moving(1.0 + i / 4) for i in range(4)]

    def ask(window):
        return [recognizer.recognize([window], int(window.stamps[-1]))[0] for _ in range(8)]

    alone = [ask(window)[0].probabilities for window in windows]
    with ThreadPoolExecutor(4) as pool:
        for expected, answers in zip(alone, pool.map(ask, windows), strict=True):
            for each in answers:
                np.testing.assert_array_equal(each.probabilities, expected)
