# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every transition in every order: possible or refused, and nothing is left behind."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from camera import camera
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from robot import SUCCESS, in_executor, robot, save_model

# Where each transition leads to from each state; what is not named is refused.
LEADS = {
    ("unconfigured", "configure"): "inactive",
    ("inactive", "activate"): "active",
    ("active", "deactivate"): "inactive",
    ("inactive", "cleanup"): "unconfigured",
}
NAMES = ("configure", "activate", "deactivate", "cleanup")
LENGTH = 4
ENTITIES = ("publishers", "subscriptions", "timers", "guards", "waitables", "services", "clients")


def every_order(count: int, length: int) -> list[int]:
    """A cyclic row that holds every row of ``length`` of ``count`` symbols once (de Bruijn).

    By the Lyndon words whose lengths divide ``length`` (Fredricksen and Maiorana 1978).
    """
    row: list[int] = []
    word = [0] * (count * length)

    def extend(size: int, period: int) -> None:
        if size > length:
            if length % period == 0:
                row.extend(word[1 : period + 1])
            return
        word[size] = word[size - period]
        extend(size + 1, period)
        for symbol in range(word[size - period] + 1, count):
            word[size] = symbol
            extend(size + 1, size)

    extend(1, 1)
    return row


@contextlib.contextmanager
def recogniser(tmp_path: Any) -> Iterator[Any]:
    with robot(model=str(save_model(tmp_path / "tiny.safetensors"))) as (node, _):
        yield node


@contextlib.contextmanager
def estimator(tmp_path: Any) -> Iterator[Any]:
    with camera() as (node, _, _):
        yield node


def state(node: Any) -> str:
    return str(node._state_machine.current_state[1])


def held(node: Any) -> dict[str, int]:
    """What may leak. Only our own threads: those of other tests may end meanwhile."""
    return {
        **{kind: len(list(getattr(node, kind))) for kind in ENTITIES},
        "workers": sum(each.name in ("recognise", "estimate") for each in threading.enumerate()),
    }


def test_the_row_holds_every_order():
    row = every_order(len(NAMES), LENGTH)
    around = row + row[: LENGTH - 1]
    orders = {tuple(around[i : i + LENGTH]) for i in range(len(row))}
    assert len(orders) == len(row) == len(NAMES) ** LENGTH


@pytest.mark.parametrize("make", [recogniser, estimator])
def test_every_order_leaves_nothing_behind(make, tmp_path):
    row = every_order(len(NAMES), LENGTH)
    with make(tmp_path) as node:

        def walk() -> list[str]:
            """All of it in the node's own thread; what went wrong."""
            wrong, at = [], "unconfigured"
            first: dict[str, dict[str, int]] = {}
            for number, symbol in enumerate(row + row[: LENGTH - 1]):
                name = NAMES[symbol]
                leads = LEADS.get((at, name))
                try:
                    done = getattr(node, f"trigger_{name}")() == SUCCESS
                except RuntimeError:
                    done = False
                before, at = at, leads or at
                if done != (leads is not None) or state(node) != at:
                    wrong.append(f"{number}: {name} while {before}: {done}, now {state(node)}")
                # By the second visit everything that is made once has been made.
                now = held(node)
                if number < 2 * len(NAMES) ** 2:
                    first[at] = now
                elif now != first[at]:
                    wrong.append(f"{number}: {name} while {before}: {first[at]}, now {now}")
            assert set(first) == {"unconfigured", "inactive", "active"}
            return wrong

        assert in_executor(node, walk) == []


@pytest.mark.parametrize("way", [(), ("configure",), ("configure", "activate")])
def test_shut_down_from_every_state_it_does_nothing_more(way, tmp_path):
    with recogniser(tmp_path) as node:
        empty = in_executor(node, lambda: held(node))
        for name in way:
            assert in_executor(node, getattr(node, f"trigger_{name}")) == SUCCESS
        assert in_executor(node, node.trigger_shutdown) == SUCCESS
        assert state(node) == "finalized"

        def refused() -> list[str]:
            done = []
            for name in (*NAMES, "shutdown"):
                with contextlib.suppress(RuntimeError):  # Kilted's rclpy says ERROR instead
                    if getattr(node, f"trigger_{name}")() == SUCCESS:
                        done.append(name)
            return done

        assert in_executor(node, refused) == []
        assert in_executor(node, lambda: held(node)) == empty


def test_a_wrong_request_is_answered_and_the_node_lives(tmp_path):
    model = str(save_model(tmp_path / "tiny.safetensors"))
    with robot(model=model) as (node, tester):

        def ask(number: int = 0, label: str = "") -> bool:
            transition = Transition(id=number, label=label)
            request = ChangeState.Request(transition=transition)
            return tester.ask(ChangeState, "bharnet/change_state", request).success

        assert not ask(Transition.TRANSITION_ACTIVATE)
        assert not ask(label="cleanup")
        assert not ask(label="fly")
        assert not ask(250)
        assert state(node) == "unconfigured"
        assert any("transition 3 is refused: the node is unconfigured" in s for s in tester.log)
        assert ask(Transition.TRANSITION_CONFIGURE)
        assert ask(label="activate")
        assert not ask(label="activate")
        assert state(node) == "active"
