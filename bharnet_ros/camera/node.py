# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node `bharnet_estimator`: pictures in, poses of people out.

A process of its own, so that neither a crash nor a hang of the estimator takes recognition down;
`python -m bharnet_ros.camera` starts it under its guardian (guardian.py).
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

if __name__ == "__main__":  # before imports of seconds: Ctrl-C ends them without a traceback
    from bharnet_ros.interpreter import main_here

    sys.exit(main_here("bharnet_ros.camera.node")())

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image

from bharnet.drawing import Caption, draw
from bharnet.estimation.choose import open_estimator
from bharnet.estimation.estimator import InvalidFrame
from bharnet.estimation.people import PeopleEstimator
from bharnet_ros.camera.captions import to_captions
from bharnet_ros.camera.guardian import ALIVE, Heartbeat
from bharnet_ros.camera.health import Health
from bharnet_ros.camera.inputs import CameraInput
from bharnet_ros.camera.parameters import PARAMETERS, Settings, declare
from bharnet_ros.camera.pipeline import Estimated, estimate
from bharnet_ros.camera.poses import to_image
from bharnet_ros.camera.worker import FrameRate, Pictures, PictureWorker
from bharnet_ros.declared import changes, refuse_static
from bharnet_ros.lifecycle import run, told
from bharnet_ros.misspelt import warn_of_ignored_qos
from bharnet_ros.msg import ActionArray, PersonPoseArray
from bharnet_ros.reports import Reporter
from bharnet_ros.stamps import nanoseconds
from bharnet_ros.undoing import SUCCESS, UndoingNode

# What the recogniser said holds no longer: its longest stride, and a little. It may have ended.
CAPTION_SECONDS = 11.0
POSES_QOS, ACTIONS_QOS, DEBUG_QOS = (QoSProfile(depth=depth) for depth in (10, 10, 1))


def open_people(settings: Settings) -> PeopleEstimator:
    """What the parameters ask for. Raises EstimatorUnavailable with cause and cure."""
    return PeopleEstimator(
        open_estimator(settings.estimator()), reorder_seconds=settings["reorder_seconds"]
    )


class EstimatorNode(UndoingNode):
    """Finds people in pictures. Parameters: parameters.py; names and QoS: README.md."""

    _health: Health

    def __init__(
        self,
        open_people: Callable[[Settings], PeopleEstimator] = open_people,
        restarts: int = 0,
        remember: Callable[[Mapping[str, Any]], None] = lambda changed: None,
        **options: Any,
    ) -> None:
        super().__init__("bharnet_estimator", **options)
        with self.being_made():
            self.settings = declare(self)
        self.restarts = restarts
        self._remember = remember  # told of parameters that were changed
        self.add_on_set_parameters_callback(self._on_parameters)
        self.report = Reporter(lambda text: self.get_logger().warning(text))
        self._open_people = open_people
        self._people: PeopleEstimator | None = None  # set while configured
        self._hangs = False  # the worker of the last activation, and in it those networks
        self._worker: PictureWorker | None = None  # set while active
        self._pace = FrameRate(self.settings["frame_rate"])
        self._captions: Mapping[str, Caption] = {}
        self._told_at = 0.0  # when the recogniser told them, on the steady clock
        self._watched = False  # whether somebody looks at the debug image
        self._outbox: deque[Estimated | Image] = deque()
        self._ready = self.create_guard_condition(self._publish)

    @property
    def busy_seconds(self) -> float:
        """How long the picture in hand has taken so far, or the executor's callback."""
        worker = self._worker
        if worker is None:
            return 0.0
        return max(worker.busy_seconds, time.monotonic() - self._health.looked_at)

    @property
    def senses(self) -> bytes:
        """Whether pictures come, as the guardian is told."""
        return ALIVE if self._worker is None else self._health.senses

    # Lifecycle

    @told
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        with contextlib.ExitStack() as undo:
            cv2.setNumThreads(self.settings["cv_threads"])
            self._people = self.load(lambda: self._open_people(self.settings))
            self._hangs = False
            undo.callback(self._close_people)
            self._poses = self.publisher(undo, PersonPoseArray, "bharnet/poses", POSES_QOS)
            self._debug = self.publisher(undo, Image, "~/debug_image", DEBUG_QOS)
            self.diagnostics = self.publisher(undo, DiagnosticArray, "/diagnostics", ACTIONS_QOS)
            self._configured = undo.pop_all()
        return SUCCESS

    @told
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        assert self._people is not None
        with contextlib.ExitStack() as undo:
            if self._hangs:
                self._people = self.load(lambda: self._open_people(self.settings))
                self._hangs = False
            self._actions = self.create_subscription(
                ActionArray,
                "bharnet/actions",
                self._on_actions,
                ACTIONS_QOS,
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )
            undo.callback(self.destroy_subscription, self._actions)
            worker = PictureWorker(self._work, self.report, self._people.close)
            undo.callback(self._end_worker, worker)
            camera = CameraInput(self, self.settings, self._on_pictures, self.report, self._lost)
            undo.callback(camera.close)
            self._health = Health(self, camera, worker)
            undo.callback(self._health.close)
            warn_of_ignored_qos(self, self.report)
            # Last: the heartbeat's thread goes by it, and may look at any moment.
            self._worker = worker
            self.get_logger().info(
                f"looking for people in {camera.topic} with {self.settings['estimator']}"
            )
            self._active = undo.pop_all()
        return SUCCESS

    def _close_people(self) -> None:
        people, self._people = self._people, None
        if people is not None and not self._hangs:  # closing would wait for it, too
            people.close()

    def _end_worker(self, worker: PictureWorker) -> None:
        """The thread ends; an inactive node follows nobody and holds no networks."""
        assert self._people is not None
        self._hangs, self._worker = not worker.close(), None
        self._outbox.clear()
        if self._hangs:
            self.left_behind = True
            self.get_logger().error(
                "the estimator does not answer and is left behind; activation begins with another"
            )
        else:
            self._people.reset()

    # Parameters

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        new = changes(parameters, self.settings.values)
        try:
            if self._people is not None:
                refuse_static(PARAMETERS, new)
            self.settings = self.settings.changed(new)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self._pace.rate = self.settings["frame_rate"]
        # rclpy's own, which is in no table.
        new |= {each.name: each.value for each in parameters if each.name == "use_sim_time"}
        if new:
            self._remember(new)
        return SetParametersResult(successful=True)

    # Running

    def _on_pictures(self, pictures: Pictures) -> None:
        if self._worker is None:
            return
        if not self._pace.takes(pictures.stamp):
            self._health.paced += 1
            return
        self._watched = self._debug.get_subscription_count() > 0
        if pictures.arrived - self._told_at > CAPTION_SECONDS:
            self._captions = {}
        self._worker.put(pictures)

    def _on_actions(self, message: ActionArray) -> None:
        self._captions, self._told_at = to_captions(message), time.monotonic()
        self._health.result(nanoseconds(message.header.stamp))

    def _lost(self, event: Any) -> None:
        self._health.lost += int(event.total_count_change)

    def _work(self, pictures: Pictures) -> None:
        """In the worker's thread: one picture; the executor publishes what comes of it."""
        people, worker = self._people, self._worker
        assert people is not None
        resets = people.counters.resets
        try:
            found = estimate(pictures, people, self.settings)
        except InvalidFrame as error:
            self.report(error.key, f"dropped a picture: {error}")
            return
        except Exception:
            # What its networks were in the middle of is unknown: they begin anew.
            people.reset()
            raise
        if worker is not self._worker:  # it was left behind
            return
        if people.counters.resets > resets:
            self.report("time_jump", "time jumped back: everybody is looked for anew")
        self._deliver(found)
        if self._watched:
            self._draw(found)

    def _draw(self, found: Estimated) -> None:
        try:
            drawn = draw(found.image, found.frame, self._captions)
        except Exception as error:  # whoever looks on must not cost anybody the poses
            self.report("draw", f"drawing failed: {type(error).__name__}: {error}")
            return
        self._deliver(to_image(drawn, found.message.header))

    def _deliver(self, result: Estimated | Image) -> None:
        self._outbox.append(result)
        self._ready.trigger()

    def _publish(self) -> None:
        while self._outbox:
            result = self._outbox.popleft()
            if not self.context.ok() or self._worker is None:
                continue
            if isinstance(result, Image):
                self._debug.publish(result)
            else:
                self._poses.publish(result.message)
                self._health.published(result)


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop, with a heart that its guardian hears."""
    heartbeat = Heartbeat.of_guardian()

    def beat(node: EstimatorNode, told_to_stop: threading.Event) -> None:
        heartbeat.beat_while(
            lambda: node.busy_seconds < node.settings["hang_seconds"],
            told_to_stop.set,
            lambda: node.senses + node.settled[:1].encode(),
        )

    def make() -> EstimatorNode:
        changed = [Parameter(name, value=value) for name, value in heartbeat.parameters.items()]
        return EstimatorNode(
            restarts=heartbeat.restarts,
            remember=heartbeat.remember,
            parameter_overrides=changed,
        )

    before = {each[0]: each for each in ("unconfigured", "inactive", "active", "finalized")}
    return run(make, "bharnet_estimator", args, beat, before.get(heartbeat.state, ""))
