# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain of one's own, so that a replay neither hears nor moves anybody's robot."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rclpy

# Any domain up to 101 is safe on Linux; people use the low ones.
DOMAINS = range(61, 101)


@contextlib.contextmanager
def own_domain() -> Iterator[int]:
    """A domain id that no other run on this machine has, as long as the context lasts.

    Raises RuntimeError if all are taken.
    """
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if os.environ.get("ROS_DISTRO") == "humble":  # what it has instead; later ones warn of it
        os.environ["ROS_LOCALHOST_ONLY"] = "1"
    folder = Path(tempfile.gettempdir())
    # Not everybody from the front: runs of other users may be where the lock cannot be opened.
    first = os.getpid() % len(DOMAINS)
    for domain in (*DOMAINS[first:], *DOMAINS[:first]):
        with contextlib.ExitStack() as stack:
            try:
                lock = stack.enter_context((folder / f"bharnet_domain_{domain}.lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield domain
            return
    raise RuntimeError(f"all ROS domains {DOMAINS[0]} to {DOMAINS[-1]} are in use by other runs")


@contextlib.contextmanager
def ros_context(domain: int | None) -> Iterator[rclpy.Context]:
    """A context of ROS in this domain; None: in that of the environment."""
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    try:
        yield context
    finally:
        rclpy.shutdown(context=context)
