# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every training here shares of Lightning: progress, devices, machines, resuming."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import LambdaCallback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch import nn

from bharnet_train.cluster import Cluster, find_cluster
from bharnet_train.config import InvalidConfig, NothingToResume
from bharnet_train.console import console
from bharnet_train.resuming import WholeCheckpoints

# Of what Lightning knows: weights and coordinates stay in 32 bits.
PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")

# Lightning's advice on workers and loggers is not for our users.
for part in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(part).setLevel(logging.WARNING)
warnings.filterwarnings("ignore", module="lightning")
warnings.filterwarnings("ignore", message=".*does not have many workers.*")


def make_trainer(
    folder: Path,
    epochs: int,
    *,
    accelerator: str = "auto",
    cluster: Cluster | None = None,
    precision: str = "32-true",
    accumulate: int = 1,
    steps: int = 50,
    progress: bool = True,
    on_epoch_start: Callable[..., None] | None = None,
    callbacks: Sequence[lightning.Callback] = (),
    logger: Any = False,
) -> lightning.Trainer:
    """A trainer that writes ``last.ckpt`` into ``folder`` after every epoch of ``steps``.

    Raises InvalidConfig for flags that do not fit each other or this machine.
    """
    if precision not in PRECISIONS:
        raise InvalidConfig(f"--precision {precision} is none of {', '.join(PRECISIONS)}")
    cluster = cluster or find_cluster()
    progress = progress and console.is_terminal
    keep = ModelCheckpoint(
        folder, "last", save_top_k=1, save_on_train_epoch_end=True, enable_version_counter=False
    )
    active: list[lightning.Callback] = [keep, *callbacks]
    if on_epoch_start is not None:
        active.append(LambdaCallback(on_train_epoch_start=on_epoch_start))
    if progress:
        active.append(RichProgressBar())
    try:
        trainer = lightning.Trainer(
            max_epochs=epochs,
            accelerator=accelerator,
            devices=cluster.devices,
            num_nodes=cluster.nodes,
            precision=precision,  # type: ignore[arg-type]
            accumulate_grad_batches=accumulate,
            gradient_clip_val=1.0,
            plugins=[WholeCheckpoints(), *filter(None, [cluster.environment])],
            use_distributed_sampler=False,  # BalancedOrder and Shard know their part
            callbacks=active,
            logger=logger,
            log_every_n_steps=min(50, steps),
            enable_model_summary=False,
            enable_progress_bar=progress,
            num_sanity_val_steps=0,
        )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise InvalidConfig(f"this machine cannot train so: {error}") from error
    if trainer.precision != precision:
        raise InvalidConfig(f"--precision {precision} needs a GPU; bf16-mixed needs none")
    return trainer


def refuse_diverged(network: nn.Module) -> None:
    """Raises InvalidConfig for a network that nobody could use."""
    if not all(torch.isfinite(each).all() for each in network.state_dict().values()):
        raise InvalidConfig("training diverged: weights are not finite; lower optimiser.rate")


def last_checkpoint(folder: Path, resume: bool) -> Path | None:
    """What to go on from; None = from the beginning. Raises NothingToResume."""
    last = folder / "last.ckpt"
    if resume and not last.exists():
        raise NothingToResume(f"{last} does not exist; train once without --resume")
    return last if resume else None
