# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run under the Python that has torch.

On a machine with ROS 2, `ros2 run` and `ros2 launch` start executables with the Python of the
system, but torch and mediapipe are in the environment that `make setup` made. So the build notes
which Python it was made with, and the executables go over to it. BHARNET_PYTHON names another.
"""

import contextlib
import importlib
import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


def recorded_python() -> str | None:
    """Name the Python that the installed package was built with."""
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        note = Path(get_package_share_directory("bharnet_ros"), "python_executable")
        return note.read_text().strip()
    except (PackageNotFoundError, OSError):
        return None


def main_of(module: str) -> Callable[[], int]:
    """Its ``main``, in the Python that has torch."""
    with _ended_by_ctrl_c():
        ensure_torch()
    return main_here(module)


def main_here(module: str) -> Callable[[], int]:
    """Its ``main``, in this Python: for modules that are run by ``python -m``.

    Those call it before they load what takes seconds. Then they are loaded once, by their name.
    """
    with _ended_by_ctrl_c():
        main: Callable[[], int] = importlib.import_module(module).main
    return main


@contextlib.contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """While something loads, Ctrl-C ends the process without a word; Python writes a traceback."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, interrupt)


def ensure_torch() -> None:
    """Start this very command again under another Python, where that is needed.

    Says where torch would be looked for, and exits with 2, if this is the last one and lacks it.
    """
    _go_over()
    if importlib.util.find_spec("torch") is None:
        print(
            f"bharnet_ros: {sys.executable} has no torch; in the sources of bharnet_ros, `pip "
            "install -r requirements/project.in -c requirements/constraints-ros.txt` brings all "
            "that is needed; if another Python has it: export BHARNET_PYTHON=<its path>",
            file=sys.stderr,
        )
        sys.exit(2)


def _go_over() -> None:
    """Become the wanted Python, if there is one and this is not it yet."""
    wanted = os.environ.get("BHARNET_PYTHON")
    if wanted is None and importlib.util.find_spec("torch") is None:
        wanted = recorded_python()
    # exec keeps the process id: with it in here, we have been started again already.
    process = str(os.getpid())
    if not wanted or os.environ.get("_BHARNET_RESTARTED") == process:
        return
    if os.access(wanted, os.X_OK):
        os.environ["_BHARNET_RESTARTED"] = process
        os.execv(wanted, [wanted, *sys.argv])
    print(f"bharnet_ros: {wanted} cannot be run, staying with {sys.executable}", file=sys.stderr)
