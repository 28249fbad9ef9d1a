# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Actions as intents of ROS4HRI: the map without ROS, the node with a message that is made here.

hri_actions_msgs is not in the package index. Its Intent is generated from the fields and constants
below by rosidl, once, and kept in pytest's cache; where the package is installed, that is used.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from commands import blocks
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from bharnet.checkpoint import load_checkpoint
from bharnet.models import SHIPPED
from bharnet_ros.intent_map import ROLES, InvalidIntents, read_intents

SHIPPED_MAP = ROOT / "config" / "intents.yaml"
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


def written(folder: Path, text: str) -> Path:
    path = folder / "intents.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def test_an_action_becomes_a_wish(tmp_path):
    rules = read_intents(
        written(
            tmp_path,
            """
            come:
              intent: MOVE_TO
              data: {goal: "body_{body}", who: "{person}", said: "{label}", metres: 1.5}
              priority: 200
              min_confidence: 0.5
            dance: {custom: dance_now}
            """,
        )
    )
    wish = rules["come"].wish("come", "ab12c", "anna", 0.75)
    assert (wish.intent, wish.predefined, wish.priority) == ("MOVE_TO", True, 200)
    assert wish.confidence == 0.75
    assert json.loads(wish.data) == {
        "goal": "body_ab12c",
        "who": "anna",
        "said": "come",
        "metres": 1.5,
    }
    assert rules["come"].wish("come", "ab12c", "anna", 0.49) is None
    assert rules["come"].wish("come", "ab12c", "anna", float("nan")) is None
    own = rules["dance"].wish("dance", "ab12c", "anna", 1.0)
    assert (own.intent, own.predefined, own.data, own.priority) == ("dance_now", False, "{}", 128)


@settings(deadline=None)  # a busy machine is no failure
@given(body=st.text(), person=st.text())
def test_whatever_an_id_is_the_data_are_json(body, person):
    rule = read_intents(SHIPPED_MAP)["coffee"]
    wish = rule.wish("coffee", body, person, 0.9)
    assert json.loads(wish.data) == {"object": "coffee", "recipient": body}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names no action"),
        ("- come", "names no action"),
        ("come: {", "is no YAML"),
        ("no: {intent: STOP_ACTIVITY}", "the action False is no text; put it into quotes"),
        ("come:", "come: Input should be"),
        ("come: {}", "come: name either a predefined `intent` or a `custom` string"),
        ("come: {intent: STOP_ACTIVITY, custom: stop}", "come: name either"),
        ("come: {intent: move_to}", "come: there is no intent move_to, only BRING_OBJECT,"),
        ("come: {intent: MOVE_TO}", "come: MOVE_TO needs goal in `data`"),
        ("come: {intent: BRING_OBJECT}", "come: BRING_OBJECT needs object and recipient"),
        ("come: {custom: a, prority: 3}", "come.prority: Extra inputs are not permitted"),
        ("come: {custom: a, priority: 256}", "come.priority: Input should be less than or equal"),
        ("come: {custom: a, priority: -1}", "come.priority: Input should be greater than or"),
        ("come: {custom: a, priority: 1.5}", "come.priority: Input should be a valid integer"),
        ("come: {custom: a, min_confidence: 2}", "come.min_confidence: Input should be less"),
        ("come: {custom: a, min_confidence: .nan}", "come.min_confidence: Input should be a fin"),
        ("come: {custom: a, data: [goal]}", "come.data: Input should be a valid dictionary"),
        ("come: {custom: a, data: {goal: .inf}}", "come.data.goal"),
        ('come: {custom: a, data: {goal: "{who}"}}', "`goal`: {who} stands for nothing; {body}"),
        ('come: {custom: a, data: {goal: "{body.id}"}}', "{body.id} stands for nothing"),
        ('come: {custom: a, data: {goal: "{body!r}"}}', "stands for nothing"),
        ('come: {custom: a, data: {goal: "{body"}}', "a brace itself is written twice"),
    ],
)
def test_a_bad_map_is_refused_in_one_sentence(tmp_path, text, told):
    path = written(tmp_path, text)
    with pytest.raises(InvalidIntents) as caught:
        read_intents(path)
    assert str(caught.value).startswith(str(path))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(InvalidIntents, match=r"cannot read .*No such file"):
        read_intents(tmp_path / "none.yaml")
    with pytest.raises(InvalidIntents, match=r"cannot read .*directory"):
        read_intents(tmp_path)
    (tmp_path / "huge.yaml").write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(InvalidIntents, match="larger than 1 MiB"):
        read_intents(tmp_path / "huge.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidIntents, match="is no YAML"):
        read_intents(tmp_path / "binary.yaml")


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_wild_bytes_are_refused_or_a_map(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "wild.yaml"
    path.write_bytes(content)
    with contextlib.suppress(InvalidIntents):
        assert read_intents(path)


def test_the_map_that_ships_fits_the_model_that_ships():
    from bharnet_ros.intents import unfit

    info = load_checkpoint(SHIPPED).info.told()
    idle = info.classes.index(info.idle)
    rules = read_intents(SHIPPED_MAP)
    assert unfit(rules, info.classes, idle) == []
    rule = rules["dont"]
    told = unfit({"dnt": rule, info.idle: rule}, info.classes, idle)
    assert told[0].startswith("the model has no class 'dnt'")
    assert "is 'dont' meant?" in told[0]
    assert "never begins" in told[1]


def test_the_page_shows_a_map_that_is_taken(tmp_path):
    page = (ROOT / "docs" / "howto" / "intents.md").read_text(encoding="utf-8")
    (example,) = blocks(page, "yaml")
    assert set(read_intents(written(tmp_path, example))) == {"follow_me", "dance"}
    needed = {
        name: tuple(re.findall(r"`(\w+)`", roles)) if "nothing" not in roles else ()
        for names, roles in re.findall(r"^\| (`[A-Z_`, ]+) \| (.*) \|$", page, re.M)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert needed == dict(ROLES)


def test_a_newer_intent_is_known_by_the_installed_message(tmp_path):
    path = written(tmp_path, "sleep: {intent: SUSPEND}")
    with pytest.raises(InvalidIntents, match="no intent SUSPEND"):
        read_intents(path)
    assert read_intents(path, {*ROLES, "SUSPEND"})["sleep"].intent == "SUSPEND"


# With ROS 2

needs_ros = pytest.mark.skipif(
    importlib.util.find_spec("rclpy") is None, reason="no ROS 2 here: run through `make test`"
)
installed = importlib.util.find_spec("hri_actions_msgs") is not None


@needs_ros
def test_every_event_is_told_once():
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


def run_node(*arguments, environment=None):
    """The executable, as `ros2 run` starts it."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "intents"), "--ros-args", *arguments],
        env={**os.environ, **(environment or {})},
        stderr=subprocess.PIPE,
        text=True,
    )


@needs_ros
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


@needs_ros
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


@needs_ros
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
        while len(heard) < begun + 2 or len(heard) < 4 or not said:
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
    assert any("no class 'nod'" in line for line in said)


@needs_ros
def test_what_never_comes_is_told_once_a_model(monkeypatch, tmp_path):
    """The labels come again whenever a parameter of the recogniser changes."""
    from rclpy.parameter import Parameter
    from robot import Recorder
    from std_msgs.msg import String

    from bharnet_ros import intents
    from bharnet_ros.demo.domain import own_domain, ros_context
    from bharnet_ros.msg import ActionLabels

    monkeypatch.setattr(intents, "intent_message", lambda: String)  # any message that there is
    path = Parameter("file", value=str(written(tmp_path, "nod: {custom: nod}")))
    log: list[str] = []
    with own_domain() as domain, ros_context(domain) as context:
        node = intents.IntentsNode(context=context, parameter_overrides=[path])
        logger = Recorder(node.get_logger(), log)
        node.get_logger = lambda: logger
        for labels, stride in ((["wave"], 0.1), (["wave"], 0.2), (["nod"], 0.2), (["wave"], 0.2)):
            node._on_labels(ActionLabels(labels=labels, stride_seconds=stride, idle_class_id=-1))
        node.destroy_node()
    assert log == 2 * ["the model has no class 'nod', so its intent never comes"]
