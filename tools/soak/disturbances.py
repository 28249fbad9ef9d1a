# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What befalls a node on a robot, and what must be so after each of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import State as LifecycleState
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from std_srvs.srv import SetBool, Trigger

from bharnet.window import NANOSECONDS
from bharnet_ros.msg import PersonPose, PersonPoseArray
from tools.soak.camera import Camera
from tools.soak.spoiled import MESSAGES, bad_people

CHANCE = 0.02  # of one before a frame
NODE = "/bharnet/"
# Of these the node takes the first ones and refuses the others.
GOOD: tuple[dict[str, object], ...] = (
    {"enter_threshold": 0.6, "leave_threshold": 0.3, "enter_seconds": 0.1},
    {"enter_threshold": 0.1, "leave_threshold": 0.05, "enter_seconds": 0.2},
    {"stride_seconds": 0.1},
    {"stride_seconds": 0.4},
    {"stride_seconds": 0.2},
    {"window_seconds": [1.0, 2.0]},
    {"window_seconds": [0.0]},
    {"top_k": 0},
    {"top_k": 100},
    {"max_people": 10},
    {"device": "cpu"},
    {"device": "auto"},
)
BAD: tuple[dict[str, object], ...] = (
    {"leave_threshold": 0.9, "enter_threshold": 0.2},
    {"labels": ["no such class"]},
    {"model": "/nowhere.safetensors"},
    {"device": "abacus"},
    {"top_k": -3},
    {"input": "hri"},
)


class Disturbances:
    """Does one of them now and then.

    ``models``: files of weights to go to and fro between, the one that is in use last.
    """

    def __init__(self, camera: Camera, models: tuple[str, str]) -> None:
        self.camera, self._models = camera, models
        self.all: tuple[Callable[[], None], ...] = (
            self.stop,
            self.jump,
            self.reset,
            self.disable,
            self.deactivate,
            self.set_parameters,
            self.set_parameters,
            self.refuse_parameters,
            self.another_model,
            self.second_publisher,
            self.broken_messages,
            self.broken_people,
        )

    def sometimes(self) -> None:
        """Before a frame: nothing, or one of them."""
        rng = self.camera.rng
        if rng.random() < CHANCE:
            rng.choice(self.all)()

    def end(self) -> None:
        """The node must be active; deactivated, it may leave no event open."""
        camera = self.camera
        camera.heard_again()
        camera.wrong["not active at the end"] += (
            self._state() != LifecycleState.PRIMARY_STATE_ACTIVE
        )
        self._change(Transition.TRANSITION_DEACTIVATE)
        self._all_ended("deactivation")

    def stop(self) -> None:
        """The topic is silent until the node says so."""
        self._count("stops")
        self.camera.listen_for(1.3)
        self._all_ended("a stop")
        self.camera.heard_again()

    def jump(self) -> None:
        """The clock goes elsewhere; the odd part makes every stamp a new one."""
        self._count("clock jumps")
        camera = self.camera
        running = set(camera.ledger.open)
        camera.now += camera.rng.choice((-3600, -2, 2, 3600)) * NANOSECONDS
        camera.now += camera.rng.randrange(NANOSECONDS // 100)
        if camera.rng.random() < 0.5:
            camera.crowd.leave()
        camera.heard_again()
        self._ended(running, "a jump of the clock")

    def reset(self) -> None:
        """All windows are cleared by ``~/reset``."""
        self._count("resets")
        running = set(self.camera.ledger.open)
        self._succeeds(self._ask(Trigger, "reset", Trigger.Request()), "reset")
        self.camera.heard_again()
        self._ended(running, "a reset")

    def disable(self) -> None:
        """Nothing is told from ``~/enable`` false to true."""
        self._count("disabled and enabled")
        self._succeeds(self._ask(SetBool, "enable", SetBool.Request(data=False)), "disabling")
        self._all_ended("disabling")
        self._unheard()
        self._succeeds(self._ask(SetBool, "enable", SetBool.Request(data=True)), "enabling")
        self.camera.heard_again()

    def deactivate(self) -> None:
        """To inactive, or on to unconfigured, and back."""
        self._count("activated again")
        self._change(Transition.TRANSITION_DEACTIVATE)
        self._all_ended("deactivation")
        if self.camera.rng.random() < 0.3:
            self._count("configured again")
            self._change(Transition.TRANSITION_CLEANUP)
            self._change(Transition.TRANSITION_CONFIGURE)
        self._unheard()
        labels = self.camera.labels
        self._change(Transition.TRANSITION_ACTIVATE)
        self.camera.listen(lambda: self.camera.labels > labels, "no labels after activation")
        self.camera.listen(lambda: self.camera.ready, "not matched after activation")
        self.camera.heard_again()

    def set_parameters(self) -> None:
        """One that the node takes."""
        self._count("parameters changed")
        refused = self._set(self.camera.rng.choice(GOOD))
        self.camera.wrong["good parameter refused"] += refused != ""

    def refuse_parameters(self) -> None:
        """One that it refuses, and says why."""
        self._count("parameters refused")
        refused = self._set(self.camera.rng.choice(BAD))
        self.camera.wrong["bad parameter taken"] += not refused

    def another_model(self) -> None:
        """The file of weights changes; what ran with the old one ends."""
        self._count("models changed")
        running = set(self.camera.ledger.open)
        self._models = self._models[::-1]
        self.camera.wrong["model refused"] += self._set({"model": self._models[1]}) != ""
        self.camera.heard_again()
        self._ended(running, "a change of the model")

    def second_publisher(self) -> None:
        """Somebody else sends other people to the same topic for a while."""
        self._count("second publishers")
        camera = self.camera
        other = camera.node.create_publisher(
            PersonPoseArray, "/bharnet/poses", QoSProfile(depth=9)
        )
        camera.listen(other.get_subscription_count, "second publisher not matched")
        for _ in range(20):
            camera.film()
            other.publish(camera.message(camera.now + 1, [PersonPose(body_id="other")]))
            camera.keep_up()
        camera.node.destroy_publisher(other)
        camera.heard_again()

    def broken_messages(self) -> None:
        """Messages of which nothing can be used."""
        self._count("broken messages")
        name = self.camera.rng.choice(list(MESSAGES))
        people = [self.camera.pose(each) for each in self.camera.crowd.until]
        self.camera.send(MESSAGES[name](self.camera.message(self.camera.now + 1, people)))
        self.camera.heard_again()

    def broken_people(self) -> None:
        """Somebody in a frame who cannot be used beside those who can."""
        self._count("broken people")
        values = [0.5] * 44
        for bad in bad_people(PersonPose(body=values)):
            self.camera.film([bad])
            self.camera.keep_up()

    def _unheard(self) -> None:
        for _ in range(5):
            self.camera.film(may_be_told=False)
            self.camera.listen_for(0.02)

    def _count(self, what: str) -> None:
        self.camera.counts[what] += 1

    def _all_ended(self, after: str) -> None:
        self.camera.listen(lambda: not self.camera.ledger.open, f"event went on after {after}")
        self.camera.ledger.open.clear()

    def _ended(self, events: set[int], after: str) -> None:
        still = self.camera.ledger.open
        self.camera.listen(lambda: not events & still.keys(), f"event went on after {after}")

    def _set(self, values: dict[str, object]) -> str | None:
        """Why they are refused, all at once; "" if they are taken, None if nobody answers."""
        given = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        request = SetParametersAtomically.Request(parameters=given)
        answer = self._ask(SetParametersAtomically, "set_parameters_atomically", request)
        return None if answer is None else str(answer.result.reason)

    def _change(self, transition: int) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        self._succeeds(self._ask(ChangeState, "change_state", request), f"transition {transition}")

    def _state(self) -> int | None:
        answer = self._ask(GetState, "get_state", GetState.Request())
        return None if answer is None else int(answer.current_state.id)

    def _succeeds(self, answer: Any, what: str) -> None:
        self.camera.wrong[f"{what} failed"] += answer is None or not answer.success

    def _ask(self, kind: Any, name: str, request: Any) -> Any:
        return self.camera.ask(kind, NODE + name, request)
