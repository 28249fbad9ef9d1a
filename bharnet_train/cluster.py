# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How many processes train together, and which of them this one is.

Lightning starts them itself on one machine; torchrun and SLURM start them on any number of
machines and say so in the environment. See docs/training.md.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from lightning.fabric.plugins.environments import (
    ClusterEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from lightning.pytorch.utilities import rank_zero_only

from bharnet_train.config import InvalidConfig


@dataclass(frozen=True)
class Cluster:
    """Processes on each machine (one a device), machines, and who started them."""

    devices: int = 1
    nodes: int = 1
    starter: str = ""

    @property
    def world(self) -> int:
        """Processes in all."""
        return self.devices * self.nodes

    @property
    def environment(self) -> ClusterEnvironment | None:
        """What Lightning is to use in place of what it would choose; None = its choice.

        On SLURM it would save in the middle of an epoch when a job's time ends, which cannot be
        gone on from exactly.
        """
        return SLURMEnvironment(auto_requeue=False) if self.starter == "SLURM" else None


def find_cluster(devices: int | None = None, nodes: int | None = None) -> Cluster:
    """The processes that torchrun or SLURM started, or else those asked for.

    Raises InvalidConfig if what was asked for is not what was started.
    """
    asked = {"devices": devices, "nodes": nodes}
    for name, count in asked.items():
        if count is not None and count < 1:
            raise InvalidConfig(f"--{name} {count}: at least 1 is needed")
    started = _started()
    if started is None:
        return Cluster(devices or 1, nodes or 1)
    for name, count in asked.items():
        if count is not None and count != getattr(started, name):
            raise InvalidConfig(
                f"--{name} {count}, but {started.starter} started {started.devices} processes on "
                f"each of {started.nodes} machines; leave --{name} out"
            )
    return started


def is_first() -> bool:
    """Whether this process is the one that writes files. True until a Trainer was made."""
    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0


def _started() -> Cluster | None:
    # In this order, as in Lightning: torchrun may have been started by SLURM.
    if TorchElasticEnvironment.detect():
        return _cluster("torchrun", "LOCAL_WORLD_SIZE", "WORLD_SIZE")
    if SLURMEnvironment.detect():
        if (
            "SLURM_NTASKS_PER_NODE" not in os.environ
            and os.environ.get("SLURM_NNODES", "1") != "1"
        ):
            raise InvalidConfig(
                "SLURM does not say how many processes a machine gets; "
                "give --ntasks-per-node to sbatch or srun"
            )
        here = "SLURM_NTASKS_PER_NODE" if "SLURM_NTASKS_PER_NODE" in os.environ else "SLURM_NTASKS"
        return _cluster("SLURM", here, "SLURM_NTASKS")
    return None


def _cluster(starter: str, here: str, in_all: str) -> Cluster:
    try:
        devices, world = int(os.environ[here]), int(os.environ[in_all])
    except (KeyError, ValueError) as error:
        raise InvalidConfig(f"{starter} set no usable {here} and {in_all}: {error}") from error
    if devices < 1 or world < devices or world % devices:
        raise InvalidConfig(
            f"{starter} started {world} processes, {devices} on this machine; "
            "every machine must have equally many"
        )
    return Cluster(devices, world // devices, starter)
