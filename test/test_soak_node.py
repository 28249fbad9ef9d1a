# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Seconds of what tools/soak/node.py does for half an hour: each disturbance once."""

from __future__ import annotations

import os
import signal

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from robot import needs_numbers
from tiny import save_model

from tools.soak.footprint import Footprint
from tools.soak.node import NodeDied, node_soak


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    model = save_model(tmp_path_factory.mktemp("soak") / "tiny.safetensors")
    with node_soak(model, 3) as soak:
        soak.camera.crowd.come = 5.0
        yield soak


@needs_numbers  # one of the disturbances is a second publisher
def test_a_real_node_stands_every_disturbance(soak):
    camera = soak.camera
    for disturb in dict.fromkeys(soak.disturbances.all):
        for _ in range(10):
            camera.film()
            camera.keep_up()
        disturb()
    soak.end()
    assert not any(camera.wrong.values()), camera.wrong
    assert soak.process.runs
    assert camera.ledger.counts["events"]
    assert camera.ledger.counts["people told of"]


def test_a_node_that_dies_is_noticed(tmp_path):
    model = save_model(tmp_path / "tiny.safetensors")
    with node_soak(model, 4) as soak:
        soak.disturbances.all = (lambda: os.kill(soak.process.pid, signal.SIGKILL),)
        soak.camera.rng.random = lambda: 0.0
        with pytest.raises(NodeDied, match="recognising 3 classes"):
            soak.tenth(60.0)


def test_what_the_node_holds_is_watched(soak):
    few, many = Footprint(100.0, 10, 20, 1.0), Footprint(200.0, 11, 22, 2.0)
    soak.prints[:], soak.paces[:] = [few, many], [1.0, 5.0]
    assert soak.verdict() == {
        "memory grew by MiB": 100,
        "threads more": 1,
        "open files more": 2,
        "CPU of a frame rose to the times": 5.0,
    }
    soak.prints[:], soak.paces[:] = [few, few], [1.0, 1.0]
    assert soak.verdict() == {}
