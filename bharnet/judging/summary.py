# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""report.json in a few lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def summarise(report: Mapping[str, Any]) -> str:
    """The figures that one looks at first."""
    summary, recording = report["summary"], report["recording"]
    missed, unknown = summary["missed_out_of_view"], summary["unknown_classes"]
    idle = f"{summary['false_alarms']} in {_number(summary['idle_minutes'])} idle minutes"
    lines = [
        f"segments     {summary['segments']} happened, {summary['events']} events told",
        *(
            f"IoU {t:<9}F1 {_share(each['f1'])}, precision {_share(each['precision'])}, "
            f"recall {_share(each['recall'])}"
            for t, each in summary["iou"].items()
        ),
        f"delay        {_spread(summary['delay_s'])} after the onset",
        f"onset error  {_spread(summary['onset_error_s'])}",
        f"false alarms {_number(summary['false_alarms_per_minute'])} a minute ({idle})",
        f"missed       {summary['missed']} ({missed} out of view)",
        f"time right   {_share(summary['accuracy'])}, {summary['id_switches']} id switches",
    ]
    if unknown["segments"]:
        lines.append(f"unknown      {unknown['refused']} of {unknown['segments']} refused")
    if recording["result_age_ms"]:
        age = recording["result_age_ms"]
        lines.append(f"age          p50 {age['p50']:.0f} ms, p95 {age['p95']:.0f} ms")
    for name, title in (("losses", "replayed"), ("left_out", "left out")):
        if recording[name]:
            told = ", ".join(f"{count} {key}" for key, count in recording[name].items())
            lines.append(f"{title:<13}{told}")
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _spread(spread: Mapping[str, float | None]) -> str:
    median, p90 = spread["median"], spread["p90"]
    return "-" if median is None or p90 is None else f"median {median:.2f} s, p90 {p90:.2f} s"
