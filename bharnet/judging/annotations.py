# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Exports of two annotation tools: ELAN (.eaf) and VIA 3, the VGG Image Annotator.

ELAN: https://www.mpi.nl/tools/elan/EAFv3.0.xsd. VIA: https://www.robots.ox.ac.uk/~vgg/software/via
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from bharnet.judging.invalid import InvalidLabels, Row

LONGEST_TIME = 16  # digits: of milliseconds, for as long as there are people


def read_elan(text: str, name: str) -> list[Row]:
    """Every aligned annotation; the person is the tier's PARTICIPANT.

    Annotations that only refer to others have no time of their own and are left out.
    Raises InvalidLabels.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InvalidLabels(f"{name} is no XML: {error}; save it in ELAN again") from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise InvalidLabels(f"{name} is no ELAN file: it is a <{root.tag[:40]}>")
    # ELAN counts milliseconds; a slot may have no time.
    times = {
        slot.get("TIME_SLOT_ID", ""): slot.get("TIME_VALUE", "") for slot in root.iter("TIME_SLOT")
    }
    rows = []
    for tier in root.iter("TIER"):
        person = tier.get("PARTICIPANT", "").strip()
        for number, each in enumerate(tier.iter("ALIGNABLE_ANNOTATION"), 1):
            where = f"{name}, tier '{tier.get('TIER_ID', '')[:40]}', annotation {number}"
            start, end = (times.get(each.get(f"TIME_SLOT_REF{i}", ""), "") for i in (1, 2))
            if not all(each.isdecimal() and len(each) < LONGEST_TIME for each in (start, end)):
                raise InvalidLabels(
                    f"{where} has no time; align it in ELAN, or remove tiers without times"
                )
            label = (each.findtext("ANNOTATION_VALUE") or "").strip()
            rows.append(Row(_seconds(start), _seconds(end), label, person, where))
    return rows


def read_via_json(text: str, name: str) -> list[Row]:
    """A VIA 3 project: temporal segments with an attribute, optionally one named person.

    Raises InvalidLabels.
    """
    try:
        project = json.loads(text)
        attributes, metadata = project["attribute"], project["metadata"]
        entries = [(key, each["z"], each["av"]) for key, each in metadata.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidLabels(
            f"{name} is no VIA 3 project ({error}); save it in VIA again"
        ) from None
    return list(_via_rows(entries, attributes, name))


def read_via_csv(text: str, name: str) -> list[Row]:
    """The CSV that VIA 3 exports: comments that describe it, then one segment a line.

    Raises InvalidLabels.
    """
    attributes: Mapping[str, Any] = {}
    entries = []
    try:
        lines = text.splitlines()
        for line in lines:
            if line.startswith(("# ATTRIBUTE =", "# ATTRIBUTES =")):
                attributes = json.loads(line.partition("=")[2])
        for row in csv.reader(line for line in lines if line and not line.startswith("#")):
            entries.append((row[0], json.loads(row[3]), json.loads(row[5])))
    except (ValueError, IndexError, RecursionError, csv.Error) as error:
        raise InvalidLabels(
            f"{name} is no CSV of VIA 3 ({error}); export it from VIA again"
        ) from None
    return list(_via_rows(entries, attributes, name))


def _via_rows(
    entries: list[tuple[str, Any, Any]], attributes: Mapping[str, Any], name: str
) -> Iterator[Row]:
    """Entries without two times are still pictures or regions, not segments."""
    for key, times, values in entries:
        where = f"{name}, segment {key[:40]}"
        try:
            if len(times) != 2:
                continue
            told = {}
            for attribute_id, value in values.items():
                attribute = attributes.get(attribute_id, {})
                # A choice is written as the number of the option.
                chosen = attribute.get("options", {}).get(str(value), value)
                told[str(attribute.get("aname", attribute_id)).lower()] = str(chosen).strip()
            person = told.pop("person", "")
            if len(told) != 1:
                raise InvalidLabels(
                    f"{where} has {len(told)} attributes ({', '.join(told)[:60]}); there must be "
                    "one, its label, and perhaps one named person"
                )
            (label,) = told.values()
            yield Row(str(times[0]), str(times[1]), label, person, where)
        except (TypeError, AttributeError) as error:
            raise InvalidLabels(f"{where} is no segment of VIA 3: {error}") from None


def _seconds(milliseconds: str) -> str:
    whole, part = divmod(int(milliseconds), 1000)
    return f"{whole}.{part:03d}"
