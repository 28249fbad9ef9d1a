# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What several tests share."""

from __future__ import annotations

import contextlib
import os
import resource
from dataclasses import replace
from pathlib import Path

# Messages check what is put into their fields, as they always do in Humble: said before any is
# imported, for this process and those that it starts.
os.environ.setdefault("ROS_PYTHON_CHECK_FIELDS", "1")

import pytest
import torch
from bags import write_labels, write_story
from raw_ntu import MISSING, write_raw
from takes import write_takes
from tiny import save_model

# Networks here are tiny: a second thread only waits for the first.
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def files_of_at_most(size):
    """The kernel refuses this process to write more into a file, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def shared_data() -> Path:
    """Folder of the shared recordings, or a skip that says why."""
    folder = Path(os.environ.get("BHARNET_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("needs the shared recordings; set BHARNET_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def takes(tmp_path_factory):
    """A folder with recordings of invented people and a configuration for them."""
    folder = tmp_path_factory.mktemp("takes")
    write_takes(folder)
    return folder


@pytest.fixture
def model(tmp_path):
    """The path of a model that says "wave" of whoever it sees, as a parameter of the node."""
    return str(save_model(tmp_path / "tiny.safetensors"))


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """The same, read by all tests of a file and changed by none."""
    return save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """A recording of poses: bags.STORY."""
    return write_story(tmp_path_factory.mktemp("bag"))


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    """What happens in it: bags.LABELS."""
    return write_labels(tmp_path_factory.mktemp("labels"))


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A folder of 24 files of NTU RGB+D, and five that are no good."""
    return write_raw(tmp_path_factory.mktemp("ntu") / "nturgb+d_skeletons")


@pytest.fixture(scope="module")
def prepared(raw):
    """What `bharnet prepare` makes of them."""
    from bharnet_train.parallel import Workers
    from bharnet_train.prepare.convert import prepare
    from bharnet_train.prepare.ntu import NTU120

    folder = raw.parent / "prepared"
    prepare(NTU120(raw, MISSING), folder, Workers(1))
    return folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A checkpoint of the classes of ``takes``, and its ONNX graph: exporting takes seconds."""
    pytest.importorskip("onnxscript", reason="no exporter here: pip install -e .[export]")
    from bharnet.backends.onnx_graph import export_graph
    from bharnet.checkpoint import load_checkpoint, save_checkpoint

    path = save_model(tmp_path_factory.mktemp("exported") / "tiny.safetensors")
    loaded = load_checkpoint(path)
    with torch.no_grad():  # answers that differ from person to person
        for expert in loaded.network.expert.values():
            expert.classify.weight.normal_(generator=torch.Generator().manual_seed(0))
    info = replace(loaded.info, classes=("fist", "open", "null"), idle="null")
    save_checkpoint(path, loaded.network, info)
    return path, export_graph(load_checkpoint(path))
