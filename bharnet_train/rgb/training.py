# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training of M's picture network with Lightning; the skeleton's part stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from bharnet.features import FeatureConfig, make_streams
from bharnet.network import BHaRNet
from bharnet.rgb.checkpoint import RGBInfo, build
from bharnet.rgb.guided import BHaRNetM
from bharnet.rgb.weights import initialise
from bharnet_train.resuming import refuse_another
from bharnet_train.rgb.clips import Clip
from bharnet_train.rgb.config import RGBTrainConfig
from bharnet_train.rgb.pictures import Pictures
from bharnet_train.sampling import BalancedOrder
from bharnet_train.trainer import last_checkpoint, make_trainer


class RGBTrainee(lightning.LightningModule):
    """M with the loss and the optimiser of its picture network."""

    def __init__(self, network: BHaRNetM, features: FeatureConfig, config: RGBTrainConfig) -> None:
        super().__init__()
        self.network, self.features, self.config = network, features, config

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["configuration"] = self.config.model_dump(mode="json")

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        refuse_another(checkpoint.get("configuration"), self.config)

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        picture, shown, position, seen, target = batch
        weight = self.network.weigh(make_streams(position, seen, self.features))
        logits, present = self.network.read(picture, shown, weight)
        # A picture of nothing is not punished for its silence.
        each = cross_entropy(logits, target, reduction="none") * present
        loss = each.sum() / present.sum().clamp(min=1.0)
        self.log("loss", loss, prog_bar=True)
        self.log("accuracy", (logits.argmax(1) == target).float().mean(), prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        chosen = self.config.optimiser
        optimiser = torch.optim.SGD(
            self.network.image.parameters(),
            lr=chosen.rate,
            momentum=chosen.momentum,
            weight_decay=chosen.weight_decay,
        )
        steps = torch.optim.lr_scheduler.MultiStepLR(optimiser, chosen.steps, 0.1)
        return {"optimizer": optimiser, "lr_scheduler": steps}


def train(
    config: RGBTrainConfig,
    info: RGBInfo,
    skeleton: BHaRNet,
    clips: Sequence[Clip],
    folder: Path,
    weights: str = "auto",
    resume: bool = False,
    **options: Any,
) -> tuple[BHaRNetM, str]:
    """Train on clips; returns M on the CPU in evaluation mode, and where its weights began.

    ``folder`` receives ``last.ckpt`` after every epoch; ``options`` go to ``make_trainer``.
    Raises InvalidWeights, and with ``resume`` NothingToResume, or InvalidConfig for a run that had
    another configuration.
    """
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    network = build(info, skeleton)
    began = initialise(network.image, weights)
    chosen, features = config.optimiser, info.skeleton.features
    pictures = Pictures(
        clips,
        info.classes,
        features,
        info.crops.moments,
        shortest=config.shortest,
        repeat=chosen.repeat,
        seed=config.seed,
    )
    order = BalancedOrder(pictures.targets, chosen.balance, config.seed)
    loader = DataLoader(pictures, min(chosen.batch, len(pictures)), sampler=order, drop_last=True)
    trainee = RGBTrainee(network, features, config)
    start = last_checkpoint(folder, resume)
    make_trainer(folder, chosen.epochs, **options).fit(trainee, loader, ckpt_path=start)
    return network.cpu().eval(), began
