# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages that belong together: our synchroniser and that of message_filters, one contract."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: run through `make test`")

from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.time import Time
from std_msgs.msg import Header, String

from bharnet_ros import approximate_time
from bharnet_ros.pairing import Pairing
from bharnet_ros.stamps import nanoseconds, to_time

MILLISECOND = 1_000_000
START = 1_700_000_000_000 * MILLISECOND


class Message:
    """Something with a header; its name tells it apart."""

    def __init__(self, name: str, milliseconds: float) -> None:
        self.name = name
        self.header = Header(stamp=to_time(START + round(milliseconds * MILLISECOND)))


class Bench:
    """A synchroniser, its inputs, and what came out."""

    def __init__(self, kind: Any, count: int, queue_size: int, slop: float, **more: Any) -> None:
        self.inputs = [approximate_time.SimpleFilter() for _ in range(count)]
        self.synchroniser = kind(self.inputs, queue_size, slop, **more)
        self.sets: list[tuple[str, ...]] = []
        self.synchroniser.registerCallback(self.take)

    def take(self, *messages: Any) -> None:
        self.sets.append(tuple(getattr(each, "name", "") for each in messages))

    def put(self, number: int, name: str, milliseconds: float) -> None:
        self.inputs[number].signalMessage(Message(name, milliseconds))


needs_message_filters = pytest.mark.skipif(
    importlib.util.find_spec("message_filters") is None,
    reason="message_filters comes with an installed ROS 2; the package index does not have it",
)


@pytest.fixture(
    params=["ours", pytest.param("message_filters", marks=needs_message_filters)], scope="module"
)
def kind(request: Any) -> Any:
    if request.param == "ours":
        return approximate_time.ApproximateTimeSynchronizer
    from message_filters import ApproximateTimeSynchronizer

    return ApproximateTimeSynchronizer


def test_equal_stamps(kind: Any) -> None:
    bench = Bench(kind, 3, 10, 0.05)
    for i in range(5):
        for number, name in enumerate("abc"):
            bench.put(number, f"{name}{i}", 100 * i)
    assert bench.sets == [(f"a{i}", f"b{i}", f"c{i}") for i in range(5)]


@pytest.mark.parametrize(("apart", "together"), [(40, True), (49, True), (51, False)])
def test_slop(kind: Any, apart: float, together: bool) -> None:
    bench = Bench(kind, 2, 10, 0.05)
    bench.put(0, "a", 0)
    bench.put(1, "b", apart)
    assert bench.sets == ([("a", "b")] if together else [])


def test_all_of_a_set_lie_within_slop(kind: Any) -> None:
    bench = Bench(kind, 3, 10, 0.05)
    bench.put(0, "a", 0)
    bench.put(2, "c", 60)
    bench.put(1, "b", 30)  # near both, but they are not near each other
    assert bench.sets == []
    bench.put(0, "later", 25)
    assert bench.sets == [("later", "b", "c")]


def test_the_nearest_is_taken(kind: Any) -> None:
    bench = Bench(kind, 2, 10, 0.05)
    for i, milliseconds in enumerate((0, 20, 35)):
        bench.put(0, f"a{i}", milliseconds)
    bench.put(1, "b", 22)
    assert bench.sets == [("a1", "b")]


def test_each_message_is_used_once(kind: Any) -> None:
    bench = Bench(kind, 2, 10, 0.05)
    bench.put(0, "a", 0)
    bench.put(1, "b0", 5)
    bench.put(1, "b1", 10)
    assert bench.sets == [("a", "b0")]
    bench.put(0, "a1", 12)
    assert bench.sets == [("a", "b0"), ("a1", "b1")]


def test_order_of_arrival_does_not_matter(kind: Any) -> None:
    bench = Bench(kind, 2, 10, 0.05)
    for i in (2, 0, 1):
        bench.put(1, f"b{i}", 100 * i)
    for i in (1, 2, 0):
        bench.put(0, f"a{i}", 100 * i + 10)
    assert bench.sets == [("a1", "b1"), ("a2", "b2"), ("a0", "b0")]


def test_the_oldest_leave_a_full_queue(kind: Any) -> None:
    bench = Bench(kind, 2, 3, 0.05)
    for i in range(5):
        bench.put(0, f"a{i}", 100 * i)
    for i in range(5):
        bench.put(1, f"b{i}", 100 * i)
    assert bench.sets == [("a2", "b2"), ("a3", "b3"), ("a4", "b4")]


def test_one_input_stops_and_comes_back(kind: Any) -> None:
    bench = Bench(kind, 2, 5, 0.05)
    for i in range(20):
        bench.put(0, f"a{i}", 100 * i)
        if not 5 <= i < 15:
            bench.put(1, f"b{i}", 100 * i + 3)
    assert bench.sets == [(f"a{i}", f"b{i}") for i in range(20) if not 5 <= i < 15]


def test_without_header(kind: Any) -> None:
    bench = Bench(kind, 1, 5, 0.05)
    bench.inputs[0].signalMessage(String())
    assert bench.sets == []
    bench = Bench(kind, 1, 5, 0.05, allow_headerless=True)
    bench.inputs[0].signalMessage(String())
    assert bench.sets == [("",)]


def test_more_arguments_go_to_the_callback(kind: Any) -> None:
    bench = Bench(kind, 1, 5, 0.05)
    told: list[Any] = []
    bench.synchroniser.registerCallback(lambda message, word: told.append(word), "more")
    bench.put(0, "a", 0)
    assert told == ["more"]


ARRIVALS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 400)),
    max_size=60,
    unique_by=lambda arrival: arrival,
)


@settings(max_examples=150, deadline=None)
@given(arrivals=ARRIVALS, queue_size=st.integers(1, 6), slop=st.integers(0, 80))
def test_whatever_comes(arrivals: list[tuple[int, int]], queue_size: int, slop: int) -> None:
    ours = approximate_time.ApproximateTimeSynchronizer
    bench = Bench(ours, 3, queue_size, slop / 1e3)
    taken: list[tuple[int, ...]] = []
    bench.synchroniser.registerCallback(
        lambda *messages: taken.append(tuple(nanoseconds(m.header.stamp) for m in messages))
    )
    for number, milliseconds in arrivals:
        bench.put(number, f"{number}/{milliseconds}", milliseconds)
    for stamps in taken:
        assert max(stamps) - min(stamps) < slop * MILLISECOND
    for number in range(3):  # each of its own input, none twice
        names = [names[number] for names in bench.sets]
        assert len(names) == len(set(names))
        assert all(name.startswith(f"{number}/") for name in names)
    assert all(len(queue) <= queue_size for queue in bench.synchroniser.queues)


@needs_message_filters
@settings(max_examples=150, deadline=None)
@given(arrivals=ARRIVALS, queue_size=st.integers(1, 6), slop=st.integers(0, 80))
def test_both_say_the_same(arrivals: list[tuple[int, int]], queue_size: int, slop: int) -> None:
    from message_filters import ApproximateTimeSynchronizer

    kinds = (approximate_time.ApproximateTimeSynchronizer, ApproximateTimeSynchronizer)
    benches = [Bench(each, 3, queue_size, slop / 1e3) for each in kinds]
    for number, milliseconds in arrivals:
        for bench in benches:
            bench.put(number, f"{number}/{milliseconds}", milliseconds)
    assert benches[0].sets == benches[1].sets


def test_a_negative_stamp_reaches_no_synchroniser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over one that of message_filters raises, which would end the process."""
    real = approximate_time.ApproximateTimeSynchronizer._add

    def as_message_filters(self: Any, message: Any, number: int) -> None:
        Time.from_msg(message.header.stamp)
        real(self, message, number)

    monkeypatch.setattr(approximate_time.ApproximateTimeSynchronizer, "_add", as_message_filters)
    sets: list[tuple[str, str]] = []
    told: list[str] = []
    pairing = Pairing(
        2, 0.05, 0.5, lambda *each: sets.append((each[0].name, each[1].name)), told.append
    )
    pairing.put(0, Message("a", 0))
    negative = Message("b", 0)
    negative.header.stamp = to_time(-1)
    pairing.put(1, negative)
    assert "header.stamp is negative" in told[0]
    pairing.put(1, Message("c", 10))
    assert sets == [("a", "c")]
