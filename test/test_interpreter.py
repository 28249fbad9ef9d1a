# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Executables go over to the Python that has torch, or say that none has."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest
from commands import ROOT

# Torch is hidden from the Python that starts; whether it is from the next, HIDDEN tells.
STARTED = """
import importlib.util, os, sys
find = importlib.util.find_spec
hidden = "_BHARNET_RESTARTED" not in os.environ or "HIDDEN" in os.environ
importlib.util.find_spec = lambda name: None if name == "torch" and hidden else find(name)
from bharnet_ros.interpreter import ensure_torch
ensure_torch()
print("runs")
"""


def started(tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "program.py"
    program.write_text(STARTED)
    kept = {name: each for name, each in os.environ.items() if not name.startswith("_BHARNET_RE")}
    kept |= {"PYTHONPATH": os.pathsep.join((str(ROOT), kept.get("PYTHONPATH", ""))), **environment}
    return subprocess.run(
        [sys.executable, str(program)], env=kept, capture_output=True, text=True, check=False
    )


def test_goes_over_to_the_named_python(tmp_path):
    done = started(tmp_path, BHARNET_PYTHON=sys.executable)
    assert (done.returncode, done.stdout) == (0, "runs\n"), done.stderr


def test_says_what_to_install_where_no_python_has_torch(tmp_path):
    done = started(tmp_path, BHARNET_PYTHON=sys.executable, HIDDEN="1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no torch" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_that_is_not_there_is_told(tmp_path):
    done = started(tmp_path, BHARNET_PYTHON="/nowhere/python3")
    assert done.returncode == 2
    assert "/nowhere/python3 cannot be run" in done.stderr


def test_ctrl_c_while_libraries_load_is_no_traceback(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import os, signal\nif 'INTERRUPT' in os.environ: signal.raise_signal(signal.SIGINT)\n"
        "def main():\n    print('runs')\n    signal.raise_signal(signal.SIGINT)\n"
    )
    # A background process of a shell, as a CI may start one, hears no Ctrl-C by default.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from bharnet_ros.interpreter import main_of; main_of('slow')()"
    )

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join((str(ROOT), str(tmp_path), os.environ.get("PYTHONPATH", "")))
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": paths, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run(INTERRUPT="1")
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
    # Afterwards it is Python's again, for whoever cleans up.
    assert run().stderr.endswith("KeyboardInterrupt\n")


# Ctrl-C as the first library is looked for.
INTERRUPTED = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "bharnet_ros"}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    "module", ["node", "camera.node", "takes", "intents", "replay", "demo", "demo.camera"]
)
def test_ctrl_c_while_a_module_that_is_run_loads_is_no_traceback(module):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, f"bharnet_ros.{module}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_a_shell_of_a_fresh_clone_is_told_to_set_up(tmp_path):
    (tmp_path / "tools").mkdir()
    script = shutil.copy(ROOT / "tools" / "ros_env.sh", tmp_path / "tools")
    clean = {"PATH": os.environ["PATH"]}
    said = []
    for _ in range(2):
        command = ["bash", "-euc", f"source {script}"]
        done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True)
        said.append(done.stderr)
        (tmp_path / ".venv").mkdir(exist_ok=True)
    assert said == ["ros_env.sh: nothing is set up here; run `make setup` first\n", ""]


@pytest.mark.parametrize(("distribution", "told"), [("humble", "1"), ("jazzy", ""), ("", "")])
def test_a_shell_stays_on_this_machine(distribution, told):
    """Humble has a variable of its own for it, of which later ones warn."""
    names = "$ROS_AUTOMATIC_DISCOVERY_RANGE ${ROS_LOCALHOST_ONLY:-}"
    command = ["bash", "-euc", f"source {ROOT / 'tools' / 'ros_env.sh'}; echo {names}"]
    env = {"PATH": os.environ["PATH"], "ROS_DISTRO": distribution}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"LOCALHOST {told}".rstrip() + "\n"
