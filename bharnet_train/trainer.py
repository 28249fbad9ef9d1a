"""What every training here shares of Lightning: progress, devices, machines, resuming."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import LambdaCallback, ModelCheckpoint, RichProgressBar
from torch.utils.data import DataLoader

from bharnet_train.config import NothingToResume

# Lightning's advice on workers and loggers is not for our users.
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", module="lightning")
warnings.filterwarnings("ignore", message=".*does not have many workers.*")


def fit(
    trainee: lightning.LightningModule,
    loader: DataLoader[Any],
    checking: DataLoader[Any] | None,
    folder: Path,
    epochs: int,
    *,
    accelerator: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    precision: str = "32-true",
    resume: bool = False,
    progress: bool = True,
    on_epoch_start: Callable[..., None] | None = None,
    callbacks: Sequence[lightning.Callback] = (),
) -> None:
    """Train in place. ``folder`` receives ``last.ckpt`` after every epoch.

    ``resume`` goes on from it, and raises NothingToResume if it is not there.
    """
    keep = ModelCheckpoint(
        folder, "last", save_top_k=1, save_on_train_epoch_end=True, enable_version_counter=False
    )
    active: list[lightning.Callback] = [keep, *callbacks]
    if on_epoch_start is not None:
        active.append(LambdaCallback(on_train_epoch_start=on_epoch_start))
    if progress:
        active.append(RichProgressBar())
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator=accelerator,
        devices=devices,
        num_nodes=nodes,
        precision=precision,  # type: ignore[arg-type]
        gradient_clip_val=1.0,
        callbacks=active,
        logger=False,
        enable_model_summary=False,
        enable_progress_bar=progress,
        num_sanity_val_steps=0,
    )
    last = folder / "last.ckpt"
    if resume and not last.exists():
        raise NothingToResume(f"{last} does not exist; train once without --resume")
    trainer.fit(trainee, loader, checking, ckpt_path=last if resume else None)
