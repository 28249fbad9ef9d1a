# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One of the processes of a training, for test_cluster.py: `bharnet train` that tells what it did.

Called with the folder of the recordings and one for what it tells; each process has an own OUT.
"""

import hashlib
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from bharnet_train import run, training
from bharnet_train.cli import app
from bharnet_train.sampling import Windows

takes, told = Path(sys.argv[1]), Path(sys.argv[2])
rank = (
    os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or os.environ.get("LOCAL_RANK", "0")
)
places, seeds, digests, accuracies = [], [], [], []
read, augment, train = Windows.__getitem__, training.augment, run.train


def note_place(self, place):
    if isinstance(place, tuple):
        places.append(place)
    return read(self, place)


def note_seed(*arguments):
    seeds.append(arguments[-1].initial_seed())
    return augment(*arguments)


def note_accuracy(trainer, *_):
    if trainer.current_epoch > 0:
        accuracies.append(trainer.callback_metrics["val_accuracy"].item())


def note_weights(config, split, *arguments, **options):
    # Nothing but padding for the second process.
    split = replace(split, validation=split.validation[:1])
    network = train(config, split, *arguments, on_epoch_start=note_accuracy, **options)
    joined = b"".join(each.detach().numpy().tobytes() for each in network.parameters())
    digests.append(hashlib.sha256(joined).hexdigest())
    return network


Windows.__getitem__, training.augment, run.train = note_place, note_seed, note_weights
chosen = ["optimiser.epochs=2", "optimiser.accumulate=2", "augmentation.rest=0.2"]
app(
    [
        *("train", "--config", str(takes / "tiny.yaml"), "--data", str(takes)),
        *("--out", str(told / f"out{rank}"), "--accelerator", "cpu", "--no-progress"),
        *(part for each in chosen for part in ("--set", each)),
    ],
    standalone_mode=False,
)
telling = {"places": places, "seeds": seeds, "weights": digests[0], "accuracies": accuracies}
(told / f"told{rank}.json").write_text(json.dumps(telling))
