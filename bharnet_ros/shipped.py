# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the files of config/ are."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """The file that is installed with the package; in a clone, the clone's. Raises OSError."""
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    here = Path(__file__).resolve().parents[1] / "config" / name
    if here.is_file():
        return here
    try:
        return Path(get_package_share_directory("bharnet_ros"), "config", name)
    except PackageNotFoundError as error:
        raise FileNotFoundError(f"config/{name} is not installed") from error
