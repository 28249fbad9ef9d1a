# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A run that was killed and resumed equals one that was not."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT, files_of_at_most

from bharnet.checkpoint import load_checkpoint
from bharnet_train.config import InvalidConfig, NothingToResume, Streams
from bharnet_train.resuming import WholeCheckpoints, refuse_another
from bharnet_train.run import train_and_score

KILLED = """
import os, signal
from bharnet_train.cli import main
from bharnet_train.training import Trainee

step = Trainee.training_step

def step_or_die(self, batch, index):
    if self.current_epoch == 2 and index == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)

Trainee.training_step = step_or_die
main()
"""
# Killed between the two passes of the second batch of the last epoch. 18 steps: in fewer than 10
# the running mean would be the last weights, and its resuming not be tested.
CHOSEN = ["optimiser.epochs=3", "optimiser.batch=4", "optimiser.accumulate=2"]


def test_a_run_killed_in_an_epoch_and_resumed_equals_one_never_killed(takes, tmp_path):
    options = {"accelerator": "cpu", "progress": False}
    train_and_score(takes / "tiny.yaml", takes, tmp_path / "whole", CHOSEN, "test", **options)
    sets = [part for each in CHOSEN for part in ("--set", each)]
    killed = subprocess.run(
        [
            *(sys.executable, "-c", KILLED, "train", "--config", str(takes / "tiny.yaml")),
            *("--data", str(takes), "--out", str(tmp_path / "cut"), *sets),
            *("--accelerator", "cpu", "--no-progress"),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        timeout=300,
    )
    assert killed.returncode == -signal.SIGKILL
    assert [each.name for each in (tmp_path / "cut").rglob("*.*")] == ["last.ckpt"]
    train_and_score(
        takes / "tiny.yaml", takes, tmp_path / "cut", CHOSEN, "test", resume=True, **options
    )
    whole = weights(tmp_path / "whole")
    assert_same(weights(tmp_path / "cut"), whole)
    # Killed after the last epoch, before anything was written.
    (tmp_path / "whole" / "tiny.safetensors").unlink()
    train_and_score(
        takes / "tiny.yaml", takes, tmp_path / "whole", CHOSEN, "test", resume=True, **options
    )
    assert_same(weights(tmp_path / "whole"), whole)


def weights(folder):
    return load_checkpoint(folder / "tiny.safetensors").network.state_dict()


def assert_same(some, others):
    for name, tensor in some.items():
        torch.testing.assert_close(others[name], tensor, rtol=0, atol=0)


def test_a_kill_while_writing_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path, writer = tmp_path / "last.ckpt", WholeCheckpoints()
    writer.save_checkpoint({"epoch": 1}, path)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        writer.save_checkpoint({"epoch": 2}, path)
    assert writer.load_checkpoint(path) == {"epoch": 1}


def test_a_full_disk_is_said_of_the_checkpoint_and_leaves_the_old_one(tmp_path):
    path, writer = tmp_path / "last.ckpt", WholeCheckpoints()
    writer.save_checkpoint({"epoch": 1}, path)
    with files_of_at_most(1000), pytest.raises(OSError, match="File too large") as refused:
        writer.save_checkpoint({"weights": torch.zeros(1000)}, path)
    assert refused.value.filename == str(path)
    assert writer.load_checkpoint(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_goes_on_only_as_it_began(takes, tmp_path):
    options = {"accelerator": "cpu", "progress": False}
    run = (takes / "tiny.yaml", takes, tmp_path)
    train_and_score(*run, ["optimiser.epochs=1"], "test", **options)
    for other in ("optimiser.epochs=2", "network.blocks=[[8, 1]]", "seed=3"):
        with pytest.raises(InvalidConfig, match="another configuration"):
            train_and_score(*run, ["optimiser.epochs=1", other], "test", resume=True, **options)
    last = tmp_path / "tiny" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(NothingToResume, match="damaged"):
        train_and_score(*run, ["optimiser.epochs=1"], "test", resume=True, **options)


def test_what_another_version_wrote_is_named():
    told = Streams().model_dump(mode="json") | {"of_old": 1}
    with pytest.raises(InvalidConfig, match=r"had another configuration \(of_old\)"):
        refuse_another(told, Streams())


def test_a_run_goes_on_only_with_its_classes(takes, tmp_path):
    """One that is called otherwise has the same weights: nothing else would tell."""
    options = {"accelerator": "cpu", "progress": False}
    with np.load(takes / "takes.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "takes.npz", **arrays)
    run = (takes / "tiny.yaml", tmp_path, tmp_path, ["optimiser.epochs=1"], "test")
    train_and_score(*run, **options)
    arrays["label"] = np.where(arrays["label"] == "open", "flat", arrays["label"])
    np.savez(tmp_path / "takes.npz", **arrays)
    with pytest.raises(InvalidConfig, match=r"had other classes \(flat, open\)"):
        train_and_score(*run, resume=True, **options)


def test_an_interrupted_run_says_how_to_go_on(takes, tmp_path):
    interrupted = subprocess.run(
        [
            *(sys.executable, "-c", KILLED.replace("SIGKILL", "SIGINT"), "train"),
            *("--config", str(takes / "tiny.yaml"), "--data", str(takes)),
            *("--out", str(tmp_path), "--accelerator", "cpu"),
            *(part for each in CHOSEN for part in ("--set", each)),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert interrupted.returncode == 130
    assert "--resume" in interrupted.stdout
    assert "Traceback" not in interrupted.stdout + interrupted.stderr
    assert [each.name for each in tmp_path.rglob("*.*")] == ["last.ckpt"]
