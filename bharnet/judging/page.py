# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""report.json as one page that needs nothing else: no script, no font, no picture from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bharnet.judging.figures import NOTHING
from bharnet.judging.timeline import WIDTH, clock, hues, strips

NOT_COUNTED = "-"


def render(report: Mapping[str, Any], timings: Mapping[str, Any] | None = None) -> str:
    """HTML of ``describe``'s data and, unless None, of ``describe_timings``'.

    Names come from recordings and may be anything; the template engine escapes them all.
    """
    environment = Environment(
        loader=PackageLoader("bharnet.judging", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(share=_share, seconds=_seconds, clock=clock, number=_number)
    people = report["people"]
    labels = {each["label"] for person in people for each in person["segments"]}
    labels |= {each["label"] for person in people for each in person["events"]}
    colours = hues(sorted(labels - {""}))
    return environment.get_template("page.html.j2").render(
        report=report,
        timings=timings,
        people=[(person, strips(person, colours)) for person in people],
        confusion=_shaded(report["confusion"]),
        unknown={
            each["label"]
            for person in people
            for each in person["segments"]
            if each["result"] == "unknown"
        },
        colours=colours,
        width=WIDTH,
        nothing=NOTHING,
    )


def _shaded(confusion: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, int, float]]]]:
    """Rows of (told, count, share of the row), to shade by."""
    rows = []
    for name, counts in zip(confusion["happened"], confusion["counts"], strict=True):
        total = sum(counts)
        cells = [
            (told, count, round(count / total, 3) if total else 0.0)
            for told, count in zip(confusion["told"], counts, strict=True)
        ]
        rows.append((name, cells))
    return rows


def _share(value: float | None) -> str:
    return NOT_COUNTED if value is None else f"{value:.2f}"


def _seconds(value: float | None) -> str:
    return NOT_COUNTED if value is None else f"{value:.2f} s"


def _number(value: float | None) -> str:
    return NOT_COUNTED if value is None else f"{value:.3g}"
