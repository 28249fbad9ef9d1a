# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the package's files that are no Python lie: beside the sources, or installed."""

from __future__ import annotations

import os
import site
import sysconfig
from pathlib import Path


def shared_folder(name: str) -> Path:
    """A folder of the package, such as ``msg``; of the sources where it is nowhere."""
    beside = Path(__file__).resolve().parents[1]
    sources = beside / name
    # What ament_index looks through, without needing ROS for it.
    prefixes = [*filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))]
    # Where pip puts a wheel's: of the environment, with --user, with --target.
    prefixes += [sysconfig.get_path("data"), site.getuserbase(), str(beside)]
    installed = (Path(prefix) / "share" / "bharnet_ros" / name for prefix in prefixes)
    return next((each for each in (sources, *installed) if each.is_dir()), sources)
