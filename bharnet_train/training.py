"""Training with Lightning: progress, precision, devices, machines and resuming come from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch.utils.data import DataLoader

from bharnet.features import make_streams
from bharnet.network import BHaRNet
from bharnet.skeleton import get_layout
from bharnet_train.augmentation import augment, begin_or_end, fidget, lay_to_rest
from bharnet_train.config import TrainConfig
from bharnet_train.datasets.select import Split
from bharnet_train.loss import ensemble_loss
from bharnet_train.sampling import BalancedOrder, Windows
from bharnet_train.trainer import fit


class Trainee(lightning.LightningModule):
    """BHaRNet with its loss, its disturbances and its optimiser."""

    def __init__(self, config: TrainConfig, classes: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.idle = classes.index(config.idle) if config.idle in classes else -1
        self.network = BHaRNet(config.network, config.features, len(classes))

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        position, seen, target = batch
        # Seeded by where we are, so that a resumed run draws what an uninterrupted one would.
        place = (self.config.seed * 1_000 + self.current_epoch) * 100_000 + index
        torch.manual_seed(place)  # dropout
        generator = torch.Generator().manual_seed(place)
        layout = get_layout(self.config.features.body_layout)
        strength = self.config.augmentation
        if self.idle >= 0:
            drawn = torch.rand(len(target), generator=generator).to(target.device)
            ends = torch.tensor((strength.rest, strength.fidget, strength.partial)).cumsum(0)
            resting = drawn < ends[0]
            fidgeting = (drawn >= ends[0]) & (drawn < ends[1])
            partial = (drawn >= ends[1]) & (drawn < ends[2])
            position, seen = fidget(position, seen, fidgeting, layout, generator)
            position, seen = lay_to_rest(position, seen, resting, layout, generator)
            position, seen = begin_or_end(position, seen, partial, layout, generator)
            target = torch.where(resting | fidgeting, self.idle, target)
        position, seen = augment(position, seen, layout, strength, generator)
        scores = self.network(make_streams(position, seen, self.config.features))
        loss = ensemble_loss(scores, target, self.config.network.experts, self.config.optimiser)
        accuracy = (scores.fused.argmax(1) == target).float().mean()
        self.log("loss", loss, prog_bar=True)
        self.log("accuracy", accuracy, prog_bar=True)
        return loss

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        position, seen, target = batch
        scores = self.network(make_streams(position, seen, self.config.features))
        accuracy = (scores.fused.argmax(1) == target).float().mean()
        self.log("val_accuracy", accuracy, prog_bar=True, batch_size=len(target))

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


def train(config: TrainConfig, split: Split, folder: Path, **options: Any) -> BHaRNet:
    """Train on ``split.train`` and return the network, on the CPU, in evaluation mode.

    ``folder`` receives ``last.ckpt`` after every epoch; ``options`` go to ``trainer.fit``.
    """
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    windows = Windows(
        split.train, split.classes, config.features, config.augmentation, config.seed
    )
    order = BalancedOrder(windows.targets, config.optimiser.balance, config.seed)
    batch = min(config.optimiser.batch, len(windows))
    loader = DataLoader(windows, batch, sampler=order, drop_last=True)
    checking = None
    if split.validation:
        checking = DataLoader(Windows(split.validation, split.classes, config.features), 256)
    trainee = Trainee(config, split.classes)
    callbacks: list[lightning.Callback] = []
    if config.optimiser.average > 0:
        # A mean over a tenth of a short training, or it would keep the weights of its beginning.
        steps = config.optimiser.epochs * len(loader)
        decay = max(0.0, min(config.optimiser.average, 1 - 10 / steps))
        callbacks.append(EMAWeightAveraging(decay=decay))
    epochs = config.optimiser.epochs
    fit(trainee, loader, checking, folder, epochs, callbacks=callbacks, **options)
    return trainee.network.cpu().eval()
