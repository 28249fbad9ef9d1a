# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation leaves on disk: all of it or nothing.

report.json   every figure, event and segment: the same bytes for the same bag, labels and model
report.html   the same as a page
timings.json  how long everything took: differs from run to run
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from bharnet.judging.document import describe, describe_timings
from bharnet.judging.evaluation import Evaluation
from bharnet.judging.page import render

REPORT, PAGE, TIMINGS = "report.json", "report.html", "timings.json"


def write_report(evaluation: Evaluation, folder: Path, timings: bool = True) -> dict[str, Any]:
    """Write the files and return what is in report.json. Raises OSError.

    Without ``timings`` the page, too, is the same in every run, and timings.json is not written.
    """
    report, took = describe(evaluation), describe_timings(evaluation)
    files = {REPORT: _json(report), PAGE: render(report, took if timings else None)}
    if timings:
        files[TIMINGS] = _json(took)
    folder.mkdir(parents=True, exist_ok=True)
    # Whoever looks while it is written finds the old files or the new ones, whole.
    fresh = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
    try:
        for name, text in files.items():
            (fresh / name).write_text(text, encoding="utf-8")
        for name in files:
            (fresh / name).replace(folder / name)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return report


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
