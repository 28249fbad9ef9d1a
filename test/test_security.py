# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The SROS 2 policy names exactly what the running nodes have on ROS's graph."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from camera import camera
from commands import ROOT
from polling import until
from robot import DEADLINE, in_executor, robot, save_model, spinning, start

from bharnet_ros.takes import RecorderNode

POLICY = ROOT / "config" / "sros2" / "policy.xml"
# What a node is asked for in rclpy, by the rule that allows it.
ASKED = {"publish": "publisher", "subscribe": "subscriber", "reply": "service"}
RULES = {"topics": {"publish", "subscribe"}, "services": {"reply", "request"}}
Ends = dict[str, set[str]]


def allowed(node: str) -> Ends:
    """Names by rule, resolved as ROS does."""
    found: Ends = {rule: set() for rule in ASKED}
    (profile,) = (
        each for each in ElementTree.parse(POLICY).iter("profile") if each.get("node") == node
    )
    for kind in profile:
        for rule in kind.attrib:
            for each in kind:
                name = str(each.text)
                base = f"/{node}/" if name.startswith("~/") else "/"
                found[rule].add(name if name.startswith("/") else base + name.removeprefix("~/"))
    if importlib.util.find_spec("rclpy.type_description_service") is None:  # in Humble
        found["reply"].discard(f"/{node}/get_type_description")
    return found


def ends(node: Any) -> Ends:
    """The same of a running node.

    By its own account, and by the graph for what rcl made beneath rclpy: Fast DDS does not always
    tell a node of all of its own ends (docs/reliability.md).
    """
    own = {
        "publish": {each.topic_name for each in node.publishers} | {"/rosout"},  # made by rcl
        "subscribe": {each.topic_name for each in node.subscriptions},
        "reply": {node.resolve_service_name(each.srv_name) for each in node.services},
    }
    seen = seen_from(node, node.get_name())
    return {rule: names | seen[rule] for rule, names in own.items()}


def seen_from(node: Any, name: str) -> Ends:
    """What the graph that a node knows says of another, or of itself."""
    found: Ends = {}
    for rule, kind in ASKED.items():
        ask: Callable[..., Any] = getattr(node, f"get_{kind}_names_and_types_by_node")
        found[rule] = {topic for topic, _ in ask(name, "/")}
    return found


def holds(node: Any, absent: frozenset[str] = frozenset()) -> None:
    """It has what is allowed, but for what this configuration has not."""
    wanted = {rule: names - absent for rule, names in allowed(node.get_name()).items()}
    # DDS tells a node of its own ends from another thread, so they may come late.
    with contextlib.suppress(AssertionError):  # what is wrong is told below
        until(lambda: in_executor(node, lambda: ends(node)) == wanted, DEADLINE)
    assert in_executor(node, lambda: ends(node)) == wanted


def test_it_is_a_policy_of_sros2():
    """The part of its schema, policy.xsd 0.2.0, that is used."""
    root = ElementTree.parse(POLICY).getroot()
    assert (root.tag, root.attrib) == ("policy", {"version": "0.2.0"})
    (enclaves,) = root
    assert {each.get("path") for each in enclaves} == {
        "/bharnet",
        "/bharnet_estimator",
        "/bharnet_intents",  # held against the running node in test_intents_node.py
        "/bharnet_recorder",
    }
    for enclave in enclaves:
        ((profile,),) = enclave
        assert profile.attrib == {"ns": "/", "node": enclave.attrib["path"][1:]}
        for kind in profile:
            assert set(kind.attrib) <= RULES[kind.tag]
            assert set(kind.attrib.values()) == {"ALLOW"}
            names = [str(each.text) for each in kind]
            assert {each.tag for each in kind} == {kind.tag.removesuffix("s")}
            assert names == sorted(set(names))


def test_the_recogniser(tmp_path):
    model = str(save_model(tmp_path / "tiny.safetensors"))
    with robot(model=model, input="poses_and_hands", use_sim_time=True) as (node, _):
        start(node)
        holds(node)
    with robot(model=model) as (node, _):
        start(node)
        holds(node, frozenset(("/clock", "/bharnet/hands")))


@pytest.mark.parametrize(
    ("transport", "absent"), [("raw", "/image/compressed"), ("compressed", "/image")]
)
def test_the_estimator(transport, absent):
    with camera(transport=transport, use_depth=True, use_sim_time=True) as (node, _, _):
        start(node)
        holds(node, frozenset((absent,)))


def test_the_recorder(tmp_path):
    class Recorder(RecorderNode):
        def on_shutdown(self, state: Any) -> None:
            """It has no lifecycle, hence nothing to end."""

    with spinning(Recorder, folder=str(tmp_path), use_sim_time=True) as (node, _, _):
        holds(node)
