# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trains and scores what docs/results.md reports, and prints its tables.

    python tools/measure_accuracy.py rivals --seeds 0 1 2

A finished run is kept in OUT and not repeated, so that the script can be stopped, started, and run
twice at once on different rows (--splits, --networks, --seeds). On one core a run of the word
recordings takes 2 to 5 minutes, one of nucla_cross_view 8.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from bharnet_train.complexity import cost
from bharnet_train.config import TrainConfig, read_config
from bharnet_train.fusion import fuse
from bharnet_train.run import train_and_score

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "config" / "train"
WORDS = ("asl_test_p2", "asl_test_p1", "ksl_test_s2")
STREAMS = ("joint", "bone", "joint_motion", "bone_motion")

# table -> (splits, {network: what differs from the split's configuration})
TABLES: dict[str, tuple[tuple[str, ...], dict[str, list[str]]]] = {
    "rivals": (
        WORDS,
        {
            "BHaRNet-P": [],
            "body only": ["network.experts=[body]"],
            "hands only": ["network.experts=[hand]"],
            "unified graph": ["network.experts=[whole]"],
            "unified, early pooling": ["network.experts=[whole]", "network.early_pooling=true"],
        },
    ),
    "ablations": (
        WORDS,
        {
            "as shipped": [],
            "B: no cross-attention": ["network.variant=B"],
            "E: expertized branches": ["network.variant=E"],
            "P, attention over time": ["network.attention=feature"],
            "no ensemble loss": ["optimiser.ensemble=0"],
            "Noisy-OR loss 0.1": ["optimiser.noisy_or=0.1"],
            "Noisy-OR loss and fusion": ["optimiser.noisy_or=0.1", "network.fusion=noisy_or"],
            "native coordinates": ["features.preprocessing=native"],
            "refined graph": [
                "network.graph=refined",
                "network.blocks=[[32,2],[64,1],[64,2],[96,1]]",
            ],
            "deformable kernels": ["network.time=deformable"],
            "joint stream alone": ["features.streams=[joint]"],
            "bone stream alone": ["features.streams=[bone]"],
            "joint motion alone": ["features.streams=[joint_motion]"],
            "bone motion alone": ["features.streams=[bone_motion]"],
        },
    ),
    "nucla": (
        ("nucla_cross_view",),
        {stream: [f"features.streams=[{stream}]"] for stream in STREAMS},
    ),
    "streams": (
        WORDS,
        {
            f"{name}, {stream}": [*experts, f"features.streams=[{stream}]"]
            for name, experts in (
                ("BHaRNet-P", []),
                ("unified graph", ["network.experts=[whole]"]),
                ("hands only", ["network.experts=[hand]"]),
                ("body only", ["network.experts=[body]"]),
            )
            for stream in STREAMS
        },
    ),
    "sessions": (
        tuple(f"ksl_test_s{session}" for session in range(5)),
        {"BHaRNet-P": [], "unified graph": ["network.experts=[whole]"]},
    ),
}


# Tables whose networks of four streams are scored together as well.
FUSED = ("nucla", "streams")

PEOPLE = [(0, "p1"), (0, "p2"), *((1, f"p{person}") for person in range(1, 8))]
TABLES["people"] = (
    tuple(f"shared_words_{'asl' if source == 0 else 'webcam'}_{who}" for source, who in PEOPLE),
    {"BHaRNet-P": [], "unified graph": ["network.experts=[whole]"]},
)


def configuration(split: str) -> tuple[Path, list[str]]:
    """File of a split, and what to change in it."""
    if split.startswith("ksl_test_"):  # one file serves all five sessions
        session = split.removeprefix("ksl_test_")
        return CONFIGS / "ksl_test_s2.yaml", [f"sources.0.test.session=[{session}]"]
    if split.startswith("shared_words_"):
        collection, who = split.removeprefix("shared_words_").split("_")
        source = 0 if collection == "asl" else 1
        return CONFIGS / "shared_words.yaml", [f"sources.{source}.test.person=[{who}]"]
    return CONFIGS / f"{split}.yaml", []


def measure(
    split: str, network: str, overrides: list[str], seed: int, data: Path, out: Path
) -> dict[str, Any]:
    """Top-1 % and minutes of one run; SystemExit if OUT keeps it with other overrides."""
    name = f"{split}-{network}-{seed}".replace(" ", "_").replace(":", "").replace(",", "")
    kept = out / f"{name}.result.json"
    path, changes = configuration(split)
    overrides = [*changes, *overrides, f"seed={seed}", f"name={name}"]
    if kept.exists():
        told = json.loads(kept.read_text())
        if told.get("overrides", overrides) != overrides:
            raise SystemExit(f"{kept} was made with another --set; give an --out of its own")
        return {"model": out / f"{name}.safetensors", **told}
    began = time.monotonic()
    result = train_and_score(
        path, data, out, overrides, "tools/measure_accuracy.py", progress=False
    )
    assert result is not None  # these splits hold somebody out
    found = {
        "top1": result.top1,
        "minutes": (time.monotonic() - began) / 60,
        "overrides": overrides,
    }
    kept.write_text(json.dumps(found))
    print(f"{name} {found['top1']:.2f} % in {found['minutes']:.1f} min", flush=True)
    return {"model": out / f"{name}.safetensors", **found}


def described(config: TrainConfig, classes: int) -> str:
    """Parameters, GMACs and milliseconds of a network, as cells of the table."""
    found = cost(config.network, config.features, classes)
    return f"{found.parameters / 1e3:.0f} | {found.gmacs * 1e3:.1f} | {found.milliseconds:.1f}"


def main() -> None:
    """Run everything asked for, then print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=list(TABLES))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--splits", nargs="+", help="only these")
    parser.add_argument("--networks", nargs="+", help="only these")
    parser.add_argument(
        "--set", dest="extra", nargs="*", default=[], help="as bharnet train --set"
    )
    chosen = parser.parse_args()
    splits, networks = TABLES[chosen.table]
    rows = []
    for split in chosen.splits or splits:
        models: dict[str, dict[int, list[Path]]] = {}  # by ensemble, by seed
        for network in chosen.networks or networks:
            overrides = [*networks[network], *chosen.extra]
            runs = []
            for seed in chosen.seeds:
                runs.append(measure(split, network, overrides, seed, chosen.data, chosen.out))
                ensemble = models.setdefault(network.rpartition(", ")[0], {})
                ensemble.setdefault(seed, []).append(runs[-1]["model"])
            path, changes = configuration(split)
            cells = described(read_config(path, [*changes, *overrides]), 15)
            minutes = f"{statistics.mean(run['minutes'] for run in runs):.0f}"
            rows.append(
                _row(split, network, [run["top1"] for run in runs], f"{cells} | {minutes}")
            )
        if chosen.table in FUSED:
            for name, members in models.items():
                together = _fused(split, members, chosen.data)
                rows.append(_row(split, f"{name} four streams".strip(), together, " | | | "))
    print("| split | network | top-1 % | by seed | k parameters | MMACs | ms | minutes |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))


def _fused(split: str, models: dict[int, list[Path]], data: Path) -> list[float]:
    path, changes = configuration(split)
    config = read_config(path, changes)
    return [fuse(each, config, data, CONFIGS).together.top1 for each in models.values()]


def _row(split: str, network: str, top1: list[float], rest: str) -> str:
    each = ", ".join(f"{value:.1f}" for value in top1)
    return f"| {split} | {network} | {statistics.mean(top1):.1f} | {each} | {rest} |"


if __name__ == "__main__":
    main()
