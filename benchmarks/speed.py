#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What recognising costs, part by part, as a share of what this machine can do.

    python -m benchmarks.speed                                  # all tables; a few minutes
    python -m benchmarks.speed --tables network full --json now.json --compare before.json
    python -m benchmarks.speed --tables full --ctrgcn FOLDER    # beside the authors' CTR-GCN
    python -m benchmarks.speed --tables nodes                   # pixels to action, needs ROS
    python -m benchmarks.speed --tables network gpu --device cuda   # never run here

Tables: network (backends, batches), full (full size and baselines), core (features, windows, whole
ticks), training (steps), start (time and memory of a fresh process), nodes (both nodes as
processes: until ready, from a picture to its actions; needs clips of people), gpu (large batches);
the last two only if they are named. "a second" counts runs, which of training are steps. FOLDER is
a checkout of github.com/Uason-Chen/CTR-GCN (CC BY-NC); nothing of it is part of this project.

The yardstick is torch's own product of 1024 x 1024 matrices, measured in the same rounds. "of
GEMM" and comparisons use the calling thread's CPU time, which other programs disturb least; with
more than one thread look at the wall time instead.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.measuring import (
    GEMM,
    Row,
    Task,
    earlier,
    gemm,
    machine,
    measure,
    report,
)
from bharnet.backends import BACKENDS, make_backend
from bharnet.backends.interface import example
from bharnet.backends.onnx_graph import cached_graph
from bharnet.checkpoint import Checkpoint, load_checkpoint
from bharnet.features import FeatureConfig, make_streams, resample_all
from bharnet.models import SHIPPED
from bharnet.network import FULL_BLOCKS, BHaRNet, NetworkConfig
from bharnet.network.folding import fold
from bharnet.network.temporal import DeformableConv
from bharnet.observation import Frame, Observation
from bharnet.recognizer import Recognizer
from bharnet.stream import ActionStream
from bharnet.window import NANOSECONDS, PersonWindows
from bharnet_train.complexity import count_gmacs

FULL: dict[str, Any] = {"blocks": FULL_BLOCKS, "graph": "refined", "time": "deformable"}
KINECT = FeatureConfig(
    body_layout="kinect_25", frames=64, streams=("joint",), body_depth=True, hand_depth=True
)
# The published sizes from our own blocks: ST-GCN has plain fixed-shape graphs, CTR-GCN refined
# ones, both dilated kernels; ours of full size has DeGCN's manner.
FULL_NETWORKS = {
    "ST-GCN's size, body only": NetworkConfig(
        experts=("body",), blocks=FULL_BLOCKS, graph="decoupled", time="dilated"
    ),
    "CTR-GCN's manner, body only": NetworkConfig(
        experts=("body",), blocks=FULL_BLOCKS, graph="refined", time="dilated"
    ),
    "BHaRNet, body only": NetworkConfig(experts=("body",), **FULL),
    "BHaRNet-P": NetworkConfig(**FULL),
    "BHaRNet-E": NetworkConfig(variant="E", split=3, **FULL),
}
CLIPS = Path(__file__).resolve().parents[2] / "shared" / "data" / "clips"
BATCHES = (1, 4, 16, 64)
PEOPLE = (1, 5, 20, 50)
NEW_PROCESS = """
import resource, sys, time
began = time.perf_counter()
from pathlib import Path
from bharnet.checkpoint import load_checkpoint
from bharnet.recognizer import Recognizer
loaded = time.perf_counter()
recognizer = Recognizer(load_checkpoint(Path(sys.argv[1])), "cpu", sys.argv[2])
ready = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(recognizer.backend, loaded - began, ready - loaded, peak)
"""


def main() -> None:
    """Measure what was asked for, print, and keep the numbers if told to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    chosen = list(TABLES)
    parser.add_argument("--tables", nargs="+", choices=chosen, default=chosen[:-2])
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS[1:], default=["eager", "onnx"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clips", type=Path, default=CLIPS, help="folder of .avi, for nodes")
    parser.add_argument("--ctrgcn", type=Path, help="a checkout of the authors' CTR-GCN")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--compare", type=Path, help="numbers of an earlier run")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    before, tables = earlier(given.compare), []
    for name in given.tables:
        title, rows = TABLES[name](given)
        facts = machine(torch.device(given.device))
        tables.append(report(title, rows, before.get(title, {}), facts))
    if given.json:
        given.json.write_text(json.dumps({"tables": tables}, indent=1) + "\n", encoding="utf-8")


def network_table(given: argparse.Namespace) -> tuple[str, list[Row]]:
    """One model in every backend that runs here, joints to logits."""
    checkpoint, device = load_checkpoint(given.model), torch.device(given.device)
    tasks = {GEMM: gemm(device)}
    backends = {}
    for name in given.backends:
        if name == "onnx" and not cached_graph(checkpoint).is_file():
            print("onnx is left out: `bharnet export` this model first")
            continue
        backend = make_backend(name, checkpoint, device, lambda key, message: print(message))
        backends[backend.name] = backend
    for batch in BATCHES:
        position, seen = example(checkpoint.info.features, batch)
        gmacs = batch * _gmacs(checkpoint.network, checkpoint.info.features)
        unfolded = partial(_plain, checkpoint, position.to(device), seen.to(device))
        tasks[f"torch, unfolded, {batch}"] = Task(unfolded, gmacs, batch)
        for name, backend in backends.items():
            run = partial(backend.run, position.numpy(), seen.numpy())
            tasks[f"{name}, {batch}"] = Task(run, gmacs, batch)
    return f"network of {checkpoint.info.name}", measure(tasks, given.rounds, device)


def full_table(given: argparse.Namespace) -> tuple[str, list[Row]]:
    """Full size, T = 64, one person: 25 joints of the body, and 2 x 21 where hands are read."""
    device = torch.device(given.device)
    position, seen = (each.to(device) for each in example(KINECT, 1))
    streams = make_streams(position, seen, KINECT)
    tasks = {GEMM: gemm(device)}
    for name, config in FULL_NETWORKS.items():
        network = _with_offsets_between_frames(BHaRNet(config, KINECT, 120)).eval().to(device)
        gmacs = count_gmacs(partial(network, streams))
        tasks[name] = Task(partial(network, streams), gmacs)
        tasks[f"{name}, folded"] = Task(partial(fold(network), streams), gmacs)
    if given.ctrgcn:
        run = ctrgcn(given.ctrgcn, device)
        tasks["CTR-GCN of its authors, body only"] = Task(run, count_gmacs(run))
    return "full size, 64 frames", measure(tasks, given.rounds, device)


def _with_offsets_between_frames(network: BHaRNet) -> BHaRNet:
    """As training leaves them: new ones are partly whole, which could be read for less."""
    for module in network.modules():
        if isinstance(module, DeformableConv):
            module.offsets.data.add_(torch.linspace(0.2, 0.4, len(module.offsets)))
    return network


def ctrgcn(folder: Path, device: torch.device) -> Callable[[], object]:
    """The authors' network as they configure it for NTU, one person of 25 joints."""
    sys.path.insert(0, str(folder))
    from model.ctrgcn import Model  # type: ignore[import-not-found]

    network = Model(
        num_class=120,
        num_point=25,
        num_person=1,
        graph="graph.ntu_rgb_d.Graph",
        graph_args={"labeling_mode": "spatial"},
    )
    return partial(network.eval().to(device), torch.randn(1, 3, 64, 25, 1, device=device))


def core_table(given: argparse.Namespace) -> tuple[str, list[Row]]:
    """From observations to decisions: frames pushed at 30 Hz, then ticks of all people."""
    checkpoint, tasks = load_checkpoint(given.model), {GEMM: gemm(torch.device("cpu"))}
    for people in PEOPLE:
        stream = ActionStream(Recognizer(checkpoint, given.device))
        frames = [moving(i, people, checkpoint.info.features) for i in range(75)]
        windows = PersonWindows(checkpoint.info.features.window_seconds)
        for frame in frames:
            stream.push(frame)
            windows.push(frame)
        kept = [windows.window(body_id) for body_id in windows]
        read = partial(resample_all, kept, checkpoint.info.features, stream.newest)
        tasks[f"features, {people} people"] = Task(read, windows=people)
        again = partial(_push_all, frames, checkpoint.info.features.window_seconds)
        tasks[f"75 frames pushed, {people} people"] = Task(again, windows=75)
        tasks[f"whole tick, {people} people"] = Task(stream.tick, windows=people)
    return "core", measure(tasks, given.rounds, torch.device("cpu"))


def moving(index: int, people: int, features: FeatureConfig) -> Frame:
    """People in a row who move, all joints seen."""
    joints = example(features, people)[0]
    body_count = joints.shape[2] - 42
    values = torch.cat((joints, torch.ones_like(joints[..., :1])), -1)[:, index % joints.shape[1]]
    return Frame(
        NANOSECONDS * 1_700_000_000 + index * NANOSECONDS // 30,
        tuple(
            Observation(
                f"body{i}",
                each[:body_count].numpy(),
                each[body_count:].reshape(2, 21, 4).numpy(),
            )
            for i, each in enumerate(values)
        ),
    )


def training_table(given: argparse.Namespace) -> tuple[str, list[Row]]:
    """Steps of the model's network: forward, loss, backward, AdamW."""
    info = load_checkpoint(given.model).info
    tasks = {GEMM: gemm(torch.device(given.device))}
    for batch in (16, 64):
        network = BHaRNet(info.network, info.features, len(info.classes)).to(given.device)
        position, seen = (each.to(given.device) for each in example(info.features, batch))
        streams = make_streams(position, seen, info.features)
        optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
        target = torch.arange(batch, device=given.device) % len(info.classes)

        def step(
            network: BHaRNet = network,
            streams: Any = streams,
            optimiser: torch.optim.Optimizer = optimiser,
            target: torch.Tensor = target,
        ) -> None:
            with torch.inference_mode(False), torch.enable_grad():
                loss = torch.nn.functional.cross_entropy(network(streams).fused, target)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

        gmacs = 3 * batch * _gmacs(network, info.features)
        tasks[f"training step, batch {batch}"] = Task(step, gmacs, batch)
    return f"training {info.name}", measure(tasks, given.rounds, torch.device(given.device))


def start_table(given: argparse.Namespace) -> tuple[str, list[Row]]:
    """Fresh processes: from nothing to ready; memory is the peak of the process."""
    rows = []
    for backend in ("eager", "onnx"):
        told = []
        for _ in range(3):
            command = [sys.executable, "-c", NEW_PROCESS, str(given.model), backend]
            began = time.perf_counter()
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
            told.append((time.perf_counter() - began, cpu, *done.stdout.split()))
        walls = [1e3 * float(each[0]) for each in told]
        cpu_ms = min(1e3 * float(each[1]) for each in told)
        name = f"start with {told[0][2]}, peak {float(told[0][5]):.0f} MiB"
        rows.append(Row(name, statistics.median(walls), min(walls), cpu_ms))
    return "start", rows


def nodes_table(given: argparse.Namespace) -> tuple[str, list[Row]]:
    """Both nodes as processes; the only table that needs ROS."""
    from benchmarks import nodes

    return nodes.nodes_table(given)


def gpu_table(given: argparse.Namespace) -> tuple[str, list[Row]]:
    """Full-size BHaRNet-E in large batches: windows a second, and the share of GEMM."""
    device = torch.device(given.device)
    network = fold(BHaRNet(FULL_NETWORKS["BHaRNet-E"], KINECT, 120).eval().to(device))
    tasks = {GEMM: gemm(device)}
    for batch in (1, 16, 64, 256):
        position, seen = (each.to(device) for each in example(KINECT, batch))
        streams = make_streams(position, seen, KINECT)
        gmacs = batch * count_gmacs(partial(network, make_streams(*_one(device), KINECT)))
        tasks[f"BHaRNet-E, folded, {batch}"] = Task(partial(network, streams), gmacs, batch)
    return "large batches, full size", measure(tasks, given.rounds, device)


def _one(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    position, seen = example(KINECT, 1)
    return position.to(device), seen.to(device)


def _gmacs(network: BHaRNet, features: FeatureConfig) -> float:
    device = next(network.parameters()).device
    position, seen = (each.to(device) for each in example(features, 1))
    return count_gmacs(partial(network, make_streams(position, seen, features)))


def _plain(checkpoint: Checkpoint, position: torch.Tensor, seen: torch.Tensor) -> object:
    return checkpoint.network(make_streams(position, seen, checkpoint.info.features))


def _push_all(frames: list[Frame], seconds: float) -> None:
    windows = PersonWindows(seconds)
    for frame in frames:
        windows.push(frame)


TABLES = {
    "network": network_table,
    "full": full_table,
    "core": core_table,
    "training": training_table,
    "start": start_table,
    "nodes": nodes_table,
    "gpu": gpu_table,
}

if __name__ == "__main__":
    main()
