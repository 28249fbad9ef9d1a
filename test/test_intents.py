# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Actions as intents of ROS4HRI: the map, without ROS."""

from __future__ import annotations

import contextlib
import json
import re
import textwrap
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
