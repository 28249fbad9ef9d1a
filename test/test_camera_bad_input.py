# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The estimator's node and what it refuses: pictures, stamps, models, with cause and cure."""

from __future__ import annotations

import array

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from camera import FakeEstimator, camera
from people import START
from pictures import WIDTH, compressed, image, rgb, scene, set_stamp
from robot import SUCCESS, in_executor, set_parameter, spinning, start
from sensor_msgs.msg import Image

from bharnet.estimation import choose
from bharnet.estimation.estimator import EstimatorUnavailable
from bharnet.window import NANOSECONDS
from bharnet_ros.camera.node import EstimatorNode


def empty(message: Image) -> Image:
    message.data = array.array("B")
    return message


BAD = {
    "nothing in it": (lambda: Image(encoding="rgb8"), "empty picture"),
    "no pixels": (lambda: empty(rgb()), "empty picture"),
    "wrong step": (lambda: image(scene(), "bgra8", width=WIDTH), "step is 192"),
    "unknown encoding": (lambda: image(scene(), "rgb565"), "unknown encoding 'rgb565'"),
    "too small": (lambda: rgb(scene(8, 8)), "shows nobody"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_pictures_cost_nothing_but_themselves(case):
    make, says = BAD[case]
    with camera() as (node, photographer, fake):
        start(node)
        before = photographer.ready().shoot(0.0)
        for i in range(1, 11):
            photographer.show(0.1 * i, make())
        photographer.said(says)
        photographer.tells(refused="10", pictures_received="11")
        assert len([line for line in photographer.log if says in line]) == 1  # throttled
        after = photographer.shoot(1.1)
        assert after.people[0].body_id == before.people[0].body_id
        assert len(fake.stamps) == 2


def test_truncated_jpegs_cost_nothing_but_themselves():
    with camera(transport="compressed") as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0, compressed())
        for i, share in enumerate((0.01, 0.3, 0.6, 0.99)):
            photographer.show(0.1 + 0.1 * i, compressed(keep=share))
        photographer.said("without its end")
        photographer.tells(refused="4")
        photographer.shoot(1.0, compressed())
        assert len(fake.stamps) == 2


def test_resolution_may_change():
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready()
        for i, size in enumerate([(64, 48), (320, 240), (48, 64), (64, 48)]):
            found = photographer.shoot(0.1 * i, rgb(scene(*size)))
            assert (found.image_width, found.image_height) == size
        assert [shape[:2] for shape in fake.shapes] == [(48, 64), (240, 320), (64, 48), (48, 64)]


def test_stamps_that_are_zero_or_go_back():
    with camera() as (node, photographer, _):
        start(node)
        first = photographer.ready().shoot(100.0)
        photographer.cameras[Image].publish(set_stamp(rgb(), 0))
        photographer.said("stamp_source:=receive")
        wild = set_stamp(rgb(), START + 100 * NANOSECONDS)
        wild.header.stamp.nanosec = 2**32 - 1  # four seconds ahead
        photographer.cameras[Image].publish(wild)
        photographer.show(100.0)  # equal
        photographer.said("older than (or equal to) the newest")
        photographer.show(99.7)  # and a little late
        photographer.tells(refused="4")
        assert photographer.shoot(100.1).people[0].body_id == first.people[0].body_id
        # By more: time began anew, and so does everybody.
        again = photographer.shoot(0.0)
        assert again.people[0].body_id != first.people[0].body_id
        photographer.said("time jumped back")


def test_before_the_first_clock_nothing_can_be_stamped():
    with camera(stamp_source="receive", use_sim_time=True) as (node, photographer, fake):
        start(node)
        photographer.ready().show(0.0)
        photographer.said("let /clock be published")
        photographer.tells(refused="1")
        assert fake.stamps == []


def test_missing_model_fails_configure_and_can_be_cured(tmp_path):
    missing = {"estimator": "wholebody", "estimator_model": str(tmp_path / "none.onnx")}
    with spinning(EstimatorNode, **missing) as (node, _, log):
        assert in_executor(node, node.trigger_configure) != SUCCESS
        (line,) = [line for line in log if "configure failed" in line]
        assert "none.onnx" in line
        # It lives, and can be told of another.
        assert set_parameter(node, "estimator_model", "elsewhere.onnx") == ""


def test_a_gpu_that_is_not_there_fails_configure_and_can_be_cured(monkeypatch):
    def refuse(config):
        if config.delegate == "gpu":
            raise EstimatorUnavailable("no GPU here; use delegate cpu")
        return FakeEstimator()

    monkeypatch.setitem(choose.ESTIMATORS, "mediapipe", refuse)
    with spinning(EstimatorNode, delegate="gpu") as (node, _, log):
        assert in_executor(node, node.trigger_configure) != SUCCESS
        assert any("configure failed: no GPU here; use delegate cpu" in line for line in log)
        assert set_parameter(node, "delegate", "cpu") == ""
        start(node)


def test_unknown_estimator_is_refused():
    with camera() as (node, *_):
        assert "unknown estimator 'magic'" in set_parameter(node, "estimator", "magic")
        assert "none of cpu, gpu" in set_parameter(node, "delegate", "tpu")
