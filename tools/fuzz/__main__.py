# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command: `python -m tools.fuzz`."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import tools.fuzz
from tools.fuzz.readers import targets
from tools.fuzz.running import fuzz, peak

MEMORY = 6 << 30


def main() -> int:
    """Run, print a line for each reader, and every finding; 1 if there are any."""
    parser = argparse.ArgumentParser(description=(tools.fuzz.__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", help="names of readers")
    parser.add_argument("--keep", type=Path, help="folder for what broke a reader")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    found = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        chosen = [t for t in targets(folder) if given.only is None or t.name in given.only]
        whole = sum(target.share for target in chosen)
        for target in chosen:
            cases, began = given.cases * target.share // whole, time.monotonic()
            findings = list(fuzz(target, cases, given.seed, folder / "case"))
            found += len(findings)
            seconds = time.monotonic() - began
            print(
                f"{target.name:22} {cases:7} cases {seconds:7.1f} s {len(findings):4} findings, "
                f"peak {peak():5} MiB"
            )
            for kind in {
                finding.what.splitlines()[-1][:60]: finding for finding in findings
            }.values():
                print(f"--- case {kind.case} of seed {given.seed}\n{kind.what}")
                if given.keep:
                    given.keep.mkdir(parents=True, exist_ok=True)
                    (given.keep / f"{target.name}-{kind.case}").write_bytes(kind.content)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
