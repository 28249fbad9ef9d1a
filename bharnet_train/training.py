# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training with Lightning: progress, precision, devices, machines and resuming come from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from torch.utils.data import Dataset
from torchmetrics import MeanMetric

from bharnet.features import make_streams
from bharnet.network import BHaRNet
from bharnet.skeleton import get_layout
from bharnet_train.augmentation import augment
from bharnet_train.cluster import find_cluster
from bharnet_train.config import TrainConfig
from bharnet_train.console import say
from bharnet_train.datasets.select import Split
from bharnet_train.idling import let_some_idle
from bharnet_train.loading import choose_workers, make_loader, part_of_batch
from bharnet_train.logbook import make_logbook
from bharnet_train.loss import ensemble_loss
from bharnet_train.resuming import KeptMean, refuse_another, refuse_other_classes
from bharnet_train.sampling import BalancedOrder, Item, Shard, Windows
from bharnet_train.streams.cut import StreamWindows
from bharnet_train.trainer import last_checkpoint, make_trainer

INTERRUPTED = 130  # exit code, as a shell has it after Ctrl-C


class Trainee(lightning.LightningModule):
    """BHaRNet with its loss, its disturbances and its optimiser."""

    def __init__(self, config: TrainConfig, classes: tuple[str, ...]) -> None:
        super().__init__()
        self.config, self.classes = config, classes
        self.idle = classes.index(config.idle) if config.idle in classes else -1
        self.network = BHaRNet(config.network, config.features, len(classes))
        self.right = MeanMetric()  # counts over all processes

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["configuration"] = self.config.model_dump(mode="json")
        checkpoint["classes"] = self.classes

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        refuse_another(checkpoint.get("configuration"), self.config)
        refuse_other_classes(checkpoint.get("classes", self.classes), self.classes)

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        position, seen, target = batch
        # Seeded by where we are, so that a resumed run draws what an uninterrupted one would, and
        # each process something of its own. Small numbers: generators read 32 bits of them.
        part = index * self.trainer.world_size + self.trainer.global_rank
        place = (self.config.seed * 1_000 + self.current_epoch) * 100_000 + part
        torch.manual_seed(place)  # dropout
        generator = torch.Generator().manual_seed(place)
        with _full_precision(position):
            position, seen, target = self.disturb(position, seen, target, generator)
            streams = make_streams(position, seen, self.config.features)
        scores = self.network(streams)
        loss = ensemble_loss(scores, target, self.config.network.experts, self.config.optimiser)
        accuracy = (scores.fused.argmax(1) == target).float().mean()
        self.log("loss", loss, prog_bar=True, sync_dist=True)
        self.log("accuracy", accuracy, prog_bar=True, sync_dist=True)
        return loss

    def disturb(
        self,
        position: torch.Tensor,
        seen: torch.Tensor,
        target: torch.Tensor,
        generator: torch.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Batch of Windows -> the same, disturbed; some turned into the idle class."""
        layout = get_layout(self.config.features.body_layout)
        strength = self.config.augmentation
        if self.idle >= 0:
            position, seen, target = let_some_idle(
                position, seen, target, self.idle, layout, strength, generator
            )
        position, seen = augment(position, seen, layout, strength, generator)
        return position, seen, target

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        position, seen, target = batch
        with _full_precision(position):
            streams = make_streams(position, seen, self.config.features)
        right = self.network(streams).fused.argmax(1) == target
        self.right.update(right.float(), weight=(target >= 0).float())  # Shard fills up with -1
        self.log("val_accuracy", self.right, prog_bar=True)

    def configure_optimizers(self) -> Any:
        chosen = self.config.optimiser
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=chosen.rate, weight_decay=chosen.weight_decay
        )
        steps = int(self.trainer.estimated_stepping_batches)
        # The mean of weights needs steps to the end; without it they fade out.
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimiser,
            chosen.rate,
            steps,
            pct_start=0.15,
            div_factor=5 if chosen.average > 0 else 25,
            final_div_factor=1 if chosen.average > 0 else 1e4,
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}


def make_windows(config: TrainConfig, split: Split) -> Windows:
    """What is trained on: whole takes, or a share of windows cut from streams."""
    features, strength, seed = config.features, config.augmentation, config.seed
    if config.streams.share > 0:
        return StreamWindows(
            split.train, split.classes, features, config.streams, config.idle, strength, seed
        )
    return Windows(split.train, split.classes, features, strength, seed)


def _full_precision(position: torch.Tensor) -> torch.autocast:
    """Mixed precision is for the network: coordinates in 8 bits would tremble."""
    return torch.autocast(position.device.type, enabled=False)


@contextmanager
def _interruptible(trainer: lightning.Trainer) -> Iterator[None]:
    """After Ctrl-C Lightning ends the process without a word."""
    try:
        yield
    except SystemExit:
        if not trainer.interrupted:
            raise
        say("interrupted; with --resume it goes on after the last finished epoch")
        raise SystemExit(INTERRUPTED) from None


def train(
    config: TrainConfig,
    split: Split,
    folder: Path,
    *,
    devices: int | None = None,
    nodes: int | None = None,
    workers: int | None = None,
    log_dir: Path | None = None,
    resume: bool = False,
    **options: Any,
) -> BHaRNet:
    """Train on ``split.train`` and return the network, on the CPU, in evaluation mode.

    ``folder`` receives ``last.ckpt`` after every epoch; ``resume`` goes on from it, and raises
    NothingToResume if it is not there. Flags that do not fit each other or the machine raise
    InvalidConfig. ``workers`` load in the background; None chooses by cores and device.
    ``options`` go to ``make_trainer``. With several devices or nodes every process of them calls
    this (docs/training.md).
    """
    chosen, cluster = config.optimiser, find_cluster(devices, nodes)
    part = part_of_batch(chosen, len(split.train), cluster.world)
    batch = part * cluster.world * chosen.accumulate
    steps = len(split.train) // batch
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    trainee = Trainee(config, split.classes)
    callbacks: list[lightning.Callback] = []
    if chosen.average > 0:
        # A mean over a tenth of a short training, or it would keep the weights of its beginning.
        decay = max(0.0, min(chosen.average, 1 - 10 / (chosen.epochs * steps)))
        callbacks.append(KeptMean(decay=decay))
    logger: Any = False
    if log_dir is not None:
        logger, feeding = make_logbook(log_dir, config.name)
        callbacks += feeding
    start = last_checkpoint(folder, resume)
    trainer = make_trainer(
        folder,
        chosen.epochs,
        cluster=cluster,
        accumulate=chosen.accumulate,
        steps=steps,
        callbacks=callbacks,
        logger=logger,
        **options,
    )
    rank, world, device = trainer.global_rank, trainer.world_size, trainer.strategy.root_device
    count = choose_workers(device, cluster.devices) if workers is None else workers
    windows = make_windows(config, split)
    order = BalancedOrder(windows.targets, chosen.balance, config.seed, batch, rank, world)
    loader = make_loader(windows, part, device, count, order)
    checking = None
    if split.validation:
        whole = Windows(split.validation, split.classes, config.features)
        items: Dataset[Item] = Shard(whole, rank, world) if world > 1 else whole
        checking = make_loader(items, 256, device, count)
    with _interruptible(trainer):
        trainer.fit(trainee, loader, checking, ckpt_path=start)
    return trainee.network.cpu().eval()
