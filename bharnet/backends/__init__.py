# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What runs the network: one interface, several engines (docs/speed.md compares them).

eager         torch, folded; everywhere
compile       torch.compile
onnx          ONNX Runtime, on the CPU or, with device cuda, by its CUDA provider
tensorrt      ONNX Runtime with its TensorRT provider
cuda_graphs   torch, recorded once for each of a few batch sizes and replayed; CUDA only
auto          onnx on a CPU once `bharnet export` has made the graph, else eager
"""

from bharnet.backends.choose import BACKENDS, make_backend, without_gpu
from bharnet.backends.interface import Answer, Backend, BackendUnavailable, OutOfMemory

__all__ = [
    "BACKENDS",
    "Answer",
    "Backend",
    "BackendUnavailable",
    "OutOfMemory",
    "make_backend",
    "without_gpu",
]
