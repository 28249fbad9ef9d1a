# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Actions as intents of ROS4HRI: the node, with a message that is made here.

hri_actions_msgs is not in the package index. Its Intent is generated from the fields and constants
below by rosidl, once, and kept in pytest's cache; where the package is installed, that is used.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import ROOT
from test_intents import written

from bharnet_ros.intent_map import ROLES

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("rclpy") is None, reason="no ROS 2 here: run through `make test`"
)
INTENTS = "".join(f"string {name}=__intent_{name.lower()}__\n" for name in ROLES)
INTENT = f"""string intent
{INTENTS}string data
string source
string UNKNOWN_AGENT=__unknown_agent__
string modality
string MODALITY_MOTION=__modality_motion__
uint8 priority
float32 confidence
"""
CMAKE = """cmake_minimum_required(VERSION 3.22)
project(hri_actions_msgs)
find_package(ament_cmake REQUIRED)
find_package(rosidl_default_generators REQUIRED)
rosidl_generate_interfaces(${PROJECT_NAME} msg/Intent.msg)
ament_package()
"""
PACKAGE = """<package format="3">
  <name>hri_actions_msgs</name><version>2.0.0</version><description>For tests.</description>
  <maintainer email="maintainers@example.com">nobody</maintainer><license>Apache-2.0</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
  <export><build_type>ament_cmake</build_type></export>
</package>
"""
installed = importlib.util.find_spec("hri_actions_msgs") is not None


def test_every_event_is_told_once():
    from builtin_interfaces.msg import Time

    from bharnet_ros.intents import Onsets
    from bharnet_ros.msg import Action

    def told(*actions):
        made = [Action(body_id=b, event_id=e, state=s) for b, e, s in actions]
        return [(each.body_id, each.event_id) for each in onsets.among(made)]

    onsets = Onsets()
    assert told(("a", 7, Action.ONGOING)) == []  # it began before we listened
    assert told(("a", 7, Action.OFFSET), ("a", 8, Action.ONSET)) == [("a", 8)]
    assert told(("a", 8, Action.ONSET), ("b", 0, Action.IDLE)) == []  # a message that came twice
    assert told(("a", 8, Action.ONGOING), ("b", 9, Action.ONSET)) == [("b", 9)]
    assert told(("a", 8, Action.OFFSET), ("b", 0, Action.UNKNOWN)) == []
    # Another run of the recogniser begins to count anew.
    assert told(("a", 8, Action.ONSET)) == [("a", 8)]
    # Even where its first result is of an event with the number of one that ran before.
    again = Action(body_id="a", event_id=8, state=Action.ONSET, onset=Time(sec=5))
    assert onsets.among([again]) == [again]
    assert onsets.among([again]) == []


def run_node(*arguments, environment=None):
    """The executable, as `ros2 run` starts it."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "intents"), "--ros-args", *arguments],
        env={**os.environ, **(environment or {})},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_map_is_read_at_start_only():
    """A parameter that may be set, and then does nothing, would be a lie."""
    import rclpy
    from rclpy.parameter import Parameter

    from bharnet_ros.declared import declare_all
    from bharnet_ros.demo.domain import own_domain, ros_context
    from bharnet_ros.intents import PARAMETERS

    with own_domain() as domain, ros_context(domain) as context:
        node = rclpy.create_node("intents", context=context)
        declare_all(node, PARAMETERS)
        (result,) = node.set_parameters([Parameter("file", value="other.yaml")])
        assert not result.successful
        node.destroy_node()


@pytest.mark.skipif(installed, reason="hri_actions_msgs is installed here")
def test_without_the_package_it_is_said():
    node = run_node()
    said = node.communicate(timeout=120)[1]
    assert node.returncode == 2
    assert "bharnet_intents: intents need hri_actions_msgs, which is not here" in said
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def messages(request):
    """What a process must be given to find hri_actions_msgs."""
    if installed:
        return {}
    if shutil.which("cmake") is None or shutil.which("c++") is None:
        pytest.skip("needs cmake and a C++ compiler to make hri_actions_msgs/Intent")
    made = Path(request.config.cache.mkdir("hri_actions_msgs"))
    prefix = made / "install"
    if not (made / "done").is_file() or (made / "done").read_text() != INTENT + CMAKE:
        shutil.rmtree(made)
        (made / "src" / "msg").mkdir(parents=True)
        (made / "src" / "msg" / "Intent.msg").write_text(INTENT)
        (made / "src" / "CMakeLists.txt").write_text(CMAKE)
        (made / "src" / "package.xml").write_text(PACKAGE)
        build = str(made / "build")
        for command in (
            [
                *("-S", str(made / "src"), "-B", build, f"-DCMAKE_INSTALL_PREFIX={prefix}"),
                *(f"-DPython3_EXECUTABLE={sys.executable}", f"-DCMAKE_PREFIX_PATH={sys.prefix}"),
                "-DBUILD_TESTING=OFF",
            ],
            ["--build", build],
            ["--install", build],
        ):
            done = subprocess.run(["cmake", *command], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        (made / "done").write_text(INTENT + CMAKE)
    (packages,) = prefix.glob("**/*-packages")
    added = {
        "PYTHONPATH": packages,
        "LD_LIBRARY_PATH": prefix / "lib",
        "AMENT_PREFIX_PATH": prefix,
    }
    return {key: f"{path}:{os.environ.get(key, '')}" for key, path in added.items()}


LISTENER = """
import json, rclpy
from hri_actions_msgs.msg import Intent
rclpy.init()
node = rclpy.create_node("listener")
def heard(message):
    fields = message.get_fields_and_field_types()
    print(json.dumps({name: getattr(message, name) for name in fields}), flush=True)
node.create_subscription(Intent, "/intents", heard, 10)
rclpy.spin(node)
"""


def one_round(number):
    """What the recogniser tells while somebody waves twice, the second time known as anna."""
    from bharnet_ros.msg import Action, ActionArray

    wave = {"body_id": "ab12c", "event_id": number, "label": "wave", "confidence": 0.75}
    named = wave | {"event_id": number + 1, "person_id": "anna"}
    other = {"body_id": "cd34e", "event_id": number, "label": "bow", "confidence": 0.9}
    return [
        ActionArray(actions=actions)
        for actions in (
            [Action(state=Action.ONSET, **wave), Action(state=Action.ONSET, **other)],
            [Action(state=Action.ONGOING, **wave)],
            [Action(state=Action.OFFSET, **wave), Action(state=Action.ONSET, **named)],
            [Action(state=Action.OFFSET, **named)],
        )
    ]


@contextlib.contextmanager
def told_by(path, messages):
    """The node, a listener and a tester, each for itself: the tester, what is heard and logged."""
    from robot import Tester

    from bharnet_ros.demo.domain import own_domain, ros_context

    with own_domain() as domain, contextlib.ExitStack() as stack:
        environment = messages | {"ROS_DOMAIN_ID": str(domain)}
        node = run_node("-p", f"file:={path}", environment=environment)
        stack.callback(node.kill)
        listener = subprocess.Popen(
            [sys.executable, "-c", LISTENER],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(listener.kill)
        heard, said = [], []
        for stream, lines in ((listener.stdout, heard), (node.stderr, said)):
            threading.Thread(target=lines.extend, args=(stream,), daemon=True).start()
        context = stack.enter_context(ros_context(domain))
        tester = Tester(context)
        stack.callback(tester.node.destroy_node)
        stack.callback(tester.executor.shutdown)
        yield tester, heard, said


def test_intents_over_dds(messages, tmp_path):
    from robot import DEADLINE
    from test_security import allowed, seen_from

    from bharnet_ros.intents import LATCHED
    from bharnet_ros.msg import ActionArray, ActionLabels

    text = "wave: {intent: GREET, data: {recipient: '{person}'}}\nnod: {custom: nod}"
    with told_by(written(tmp_path, text), messages) as (tester, heard, said):
        publisher = tester.node.create_publisher(ActionArray, "bharnet/actions", 10)
        labels = tester.node.create_publisher(ActionLabels, "bharnet/labels", LATCHED)
        labels.publish(ActionLabels(labels=["idle", "wave"], idle_class_id=0))
        # Rounds of new events: the three may meet only when the first have been told.
        number, begun, deadline = 0, 0, time.monotonic() + 3 * DEADLINE
        unfit = "no class 'nod'"
        while len(heard) < begun + 2 or len(heard) < 4 or not any(unfit in line for line in said):
            assert time.monotonic() < deadline
            begun, number = len(heard), number + 2
            for message in one_round(number):
                publisher.publish(message)
            with contextlib.suppress(AssertionError):
                tester.wait(lambda begun=begun: len(heard) >= begun + 2, 1.0)
        may = allowed("bharnet_intents")
        may["subscribe"] -= {"/clock"}  # with use_sim_time
        tester.wait(lambda: seen_from(tester.node, "bharnet_intents") == may)
    told = [json.loads(line) for line in heard]
    unknown = {
        "intent": "__intent_greet__",
        "data": '{"recipient": "__unknown_agent__"}',
        "source": "__unknown_agent__",
        "modality": "__modality_motion__",
        "priority": 128,
        "confidence": 0.75,
    }
    anna = unknown | {"source": "anna", "data": '{"recipient": "anna"}'}
    assert told[-2:] == [unknown, anna]
    # One after the other: nothing was told twice.
    assert all(one != other for one, other in itertools.pairwise(told))


@contextlib.contextmanager
def in_process(monkeypatch, path, **options):
    """The node here, with any message that there is: it, and what it logs."""
    from rclpy.parameter import Parameter
    from robot import Recorder
    from std_msgs.msg import String

    from bharnet_ros import intents
    from bharnet_ros.demo.domain import own_domain, ros_context

    monkeypatch.setattr(intents, "intent_message", lambda: String)
    given = [Parameter("file", value=str(path))]
    log: list[str] = []
    with own_domain() as domain, ros_context(domain) as context:
        node = intents.IntentsNode(context=context, parameter_overrides=given, **options)
        logger = Recorder(node.get_logger(), log)
        node.get_logger = lambda: logger
        try:
            yield node, log
        finally:
            node.destroy_node()


def test_what_never_comes_is_told_once_a_model(monkeypatch, tmp_path):
    """The labels come again whenever a parameter of the recogniser changes."""
    from bharnet_ros.msg import ActionLabels

    path = written(tmp_path, "nod: {custom: nod}")
    with in_process(monkeypatch, path) as (node, log):
        for labels, stride in ((["wave"], 0.1), (["wave"], 0.2), (["nod"], 0.2), (["wave"], 0.2)):
            node._on_labels(ActionLabels(labels=labels, stride_seconds=stride, idle_class_id=-1))
    assert log == 2 * ["the model has no class 'nod', so its intent never comes"]


def test_that_nobody_tells_actions_is_told(monkeypatch, tmp_path):
    """As beside a recogniser in another namespace, or with another name."""
    from polling import until

    from bharnet_ros import intents
    from bharnet_ros.msg import ActionArray

    monkeypatch.setattr(intents, "ALONE_SECONDS", 0.0)
    path = written(tmp_path, "nod: {custom: nod}")
    with in_process(monkeypatch, path, namespace="robot1") as (node, log):
        node._look_for_actions()
        (told,) = log
        assert told.startswith("no actions arrive on /robot1/bharnet/actions: nobody publishes")
        assert "-r bharnet/actions:=<topic>" in told
        node.create_publisher(ActionArray, "bharnet/actions", 10)
        until(lambda: node.count_publishers("/robot1/bharnet/actions"))
        node._look_for_actions()
        assert log == [told]
