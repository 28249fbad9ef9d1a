# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One case after the other, each with a limit of time; what breaks a reader is a finding."""

from __future__ import annotations

import random
import resource
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tools.fuzz.damage import mutate

SECONDS = 20.0  # of CPU for one case: on a busy machine it may wait for others
ASLEEP = 300.0  # of the clock: a case that waits for nothing uses no CPU
MOST_MEMORY = 512  # MiB for one case


@dataclass(frozen=True)
class Target:
    """A reader: what it is given intact, under which names, and what it may raise."""

    name: str
    seeds: tuple[tuple[str, bytes], ...]  # file name and content
    read: Callable[[Path], object]
    allowed: tuple[type[Exception], ...]
    share: int = 4  # of the cases; what takes long gets few


@dataclass(frozen=True)
class Finding:
    """A case that broke a reader."""

    target: str
    case: int
    what: str
    content: bytes


class Hung(BaseException):
    """A case took too long. No Exception, or readers that catch those would hide it."""


def fuzz(target: Target, cases: int, seed: int, folder: Path) -> Iterator[Finding]:
    """Damage and read ``cases`` times; what broke the reader."""
    others = tuple(content for _, content in target.seeds)
    for case in range(cases):
        rng = random.Random(f"{seed} {target.name} {case}")
        name, content = rng.choice(target.seeds)
        damaged = mutate(content, others, rng)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damaged)
        before = peak()
        try:
            with _time_limit():
                target.read(path)
        except target.allowed:
            pass
        except (Exception, Hung) as error:
            lines = traceback.format_exception(error)
            yield Finding(target.name, case, "".join(lines[-3:])[-1500:], damaged)
        if peak() - before > MOST_MEMORY:
            yield Finding(target.name, case, f"took {peak() - before} MiB", damaged)


def peak() -> int:
    """The most memory that this process ever had in use, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


@contextmanager
def _time_limit() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        limit = f"{SECONDS:g} s of CPU" if number == signal.SIGPROF else f"{ASLEEP:g} s"
        raise Hung(f"longer than {limit}")

    limits = (
        (signal.SIGPROF, signal.ITIMER_PROF, SECONDS),
        (signal.SIGALRM, signal.ITIMER_REAL, ASLEEP),
    )
    before = [signal.signal(number, ring) for number, _, _ in limits]
    try:
        for _, timer, seconds in limits:
            signal.setitimer(timer, seconds)
        yield
    finally:
        for _, timer, _ in limits:
            signal.setitimer(timer, 0)
        for (number, _, _), handler in zip(limits, before, strict=True):
            signal.signal(number, handler)
