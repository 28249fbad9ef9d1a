# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node `bharnet`: poses in, actions out. Everything that thinks is in the core.

Callbacks only convert and put into the worker's mailbox; the worker's results come back through a
guard condition, so that everything is published from the executor's thread.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from typing import Any

if __name__ == "__main__":  # before imports of seconds: Ctrl-C ends them without a traceback
    from bharnet_ros.interpreter import main_here

    sys.exit(main_here("bharnet_ros.node")())

import torch
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_srvs.srv import SetBool, Trigger
from visualization_msgs.msg import MarkerArray

from bharnet.checkpoint import Checkpoint
from bharnet.decision import Decider
from bharnet.poses import to_frame
from bharnet.skeleton import get_layout
from bharnet.stream import ActionStream
from bharnet_ros.convert import to_action_array, to_action_labels
from bharnet_ros.declared import changes, refuse_static
from bharnet_ros.health import HANG_CURE, Health
from bharnet_ros.inputs import PoseInput
from bharnet_ros.lifecycle import run, told
from bharnet_ros.markers import Markers
from bharnet_ros.misspelt import warn_of_ignored_qos
from bharnet_ros.model import load_model, make_stream, version
from bharnet_ros.msg import ActionArray, ActionLabels, PersonPoseArray
from bharnet_ros.parameters import PARAMETERS, RELOADING, Settings, declare
from bharnet_ros.reports import Reporter
from bharnet_ros.undoing import SUCCESS, UndoingNode
from bharnet_ros.worker import Result, Worker, adopt

ACTIONS_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
LABELS_QOS = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
# How long a subscriber is waited for, to take the last OFFSET of a node that stops.
LAST_WORDS = Duration(seconds=0.5)


class BharnetNode(UndoingNode):
    """Recognises what people do. Parameters: parameters.py; names and QoS: README.md."""

    _health: Health

    def __init__(self, **options: Any) -> None:
        super().__init__("bharnet", **options)
        with self.being_made():
            self.settings = declare(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.report = Reporter(lambda text: self.get_logger().warning(text))
        self._checkpoint: Checkpoint | None = None  # set while configured
        self._loaded = Time()  # when it was
        self._version: Any = None  # and of what file
        self._worker: Worker | None = None  # set while active
        self._decider: Decider | None = None  # outlives streams: event ids are never reused
        self._hangs = False  # the worker of the last activation
        self._outbox: deque[Result | ActionStream] = deque()
        self._ready = self.create_guard_condition(self.publish_results)
        self.enabled = True  # by ~/enable; outlives deactivation
        self.create_service(Trigger, "~/reset", self._on_reset)
        self.create_service(SetBool, "~/enable", self._on_enable)

    # Lifecycle

    @told
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        with contextlib.ExitStack() as undo:
            torch.set_num_threads(self.settings["torch_threads"])
            self._version = version(self.settings.model)
            checkpoint = self.load(lambda: load_model(self.settings))
            self._loaded = self._now()
            self._actions = self.publisher(undo, ActionArray, "~/actions", ACTIONS_QOS)
            self._shown = self.publisher(undo, MarkerArray, "~/markers", ACTIONS_QOS)
            self.diagnostics = self.publisher(undo, DiagnosticArray, "/diagnostics", ACTIONS_QOS)
            self._checkpoint = checkpoint
            self._configured = undo.pop_all()
        return SUCCESS

    @told
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        checkpoint = self._checkpoint
        assert checkpoint is not None
        with contextlib.ExitStack() as undo:
            stream = self.load(lambda: make_stream(checkpoint, self.settings, self.report))
            self._hangs = False
            undo.callback(self._free_memory)
            if self._decider is not None:
                adopt(stream, self._decider)
            self._decider = stream.decider
            self._markers = Markers(stream.recognizer.info, self.report)
            self._labels = self.publisher(undo, ActionLabels, "~/labels", LABELS_QOS)
            self._worker = Worker(stream, self._deliver, self.report, self.settings["max_backlog"])
            undo.callback(self._end_worker)
            poses = PoseInput(
                self,
                self.settings,
                self._on_poses,
                self.report,
                lambda event: self._health.lost(event),
                lambda topic, event: self._health.incompatible(topic, event),
            )
            undo.callback(poses.close)
            self._health = Health(self, self._worker, poses)
            undo.callback(self._health.close)
            self.get_logger().info(f"{_in_words(stream)}, poses from {poses.topic}")
            warn_of_ignored_qos(self, self.report)
            # Last of all: whoever hears them may count on the rest.
            self._publish_labels(stream)
            self._active = undo.pop_all()
        return SUCCESS

    def forget(self) -> None:
        self._checkpoint = None

    def _free_memory(self) -> None:
        """An inactive node holds nothing on the GPU; the worker has let go of its network."""
        if torch.cuda.is_initialized() and not self._hangs:  # it would be waited for
            torch.cuda.empty_cache()

    def _end_worker(self) -> None:
        """Running actions end, and are told; then the thread ends."""
        assert self._worker is not None
        self._hangs, self._worker = not self._worker.close(), None
        if self._hangs:
            self.left_behind = True
            self.get_logger().error(f"the network does not answer and is left behind; {HANG_CURE}")
        self.publish_results()
        # The publisher may be gone in a moment, and the last word of an action with it.
        with contextlib.suppress(RuntimeError):  # nobody hears once the context is shut down
            self._actions.wait_for_all_acked(LAST_WORDS)

    # Parameters

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        new = changes(parameters, self.settings.values)
        if any(each.name == "model" for each in parameters) and self._is_rewritten():
            new.setdefault("model", self.settings["model"])
        if not new:  # as where the QoS of a topic is declared
            return SetParametersResult(successful=True)
        try:
            if self._checkpoint is not None:
                refuse_static(PARAMETERS, new)
            self._use(self.settings.changed(new), reload=bool(RELOADING & new.keys()))
        except (ValueError, RuntimeError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _is_rewritten(self) -> bool:
        """Whether the file that is in use has another content than it had when it was read."""
        return self._checkpoint is not None and version(self.settings.model) != self._version

    def _use(self, settings: Settings, reload: bool) -> None:
        """Change over, or raise and leave everything as it was."""
        loaded, read = self._loaded, self._version
        if (checkpoint := self._checkpoint) is not None:
            if reload:
                read = version(settings.model)
                checkpoint = self.load(lambda: load_model(settings))
                loaded = self._now()
            info = checkpoint.info
            decision, allowed = settings.decision(info), settings.allowed(info)
            if self._worker is not None and reload:
                stream = self.load(lambda: make_stream(checkpoint, settings, self.report))
                self._worker.replace(stream)
            elif self._worker is not None:

                def change(stream: ActionStream) -> None:
                    stream.config = settings.stream()
                    stream.decider.config, stream.decider.allowed = decision, allowed
                    self._deliver(stream)

                self._worker.call(change)
        self._checkpoint, self._loaded, self._version = checkpoint, loaded, read
        self.settings = settings

    # Running

    def _on_poses(self, message: PersonPoseArray, arrived: float) -> None:
        now = time.monotonic()  # bodies may have waited for their hands
        self._health.arrived(now)
        if self._worker is None or self._checkpoint is None or not self.enabled:
            return
        stamp = None
        if self.settings["stamp_source"] == "receive":
            stamp = self.get_clock().now().nanoseconds
        layout = get_layout(self._checkpoint.info.features.body_layout)
        frame = to_frame(message, layout, self.report, stamp)
        if frame is not None:
            self._worker.put(frame, message.header.frame_id, arrived, now)

    def _deliver(self, result: Result | ActionStream) -> None:
        """Called by the worker; the executor publishes it."""
        self._outbox.append(result)
        self._ready.trigger()

    def publish_results(self) -> None:
        """Everything that the worker has delivered."""
        while self._outbox:
            result = self._outbox.popleft()
            if not self.context.ok():
                continue
            if isinstance(result, ActionStream):
                if self._markers.info is not result.recognizer.info:  # another model
                    self.get_logger().info(f"from now on {_in_words(result)}")
                self._markers.info = result.recognizer.info
                self._publish_labels(result)
                continue
            recognizer = result.stream.recognizer
            message = to_action_array(
                result.tick,
                recognizer.info,
                recognizer.model_id,
                result.frame_id,
                self.settings["top_k"],
            )
            self._actions.publish(message)
            if self._shown.get_subscription_count():
                seconds = self.settings["stride_seconds"] + self.settings["stop_after_seconds"]
                self._shown.publish(self._markers.show(result.tick, result.frame_id, seconds))
            self._health.published(result)

    def _now(self) -> Time:
        now: Time = self.get_clock().now().to_msg()
        return now

    def _publish_labels(self, stream: ActionStream) -> None:
        recognizer, decider = stream.recognizer, stream.decider
        self._labels.publish(
            to_action_labels(
                recognizer.info,
                recognizer.model_id,
                decider.config,
                self.settings["stride_seconds"],
                decider.allowed,
                self._loaded,
                max(self.settings["window_seconds"], default=0.0),
            )
        )

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._worker is not None
        response.message = "the node is not active"
        if self._worker is not None:
            self._worker.call(ActionStream.reset)
            response.message = "all windows are cleared, running actions end"
        return response

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Disabled, the node stays subscribed but keeps nothing: nothing old is told later."""
        if self.enabled and not request.data and self._worker is not None:
            self._worker.call(ActionStream.reset)
        self.enabled, response.success = request.data, True
        response.message = "recognising" if self.enabled else "running actions end, then silence"
        if self._worker is None:
            response.message = f"{'enabled' if self.enabled else 'disabled'} once it is active"
        return response


def _in_words(stream: ActionStream) -> str:
    recognizer = stream.recognizer
    return (
        f"recognising {len(recognizer.info.classes)} classes of {recognizer.model_id} on "
        f"{recognizer.device} ({recognizer.backend})"
    )


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop."""
    return run(BharnetNode, "bharnet", args)
