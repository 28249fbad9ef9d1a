# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What makes a resumed run equal one that was never killed, whenever the kill came."""

from __future__ import annotations

import os
from typing import Any

import lightning
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import EMAWeightAveraging


class WholeCheckpoints(TorchCheckpointIO):
    """Writes beside the old checkpoint, then puts the new one in its place at one stroke.

    Lightning moves it from the folder for temporary files; between file systems that is a copy,
    and a kill in its middle would leave neither the old checkpoint nor the new one.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        beside = f"{path}.part"
        super().save_checkpoint(checkpoint, beside, storage_options)
        os.replace(beside, path)


class KeptMean(EMAWeightAveraging):
    """The running mean of weights, which is what remains of a training.

    Also of one that was killed after its last epoch: Lightning then has no training to end, and
    would leave the weights of the last step.
    """

    def on_fit_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.on_train_end(trainer, module)
