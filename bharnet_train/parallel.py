# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Many processes, on this machine or on a cluster: joblib's backends with messages that help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from joblib import Parallel, delayed, parallel_config
from rich.progress import Progress

from bharnet_train.datasets.recordings import UnreadableData

Backend = Literal["loky", "dask", "ray"]


class BackendUnavailable(UnreadableData):
    """Processes that cannot be had, for want of a package or a cluster; the message says how."""


@dataclass(frozen=True)
class Workers:
    """Who does the work.

    count    processes; -1 = one a core. A cluster named by ``address`` has its own count
    backend  loky (this machine), dask or ray (a cluster; its machines must see the same folders)
    address  of the cluster: tcp://host:8786 for Dask, auto or host:6379 for Ray; empty = start
             one on this machine
    """

    count: int = -1
    backend: Backend = "loky"
    address: str = ""

    def __post_init__(self) -> None:
        if self.count < -1 or self.count == 0:
            raise BackendUnavailable(f"{self.count} processes do nothing; -1 = one a core")


Calls = Iterable[tuple[Callable[..., Any], tuple[Any, ...]]]


def work_off(
    calls: Calls,
    workers: Workers,
    progress: Progress | None,
    title: str,
    total: int,
    done: int = 0,
) -> None:
    """Make all ``calls``, each returns how many of ``total`` it did; ``done`` were there before.

    Raises BackendUnavailable.
    """
    task = None if progress is None else progress.add_task(title, total=total, completed=done)
    for count in unordered(calls, workers):
        if progress is not None and task is not None:
            progress.advance(task, count)


def unordered(calls: Calls, workers: Workers) -> Iterator[Any]:
    """Results of ``function(*arguments)``, as they come. Raises BackendUnavailable."""
    tasks = (delayed(function)(*arguments) for function, arguments in calls)
    with ExitStack() as stack:
        count = {"dask": _dask, "ray": _ray}.get(workers.backend, _loky)(workers, stack)
        try:
            pool = Parallel(count, return_as="generator_unordered", pre_dispatch="2 * n_jobs")
        except ValueError:  # Ray's hands over everything at the end
            pool = Parallel(count)
        yield from pool(tasks)


def _loky(workers: Workers, stack: ExitStack) -> int:
    # Workers compute with one thread each: there are as many of them as cores.
    stack.enter_context(parallel_config("loky", inner_max_num_threads=1))
    return workers.count


def _dask(workers: Workers, stack: ExitStack) -> int:
    try:
        from dask.distributed import Client
    except ImportError:
        raise BackendUnavailable(
            "Dask is not installed; pip install 'dask[distributed]', or use --backend loky"
        ) from None
    local = {} if workers.count < 0 else {"n_workers": workers.count}
    try:
        client = Client(workers.address) if workers.address else Client(**local)
    except (OSError, ValueError) as error:
        raise BackendUnavailable(f"no Dask scheduler at {workers.address} ({error})") from error
    stack.enter_context(client)
    stack.enter_context(parallel_config("dask"))
    return -1


def _ray(workers: Workers, stack: ExitStack) -> int:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError:
        raise BackendUnavailable(
            "Ray is not installed; pip install ray, or use --backend loky"
        ) from None
    try:
        if workers.address:
            ray.init(address=workers.address)
        else:
            ray.init(num_cpus=None if workers.count < 0 else workers.count)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise BackendUnavailable(f"no Ray cluster at {workers.address} ({error})") from error
    stack.callback(ray.shutdown)
    register_ray()
    stack.enter_context(parallel_config("ray"))
    return -1 if workers.address else workers.count
