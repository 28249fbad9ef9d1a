# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The controllers that the README shows: the Python one hears actions over DDS, the C++ one is
built against the messages, and run, with something that has rclcpp's signatures in its place.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from commands import blocks
from conftest import ROOT

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from robot import DEADLINE, Tester

from bharnet_ros.demo.domain import own_domain, ros_context
from bharnet_ros.msg import Action, ActionArray

README = (ROOT / "README.md").read_text(encoding="utf-8")
# rclcpp is not in the package index. Instead of listening, its Node tells one action that begins
# and goes on; what does not fit the signatures of these few functions does not compile.
RCLCPP = """#pragma once
#include <functional>
#include <memory>
#include <string>
#include <bharnet_ros/msg/action_array.hpp>

namespace rclcpp
{
struct QoS
{
  QoS(size_t depth) : depth(depth) {}
  size_t depth;
};
struct Node
{
  using SharedPtr = std::shared_ptr<Node>;
  static SharedPtr make_shared(const std::string &) {return std::make_shared<Node>();}
  template<typename Message, typename Callback>
  std::shared_ptr<int> create_subscription(
    const std::string & topic, const QoS & qos, Callback && callback)
  {
    told = [callback, topic, qos]() {
        Message message;
        message.actions.resize(2);
        message.actions[0].state = bharnet_ros::msg::Action::ONSET;
        message.actions[0].body_id = topic;
        message.actions[0].label = "wave " + std::to_string(qos.depth);
        message.actions[0].confidence = 0.5f;
        message.actions[1].state = bharnet_ros::msg::Action::ONGOING;
        callback(message);
      };
    return std::make_shared<int>(0);
  }
  std::function<void()> told;
};
inline void init(int, char **) {}
inline void spin(Node::SharedPtr node) {node->told();}
inline bool shutdown() {return true;}
}  // namespace rclcpp
"""
CONFIG = """add_library(rclcpp::rclcpp INTERFACE IMPORTED)
set_target_properties(rclcpp::rclcpp PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}")
"""


def test_the_python_controller_hears_what_begins():
    (source,) = blocks(README, "python")
    with own_domain() as domain, ros_context(domain) as context:
        controller = subprocess.Popen(
            [sys.executable, "-u", "-c", source],
            env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
            stdout=subprocess.PIPE,
            text=True,
        )
        heard: list[str] = []
        threading.Thread(target=heard.extend, args=(controller.stdout,), daemon=True).start()
        tester = Tester(context)
        publisher = tester.node.create_publisher(ActionArray, "bharnet/actions", 10)
        states = {
            name: getattr(Action, name) for name in ("UNKNOWN", "ONSET", "ONGOING", "OFFSET")
        }
        told = [
            ActionArray(
                actions=[Action(body_id="ab12c", label=name, state=state, confidence=0.75)]
            )
            for name, state in states.items()
        ]
        try:
            # Twice, and again: it may hear from a moment on when all have been told already.
            deadline = time.monotonic() + 3 * DEADLINE
            while len(heard) < 2:
                assert time.monotonic() < deadline
                for message in told:
                    publisher.publish(message)
                tester.executor.spin_once(timeout_sec=0.2)
        finally:
            controller.kill()
            tester.executor.shutdown()
            tester.node.destroy_node()
    assert set(heard) == {"ab12c ONSET 0.75\n"}


def test_recognisers_in_a_process_of_ones_own():
    page = ROOT / "docs" / "howto" / "robot.md"
    (source,) = blocks(page.read_text(encoding="utf-8"), "python")
    with own_domain() as domain, ros_context(domain) as context:
        process = subprocess.Popen(
            [sys.executable, "-c", source],
            env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
            stderr=subprocess.PIPE,
            text=True,
        )
        testers = [Tester(context, namespace) for namespace in ("front", "rear")]
        try:
            for each in testers:
                each.ready()
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=DEADLINE)[1]
        finally:
            process.kill()
            for each in testers:
                each.executor.shutdown()
                each.node.destroy_node()
    assert process.returncode == 0
    assert "Traceback" not in said


def test_the_cpp_controller_shown_is_the_example():
    (source,) = blocks(README, "cpp")
    example = (ROOT / "examples" / "cpp" / "listen.cpp").read_text(encoding="utf-8")
    assert source == "".join(example.splitlines(keepends=True)[2:]).rstrip()  # but its licence


@pytest.mark.skipif(
    shutil.which("cmake") is None or shutil.which("c++") is None,
    reason="needs cmake and a C++ compiler",
)
def test_the_cpp_controller_is_built_and_understands_the_messages(tmp_path):
    stand_in = tmp_path / "rclcpp_stand_in"
    (stand_in / "rclcpp").mkdir(parents=True)
    (stand_in / "rclcpp" / "rclcpp.hpp").write_text(RCLCPP)
    (stand_in / "rclcppConfig.cmake").write_text(CONFIG)
    prefixes = os.environ["AMENT_PREFIX_PATH"].replace(":", ";")
    for command in (
        [
            *("-S", str(ROOT / "examples" / "cpp"), "-B", str(tmp_path)),
            *(f"-DCMAKE_PREFIX_PATH={prefixes}", f"-Drclcpp_DIR={stand_in}"),
            *(f"-DPython3_EXECUTABLE={sys.executable}", "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"),
        ],
        ["--build", str(tmp_path)],
    ):
        done = subprocess.run(["cmake", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    done = subprocess.run([tmp_path / "listen"], capture_output=True, text=True, check=True)
    assert done.stdout == "/bharnet/actions wave 10 0.50\n"
