"""A checkpoint that is whole or not there, whenever the run is killed."""

from __future__ import annotations

import os
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO


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
