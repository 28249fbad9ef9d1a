# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet train --recordings``: what is said before, while and after a network is taught."""

from __future__ import annotations

import shlex
from collections.abc import Sequence as Many
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bharnet_train.complaints import NO_NAME
from bharnet_train.config import InvalidConfig, Name
from bharnet_train.console import console, say
from bharnet_train.datasets.own import Rejected
from bharnet_train.finetune.inspect import Finding
from bharnet_train.finetune.run import Plan, Taught, Told, finetune


def teach(
    folder: Path,
    base: str,
    name: str | None,
    out: Path,
    copies: int,
    mirror: bool | None,
    nulls: Path | None,
    seed: int,
    progress: bool,
) -> None:
    """Look, learn, check, and say so. Raises what ``finetune`` does, and InvalidConfig."""
    # The networks are small and the batches short: a second thread mostly waits for the first.
    torch.set_num_threads(1)
    name = folder.resolve().name if name is None else _checked(name)
    plan = Plan(name, base, copies, mirror, nulls, seed)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not progress, transient=True
    ) as bars:
        tasks: dict[str, int] = {}

        def step(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done)  # type: ignore[arg-type]

        taught = finetune(folder, plan, out, _command(folder, plan), Told(tell, step))
    show(taught)


def tell(findings: Many[Finding], rejected: Many[Rejected]) -> None:
    """Before training: what is wrong with the takes, and what to do."""
    for take in rejected:
        say(f"[yellow]left out[/] {escape(take.take)}: {escape(take.why)}")
    for finding in findings:
        colour, word = ("red", "cannot work") if finding.fatal else ("yellow", "doubtful")
        say(f"[{colour}]{word}[/] {escape(finding.text)}")


def show(taught: Taught) -> None:
    """Recall of each gesture, what is confused, and where the model lies."""
    result = taught.checked.result
    table = Table("gesture", "takes", "recall %", "precision %")
    for name in result.classes:
        recall, precision = result.recall.get(name, "-"), result.precision.get(name, "-")
        table.add_row(escape(name), str(taught.takes.get(name, 0)), str(recall), str(precision))
    console.print(table)
    say(f"takes left out: {taught.checked.right} right; {taught.checked.how}")
    say(
        f"gestures left out altogether: {taught.checked.strangers:.0f} % of their takes are taken "
        "for another; expect so of movements that the model was not taught"
    )
    for true, other, count, of in taught.checked.confused[:5]:
        say(f"confused: '{escape(true)}' taken for '{escape(other)}' in {count} of {of}")
    say(escape(f"{taught.path} written after {taught.seconds:.0f} s"))


def _checked(name: str) -> str:
    """The name, if a configuration may have it. Raises InvalidConfig."""
    try:
        return TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise InvalidConfig(f"--name '{name}' {NO_NAME}") from None


def _command(folder: Path, plan: Plan) -> str:
    """The command for the provenance, without folders, which name somebody's machine."""
    given = ["bharnet", "train", "--recordings", folder.resolve().name]
    given += ["--from", plan.base if plan.base == "shipped" else Path(plan.base).name]
    given += ["--copies", str(plan.copies)]
    if plan.mirror is not None:
        given.append("--mirror" if plan.mirror else "--no-mirror")
    if plan.nulls is not None:
        given += ["--nulls", plan.nulls.name]
    return shlex.join([*given, "--seed", str(plan.seed)])
