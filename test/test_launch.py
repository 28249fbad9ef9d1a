# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The launch file: its form everywhere, the real thing where launch_ros is installed."""

import ast
import importlib.util
import os
import re
import runpy
import signal
import subprocess
import sys
import types
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from polling import until

from bharnet_ros.overrides import file_of

ROOT = Path(__file__).resolve().parent.parent
LAUNCH_FILE = ROOT / "launch" / "recognize.launch.py"
# What the frozen rules ask of it.
ARGUMENTS = {
    "source",
    "image",
    "transport",
    "depth",
    "camera_info",
    "use_sim_time",
    "params_file",
    "namespace",
    "autostart",
    "log_level",
    "device",
    "model",
    "intents",
}
# Started as a program of its own, for launch wants the main thread for its signals.
RUN_LAUNCH = """
import sys
from launch import LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
service = LaunchService(noninteractive=True)
service.include_launch_description(IncludeLaunchDescription(
    PythonLaunchDescriptionSource(sys.argv[1]),
    launch_arguments=[argument.split(":=") for argument in sys.argv[2:]]))
sys.exit(service.run())
"""

needs_launch = pytest.mark.skipif(
    importlib.util.find_spec("launch_ros") is None,
    reason="launch_ros comes with an installed ROS 2; the package index does not have it",
)


def tree() -> ast.Module:
    return ast.parse(LAUNCH_FILE.read_text(), str(LAUNCH_FILE))


def declarations() -> dict[str, dict[str, ast.expr]]:
    """Every declared argument with its keywords."""
    return {
        ast.literal_eval(node.args[0]): {str(key.arg): key.value for key in node.keywords}
        for node in ast.walk(tree())
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "DeclareLaunchArgument"
    }


def test_compiles():
    compile(tree(), str(LAUNCH_FILE), "exec")


def test_declares_what_it_documents():
    documented = re.findall(r"^    (\w+)  +\S", ast.get_docstring(tree(), clean=False) or "", re.M)
    assert set(documented) == ARGUMENTS
    assert set(declarations()) == ARGUMENTS


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_argument_has_description_and_default(name):
    keywords = declarations()[name]
    assert ast.literal_eval(keywords["description"])
    assert "default_value" in keywords


class Described:
    """Stands in for what launch and launch_ros make: it keeps what it was given."""

    def __init__(self, *given: object, **named: object) -> None:
        self.given, self.named = given, named


def nodes(monkeypatch, **given: str) -> dict[str, dict]:
    """What is started with these arguments, by executable; launch itself is not needed."""
    names = {
        "launch": ("LaunchContext", "LaunchDescription", "LaunchDescriptionEntity"),
        "launch.actions": ("DeclareLaunchArgument", "EmitEvent", "LogInfo", "OpaqueFunction"),
        "launch.events": ("matches_action",),
        "launch.events.process": ("ProcessExited", "ShutdownProcess"),
        "launch.substitutions": (
            "EnvironmentVariable",
            "LaunchConfiguration",
            "PathJoinSubstitution",
        ),
        "launch_ros": (),
        "launch_ros.actions": ("Node",),
        "launch_ros.substitutions": ("FindPackageShare",),
    }
    for module, classes in names.items():
        made = types.ModuleType(module)
        for name in classes:
            setattr(made, name, type(name, (Described,), {}))
        monkeypatch.setitem(sys.modules, module, made)
    values: dict[str, str] = {}
    substitutions = sys.modules["launch.substitutions"]
    substitutions.LaunchConfiguration.perform = lambda self, _: values[self.given[0]]
    substitutions.EnvironmentVariable.perform = lambda self, _: os.environ.get(
        self.given[0], self.named["default_value"]
    )
    code = runpy.run_path(str(LAUNCH_FILE))
    values |= {each.given[0]: each.named["default_value"] for each in code["ARGUMENTS"]}
    values |= {"params_file": "mine.yaml"} | given
    return {each.named["executable"]: each.named for each in code["start_nodes"](None)}


def test_what_is_not_given_does_not_hide_what_the_file_says(monkeypatch):
    started = nodes(monkeypatch, source="image")
    assert {name: each["parameters"] for name, each in started.items()} == {
        "recognize": ["mine.yaml"],
        "estimate": ["mine.yaml"],
    }


def test_what_is_given_goes_before_what_the_file_says(monkeypatch):
    given = {"autostart": "false", "use_sim_time": "true", "device": "cpu", "model": "m"}
    camera = {"source": "image", "transport": "compressed", "depth": "/depth"}
    started = nodes(monkeypatch, **given, **camera)
    both = {"autostart": False, "use_sim_time": True}
    told = {name: each["parameters"][1] for name, each in started.items()}
    assert sections(told["recognize"]) == [both | {"device": "cpu", "model": "m"}] * 2
    wanted = both | {"transport": "compressed", "use_depth": True}
    assert sections(told["estimate"]) == [wanted] * 2


def sections(path: str) -> list[dict]:
    """What a parameter file says in each of its sections."""
    return [each["ros__parameters"] for each in yaml.safe_load(Path(path).read_text()).values()]


@pytest.mark.parametrize("namespace", ["", "/robot1"])
@pytest.mark.parametrize("names", [("/**", "{}"), ("{}", "/**"), ("{}",), ("/**", "/**/bharnet")])
def test_it_goes_even_before_what_the_file_says_of_this_very_node(tmp_path, namespace, names):
    """ROS puts what launch gives into its section /**, before the node's own."""
    rclpy = pytest.importorskip("rclpy", reason="no ROS 2 here")
    file = tmp_path / "mine.yaml"
    texts = [name.format(f"{namespace}/bharnet") for name in names]
    file.write_text("".join(f"{each}: {{ros__parameters: {{a: 1, b: 1}}}}\n" for each in texts))
    given = ["--params-file", str(file), "--params-file", file_of({"b": 2, "c": {"d": 2}})]
    context = rclpy.Context()
    rclpy.init(context=context, args=["--ros-args", *given])
    node = rclpy.create_node("bharnet", context=context, namespace=namespace)
    told = {name: each.value for name, each in node._parameter_overrides.items()}
    node.destroy_node()
    rclpy.shutdown(context=context)
    assert told == {"a": 1, "b": 2, "c.d": 2}


def test_with_security_on_each_process_is_in_its_enclave(monkeypatch):
    monkeypatch.delenv("ROS_SECURITY_ENABLE", raising=False)
    given = {"source": "image", "intents": "shipped"}
    assert all(
        "--enclave" not in each["ros_arguments"] for each in nodes(monkeypatch, **given).values()
    )
    monkeypatch.setenv("ROS_SECURITY_ENABLE", "true")
    policy = ElementTree.parse(ROOT / "config" / "sros2" / "policy.xml")
    known = {each.get("path") for each in policy.iter("enclave")}
    told = {name: each["ros_arguments"][2:] for name, each in nodes(monkeypatch, **given).items()}
    assert told == {
        "recognize": ["--enclave", "/bharnet"],
        "estimate": ["--enclave", "/bharnet_estimator"],
        "intents": ["--enclave", "/bharnet_intents"],
    }
    assert {enclave for _, enclave in told.values()} < known


@pytest.mark.parametrize("executable", ["recognize", "estimate", "intents"])
def test_only_what_can_never_work_is_not_started_again(monkeypatch, executable):
    spinning = pytest.importorskip("bharnet_ros.spinning", reason="no ROS 2 here")
    started = nodes(monkeypatch, source="image", intents="shipped")[executable]
    assert started["respawn"] is True

    def ended(code: int) -> types.SimpleNamespace:
        return types.SimpleNamespace(returncode=code, process_name="x-1", action="itself")

    for code in (0, -signal.SIGSEGV, 128 + signal.SIGSEGV, spinning.NOT_NOW):
        assert started["on_exit"](ended(code), None) is None
    said, told = started["on_exit"](ended(spinning.NEVER), None)
    assert "x-1 cannot work as it was started and is not started again" in said.named["msg"]
    assert told.named["event"].named["process_matcher"].given == ("itself",)


@pytest.mark.parametrize("name", ["source", "transport", "use_sim_time", "autostart", "log_level"])
def test_default_is_one_of_the_choices(name):
    keywords = declarations()[name]
    assert ast.literal_eval(keywords["default_value"]) in ast.literal_eval(keywords["choices"])


def launch(domain: int, *arguments: str, file: Path = LAUNCH_FILE) -> subprocess.Popen[str]:
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain)}
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    return subprocess.Popen(
        [sys.executable, "-c", RUN_LAUNCH, str(file), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@needs_launch
def test_launch_ends_where_nothing_can_work(tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("/**: {ros__parameters: {top_k: -3, frame_rate: -1.0}}")
    launched = launch(60 + os.getpid() % 40, "source:=image", f"params_file:={wrong}")
    try:
        told, _ = launched.communicate(timeout=60)
    finally:
        if launched.poll() is None:
            os.killpg(launched.pid, signal.SIGKILL)
    assert told.count("process started with pid") == 2, told
    assert told.count("and is not started again") == 2, told
    assert "top_k" in told
    assert "frame_rate" in told


@needs_launch
def test_a_replay_ends_with_its_recogniser(tmp_path):
    """The player had waited for it, for a minute and more."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("/**: {ros__parameters: {top_k: -3}}")
    given = (f"bag:={ROOT / 'demo' / 'signs'}", f"params_file:={wrong}", f"out:={tmp_path}")
    launched = launch(
        60 + os.getpid() % 40, *given, file=LAUNCH_FILE.with_name("replay.launch.py")
    )
    try:
        told, _ = launched.communicate(timeout=45)
    finally:
        if launched.poll() is None:
            os.killpg(launched.pid, signal.SIGKILL)
    assert "top_k" in told


def started(watcher, topic: str) -> bool:
    """Whether the node and its output are in the graph; DDS tells of them one after the other."""
    node = (topic.split("/")[-2], topic.rsplit("/", 2)[0] or "/")
    return node in watcher.get_node_names_and_namespaces() and watcher.count_publishers(topic) > 0


@needs_launch
@pytest.mark.parametrize(
    ("arguments", "topic"),
    [
        ([], "/bharnet/actions"),
        (["namespace:=robot1"], "/robot1/bharnet/actions"),
        # The estimator's process is the only publisher of poses.
        (["source:=image", "transport:=compressed"], "/bharnet/poses"),
    ],
)
def test_starts_under_its_names(arguments, topic):
    import rclpy

    # Away from the other tests, and one for each of the two.
    domain = 60 + (os.getpid() + len(arguments)) % 40
    launched = launch(domain, *arguments)
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    watcher = rclpy.create_node("watcher", context=context)
    try:
        until(lambda: launched.poll() is not None or started(watcher, topic), 60)
        assert launched.poll() is None, launched.communicate()[0]
        assert watcher.count_publishers(topic) == 1
    finally:
        watcher.destroy_node()
        rclpy.shutdown(context=context)
        launched.send_signal(signal.SIGINT)
        try:
            launched.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(launched.pid, signal.SIGKILL)
            launched.wait()
