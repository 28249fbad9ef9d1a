"""What several tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from takes import write_takes

# Networks here are tiny: a second thread only waits for the first.
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[1]


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
