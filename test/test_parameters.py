# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters: one table, explained in one file, checked before they are taken."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

import yaml
from hypothesis import given
from hypothesis import strategies as st
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter
from robot import CLASSES, in_executor, pose, robot, save_model, set_parameter, stamp, start
from tiny import rewrite

from bharnet.models import SHIPPED
from bharnet_ros.camera import parameters as camera_parameters
from bharnet_ros.camera.node import EstimatorNode
from bharnet_ros.msg import Action
from bharnet_ros.node import BharnetNode
from bharnet_ros.parameters import DECISION, PARAMETERS, Settings

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "config" / "recognize.yaml"
# Both nodes are given this file; each takes what it declares.
BOTH = tuple({each.name: each for each in (*PARAMETERS, *camera_parameters.PARAMETERS)}.values())


def defaults(table):
    return {
        each.name: list(each.default) if isinstance(each.default, tuple) else each.default
        for each in table
    }


DEFAULTS = defaults(PARAMETERS)


def test_file_lists_exactly_what_is_declared():
    (values,) = yaml.safe_load(FILE.read_text()).values()
    assert values == {"ros__parameters": defaults(BOTH)}


def test_what_both_nodes_declare_means_the_same():
    ours = {each.name: each for each in PARAMETERS}
    for each in camera_parameters.PARAMETERS:
        if each.name in ours:
            same = ours[each.name]
            assert (each.default, each.low, each.high, each.choices, each.dynamic) == (
                (same.default, same.low, same.high, same.choices, same.dynamic)
            )


@pytest.mark.parametrize("each", BOTH, ids=lambda each: each.name)
def test_file_says_what_the_table_says(each):
    above = FILE.read_text().split(f"\n    {each.name}:")[0]
    comment = above[max(above.rfind("\n\n"), above.rfind("\n    " + "x")) :]
    block = re.split(r"\n    \w+:.*\n", comment)[-1]
    assert ("[DYNAMIC]" in block, "[STATIC]" in block) == (each.dynamic, not each.dynamic)
    if each.low is not None and each.name not in DECISION:
        assert f"{each.low:g} to {each.high:g}" in block


@pytest.mark.parametrize(
    ("kind", "table"),
    [(BharnetNode, PARAMETERS), (EstimatorNode, camera_parameters.PARAMETERS)],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_file_is_read_by_ros(kind, table):
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context, args=["--ros-args", "--params-file", str(FILE)])
    node = kind(context=context)
    try:
        assert dict(node.settings.values) == defaults(table)
        described = node.describe_parameters([each.name for each in table])
        assert all(each.description and each.additional_constraints for each in described)
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)


def test_empty_lists_in_a_file_are_the_defaults(tmp_path):
    """Of [] rclpy knows no type: such a parameter has no value, and reading it raises."""
    import rclpy

    file = tmp_path / "mine.yaml"
    file.write_text("/**:\n  ros__parameters:\n    labels: []\n    window_seconds: []\n")
    context = rclpy.Context()
    rclpy.init(context=context, args=["--ros-args", "--params-file", str(file)])
    node = BharnetNode(context=context)
    try:
        assert dict(node.settings.values) == defaults(PARAMETERS)
        assert node.get_parameter("labels").value == [""]
        assert set(node.get_parameter("window_seconds").value) == {0.0}
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)


def test_of_one_name_given_twice_the_last_counts(model):
    with robot(model=model) as (node, _):
        start(node)
        given = [Parameter("top_k", value=5), Parameter("top_k", value=3)]
        assert in_executor(node, lambda: node.set_parameters_atomically(given)).successful
        assert node.settings["top_k"] == node.get_parameter("top_k").value == 3


def test_dynamic_ones_take_effect_at_once(model):
    with robot(model=model) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), seconds=1.0)
        assert set_parameter(node, "top_k", 1) == ""
        assert set_parameter(node, "labels", ["yes"]) == ""
        tester.wait(lambda: len(tester.labels) == 2)
        end = tester.play(pose(), start=end, seconds=1.0)
        # What runs ends, for it is no longer allowed.
        assert [each.reason for each in tester.saw(Action.OFFSET)] == [Action.REASON_FINISHED]
        assert len(tester.actions[-1].actions[0].hypotheses) == 1
        assert set_parameter(node, "labels", [""]) == ""
        assert set_parameter(node, "stride_seconds", 0.05) == ""
        end = tester.play(pose(), start=end, seconds=1.0)
        tester.wait_stamp(end - 0.15)
        *_, one, other = tester.actions
        assert stamp(other.header) - stamp(one.header) == pytest.approx(0.1e9, abs=10)
        assert len(tester.saw(Action.ONSET)) == 2
        assert tester.labels[-1].stride_seconds == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("top_k", 101, "out of range|range"),
        ("stride_seconds", 0.0, "range"),
        ("enter_threshold", -0.5, "neither -1 nor 0 or more"),
        ("enter_threshold", 0.1, "leave_threshold 0.4 is above enter_threshold 0.1"),
        ("labels", ["dance"], "tiny has no class 'dance'; it has idle, wave, yes. Name"),
        ("lost_seconds", 2.0, "only while the node is unconfigured"),
        ("device", "tpu", "none of auto, cpu, cuda"),
        ("model", "/nowhere.safetensors", "cannot read model /nowhere.safetensors"),
        ("max_people", "many", "type"),
    ],
)
def test_what_does_not_fit_is_refused(running, name, value, reason):
    node = running
    before = dict(node.settings.values)
    assert re.search(reason, set_parameter(node, name, value), re.I)
    assert dict(node.settings.values) == before
    assert node.get_parameter(name).value == before[name]


@pytest.mark.parametrize("kind", ["BYTE_ARRAY", "BOOL_ARRAY", "STRING_ARRAY", "DOUBLE_ARRAY"])
def test_an_empty_list_is_the_default_of_whatever_type_it_comes(model, kind):
    """`ros2 param set /bharnet labels "[]"` cannot know the type."""
    empty = ParameterValue(type=Parameter.Type[kind].value)
    with robot(model=model, labels=["yes"], window_seconds=[0.5]) as (node, tester):
        for name, default in (("labels", [""]), ("window_seconds", [0.0])):
            asked = SetParameters.Request(parameters=[ParameterMessage(name=name, value=empty)])
            answer = tester.ask(SetParameters, "/bharnet/set_parameters", asked)
            assert answer.results[0].successful, answer
            assert node.settings[name] == default
        asked.parameters[0].name = "top_k"
        answer = tester.ask(SetParameters, "/bharnet/set_parameters", asked)
        assert not answer.results[0].successful


def test_a_value_of_no_known_type_is_refused(model):
    with robot(model=model) as (node, tester):
        wrong = ParameterMessage(name="top_k", value=ParameterValue(type=77))
        asked = [wrong, Parameter("top_k", value=2).to_parameter_msg()]
        for kind, name in (
            (SetParameters, "set_parameters"),
            (SetParametersAtomically, "set_parameters_atomically"),
        ):
            answer = tester.ask(kind, f"bharnet/{name}", kind.Request(parameters=asked))
            results = [answer.result] if kind is SetParametersAtomically else answer.results
            for each in results:
                assert (each.successful, each.reason[:11]) == (False, "top_k: 77 i")
        # The node lives on, and as it was.
        assert node.settings["top_k"] != 2
        request = SetParameters.Request(parameters=asked[1:])
        (result,) = tester.ask(SetParameters, "bharnet/set_parameters", request).results
        assert result.successful
        assert node.settings["top_k"] == 2


@pytest.fixture
def running(model):
    with robot(model=model) as (node, _):
        start(node)
        yield node


def test_static_ones_may_change_while_unconfigured(model):
    with robot(model=model) as (node, _):
        assert set_parameter(node, "lost_seconds", 2.0) == ""
        start(node)
        # The same value again, as loading a file does, is no change.
        assert set_parameter(node, "lost_seconds", 2.0) == ""
        in_executor(node, node.trigger_deactivate)
        assert set_parameter(node, "lost_seconds", 3.0)
        in_executor(node, node.trigger_cleanup)
        assert set_parameter(node, "lost_seconds", 3.0) == ""


def test_model_changes_while_running(model, tmp_path):
    yes = save_model(tmp_path / "yes.safetensors", sure="yes", name="other")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(yes.read_bytes()[:-100])
    wide = save_model(tmp_path / "wide.safetensors", body_layout="kinect_25")
    with robot(model=model) as (node, tester):
        start(node)
        end = tester.ready().play(pose(), seconds=1.0)
        assert "damaged" in set_parameter(node, "model", str(cut))
        end = tester.play(pose(), start=end, seconds=1.0)
        assert tester.saw(Action.OFFSET) == []  # the old one went on
        assert set_parameter(node, "model", str(yes)) == ""
        tester.wait(lambda: tester.labels[-1].model_name == "other")
        # Topics overtake each other: the labels may be here before the last of the old actions.
        tester.wait(lambda: tester.saw(Action.OFFSET))
        assert [each.reason for each in tester.saw(Action.OFFSET)] == [Action.REASON_RESET]
        end = tester.play(pose(), start=end, seconds=1.0)
        onsets = tester.saw(Action.ONSET)
        assert [(each.label, each.event_id) for each in onsets] == [("wave", 1), ("yes", 2)]
        assert tester.actions[-1].model_id == tester.labels[-1].model_id
        # Another body layout: frames that still wait must not meet the wrong windows.
        assert set_parameter(node, "model", str(wide)) == ""
        tester.play(pose(), start=end, seconds=1.0)
        assert tester.actions[-1].actions[0].label == "wave"
        assert not [line for line in tester.log if "failed" in line]
        # Each is told of, and only those that were taken.
        changes = [line for line in tester.log if line.startswith("from now on")]
        assert [line.split("-1-")[0] for line in changes] == [
            "from now on recognising 3 classes of other",
            "from now on recognising 3 classes of tiny",
        ]


def test_to_another_model_with_other_labels_there_is_a_way(model):
    """By itself neither fits: the labels not the old model, the model not the old labels."""
    with robot(model=model, labels=["wave"]) as (node, _):
        start(node)
        assert "has no class 'hello'" in set_parameter(node, "labels", ["hello"])
        refused = set_parameter(node, "model", str(SHIPPED))
        assert "has no class 'wave'" in refused
        assert "Name some of these first, or [] for all" in refused
        for name, value in (("labels", [""]), ("model", str(SHIPPED)), ("labels", ["hello"])):
            assert set_parameter(node, name, value) == ""


def test_a_model_that_was_trained_anew_into_its_file_is_read_when_it_is_set_again(model):
    """Else `ros2 param set` would say that it was done, and the old one went on."""
    with robot(model=model) as (node, tester):
        start(node)
        tester.ready()
        assert set_parameter(node, "model", model) == ""  # nothing new: nobody is disturbed
        save_model(Path(model), sure="yes", name="anew")
        rewrite(Path(model), classes=["idle", "come", "stop"])
        assert set_parameter(node, "top_k", 2) == ""  # not asked for
        assert set_parameter(node, "model", model) == ""
        tester.wait(lambda: tester.labels[-1].model_name == "anew")
        assert list(tester.labels[-1].labels) == ["idle", "come", "stop"]
        tester.play(pose(), seconds=1.0)
        assert {each.label for each in tester.saw(Action.ONSET)} == {"stop"}
        assert sum(line.startswith("from now on") for line in tester.log) == 1
        Path(model).unlink()
        assert "cannot read model" in set_parameter(node, "model", model)


def test_home_is_found_in_every_path(monkeypatch, tmp_path):
    """YAML and `ros2 launch` put in no home; a user who is not there is no error yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    told = Settings({**DEFAULTS, "model": "~/my.safetensors"})
    assert told.model == tmp_path / "my.safetensors"
    assert Settings({**DEFAULTS, "model": "~nobody_here/x"}).model == Path("~nobody_here/x")
    camera = defaults(camera_parameters.PARAMETERS)
    given = {"estimator": "wholebody", "estimator_model": "~/rtmw.onnx", "models_folder": "~/m"}
    wanted = camera_parameters.Settings({**camera, **given}).estimator()
    assert (wanted.model, wanted.models) == (str(tmp_path / "rtmw.onnx"), tmp_path / "m")
    assert camera_parameters.Settings(camera).estimator().model == "full"


@given(st.dictionaries(st.sampled_from([*DECISION, "stride_seconds"]), st.floats()))
def test_any_numbers_are_settings_or_a_reason(numbers):
    from bharnet.checkpoint import ModelInfo

    info = ModelInfo("tiny", "1", CLASSES, idle="idle")
    with contextlib.suppress(ValueError):
        settings = Settings({**DEFAULTS, **numbers})
        assert 0 <= settings.decision(info).leave_threshold <= 1
