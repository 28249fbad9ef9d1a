"""Trains and scores what docs/results.md reports, and prints its table.

A finished run is kept in OUT and not repeated, so that the script can be stopped and started.
On two cores a run takes 3 to 8 minutes; `--only asl_test_p2` makes some of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from bharnet_train.run import train_and_score

ROOT = Path(__file__).resolve().parents[1]
SPLITS = ("asl_test_p2", "asl_test_p1", "ksl_test_s2")
NETWORKS = {
    "BHaRNet-P, body + hands": [],
    "body only": ["network.experts=[body]"],
    "hands only": ["network.experts=[hand]"],
}


def measure(split: str, network: str, seed: int, data: Path, out: Path, extra: list[str]) -> Any:
    """Top-1 % and minutes of one run."""
    name = f"{split}-{network.split(',')[0].replace(' ', '_')}-{seed}"
    kept = out / f"{name}.result.json"
    if kept.exists():
        return json.loads(kept.read_text())
    overrides = [*NETWORKS[network], *extra, f"seed={seed}", f"name={name}"]
    began = time.monotonic()
    result = train_and_score(
        ROOT / "config" / "train" / f"{split}.yaml",
        data,
        out,
        overrides,
        "tools/measure_accuracy.py",
        progress=False,
    )
    assert result is not None  # these splits hold somebody out
    found = {"top1": result.top1, "minutes": (time.monotonic() - began) / 60}
    kept.write_text(json.dumps(found))
    print(name, found, flush=True)
    return found


def main() -> None:
    """Run everything asked for, then print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=SPLITS, default=list(SPLITS))
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument(
        "--set", dest="extra", nargs="*", default=[], help="as bharnet train --set"
    )
    chosen = parser.parse_args()
    rows = []
    for split in chosen.only:
        for network in chosen.networks:
            runs = [
                measure(split, network, seed, chosen.data, chosen.out, chosen.extra)
                for seed in chosen.seeds
            ]
            top1 = [run["top1"] for run in runs]
            each = ", ".join(f"{value:.1f}" for value in top1)
            mean, minutes = statistics.mean(top1), statistics.mean(run["minutes"] for run in runs)
            rows.append(f"| {split} | {network} | {mean:.1f} | {each} | {minutes:.0f} |")
    print("| split | network | mean top-1 % | each seed | minutes a run |\n|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
