# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What rclpy's lifecycle leaves out: refusals, why a transition failed, a node's process."""

from __future__ import annotations

import contextlib
import functools
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from bharnet_ros.spinning import (
    SIGNAL_SECONDS,
    WRONG_PARAMETERS,
    begin,
    end_with,
    refused,
    told_to_stop,
)
from bharnet_ros.wary import WaryNode

SUCCESS = TransitionCallbackReturn.SUCCESS

T = TypeVar("T")
Transition = Callable[[Any, LifecycleState], TransitionCallbackReturn]


class ToldToStop(RuntimeError):
    """The process is told to stop while something is being loaded, which is left behind."""


def told(transition: Transition) -> Transition:
    """Log what a transition raises. What a user can cure only fails it: the node lives on."""

    @functools.wraps(transition)
    def wrapped(node: Any, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except ToldToStop as error:
            node.get_logger().info(f"{transition.__name__[3:]} is given up: {error}")
            return TransitionCallbackReturn.FAILURE
        except (ValueError, RuntimeError, *WRONG_PARAMETERS) as error:  # a bad model, no device
            node.get_logger().error(f"{transition.__name__[3:]} failed: {refused(error)}")
            return TransitionCallbackReturn.FAILURE
        except Exception:
            node.get_logger().error(traceback.format_exc())
            return TransitionCallbackReturn.ERROR

    return wrapped


class SteadyNode(WaryNode, LifecycleNode):
    """A lifecycle node that refuses a transition which is not possible now, and ends at once.

    Over one that is asked for by service rclpy raises until Kilted, out of the executor and so
    out of the process, and whoever asked gets no answer.
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        service = self._service_change_state
        service.callback = functools.partial(self._change_or_refuse, service.callback)
        self.settled = ""  # its state as ``run`` saw it last; "" = it is still starting
        self.stop = threading.Event()  # ``run`` puts in that of its process
        self.left_behind = False  # whether a thread of ours may be inside a library for long

    @property
    def state(self) -> str:
        """Of its lifecycle: unconfigured, inactive, active or finalized."""
        return str(self._state_machine.current_state[1])

    def lead_to(self, state: str) -> None:
        """From unconfigured to another state, as far as it gets."""
        wanted = state in ("inactive", "active")
        if wanted and self.trigger_configure() == SUCCESS and state == "active":
            self.trigger_activate()

    def load(self, work: Callable[[], T]) -> T:
        """What ``work()`` returns or raises, which may take minutes; in a thread of its own.

        So a signal is heard meanwhile. Raises ToldToStop then, and leaves the thread behind.
        """
        outcome: Future[T] = Future()

        def act() -> None:
            try:
                outcome.set_result(work())
            except BaseException as error:
                outcome.set_exception(error)

        thread = threading.Thread(target=act, name="load", daemon=True)
        thread.start()
        while not wait([outcome], SIGNAL_SECONDS).done:
            if self.stop.is_set():
                self.left_behind = True
                raise ToldToStop("the node is told to stop")
        thread.join()
        return outcome.result()

    def _change_or_refuse(self, change: Any, request: Any, response: Any) -> Any:
        asked = request.transition.label or request.transition.id
        possible = self._state_machine.available_transitions
        if any(asked in each[:2] for each in possible):  # its number and its name
            return change(request, response)
        self.get_logger().warning(f"transition {asked} is refused: the node is {self.state}")
        response.success = False
        return response

    def destroy_node(self) -> None:
        """Leave the graph now.

        rclpy keeps the state machine, and with it the node and its services, until Python's
        garbage is collected: another node of this name would be thought to be two.
        """
        self._state_machine.destroy_when_not_in_use()
        super().destroy_node()


def run(
    make: Callable[[], Any],
    name: str,
    args: list[str] | None = None,
    alongside: Callable[[Any, threading.Event], None] = lambda node, stop: None,
    state: str = "",
) -> int:
    """A lifecycle node in a process, until it is told to stop; its `autostart` is obeyed here.

    ``alongside(node, stop)`` is called before the node starts; ``state``: to which it
    returns, whatever `autostart` says. Returns the exit code.
    """
    stop = told_to_stop()
    node = begin(make, f"{name} cannot start", args, (ValueError,))
    if isinstance(node, int):
        return node
    node.stop = stop
    alongside(node, stop)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        node.lead_to(state or ("active" if node.settings["autostart"] else "unconfigured"))
        while not stop.is_set():
            node.settled = node.state
            executor.spin_once(timeout_sec=SIGNAL_SECONDS)
    finally:  # running actions end whatever happens, even if a callback raised
        with contextlib.suppress(RuntimeError):  # it may have been shut down by its service
            node.trigger_shutdown()
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown()
    return end_with(0, node.left_behind)
