# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A folder that ``bharnet prepare`` wrote, read from the disk clip by clip.

manifest.json  format version, source, layout, fps, coordinates, protocols, rejected files
clips.npz      one entry a clip: name, label, person, session, setup, protocol_* ("train", "test"
               or "" = not part of it); frames, bodies, first_frame in its video; start = its row
joints.npy     (rows, V, 3) float32 or float16, metres, NaN = unseen. A clip's rows are its bodies
               one after the other, the main actor first, ``frames`` rows each
colour.npy     (rows, V, 2) float16, the joints in shares of the colour picture (NTU only)
hands.npy      (rows, 2, 21, 3) float32, left and right: x / width, y / height, z / width in the
               colour picture as a camera sees it (never as a mirror does), NaN = unseen; with
               hands.json, both from ``bharnet extract``
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bharnet.skeleton import HAND_21, Layout, convert, get_layout
from bharnet.window import NANOSECONDS, Window
from bharnet_train.datasets.recordings import Sequence, UnreadableData

FORMAT = 1
MANIFEST, CLIPS, HANDS_MANIFEST = "manifest.json", "clips.npz", "hands.json"
JOINTS, COLOUR, HANDS = "joints", "colour", "hands"

# Kinect camera space (x to the sensor's left, y up) -> what a camera sees (x right, y down).
OPTICAL = np.array((-1, -1, 1), np.float32)
WRISTS = ("left_wrist", "right_wrist")
# A wrist nearer than this to a Kinect v2 is none.
NEAREST = 0.3


@dataclass(frozen=True, eq=False)
class Prepared:
    """A prepared folder: small tables in memory, arrays mapped when first asked for."""

    folder: Path
    manifest: dict[str, Any]
    clips: dict[str, NDArray]

    def __len__(self) -> int:
        return len(self.clips["name"])

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process maps the files itself, it is not sent their content.
        return open_prepared, (self.folder,)

    @cached_property
    def layout(self) -> Layout:
        """Joints of the bodies as stored."""
        return get_layout(self.manifest["layout"])

    @cached_property
    def joints(self) -> NDArray[np.floating]:
        """(rows, V, 3), mapped."""
        return self._map(JOINTS)

    @cached_property
    def colour(self) -> NDArray[np.float16] | None:
        """(rows, V, 2), mapped; None without."""
        return self._map(COLOUR) if (self.folder / f"{COLOUR}.npy").exists() else None

    @cached_property
    def hands(self) -> NDArray[np.float32] | None:
        """(rows, 2, 21, 3), mapped; None until ``bharnet extract`` made them."""
        return self._map(HANDS) if (self.folder / HANDS_MANIFEST).exists() else None

    def rows(self, clip: int, body: int = 0) -> slice:
        """Rows of one body of a clip; ValueError for a body that it lacks."""
        frames, bodies = int(self.clips["frames"][clip]), int(self.clips["bodies"][clip])
        if not 0 <= body < bodies:
            raise ValueError(f"clip {clip} has {bodies} bodies, not {body + 1}")
        start = int(self.clips["start"][clip]) + body * frames
        return slice(start, start + frames)

    def body(self, clip: int, body: int = 0) -> NDArray[np.float32]:
        """(T, V, 4) of one body as a camera sees it; seen joints have score 1."""
        metres = self.joints[self.rows(clip, body)].astype(np.float32) * OPTICAL
        seen = np.isfinite(metres).all(-1, keepdims=True)
        metres[~seen[..., 0]] = np.nan
        return np.concatenate((metres, seen.astype(np.float32)), -1)

    def hands_of(self, clip: int, body: int = 0) -> NDArray[np.float32]:
        """(T, 2, 21, 4): hands in metres, hung on the Kinect's wrists; unseen without a wrist.

        A pixel is as large as at the wrist's distance; the score of a seen joint is NaN.
        """
        rows = self.rows(clip, body)
        hands = np.full((rows.stop - rows.start, 2, len(HAND_21), 4), np.nan, np.float32)
        hands[..., 3] = 0
        if self.hands is None:
            return hands
        picture = self.manifest["picture"]
        width, height, focal = picture["width"], picture["height"], picture["focal"]
        pixels = self.hands[rows] * np.array((width, height, width), np.float32)
        wrists = self.joints[rows][:, [self.layout.index(name) for name in WRISTS]]
        wrists = wrists.astype(np.float32)[:, :, None] * OPTICAL  # (T, 2, 1, 3)
        distance = np.where(wrists[..., 2:] > NEAREST, wrists[..., 2:], np.nan)
        metres = wrists + (pixels - pixels[:, :, :1]) * (distance / focal)
        seen = np.isfinite(metres).all((2, 3))
        hands[seen, :, :3], hands[seen, :, 3] = metres[seen], np.nan
        return hands

    def _map(self, array: str) -> NDArray:
        path = self.folder / f"{array}.npy"
        try:
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UnreadableData(f"{path} cannot be mapped ({error}); prepare it again") from error
        if len(mapped) != self.manifest["rows"]:
            raise UnreadableData(
                f"{path} has {len(mapped)} rows, the manifest says {self.manifest['rows']}; "
                "prepare it again"
            )
        return mapped


class StoredWindow(Window):
    """A window that is left on the disk until its body or hands are asked for."""

    def __init__(self, prepared: Prepared, clip: int, layout: Layout) -> None:
        self._prepared, self._clip, self._layout = prepared, clip, layout

    @property
    def place(self) -> tuple[Path, int]:
        """The folder, and the clip in it."""
        return self._prepared.folder, self._clip

    @property
    def stamps(self) -> NDArray[np.int64]:
        step = NANOSECONDS / self._prepared.manifest["fps"]
        return (np.arange(self._prepared.clips["frames"][self._clip]) * step).astype(np.int64)

    @property
    def body(self) -> NDArray[np.float32]:
        return convert(self._prepared.body(self._clip), self._prepared.layout, self._layout)

    @property
    def hands(self) -> NDArray[np.float32]:
        return self._prepared.hands_of(self._clip)


def open_prepared(folder: Path) -> Prepared:
    """Open a prepared folder. Raises UnreadableData for another, an unfinished or an older one."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        with np.load(folder / CLIPS, allow_pickle=False) as file:
            clips = dict(file)
    except FileNotFoundError:
        raise UnreadableData(
            f"{folder} is no prepared folder, or was not finished; run bharnet prepare"
        ) from None
    except Exception as error:  # numpy raises many kinds for a damaged archive
        raise UnreadableData(f"{folder} cannot be read ({error}); prepare it again") from error
    if manifest.get("format") != FORMAT:
        raise UnreadableData(
            f"{folder} has format {manifest.get('format')}, this program reads {FORMAT}; "
            "prepare it again"
        )
    return Prepared(folder, manifest, clips)


def read_prepared(folder: Path, layout: Layout, protocol: str = "") -> list[Sequence]:
    """One sequence a clip: its main actor, bodies in ``layout``, in metres, optical axes.

    Classes of two people are thus told from one of them: the network reads one person a window.
    The second one is kept in the folder. With a ``protocol`` each sequence knows its part, and
    clips that are not of the protocol are left out. Raises UnreadableData.
    """
    prepared = open_prepared(folder)
    known = prepared.manifest["protocols"]
    if protocol and protocol not in known:
        raise UnreadableData(
            f"{folder} has no protocol '{protocol}'; it has {', '.join(sorted(known))}"
        )
    clips = prepared.clips
    parts = clips[f"protocol_{protocol}"] if protocol else np.zeros(len(prepared), "U5")
    chosen = np.flatnonzero(parts != "") if protocol else np.arange(len(prepared))
    labels, people, sessions = (clips[key].tolist() for key in ("label", "person", "session"))
    return [
        Sequence(
            StoredWindow(prepared, clip, layout),
            labels[clip],
            people[clip],
            sessions[clip],
            folder.name,
            str(parts[clip]),
        )
        for clip in chosen.tolist()
    ]
