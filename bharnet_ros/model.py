# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""From parameters to a model at work. Raises ValueError for whatever does not fit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from bharnet.checkpoint import Checkpoint, load_checkpoint
from bharnet.recognizer import Recognizer, choose_device
from bharnet.reporting import Report
from bharnet.skeleton import HAND_21, get_layout
from bharnet.stream import ActionStream
from bharnet.window import Window
from bharnet_ros.parameters import Settings


def version(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever a file is written anew or put in the place of another; None = none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def load_model(settings: Settings) -> Checkpoint:
    """Read the file of weights, and check the other parameters against it."""
    choose_device(settings["device"])
    checkpoint = load_checkpoint(settings.model)
    settings.decision(checkpoint.info)
    settings.allowed(checkpoint.info)
    return checkpoint


def make_stream(checkpoint: Checkpoint, settings: Settings, report: Report) -> ActionStream:
    """Bring the model to its device and warm it up."""
    recognizer = Recognizer(checkpoint, settings["device"], settings["backend"], report)
    info = recognizer.info
    joints = len(get_layout(info.features.body_layout))
    # The first pass takes far longer than all others: let it not be somebody's.
    nobody = np.zeros((1, joints, 4), np.float32), np.zeros((1, 2, len(HAND_21), 4), np.float32)
    recognizer.recognize([Window(np.zeros(1, np.int64), *nobody)], 0)
    stream = ActionStream(recognizer, settings.decision(info), settings.stream(), report)
    stream.decider.allowed = settings.allowed(info)
    return stream
