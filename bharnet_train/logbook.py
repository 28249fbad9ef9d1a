# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""TensorBoard: what a training did, step by step."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback, LearningRateMonitor
from lightning.pytorch.loggers import TensorBoardLogger

from bharnet_train.config import InvalidConfig


def make_logbook(folder: Path, name: str) -> tuple[TensorBoardLogger, list[Callback]]:
    """A logger that writes to ``folder/name`` and the callbacks that feed it.

    A resumed run goes on in the same folder. Raises InvalidConfig if TensorBoard is missing.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise InvalidConfig("--log-dir needs TensorBoard: pip install tensorboard")
    return TensorBoardLogger(folder, name, version=""), [LearningRateMonitor("step"), Pace()]


class Pace(Callback):
    """Logs samples_per_second: of all processes, mean over the epoch so far, loading included.

    Validation is left out. It never waits for the device, so the first few figures of an epoch on
    a GPU are too high.
    """

    def on_train_epoch_start(self, *_: Any) -> None:
        self._began, self._samples = time.perf_counter(), 0

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        index: int,
    ) -> None:
        self._samples += len(batch[-1]) * trainer.world_size
        pace = self._samples / (time.perf_counter() - self._began)
        module.log("samples_per_second", pace)
