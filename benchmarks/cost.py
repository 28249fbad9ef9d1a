# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters, multiply-accumulates and CPU time of the networks, side by side in one run.

    python -m benchmarks.cost

One window of one person with both hands. Milliseconds are of this machine and this moment: compare
rows of one run, not runs.
"""

from __future__ import annotations

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.speed import FULL, KINECT
from bharnet.features import FeatureConfig
from bharnet.network import NetworkConfig
from bharnet_train.complexity import cost

NETWORKS = {
    "B": NetworkConfig(variant="B"),
    "P": NetworkConfig(),
    "E": NetworkConfig(variant="E"),
    "body only": NetworkConfig(experts=("body",)),
    "hands only": NetworkConfig(experts=("hand",)),
    "unified graph": NetworkConfig(experts=("whole",)),
    "unified, early pooling": NetworkConfig(experts=("whole",), early_pooling=True),
}
FULL_NETWORKS = {
    "B": NetworkConfig(variant="B", **FULL),
    "P": NetworkConfig(**FULL),
    "E": NetworkConfig(variant="E", split=3, **FULL),
    "body only": NetworkConfig(experts=("body",), **FULL),
    "unified graph": NetworkConfig(experts=("whole",), **FULL),
}


def main() -> None:
    """Print one table for each size."""
    for title, features, classes, networks in (
        ("light: 11 + 42 joints, 16 frames, 15 classes", FeatureConfig(), 15, NETWORKS),
        ("full: 25 + 42 joints, 64 frames, 120 classes", KINECT, 120, FULL_NETWORKS),
    ):
        table = Table("network", "M parameters", "GMACs", "ms", title=title)
        for name, network in networks.items():
            found = cost(network, features, classes, repeats=9)
            table.add_row(
                name,
                f"{found.parameters / 1e6:.3f}",
                f"{found.gmacs:.4f}",
                f"{found.milliseconds:.1f}",
            )
        Console().print(table)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")


if __name__ == "__main__":
    main()
