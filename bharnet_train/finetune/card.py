# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The model card of a network that learnt somebody's own gestures."""

from __future__ import annotations

from collections.abc import Sequence as Many
from pathlib import Path

from bharnet.checkpoint import Checkpoint
from bharnet_train.finetune.crossval import Checked
from bharnet_train.finetune.inspect import Finding


def write_card(path: Path, model: Checkpoint, checked: Checked, findings: Many[Finding]) -> None:
    """Write what the checkpoint was made of, and what it was measured to do, as Markdown."""
    info, result = model.info, checked.result
    told = info.provenance
    base, takes = told["base"], told["takes"]
    parameters = sum(each.numel() for each in model.network.parameters())
    lines = [
        f"# Model card: {info.name} {info.version}",
        "",
        f"{len(info.classes)} classes, `{info.idle}` (nothing to be recognised) among them. The "
        f"trunk of {base['name']} {base['version']} ({base['digest']}), untouched, with a new "
        f"head: {parameters:,} parameters in all. File digest `{model.digest}`.",
        "",
        "| | |",
        "|---|---|",
        f"| made by | `{told['command']}`, seed {told['seed']}, {told['scores']['seconds']} s |",
        f"| learnt from | {sum(takes.values())} own takes, of {told['people']} person(s) at "
        f"{told['sittings']} sitting(s); {told['copies']} disturbed copies of each"
        f"{'' if told['mirrored'] else ', not mirrored'}; {told['foreign_nulls']} foreign takes "
        "of people who do nothing |",
        f"| temperature | {info.temperature:g}, fitted to disturbed copies of takes left out |",
        "",
        f"Takes left out: {checked.right} right; {checked.how}. "
        f"Of gestures left out altogether {checked.strangers:.0f} % of the takes were taken for "
        "another: expect so of movements that it was not taught.",
        "",
        "| gesture | takes | recall % | precision % |",
        "|---|---|---|---|",
    ]
    for name in info.classes:
        recall, precision = result.recall.get(name, "-"), result.precision.get(name, "-")
        lines.append(f"| `{name}` | {takes.get(name, 0)} | {recall} | {precision} |")
    if checked.confused:
        lines += ["", "Confused:", ""]
        lines += [f"- `{a}` taken for `{b}`: {n} of {of}" for a, b, n, of in checked.confused]
    if findings:
        lines += ["", "Said before training:", "", *(f"- {each.text}" for each in findings)]
    lines += [
        "",
        "Not for counting on it for safety, nor for identifying people. Data and licences of the "
        f"base network: the card of {base['name']}.",
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
