# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A misspelt parameter is told of at start, by every node; the shipped file never is."""

from __future__ import annotations

import functools

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

import rclpy
from conftest import ROOT
from rclpy.node import Node
from robot import save_model, spinning, start

from bharnet_ros import intents, misspelt
from bharnet_ros.camera.node import EstimatorNode
from bharnet_ros.declared import declare_all
from bharnet_ros.node import BharnetNode
from bharnet_ros.takes import RecorderNode

FILE = ROOT / "config" / "recognize.yaml"


def intents_node(**options):
    """Its parameters alone: the node needs hri_actions_msgs."""
    node = Node("bharnet_intents", **options)
    declare_all(node, intents.PARAMETERS)
    return node


NODES = {
    BharnetNode: ("bharnet", "enter_treshold", "enter_threshold"),
    EstimatorNode: ("bharnet_estimator", "frame_rat", "frame_rate"),
    RecorderNode: ("bharnet_recorder", "lable", "label"),
    intents_node: ("bharnet_intents", "flie", "file"),
}


def warnings(capfd, make, *arguments):
    """What a node says of its parameters when it is made."""
    context = rclpy.Context()
    rclpy.init(context=context, args=["--ros-args", *arguments])
    node = make(context=context)
    node.destroy_node()
    rclpy.shutdown(context=context)
    lines = capfd.readouterr().err.splitlines()
    return [line.partition("]: ")[2] for line in lines if "is no parameter of" in line]


@pytest.mark.parametrize("make", NODES)
def test_the_nearest_is_named(capfd, make):
    name, wrong, right = NODES[make]
    told = [f"{wrong} is no parameter of /{name}; did you mean {right}?"]
    assert warnings(capfd, make, "-p", f"{wrong}:=1.0") == told


@pytest.mark.parametrize("make", NODES)
def test_the_shipped_file_and_qos_and_what_rclpy_declares_are_fine(capfd, make):
    qos = ("-p", "qos_overrides./bharnet/poses.subscription.depth:=7")
    file = ("--params-file", str(FILE))
    assert warnings(capfd, make, *file, *qos, "-p", "use_sim_time:=true") == []


def test_in_a_file_for_all_nodes_and_under_a_namespace(capfd, tmp_path):
    file = tmp_path / "mine.yaml"
    # rotate is the estimator's; nothing is like the other.
    file.write_text("/**:\n  ros__parameters:\n    rotate: 90\n    zoom.level: 2\n")
    given = ("--params-file", str(file), "-r", "__ns:=/robot1")
    (told,) = warnings(capfd, BharnetNode, *given)
    assert told == (
        "zoom.level is no parameter of /robot1/bharnet; `ros2 param list /robot1/bharnet` names "
        "them"
    )


@pytest.mark.parametrize(
    ("given", "has"),
    [
        ("/bharnet/poses.subscription.depth", "/robot1/bharnet/poses.subscription.depth"),
        ("/robot1/bharnet/actions.publisher.durability", "/robot1/bharnet/actions.publisher.d"),
        ("/robot2/bharnet/poses.subscription.depth", ""),  # another's
        ("/bharnet/poses.publisher.depth", ""),  # the estimator's
        ("/diagnostics.publisher.depth", ""),  # taken
    ],
)
def test_a_qos_override_that_is_ignored_is_told(tmp_path, given, has):
    model = save_model(tmp_path / "tiny.safetensors")
    parameters = {"model": str(model), f"qos_overrides.{given}": 7}
    with spinning(functools.partial(BharnetNode, namespace="robot1"), **parameters) as (
        node,
        _,
        log,
    ):
        start(node)
        told = [line for line in log if "is ignored" in line]
    if not has:
        assert told == []
        return
    (line,) = told
    assert line.startswith(f"qos_overrides.{given} is ignored; /robot1/bharnet has ")
    assert f"qos_overrides.{has}" in line


def test_the_right_one_beside_one_for_another_namespace_is_fine():
    names = [f"qos_overrides.{name}/bharnet/poses.subscription.depth" for name in ("", "/robot1")]
    assert misspelt.ignored_qos(names, names[1:], "/robot1/bharnet") == []


@pytest.mark.parametrize("text", ["", "[", "a: 1", "a: {b: 1}", "a: 1\nb: 2"])
def test_a_damaged_shipped_file_stops_no_node(monkeypatch, tmp_path, text):
    file = tmp_path / "recognize.yaml"
    file.write_text(text)
    monkeypatch.setattr(misspelt, "shipped", lambda name: file)
    assert misspelt.of_shared_file() == frozenset()
