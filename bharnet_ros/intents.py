# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The node `bharnet_intents`: actions in, intents of ROS4HRI out, once for each action.

    ros2 run bharnet_ros intents --ros-args -p file:=my_intents.yaml

hri_actions_msgs is not in the package index: this was run with messages generated from the same
definition (test/test_intents_node.py), not with the package itself.
"""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before imports of seconds: Ctrl-C ends them without a traceback
    from bharnet_ros.interpreter import main_here

    sys.exit(main_here("bharnet_ros.intents")())

from rclpy.clock import Clock, ClockType
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from bharnet_ros.declared import Declared, declare_all, user_path
from bharnet_ros.intent_map import InvalidIntents, Rule, Wish, read_intents
from bharnet_ros.msg import Action, ActionArray, ActionLabels
from bharnet_ros.shipped import shipped
from bharnet_ros.spinning import spin
from bharnet_ros.stamps import nanoseconds
from bharnet_ros.status import Reminder, why_silent
from bharnet_ros.wary import WaryNode

RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
ACTION_TYPE = "bharnet_ros/msg/ActionArray"
LOOK_SECONDS, ALONE_SECONDS = 1.0, 5.0
CURE = (
    "start or activate the recogniser in this namespace, or name its topic with "
    "-r bharnet/actions:=<topic>"
)
PARAMETERS = (
    Declared(
        "file",
        "",
        "YAML: which action means which intent; empty: the one that ships",
        read_only=True,
    ),
)


class Missing(RuntimeError):
    """hri_actions_msgs is not installed; the message says how to get it."""


def intent_message() -> Any:
    """The class hri_actions_msgs/Intent. Raises Missing."""
    try:
        from hri_actions_msgs.msg import Intent
    except ImportError as error:
        raise Missing(
            f"intents need hri_actions_msgs, which is not here ({error}); install "
            "ros-$ROS_DISTRO-hri-actions-msgs"
        ) from error
    return Intent


def predefined(message: Any) -> dict[str, str]:
    """The intents that this version of the message defines: a constant's name and its value."""
    # rosidl keeps constants on the class of the class.
    names = (name for name in dir(type(message)) if name.isupper())
    values = {name: getattr(message, name) for name in names}
    return {name: value for name, value in values.items() if str(value).startswith("__intent_")}


class Onsets:
    """Tells of every event once, in the message in which it begins.

    An event that is already going on when it is first heard of is not told: a wish of long ago.
    """

    def __init__(self) -> None:
        self._running: set[tuple[str, int, int]] = set()

    def among(self, actions: Iterable[Action]) -> list[Action]:
        """Those that begin."""
        # A recogniser that was started again numbers its events anew, but no onset comes again.
        running = {
            (each.body_id, each.event_id, nanoseconds(each.onset)): each
            for each in actions
            if each.state in (Action.ONSET, Action.ONGOING)
        }
        begun = [
            each
            for key, each in running.items()
            if each.state == Action.ONSET and key not in self._running
        ]
        # Every tracked body is listed in every message, so what is not there is over.
        self._running = set(running)
        return begun


class IntentsNode(WaryNode):
    """Publishes what actions mean. Raises Missing and InvalidIntents."""

    def __init__(self, **options: Any) -> None:
        super().__init__("bharnet_intents", **options)
        given = declare_all(self, PARAMETERS)["file"]
        self._message = intent_message()
        self._constants = predefined(self._message)
        self.rules = read_intents(map_file(given), self._constants)
        self._onsets = Onsets()
        self._unfit: list[str] = []  # what was told of the map last
        qos = QoSOverridingOptions.with_default_policies()
        # Relative, as all our names are: /intents, where ROS4HRI has it, unless in a namespace.
        self._intents = self.create_publisher(
            self._message, "intents", RELIABLE, qos_overriding_options=qos
        )
        self._actions = self.create_subscription(
            ActionArray, "bharnet/actions", self._on_actions, RELIABLE, qos_overriding_options=qos
        )
        self.create_subscription(
            ActionLabels, "bharnet/labels", self._on_labels, LATCHED, qos_overriding_options=qos
        )

        self._reminder, self._met = Reminder(ALONE_SECONDS), time.monotonic()
        # Neither /clock nor the wall's clock can stop or hurry it.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(LOOK_SECONDS, self._look_for_actions, clock=steady)

    def _look_for_actions(self) -> None:
        """Silence may be right, as while nobody is seen, but not that nobody could speak."""
        now, topic = time.monotonic(), str(self._actions.topic_name)
        if self.count_publishers(topic):
            self._met = now
        if self._reminder.due(now - self._met):
            self.get_logger().warning(why_silent(self, topic, ACTION_TYPE, "actions", CURE))

    def _on_labels(self, message: ActionLabels) -> None:
        """They come again whenever a parameter of the recogniser changes."""
        before, self._unfit = self._unfit, unfit(self.rules, message.labels, message.idle_class_id)
        for sentence in self._unfit if self._unfit != before else ():
            self.get_logger().warning(sentence)

    def _on_actions(self, message: ActionArray) -> None:
        for action in self._onsets.among(message.actions):
            rule = self.rules.get(action.label)
            source = action.person_id or self._message.UNKNOWN_AGENT
            if rule is None:
                continue
            wish = rule.wish(action.label, action.body_id, source, action.confidence)
            if wish is not None:
                self._publish(wish, source)

    def _publish(self, wish: Wish, source: str) -> None:
        self._intents.publish(
            self._message(
                intent=self._constants[wish.intent] if wish.predefined else wish.intent,
                data=wish.data,
                source=source,
                modality=self._message.MODALITY_MOTION,
                priority=wish.priority,
                confidence=wish.confidence,
            )
        )


def unfit(rules: Mapping[str, Rule], labels: Iterable[str], idle: int) -> list[str]:
    """A sentence for every action of a map that the model which runs never tells."""
    classes = list(labels)
    told = []
    for label in rules:
        if label not in classes:
            near = difflib.get_close_matches(label, classes, 1)
            meant = f"; is '{near[0]}' meant?" if near else ""
            told.append(f"the model has no class '{label}', so its intent never comes{meant}")
        elif classes.index(label) == idle:
            told.append(f"'{label}' is the model's idle, which never begins")
    return told


def map_file(given: str) -> Path:
    """The map that is asked for, or else the one that ships. Raises InvalidIntents."""
    try:
        return user_path(given) if given else shipped("intents.yaml")
    except FileNotFoundError as error:
        raise InvalidIntents("the map that ships is not installed; name one by `file`") from error


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop; 2 if it cannot."""
    return spin(IntentsNode, "bharnet_intents", args, (Missing, InvalidIntents))
