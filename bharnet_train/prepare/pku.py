# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""PKU-MMD phases 1 and 2: long skeleton files, cut into clips by their label files.

Liu et al., arXiv 1703.07475. As its README has it: a skeleton file holds one line a frame (30 a
second) of 150 numbers, two people x 25 joints x 3 in metres, zeros for a person who is not there;
a label file of the same name holds lines ``action, start, end, confidence``; a split file holds
the line ``Training videos:``, their names, a second heading and the names of the others. Videos
are called 0002-L in phase 1, A01N01-L in phase 2 (view L, M or R).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bharnet_train.datasets.actions import PKU
from bharnet_train.prepare import kinect
from bharnet_train.prepare.clip import Clip, Rejected, Rejection
from bharnet_train.prepare.files import NotPrepared, find

JOINTS = 25
VIDEO = re.compile(r"(\d{4}|A\d{2}N\d{2})-([LMR])")
PROTOCOLS = {
    "xsub": "cross-subject, by the authors' split file",
    "xview": "cross-view, by the authors' split file",
}


@dataclass(frozen=True)
class PKUMMD:
    """A folder with one phase's skeletons, labels and split files, in any folders below it.

    A file is a label file if a folder above it has "label" in its name. Who acts in a video is
    not in its name: ``person`` is the video's number, without the view.
    """

    source: Path
    kind: str = "pku"

    @cached_property
    def _labels(self) -> dict[str, Path]:
        found = (path for path in self._texts() if self._is_label(path))
        return {path.stem: path for path in found}

    @cached_property
    def _splits(self) -> dict[str, dict[str, str]]:
        """Protocol -> video -> train or test."""
        splits = {}
        for protocol, words in {"xsub": "subject", "xview": "view"}.items():
            # cross-subject.txt, cross_view_v2.txt ...
            pattern = re.compile(rf"cross[-_]{words}(_v\d)?", re.IGNORECASE)
            found = [p for p in find(self.source, ".txt") if pattern.fullmatch(p.stem)]
            if len(found) > 1:
                raise NotPrepared(
                    f"{self.source} holds several splits ({found[0].name}, {found[1].name}); "
                    "give each phase a folder of its own"
                )
            if found:
                splits[protocol] = read_split(found[0])
        if not splits:
            raise NotPrepared(f"neither cross-subject.txt nor cross-view.txt below {self.source}")
        return splits

    def files(self) -> list[Path]:
        skeletons = [path for path in self._texts() if not self._is_label(path)]
        if not skeletons or not self._labels:
            raise NotPrepared(
                f"{self.source} needs skeletons (0002-L.txt ...) and, in a folder called label, "
                f"labels of the same names; it has {len(skeletons)} and {len(self._labels)}"
            )
        # So that read() refuses, by name, a label whose video was not unpacked.
        alone = set(self._labels) - {path.stem for path in skeletons}
        return sorted(skeletons + [self._labels[name] for name in alone], key=lambda p: p.name)

    def read(self, path: Path) -> Iterator[Clip | Rejection]:
        if path.stem not in self._labels:
            raise Rejected("it has no label file")
        if self._is_label(path):
            raise Rejected("it labels a video without skeleton file")
        labels = _lines(self._labels[path.stem])
        if not labels:
            raise Rejected("its label file is empty")
        people = read_skeletons(path)
        number, view = path.stem.split("-")
        parts = {
            name: split[path.stem] for name, split in self._splits.items() if path.stem in split
        }
        for line, text in enumerate(labels, 1):
            name = f"{path.stem}#{line:03d}"
            try:
                action, start, stop = read_label(text, people.shape[1])
                joints, first = _trim(people[:, start:stop], start)
            except Rejected as why:
                yield Rejection(name, str(why))
                continue
            yield Clip(name, PKU[action], number, view, "", joints, None, parts, first)

    def facts(self) -> dict[str, Any]:
        phases = {"1" if path.stem[0].isdigit() else "2" for path in self.files()}
        return kinect.FACTS | {
            "layout": "kinect_25",
            "phase": " and ".join(sorted(phases)),
            "protocols": {name: PROTOCOLS[name] for name in self._splits},
            "labels": list(PKU.values()),
        }

    def _texts(self) -> list[Path]:
        found = find(self.source, ".txt", ".skeleton", ".label")
        return [path for path in found if VIDEO.fullmatch(path.stem)]

    def _is_label(self, path: Path) -> bool:
        above = path.relative_to(self.source).parts[:-1]
        return path.suffix == ".label" or any("label" in part.lower() for part in above)


def read_split(path: Path) -> dict[str, str]:
    """Video -> train or test. Raises NotPrepared for another form."""
    parts: dict[str, str] = {}
    part = ""
    for line in _lines(path):
        if line.rstrip().endswith(":"):
            # The second heading says "Validataion": nobody has published other test labels.
            part = "train" if "train" in line.lower() else "test"
        else:
            parts |= {match.group(): part for match in VIDEO.finditer(line)}
    if set(parts.values()) != {"train", "test"}:
        raise NotPrepared(f"{path} is no split of PKU-MMD: it lacks headings or names")
    return parts


def read_skeletons(path: Path) -> NDArray[np.float32]:
    """(2, T, 25, 3) of a whole video, NaN = not there. Raises Rejected."""
    rows = []
    for number, line in enumerate(_lines(path, keep_blank=True), 1):
        words = line.replace(",", " ").split()
        if len(words) != 2 * JOINTS * 3:
            raise Rejected(f"line {number} has {len(words)} numbers, not {2 * JOINTS * 3}")
        try:
            rows.append(np.array(words, np.float32))
        except ValueError:
            raise Rejected(f"line {number} holds something that is no number") from None
    if not rows:
        raise Rejected("empty")
    people = np.stack(rows).reshape(-1, 2, JOINTS, 3).transpose(1, 0, 2, 3).copy()
    if not (np.abs(people[np.isfinite(people)]) < 100).all() or np.isinf(people).any():
        raise Rejected("a joint beyond 100 m")
    people[(people == 0).all((2, 3))] = np.nan
    return people


def read_label(line: str, frames: int) -> tuple[int, int, int]:
    """Action, first frame and the frame after the last. Raises Rejected.

    A line counts its frames from 0 and means start:end, as published readers take it.
    """
    words = line.split(",")
    try:
        action, start, stop = (int(float(word)) for word in words[:3])
    except (ValueError, OverflowError):
        raise Rejected(f"label '{line[:40]}' is not action, start, end, confidence") from None
    if len(words) != 4 or action not in PKU:
        raise Rejected(f"label '{line[:40]}' is not action, start, end, confidence")
    if not 0 <= start < min(stop, frames):
        raise Rejected(f"label {start} to {stop} is outside of the video's {frames} frames")
    return action, start, min(stop, frames)


def _trim(people: NDArray[np.float32], start: int) -> tuple[NDArray[np.float32], int]:
    """The stretch in which anybody is seen, those who are, and its first frame."""
    there = np.asarray(np.isfinite(people).any(axis=(2, 3)))  # (2, T)
    frames = np.flatnonzero(there.any(axis=0))
    if len(frames) < 2:
        raise Rejected("nobody is seen in two frames")
    stretch = slice(frames[0], frames[-1] + 1)
    # The main actor is the first one, unless only the second is there.
    return people[there.any(axis=1)][:, stretch], start + int(frames[0])


def _lines(path: Path, keep_blank: bool = False) -> list[str]:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return lines if keep_blank else [line for line in lines if line.strip()]
