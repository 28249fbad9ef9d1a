# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files of NTU RGB+D, good and bad, and a configuration for what is prepared from them."""

from __future__ import annotations

from pathlib import Path

from kinect_files import write_ntu

CONFIG = """
name: tiny
sources:
- file: {folder}
  format: prepared
  protocol: {protocol}
features: {{body_layout: kinect_25, body_depth: true, frames: 8, streams: [joint]}}
network: {{blocks: [[16, 2], [24, 1]], experts: [{experts}]}}
augmentation: {{rest: 0.0, fidget: 0.0, partial: 0.0, lose_depth: 0.0, shortest: 0.9, mirror: 0.0}}
optimiser: {{epochs: {epochs}, batch: 6, rate: 0.01}}
"""


def configured(folder: Path, protocol: str, epochs: int = 1, experts: str = "body") -> Path:
    path = folder / "tiny.yaml"
    path.write_text(
        CONFIG.format(folder="prepared", protocol=protocol, epochs=epochs, experts=experts)
    )
    return path


def write_raw(folder: Path) -> Path:
    """24 NTU files, and five that are no good."""
    write_ntu(folder)
    good = next(folder.glob("*.skeleton")).read_text()
    (folder / "S001C001P009R001A001.skeleton").write_text("0\n")
    (folder / "S001C001P009R001A002.skeleton").write_text(good[: good.rindex("\n25\n")])
    (folder / "S001C001P009R001A999.skeleton").write_text(good)
    (folder / "S001C001P009R001A004.skeleton").write_text(good)
    (folder / "again").mkdir()
    (folder / "again" / "S001C001P001R001A023.skeleton").write_text(good)
    (folder / "missing.txt").write_text("S001C001P009R001A004\n")
    return folder


MISSING = frozenset({"S001C001P009R001A004"})
