# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""NTU RGB+D 60 and 120: ``.skeleton`` text files of the Kinect v2, one clip each.

Shahroudy et al., CVPR 2016; Liu et al., TPAMI 2019. The form, as the authors'
sample code reads it:

    number of frames
    for each frame:     number of bodies
      for each body:    id and 9 more fields on one line, then the number of joints (25)
        for each joint: x y z  depth x y  colour x y  orientation w x y z  tracking state

x, y, z in metres, colour in pixels of 1920 x 1080. Files are called SsssCcccPpppRrrrAaaa.skeleton.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bharnet_train.datasets.actions import NTU
from bharnet_train.prepare import kinect
from bharnet_train.prepare.actors import Track, choose_actors
from bharnet_train.prepare.clip import Clip, Rejected, Rejection
from bharnet_train.prepare.files import NotPrepared, find

JOINTS, FIELDS, BODY_FIELDS = 25, 12, 10
NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")
# A Kinect sees 4.5 m far, and nothing of a room is farther away.
FARTHEST = 100.0

# The official training people, cameras and setups.
XSUB_60 = frozenset(
    (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
)  # fmt: skip
XSUB_120 = XSUB_60.union(
    (45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86),
    (89, 91, 92, 93, 94, 95, 97, 98, 100, 103),
)
XVIEW_60 = frozenset((2, 3))
LAST_SETUP_OF_60 = 17
PROTOCOLS = {
    "xsub60": "NTU RGB+D 60 cross-subject: trained on 20 official people, tested on the others",
    "xview60": "NTU RGB+D 60 cross-view: trained on cameras 2 and 3, tested on 1",
    "xsub120": "NTU RGB+D 120 cross-subject: trained on 53 official people",
    "xset120": "NTU RGB+D 120 cross-setup: trained on even setups, tested on odd ones",
}


@dataclass(frozen=True)
class Name:
    """What the name of a file says."""

    setup: int
    camera: int
    person: int
    replication: int
    action: int

    @classmethod
    def parse(cls, stem: str) -> Name:
        """Read SsssCcccPpppRrrrAaaa. Raises Rejected."""
        match = NAME.fullmatch(stem)
        if match is None:
            raise Rejected("its name is not SsssCcccPpppRrrrAaaa")
        name = cls(*map(int, match.groups()))
        if name.action not in NTU:
            raise Rejected(f"there is no action A{name.action:03d}")
        return name

    def parts(self) -> dict[str, str]:
        """Protocol -> train or test."""
        trained = {"xsub120": self.person in XSUB_120, "xset120": self.setup % 2 == 0}
        if self.setup <= LAST_SETUP_OF_60 and self.action <= 60:
            trained |= {"xsub60": self.person in XSUB_60, "xview60": self.camera in XVIEW_60}
        return {protocol: "train" if yes else "test" for protocol, yes in trained.items()}


@dataclass(frozen=True)
class NTU120:
    """A folder of .skeleton files; those of NTU RGB+D 60 alone will do.

    missing  names that the authors list as incomplete
    """

    source: Path
    missing: frozenset[str] = frozenset()
    kind: str = "ntu"

    def files(self) -> list[Path]:
        return find(self.source, ".skeleton")

    def read(self, path: Path) -> Iterator[Clip | Rejection]:
        name = Name.parse(path.stem)
        if path.stem in self.missing:
            raise Rejected("on the list of missing skeletons")
        tracks = read_skeleton(path)
        joints, colour, first = choose_actors(tracks)
        yield Clip(
            name=path.stem,
            label=NTU[name.action],
            person=f"P{name.person:03d}",
            session=f"C{name.camera:03d}",
            setup=f"S{name.setup:03d}",
            joints=joints,
            colour=np.divide(colour, kinect.PICTURE, dtype=np.float32),
            parts=name.parts(),
            first_frame=first,
        )

    def facts(self) -> dict[str, Any]:
        return kinect.FACTS | {
            "layout": "kinect_25",
            "protocols": PROTOCOLS,
            "labels": list(NTU.values()),
            "listed_as_missing": len(self.missing),
        }


def read_missing(path: Path) -> frozenset[str]:
    """Names in the authors' lists of missing skeletons, whatever stands around them.

    Raises NotPrepared for a file without any.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotPrepared(f"{path} cannot be read ({error.strerror})") from error
    names = frozenset(match.group() for match in NAME.finditer(text))
    if not names:
        raise NotPrepared(f"{path} names no clip; is it the list of missing skeletons?")
    return names


def read_skeleton(path: Path) -> list[Track]:
    """Everybody whom the Kinect followed, in the order of appearance. Raises Rejected.

    A NaN joint is unseen. A body twice in one frame counts once. The tracking state is ignored,
    as every published pipeline does.
    """
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise Rejected("empty")
    found: dict[str, tuple[list[int], list[NDArray[np.float32]]]] = {}
    frames = _count(lines, 0, "frames", 100_000)
    at = 1
    for frame in range(frames):
        if at >= len(lines):
            raise Rejected(f"cut short: {frame} of {frames} frames")
        bodies = _count(lines, at, "bodies", 64)
        at += 1
        for _ in range(bodies):
            end = at + 2 + JOINTS
            if end > len(lines):
                raise Rejected(f"cut short in frame {frame + 1} of {frames}")
            fields = lines[at].split()
            if len(fields) != BODY_FIELDS:
                raise Rejected(f"line {at + 1} has {len(fields)} fields, a body has {BODY_FIELDS}")
            joints = _count(lines, at + 1, "joints", 1000)
            if joints != JOINTS:
                raise Rejected(f"line {at + 2} says {joints} joints, a Kinect v2 gives {JOINTS}")
            values = _joints(lines, at + 2)
            seen_in, kept = found.setdefault(fields[0], ([], []))
            if np.isfinite(values).any() and frame not in seen_in[-1:]:
                seen_in.append(frame)
                kept.append(values)
            at = end
    if at != len(lines):
        raise Rejected(f"{len(lines) - at} lines too many: it holds more than {frames} frames")
    tracks = [
        Track(np.array(seen_in), np.stack(kept)[..., :3], np.stack(kept)[..., 3:])
        for seen_in, kept in found.values()
        if kept
    ]
    if not tracks:
        raise Rejected("nobody is seen in any frame")
    return tracks


def _count(lines: list[str], at: int, what: str, most: int) -> int:
    text = lines[at].strip()
    if not text.isdecimal() or len(text) > 9 or int(text) > most:
        raise Rejected(f"line {at + 1} should be the number of {what}, it is '{text[:20]}'")
    return int(text)


def _joints(lines: list[str], at: int) -> NDArray[np.float32]:
    """(25, 5): x, y, z and colour x, y of one body in one frame; an unseen joint is NaN."""
    where = f"lines {at + 1} to {at + JOINTS}"
    words = [line.split() for line in lines[at : at + JOINTS]]
    try:
        # What stands behind (quaternions, states) is written in more ways than one.
        values = np.array([[*each[:3], *each[5:7]] for each in words], np.float32)
    except ValueError:
        values = np.empty(0, np.float32)
    if values.shape != (JOINTS, 5) or any(len(each) != FIELDS for each in words):
        raise Rejected(f"{where} are not {JOINTS} x {FIELDS} numbers")
    if (np.abs(values[:, :3]) > FARTHEST).any():
        raise Rejected(f"{where}: a joint beyond {FARTHEST:g} m")
    values[np.isnan(values[:, :3]).any(1)] = np.nan
    values[np.isinf(values)] = np.nan  # what the Kinect writes for beside the picture
    return values
