# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Labels in every form that is read, and what is said of those that cannot be."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import START

from bharnet.judging.annotations import read_elan, read_via_csv, read_via_json
from bharnet.judging.invalid import InvalidLabels, Row
from bharnet.judging.labels import Clock, read_csv, read_labels, read_texts, to_segments
from bharnet.judging.segments import Segment, Span
from bharnet.window import NANOSECONDS

SPAN = Span(START, START + 60 * NANOSECONDS)
CLOCK = Clock(START)
ELAN = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
  <TIME_ORDER>
    <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1250"/>
    <TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="3000"/>
    <TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="4005"/>
    <TIME_SLOT TIME_SLOT_ID="ts4"/>
  </TIME_ORDER>
  <TIER TIER_ID="gestures" PARTICIPANT="ann" LINGUISTIC_TYPE_REF="t">
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
      <ANNOTATION_VALUE>wave</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
      <ANNOTATION_VALUE/></ALIGNABLE_ANNOTATION></ANNOTATION>
  </TIER>
  <TIER TIER_ID="notes" PARENT_REF="gestures" LINGUISTIC_TYPE_REF="r">
    <ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a1">
      <ANNOTATION_VALUE>left hand</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
  </TIER>
</ANNOTATION_DOCUMENT>
"""
ATTRIBUTES = {
    "1": {"aname": "action", "type": 4, "options": {"0": "wave", "1": "yes"}},
    "2": {"aname": "Person", "type": 1, "options": {}},
}
VIA = {
    "project": {"pname": "x"},
    "attribute": ATTRIBUTES,
    "metadata": {
        "1_a": {"vid": "1", "flg": 0, "z": [1.25, 3], "xy": [], "av": {"1": "0", "2": "ann"}},
        "1_b": {"vid": "1", "flg": 0, "z": [3, 4.005], "xy": [], "av": {"1": "1", "2": "ann"}},
        "1_c": {"vid": "1", "flg": 0, "z": [2.0], "xy": [2, 1, 1, 5, 5], "av": {}},
    },
}
VIA_CSV = f"""# Exported using VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)
# ATTRIBUTE = {json.dumps(ATTRIBUTES)}
# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata
"1_a","[""x.mp4""]",0,"[1.25,3]","[]","{{""1"":""0"",""2"":""ann""}}"
"1_b","[""x.mp4""]",0,"[3,4.005]","[]","{{""1"":""1"",""2"":""ann""}}"
"1_c","[""x.mp4""]",0,"[2.0]","[2,1,1,5,5]","{{}}"
"""


def segments(rows: list[Row], **options) -> list[Segment]:
    return to_segments(rows, CLOCK, SPAN, **options)


def at(start: float, end: float, label: str, person: str = "") -> Segment:
    return Segment(*(START + round(s * NANOSECONDS) for s in (start, end)), label, person)


def test_csv():
    text = "start,end,label,person,comment\n1.25, 3 , wave ,ann,nice\n\n3,4.005,,ann,\n"
    expected = [at(1.25, 3, "wave", "ann"), at(3, 4.005, "", "ann")]
    assert segments(read_csv(text, "x.csv")) == expected
    assert segments(read_csv(text.replace(",", ";"), "x.csv")) == expected
    assert segments(read_csv(text.replace(",", "\t"), "x.csv")) == expected
    assert segments(read_csv("label;START_S;end_s\nyes;0;1\n", "x.csv")) == [at(0, 1, "yes")]
    assert segments(read_csv("start,end,label\n", "x.csv")) == []


def test_times_may_be_seconds_of_the_recording_or_since_1970_or_nanoseconds():
    absolute = f"start,end,label\n{START / 1e9 + 2:.0f}.123456789,{START + 3 * NANOSECONDS},wave\n"
    (found,) = segments(read_csv(absolute, "x.csv"))
    assert (found.start - START, found.end - START) == (2_123_456_789, 3 * NANOSECONDS)


def test_an_offset_moves_what_counts_from_the_recordings_start():
    rows = read_csv("start,end,label\n1,2,wave\n", "x.csv")
    assert to_segments(rows, Clock(START, Decimal("0.5")), SPAN) == [at(1.5, 2.5, "wave")]


def test_elan():
    expected = [at(1.25, 3, "wave", "ann"), at(3, 4.005, "", "ann")]
    assert segments(read_elan(ELAN, "x.eaf")) == expected


def test_via():
    expected = [at(1.25, 3, "wave", "ann"), at(3, 4.005, "yes", "ann")]
    assert segments(read_via_json(json.dumps(VIA), "x.json")) == expected
    assert segments(read_via_csv(VIA_CSV, "x.csv")) == expected


def test_files_are_told_apart(tmp_path):
    for name, text in (
        ("a.eaf", ELAN),
        ("b.json", json.dumps(VIA)),
        ("c.csv", VIA_CSV),
        ("d.csv", "\ufeffstart,end,label\n1.25,3,wave\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert segments(read_labels(tmp_path / name))[0].label == "wave"


def test_topic():
    own = json.dumps({"label": "wave", "start": 1.25, "end": 3, "person": "ann"})
    assert segments(read_texts([own], "/t")) == [at(1.25, 3, "wave", "ann")]
    demo = {"sign": "wave", "body_id": "ann", "clip_start": START, "start": START + NANOSECONDS}
    demo |= {"end": START + 2 * NANOSECONDS, "clip_end": START + 2 * NANOSECONDS}
    expected = [at(0, 1, "", "ann"), at(1, 2, "wave", "ann")]
    assert segments(read_texts([json.dumps(demo)], "/t")) == expected
    blank = json.dumps({**demo, "sign": "", "start": None, "end": None})
    assert segments(read_texts([blank], "/t")) == [at(0, 2, "", "ann")]


def test_names_of_labels_may_differ_from_the_models():
    rows = read_csv("start,end,label\n1,2,hello\n", "x.csv")
    assert segments(rows, rename={"hello": "greet"})[0].label == "greet"


def test_a_little_outside_is_cut_off():
    rows = read_csv("start,end,label\n-0.3,1,wave\n59,60.4,yes\n", "x.csv")
    assert segments(rows) == [at(0, 1, "wave"), at(59, 60, "yes")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "no column 'start', only a, b"),
        ("start,end,label\nsoon,2,wave\n", "line 2: 'soon' is no time"),
        ("start;end;label\n0,5;2;wave\n", "'0,5' is no time in seconds, as 12.5 is"),
        ("start,end,label\n0,5,2,0,wave\n", "line 2 has more columns than the first line"),
        ("start,end,label\nnan,2,wave\n", "line 2: nan is no time"),
        ("start,end,label\n1,1e30,wave\n", "line 2: 1e30 is no time"),
        ("start,end,label\n2,1,wave\n", "line 2: it ends at 1, not after 2"),
        ("start,end,label\n1,2,a\n50,61,wave\n", "line 3: 50 to 61 lies outside the recording"),
        ("start,end,label\n-9,1,wave\n", "outside the recording, which has 60.0 s"),
        ("start,end,label\n1,3,wave\n2,4,yes\n", "'wave' and 'yes' .* overlap at 2.000 s"),
        ("start,end,label,person\n1,3,a,x\n2,4,b,\n", "line 3 names no person though others do"),
        ('start,end,label\n1,2,"wave\n', "is no CSV"),
    ],
)
def test_what_csv_cannot_say(text, said):
    with pytest.raises(InvalidLabels, match=said):
        segments(read_csv(text, "x.csv"))


def test_people_may_act_at_the_same_time():
    text = "start,end,label,person\n1,3,wave,ann\n2,4,yes,bob\n"
    assert len(segments(read_csv(text, "x.csv"))) == 2


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (read_elan, "no xml", "is no XML"),
        (read_elan, "<html/>", "no ELAN file: it is a <html>"),
        (read_elan, ELAN.replace('REF1="ts1"', 'REF1="ts4"'), "annotation 1 has no time"),
        (read_via_json, "[]", "no VIA 3 project"),
        (read_via_json, "{", "no VIA 3 project"),
        (read_via_json, json.dumps({**VIA, "metadata": {"a": {"z": 3, "av": {}}}}), "no segment"),
        (
            read_via_json,
            json.dumps({**VIA, "metadata": {"a": {"z": [1, 2], "av": {}}}}),
            "has 0 attributes",
        ),
        (read_via_csv, "# CSV_HEADER = metadata_id\n1,2\n", "no CSV of VIA 3"),
        (lambda text, name: read_texts([text], name), "{}", "message 1 is no JSON with label"),
        (lambda text, name: read_texts([text], name), "null", "message 1 is no JSON with label"),
        (lambda text, name: read_texts([text], name), "tea", "message 1 is no JSON with label"),
        (lambda text, name: read_texts([text], name), "[" * 99_999, "message 1 is no JSON with"),
        (read_elan, ELAN.replace('TIME_VALUE="1', f'TIME_VALUE="{"1" * 5000}'), "has no time"),
    ],
)
def test_what_tools_cannot_have_written(read, text, said):
    with pytest.raises(InvalidLabels, match=said):
        read(text, "x")


def test_files_that_are_none(tmp_path):
    with pytest.raises(InvalidLabels, match="there is no file of labels"):
        read_labels(tmp_path / "nowhere.csv")
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidLabels, match=r"is no UTF-8 text .* save it as UTF-8"):
        read_labels(tmp_path / "x.csv")
    with pytest.raises(InvalidLabels, match="cannot be read"):
        read_labels(tmp_path)


@settings(deadline=None)
@given(st.text(), st.sampled_from([".csv", ".eaf", ".json"]))
def test_any_text_is_read_or_refused(tmp_path_factory, text, suffix):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    Path(path).write_text(text, encoding="utf-8", errors="ignore")
    try:
        segments(read_labels(path))
    except InvalidLabels as error:
        assert str(error)  # noqa: PT017
