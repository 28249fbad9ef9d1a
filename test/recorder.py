# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The recorder's node on real DDS, and who asks it."""

from __future__ import annotations

import contextlib
import threading

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from robot import DEADLINE, RELIABLE, Tester, poses
from std_srvs.srv import Trigger

from bharnet_ros.demo.domain import own_domain
from bharnet_ros.takes import RecorderNode


@contextlib.contextmanager
def recorder(**parameters):
    """The node in a thread of its own, and a tester in another context."""
    with own_domain() as domain:
        inside, outside = rclpy.Context(), rclpy.Context()
        for each in (inside, outside):
            rclpy.init(context=each, domain_id=domain)
        given = [Parameter(name, value=value) for name, value in (RELIABLE | parameters).items()]
        node = RecorderNode(context=inside, parameter_overrides=given)
        executor = SingleThreadedExecutor(context=inside)
        executor.add_node(node)
        thread = threading.Thread(target=executor.spin)
        thread.start()
        tester = Tester(outside)
        tester.wait(lambda: tester.publisher.get_subscription_count())
        tester.clients = {
            name: tester.node.create_client(Trigger, f"/bharnet_recorder/{name}_recording")
            for name in ("start", "stop", "discard")
        }
        tester.wait(lambda: all(each.service_is_ready() for each in tester.clients.values()))
        try:
            yield node, tester
        finally:
            tester.executor.shutdown()
            tester.node.destroy_node()
            executor.shutdown()
            thread.join(DEADLINE)
            node.destroy_node()
            for each in (inside, outside):
                rclpy.shutdown(context=each)


def ask(tester, name):
    """Once only: unlike others these services do something else when asked again."""
    answer = tester.clients[name].call_async(Trigger.Request())
    tester.wait(answer.done, 3 * DEADLINE)
    return answer.result().success, answer.result().message


def tell(node, tester, start, count, *people):
    """Poses at 10 Hz, each waited for."""
    for i in range(count):
        tester.tell(poses(start + i / 10, *people))
    tester.wait(lambda: node.frames >= count)
