# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The node `bharnet_recorder`: takes of one's own gestures from the topic of poses, by services.

    ros2 run bharnet_ros record --ros-args -p folder:=my_gestures -p label:=wave
    ros2 service call /bharnet_recorder/start_recording std_srvs/srv/Trigger
    ros2 service call /bharnet_recorder/stop_recording std_srvs/srv/Trigger

Between start and stop joints are kept in memory. A worker writes them, so that a disk that hangs
holds nothing up for longer than PATIENCE; the answer comes when the take is on the disk. A take
that could not be kept, even after the answer, stays in memory until the next one begins, to be
stopped again once the cause is cured.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

if __name__ == "__main__":  # before imports of seconds: Ctrl-C ends them without a traceback
    from bharnet_ros.interpreter import main_here

    sys.exit(main_here("bharnet_ros.takes")())

from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_srvs.srv import Trigger

from bharnet.observation import Coordinates, InvalidPose
from bharnet.poses import find_layout, to_frame
from bharnet.recording import (
    Gathering,
    InvalidRecordings,
    Line,
    Recordings,
    check_label,
    check_name,
    sitting,
)
from bharnet.skeleton import BODY_LAYOUTS, Layout
from bharnet.take import UNITS, InvalidTake
from bharnet.window import NANOSECONDS
from bharnet_ros.declared import Declared, changes, declare_all, user_path
from bharnet_ros.inputs import POSES_QOS, poses_of_one_source
from bharnet_ros.msg import PersonPoseArray
from bharnet_ros.reports import Reporter
from bharnet_ros.spinning import spin
from bharnet_ros.wary import WaryNode

# A stamp older than the newest by more means that time began anew, as with a bag played again.
JUMP = NANOSECONDS // 2
# So much later than the newest, a clock was set: nobody waits for so long within a gesture.
LEAP = 60 * NANOSECONDS
PATIENCE = 10.0  # seconds that an answer waits for the disk
PARAMETERS = (
    Declared("folder", "recordings", "folder of the takes and their table", dynamic=True),
    Declared("label", "", "what the next takes show; idle: nothing", dynamic=True),
    Declared("person", "p1", "who it is, for the table", dynamic=True),
    Declared("session", "", "the sitting, for the table; default: day and hour", dynamic=True),
    Declared("body_id", "", "whom to record; empty: who is seen longest", dynamic=True),
    Declared("seconds", 0.0, "a take ends after this; 0: by service", 0.0, 60.0, dynamic=True),
)


class RecorderNode(WaryNode):
    """Keeps what is seen between start and stop. Its parameters may change at any time."""

    def __init__(self, **options: Any) -> None:
        # First of all: Kilted's rclpy destroys a node whose parameters are wrong.
        self._worker = ThreadPoolExecutor(1, "disk")
        self._writing: Future[str] | None = None  # what it was given last
        self.left_behind = False  # whether it hangs although the node has gone
        self._gathering: Gathering | None = None
        super().__init__("bharnet_recorder", **options)
        self.values = declare_all(self, PARAMETERS)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.report = Reporter(lambda text: self.get_logger().warning(text))
        self._active = False
        self._kind: tuple[Layout, str] | None = None  # of what is gathered, as its units
        self._shown = ""
        self._last: tuple[Recordings, Line] | None = None
        # The take for which an answer did not wait, and what writes it.
        self._late: tuple[Future[str], Gathering] | None = None
        qos = QoSOverridingOptions.with_default_policies()
        self._poses = self.create_subscription(
            PersonPoseArray,
            "bharnet/poses",
            poses_of_one_source(
                self, self.resolve_topic_name("bharnet/poses"), self._on_poses, self.report
            ),
            POSES_QOS,
            qos_overriding_options=qos,
        )
        for name, answer in (
            ("start_recording", self._on_start),
            ("stop_recording", self._on_stop),
            ("discard_recording", self._on_discard),
        ):
            self.create_service(Trigger, f"~/{name}", answer)

    @property
    def recording(self) -> bool:
        """Whether poses that come are kept."""
        return self._active

    @property
    def frames(self) -> int:
        """How many frames the take has so far."""
        return self._gathering.frames if self._gathering else 0

    def destroy_node(self) -> None:
        """What is being written is finished first; what was not stopped is no take."""
        if self.frames:
            self.get_logger().warning(
                f"{self.frames} frames of '{self._shown}' are not kept: stop_recording was not "
                "called, or could not keep them"
            )
        if self._writing is not None and not wait([self._writing], PATIENCE).done:
            self.get_logger().error("the disk does not answer: what is being written may be lost")
            self.left_behind = True
        self._worker.shutdown(wait=not self.left_behind)
        super().destroy_node()

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        new = changes(parameters, self.values)
        try:
            _check(new)
        except InvalidRecordings as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.values |= new
        return SetParametersResult(successful=True)

    def _on_poses(self, message: PersonPoseArray) -> None:
        if not self._active:
            return
        try:
            layout = find_layout("body_layout", message.body_layout, BODY_LAYOUTS)
        except InvalidPose as error:
            self.report("bad_message", f"dropped a message of poses: {error}")
            return
        frame = None if layout is None else to_frame(message, layout, self.report)
        if layout is None or frame is None:
            return
        if self._gathering is not None:
            passed = frame.stamp - self._gathering.newest
            if not -JUMP <= passed <= LEAP:
                self.report(
                    "time_jump",
                    f"time jumped by {passed / NANOSECONDS:.1f} s: the take begins anew",
                )
                self._gathering = None
        units = UNITS[0 if message.coordinates == Coordinates.IMAGE else 1]
        if self._gathering is None:
            self._kind = layout, units
            self._gathering = Gathering(layout, units, message.estimator)
        if (layout, units) != self._kind:
            self.report(
                "layout", "the poses changed their layout or units; what differs is left out"
            )
            return
        self._gathering.add(frame)
        seconds = self.values["seconds"]
        if self._gathering.full or (seconds and self._gathering.seconds >= seconds):
            self._active = False
            self.get_logger().info("the take is long enough; stop_recording keeps it")

    def _on_start(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        label = self.values["label"]
        if not label:
            return _answer(response, False, "what is shown? set the parameter label")
        try:
            _check(self.values)  # those given at start are unchecked, and a take is soon lost
        except InvalidRecordings as error:
            return _answer(response, False, str(error))
        restarted = " anew" if self._active else ""
        self._active, self._gathering, self._late, self._shown = True, None, None, label
        return _answer(response, True, f"recording '{label}'{restarted}")

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        was = self._active
        gathering = self._gathering if was else self._gathering or self._unkept()
        self._active, self._gathering = False, None
        if gathering is None:
            why = "no poses came; is something publishing them?" if was else "nothing is recorded"
            return _answer(response, False, why)
        self._late = None
        given, label = dict(self.values), self._shown

        def write() -> str:
            recordings = Recordings(user_path(given["folder"]))
            take = gathering.take(given["body_id"])
            line = recordings.add(take, label, given["person"], sitting(given["session"]))
            self._last = recordings, line
            count = recordings.count()[line.label]
            return f"kept {line.take}, {take.seconds:.1f} s; {count} takes of '{line.label}'"

        kept, message = self._on_disk(write)
        if kept is False:
            self._gathering = gathering
            message = f"not kept: {message}; cure that and call stop_recording again"
        if kept is None and self._writing is not None:
            self._late = self._writing, gathering
            self._writing.add_done_callback(functools.partial(self._tell_if_lost, label))
        return _answer(response, bool(kept), message)

    def _unkept(self) -> Gathering | None:
        """The take that could not be kept after its answer was given."""
        if self._late is None or not self._late[0].done() or self._late[0].exception() is None:
            return None
        return self._late[1]

    def _tell_if_lost(self, label: str, writing: Future[str]) -> None:
        """In the worker's thread: whoever asked has had an answer, and hears no other."""
        if (error := writing.exception()) is not None:
            self.get_logger().error(
                f"'{label}' was not kept: {self._why(error)}; cure that, and before another take "
                "is begun call stop_recording again"
            )

    def _on_discard(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        if self._active or self._gathering is not None or self._unkept() is not None:
            self._active, self._gathering, self._late = False, None, None
            return _answer(response, True, "take broken off")
        late, self._late = self._late, None

        def discard() -> str:
            # Asked here: the newest take may still have been on its way to the disk.
            if late is not None and late[0].exception() is not None:
                return "take broken off"
            if self._last is None:
                raise InvalidRecordings("there is no take of this run to discard")
            recordings, line = self._last
            Recordings(recordings.folder).discard(line)
            self._last = None  # not before: what could not be discarded can be asked for again
            return f"{line.take} discarded"

        discarded, message = self._on_disk(discard)
        return _answer(response, bool(discarded), message)

    def _on_disk(self, work: Callable[[], str]) -> tuple[bool | None, str]:
        """What the worker did, as (success, message), None = it is still at it.

        The node lives whatever happens to it.
        """
        self._writing = self._worker.submit(work)
        if not wait([self._writing], PATIENCE).done:
            return None, "the disk is slow: it is still at work; look at the table"
        try:
            return True, self._writing.result()
        except (InvalidTake, InvalidRecordings, OSError) as error:
            return False, self._why(error)

    def _why(self, error: BaseException) -> str:
        if not isinstance(error, OSError):
            return str(error)
        where = error.filename or self.values["folder"]
        return f"cannot write to {where}: {error.strerror or error}"


def _check(values: Mapping[str, Any]) -> None:
    """Raise InvalidRecordings for a name that the table cannot hold."""
    if values.get("label"):
        check_label(values["label"])
    check_name(values.get("person", ""))
    check_name(values.get("session", ""))


def _answer(response: Trigger.Response, success: bool, message: str) -> Trigger.Response:
    response.success, response.message = success, message
    return response


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop."""
    return spin(RecorderNode, "bharnet_recorder", args)
