# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What makes a resumed run equal one that was never killed, whenever the kill came."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import EMAWeightAveraging
from pydantic import BaseModel

from bharnet_train.config import InvalidConfig, NothingToResume


class WholeCheckpoints(TorchCheckpointIO):
    """Writes beside the old checkpoint, then puts the new one in its place at one stroke.

    Lightning moves it from the folder for temporary files; between file systems that is a copy,
    and a kill in its middle would leave neither the old checkpoint nor the new one.
    Raises OSError that names the checkpoint, for a full disk; the old one stays.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        beside = Path(f"{path}.part")
        try:
            super().save_checkpoint(checkpoint, beside, storage_options)
            os.replace(beside, path)
        except OSError as error:
            beside.unlink(missing_ok=True)  # on a full disk its room is wanted
            # Lightning's error names a file in the folder for temporary ones.
            raise OSError(error.errno, error.strerror, str(path)) from error

    def load_checkpoint(self, path: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        try:
            return super().load_checkpoint(path, *arguments, **options)
        except Exception as error:  # torch raises many kinds for a damaged file
            raise NothingToResume(
                f"{path} is damaged ({' '.join(str(error).split())[:80]}); train without --resume"
            ) from error


class KeptMean(EMAWeightAveraging):
    """The running mean of weights, which is what remains of a training.

    Also of one that was killed after its last epoch: Lightning then has no training to end, and
    would leave the weights of the last step.
    """

    def on_fit_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.on_train_end(trainer, module)


def refuse_another(told: dict[str, Any] | None, config: BaseModel) -> None:
    """A checkpoint goes on only as it began. Raises InvalidConfig.

    told    the configuration that it was made with; None: it does not say
    """
    now = config.model_dump(mode="json")
    if told is None or told == now:
        return
    # Of either: settings come and go with versions.
    other = [key for key in {**told, **now} if told.get(key) != now.get(key)]
    raise InvalidConfig(
        f"the run to resume had another configuration ({', '.join(other)}); "
        "give the same, or train without --resume"
    )


def refuse_other_classes(told: Sequence[str], now: Sequence[str]) -> None:
    """Where recordings came or went, weights of one class would pass for another's.

    Raises InvalidConfig.
    """
    if tuple(told) != tuple(now):
        other = ", ".join(sorted(set(told) ^ set(now)))
        raise InvalidConfig(
            f"the run to resume had other classes ({other}): its recordings have changed; "
            "train without --resume"
        )
