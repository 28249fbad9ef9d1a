# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training in several processes: who counts them, and that they learn what one would."""

import json
import os
import socket
import subprocess
import sys

import pytest
from conftest import ROOT

from bharnet.checkpoint import load_checkpoint
from bharnet_train.cluster import Cluster, find_cluster
from bharnet_train.config import InvalidConfig, read_config
from bharnet_train.datasets.select import load_split
from bharnet_train.sampling import BalancedOrder

STARTERS = ("SLURM_", "TORCHELASTIC_", "LOCAL_", "WORLD_SIZE", "RANK", "MASTER_")
PROCESS = [sys.executable, str(ROOT / "test" / "one_process.py")]


@pytest.fixture
def nobody(monkeypatch):
    """An environment in which nobody started us."""
    for name in [each for each in os.environ if each.startswith(STARTERS)]:
        monkeypatch.delenv(name)
    return monkeypatch


def started_by_torchrun(monkeypatch, here, world):
    for name, value in (
        ("TORCHELASTIC_RUN_ID", "x"),
        ("LOCAL_WORLD_SIZE", here),
        ("WORLD_SIZE", world),
    ):
        monkeypatch.setenv(name, value)


def test_without_a_starter_what_was_asked_for_counts(nobody):
    assert find_cluster() == Cluster(1, 1)
    assert find_cluster(4, 2).world == 8
    with pytest.raises(InvalidConfig, match="at least 1"):
        find_cluster(0)


def test_torchrun_says_how_many(nobody):
    started_by_torchrun(nobody, "4", "8")
    assert find_cluster() == find_cluster(4, 2) == Cluster(4, 2, "torchrun")
    with pytest.raises(InvalidConfig, match="torchrun started 4 processes on each of 2 machines"):
        find_cluster(8)


@pytest.mark.parametrize(("here", "world"), [("3", "8"), ("x", "8"), ("0", "0"), ("4", "2")])
def test_uneven_machines_are_refused(nobody, here, world):
    started_by_torchrun(nobody, here, world)
    with pytest.raises(InvalidConfig, match="torchrun"):
        find_cluster()


def test_slurm_says_how_many(nobody):
    for name, value in (("NTASKS", "4"), ("NNODES", "2"), ("JOB_NAME", "train")):
        nobody.setenv(f"SLURM_{name}", value)
    with pytest.raises(InvalidConfig, match="--ntasks-per-node"):
        find_cluster()
    nobody.setenv("SLURM_NTASKS_PER_NODE", "2")
    assert find_cluster() == Cluster(2, 2, "SLURM")
    assert not find_cluster().environment.auto_requeue
    nobody.setenv("SLURM_JOB_NAME", "interactive")  # a shell of SLURM's starts nobody
    assert find_cluster() == Cluster(1, 1)


def torchrun(arguments, environment):
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return [
        subprocess.Popen([sys.executable, *command, *PROCESS[1:], *arguments], env=environment)
    ]


def srun(arguments, environment):
    """What SLURM's srun does, without SLURM: as many processes, told by the environment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = {"JOB_ID": 1, "JOB_NAME": "train", "NTASKS": 2, "NTASKS_PER_NODE": 2, "NNODES": 1}
    told |= {"NODEID": 0, "JOB_NODELIST": "localhost"}
    processes = []
    for rank in ("0", "1"):
        slurm = {f"SLURM_{name}": str(value) for name, value in told.items()}
        slurm |= {"SLURM_PROCID": rank, "SLURM_LOCALID": rank}
        slurm |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        processes.append(subprocess.Popen([*PROCESS, *arguments], env=environment | slurm))
    return processes


@pytest.fixture(scope="module")
def together(takes, tmp_path_factory):
    """What two processes told, and the folder they wrote to, by who started them."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(STARTERS)}
    environment |= {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    results = {}
    for start in (torchrun, srun):
        folder = tmp_path_factory.mktemp(start.__name__)
        processes = start([str(takes), str(folder)], environment)
        try:
            assert [each.wait(300) for each in processes] == [0] * len(processes)
        finally:
            for each in processes:
                each.kill()
        told = [json.loads((folder / f"told{rank}.json").read_text()) for rank in (0, 1)]
        results[start.__name__] = (folder, told)
    return results


def test_two_processes_see_together_what_one_would_see(takes, together):
    values = read_config(takes / "tiny.yaml", [])
    split = load_split(values, takes)
    targets = [split.classes.index(each.label) for each in split.train]
    order = BalancedOrder(targets, values.optimiser.balance, values.seed, values.optimiser.batch)
    _, told = together["torchrun"]
    for epoch in (0, 1):
        order.set_epoch(epoch)
        seen = [[p for p in each["places"] if p[0] == epoch] for each in told]
        mixed = [list(place) for place in order]
        assert [p for pair in zip(*seen, strict=True) for p in pair] == mixed


def test_two_processes_end_with_equal_weights_but_disturb_differently(together):
    _, (first, second) = together["torchrun"]
    assert first["weights"] == second["weights"]
    assert len(first["seeds"]) == 12  # 2 epochs of 3 batches in 2 passes
    assert not set(first["seeds"]) & set(second["seeds"])


def test_validation_counts_over_all_processes(together):
    _, (first, second) = together["torchrun"]
    assert first["accuracies"] == second["accuracies"]
    assert first["accuracies"] in ([0.0], [1.0])  # of one person, though there are two processes


def test_only_the_first_process_writes(together):
    folder, _ = together["torchrun"]
    written = {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
    wanted = {"tiny.safetensors", "tiny.json", "tiny.png", "tiny/last.ckpt"}
    assert written == {f"out0/{name}" for name in wanted} | {"told0.json", "told1.json"}
    info = load_checkpoint(folder / "out0" / "tiny.safetensors").info
    assert info.provenance["processes"] == 2


def test_who_starts_the_processes_changes_nothing(together):
    assert together["srun"][1] == together["torchrun"][1]
