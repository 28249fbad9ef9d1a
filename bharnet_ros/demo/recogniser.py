# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The nodes in processes of their own, as a robot runs them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

QUIT_SECONDS = 10.0
# A replay must not lose anything: reliable, deep, and late rather than never.
REPLAY = {
    "use_sim_time": True,
    "max_backlog": 1000,
    "qos_overrides": {
        "/bharnet/poses": {"subscription": {"reliability": "reliable", "depth": 1000}},
        "/bharnet/actions": {"publisher": {"depth": 1000}},
    },
}
# Pictures are large: as many wait as a second has, and the newest wins in the node all the same.
CAMERA = {
    "use_sim_time": True,
    "qos_overrides": {
        "/image": {"subscription": {"depth": 10}},
        "/image/compressed": {"subscription": {"depth": 10}},
        "/bharnet/poses": {"publisher": {"depth": 1000}},
    },
}


def stop_after(speed: float) -> float:
    """``stop_after_seconds`` for a replay: slow ones pause longer than a camera does."""
    return max(1.0, 2.0 / speed)


class NodeProcess:
    """A running node and what it has written."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log

    @property
    def runs(self) -> bool:
        """Whether the process is alive."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def log(self) -> str:
        """All that it has written."""
        return self._log.read_text(errors="replace")

    def complaints(self) -> list[str]:
        """Its warnings and errors, or its last words where there are none."""
        lines = self.log().strip().splitlines()
        found = [line for line in lines if line.startswith(("[WARN]", "[ERROR]", "[FATAL]"))]
        return found or ([] if self.runs else lines[-3:])


def recogniser(
    domain: int, parameters: Mapping[str, Any]
) -> contextlib.AbstractContextManager[NodeProcess]:
    """Start the recogniser in this domain; it is stopped when the context ends."""
    return _process("bharnet_ros.node", domain, {**REPLAY, **parameters})


def estimator(
    domain: int, parameters: Mapping[str, Any]
) -> contextlib.AbstractContextManager[NodeProcess]:
    """Start the estimator and its guardian likewise."""
    return _process("bharnet_ros.camera", domain, {**CAMERA, **parameters})


@contextlib.contextmanager
def _process(module: str, domain: int, parameters: Mapping[str, Any]) -> Iterator[NodeProcess]:
    with tempfile.TemporaryDirectory(prefix="bharnet-") as folder:
        file, log = Path(folder, "parameters.yaml"), Path(folder, "log")
        # JSON is YAML.
        file.write_text(json.dumps({"/**": {"ros__parameters": dict(parameters)}}))
        command = [sys.executable, "-m", module]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--ros-args", "--params-file", str(file)],
                env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C is for the demo, which then stops the node.
                start_new_session=True,
            )
        try:
            with _unwound_by_sigterm():
                yield NodeProcess(process, log)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(QUIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def _unwound_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the program in good order, as Ctrl-C does: else the node would outlive it."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
