# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters that were given to a node at start and that it does not have: rclpy ignores them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

import yaml
from rclpy.node import Node

from bharnet.reporting import Report
from bharnet_ros.shipped import shipped

QOS = "qos_overrides."  # declared by each publisher and subscription, as they are made


def warn_of_misspelt(node: Node, declared: Collection[str]) -> None:
    """Log a sentence for each; ``declared``: the names of the node's own parameters."""
    given = getattr(node, "_parameter_overrides", {})  # rclpy has no public way to them
    strange = [name for name in given if not node.has_parameter(name)]
    if strange:
        name = node.get_fully_qualified_name()
        for sentence in misspelt(strange, name, declared, of_shared_file()):
            node.get_logger().warning(sentence)


def misspelt(
    given: Iterable[str], node: str, declared: Collection[str], others: Collection[str] = ()
) -> list[str]:
    """A sentence for each name that is none of the node's, but for those of ``others``."""
    told = []
    for name in given:
        if name in others or name.startswith(QOS):
            continue
        near = difflib.get_close_matches(name, declared, 1)
        cure = f"did you mean {near[0]}?" if near else f"`ros2 param list {node}` names them"
        told.append(f"{name} is no parameter of {node}; {cure}")
    return told


def warn_of_ignored_qos(node: Node, report: Report) -> None:
    """To be called once the node has its topics, which declare what may be overridden."""
    given = getattr(node, "_parameter_overrides", {})
    declared = node.get_parameters_by_prefix(QOS[:-1])
    names = [QOS + name for name in declared]
    for sentence in ignored_qos(given, names, node.get_fully_qualified_name()):
        report(f"qos {sentence}", sentence)


def ignored_qos(given: Collection[str], declared: Collection[str], node: str) -> list[str]:
    """A sentence for each QoS override of another policy, or for a topic in another namespace.

    Whatever else is given may be another node's.
    """
    told = []
    for name in given:
        if not name.startswith(QOS) or name in declared:
            continue
        topic = name.removeprefix(QOS).rpartition(".")[0]
        ours = [each for each in declared if each.rpartition(".")[0].endswith(topic)]
        meant = [each for each in ours if each not in given]
        if topic and meant:
            told.append(f"{name} is ignored; {node} has {', '.join(meant)}")
    return told


def of_shared_file() -> frozenset[str]:
    """What the recogniser and the estimator declare, who share a file (without their imports)."""
    try:
        (node,) = yaml.safe_load(shipped("recognize.yaml").read_text(encoding="utf-8")).values()
        return frozenset(node["ros__parameters"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return frozenset()  # whoever damaged it is warned of too much, never stopped
