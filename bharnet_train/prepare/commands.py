# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``bharnet prepare`` and ``bharnet extract``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bharnet.reporting import PACKAGES
from bharnet_train.console import console, say
from bharnet_train.datasets.prepared import MANIFEST
from bharnet_train.parallel import Backend, Workers
from bharnet_train.prepare.clip import Original
from bharnet_train.prepare.files import NotPrepared

prepare = typer.Typer(
    no_args_is_help=True,
    help="Convert original files once into a folder that training reads from the disk.",
)

Source = Annotated[Path, typer.Argument(help="Folder that holds the original files.")]
Folder = Annotated[Path, typer.Argument(help="Folder to write; a killed run goes on in it.")]
Half = Annotated[bool, typer.Option(help="Joints as float16: half the size, 2 mm exact at 3 m.")]
Jobs = Annotated[int, typer.Option(help="Processes; -1 = one a core.")]
Kind = Annotated[Backend, typer.Option(help="loky = this machine; dask, ray = a cluster.")]
Address = Annotated[str, typer.Option(help="Of the cluster; empty = start one here.")]
# How many rejected files are printed; all are in manifest.json.
SHOWN = 40


@prepare.command()
def ntu(
    source: Source,
    out: Folder,
    missing: Annotated[
        list[Path] | None,
        typer.Option(help="The authors' list of incomplete files; may be given twice."),
    ] = None,
    half: Half = False,
    jobs: Jobs = -1,
    backend: Kind = "loky",
    address: Address = "",
) -> None:
    """NTU RGB+D 60 or 120, from .skeleton files."""
    from bharnet_train.prepare.ntu import NTU120, read_missing

    names: frozenset[str] = frozenset()
    for path in missing or []:
        names |= read_missing(path)
    if not missing:
        console.print("No --missing list is given: incomplete skeletons stay in, as far as read.")
    _prepare(NTU120(source, names), source, out, half, Workers(jobs, backend, address))


@prepare.command()
def pku(
    source: Source,
    out: Folder,
    half: Half = False,
    jobs: Jobs = -1,
    backend: Kind = "loky",
    address: Address = "",
) -> None:
    """PKU-MMD phase 1 or 2, from skeleton, label and split files."""
    from bharnet_train.prepare.pku import PKUMMD

    _prepare(PKUMMD(source), source, out, half, Workers(jobs, backend, address))


@prepare.command()
def nucla(
    source: Source,
    out: Folder,
    half: Half = False,
    jobs: Jobs = -1,
    backend: Kind = "loky",
    address: Address = "",
) -> None:
    """Northwestern-UCLA, from one JSON file a sequence."""
    from bharnet_train.prepare.nucla_json import NUCLA

    _prepare(NUCLA(source), source, out, half, Workers(jobs, backend, address))


def extract(
    prepared: Annotated[Path, typer.Argument(help="Folder that bharnet prepare wrote.")],
    videos: Annotated[Path, typer.Argument(help="Folder that holds the RGB videos.")],
    mirrored: Annotated[
        bool, typer.Option(help="The videos show people as a mirror does, as the Kinect's do.")
    ] = True,
    confidence: Annotated[float, typer.Option(help="0..1; lower finds more hands.")] = 0.5,
    jobs: Jobs = -1,
    backend: Kind = "loky",
    address: Address = "",
) -> None:
    """Add 21-point hands from RGB videos to a prepared NTU RGB+D or PKU-MMD folder.

    Videos are found by name, in any folder below VIDEOS. A killed run goes on; a later run tries
    only the videos that were missing or unreadable.
    """
    try:
        from bharnet_train.extract.run import Settings, extract_hands
    except ImportError as error:
        raise NotPrepared(f"{error}; {PACKAGES}") from error

    with _disk(prepared), _progress() as progress:
        found = extract_hands(
            prepared,
            videos,
            Settings(mirrored, confidence),
            Workers(jobs, backend, address),
            progress,
        )
    say(
        f"{len(found['videos'])} videos read; a hand in {found['rows_with_a_hand']} of "
        f"{found['rows']} rows"
    )
    _list([(name, reason) for name, reason in found["failed"].items()], "videos left out")


def _prepare(original: Original, source: Path, out: Path, half: bool, workers: Workers) -> None:
    from bharnet_train.prepare.convert import prepare as convert

    if out.resolve().is_relative_to(source.resolve()):
        raise NotPrepared(f"{out} lies in {source}, where it would be read; choose another folder")
    finished = (out / MANIFEST).exists()
    with _disk(out), _progress() as progress:
        manifest = convert(original, out, workers, half, progress)
    say(escape(f"{out}: {manifest['clips']} clips, {manifest['rows']} rows"))
    if finished:
        say("It was finished before, so that nothing was read; delete it to convert anew.")
    _list([(each["name"], each["reason"]) for each in manifest["rejected"]], "rejected")


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """A full disk or a folder that is not ours is said in a sentence."""
    try:
        yield
    except OSError as error:
        raise NotPrepared(
            f"{folder} cannot be written ({error.strerror or error}); cure that and run the same "
            "command again, what is finished is kept"
        ) from error


def _list(failed: list[tuple[str, str]], title: str) -> None:
    if not failed:
        return
    say(f"{len(failed)} {title}:")
    for name, reason in failed[:SHOWN]:
        say(escape(f"  {name}: {reason}"))
    if len(failed) > SHOWN:
        say(f"  and {len(failed) - SHOWN} more: see the .json file")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
