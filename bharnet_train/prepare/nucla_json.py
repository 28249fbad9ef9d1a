# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Northwestern-UCLA Multiview Action 3D: one JSON file a sequence, as CTR-GCN's users have it.

Wang et al., CVPR 2014. ``a01_s02_e03_v01.json``: action, subject, repetition, view. In it:
``file_name``, ``skeletons`` (T, 20, 3) in metres (Kinect v1) and ``label``, which is not read: the
action's number is in the name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bharnet_train.datasets.nucla import ACTIONS, FPS
from bharnet_train.prepare.clip import Clip, Rejected, Rejection
from bharnet_train.prepare.files import find

NAME = re.compile(r"a(\d{2})_s(\d{2})_e(\d{2})_v(\d{2})")
VIEWS = (1, 2, 3)
PROTOCOLS = {
    "xview": "the official one: trained on views 1 and 2, tested on 3; the same as view3"
} | {f"view{view}": f"trained on the other two views, tested on view {view}" for view in VIEWS}


@dataclass(frozen=True)
class NUCLA:
    """A folder of these JSON files."""

    source: Path
    kind: str = "nucla"

    def files(self) -> list[Path]:
        return find(self.source, ".json")

    def read(self, path: Path) -> Iterator[Clip | Rejection]:
        match = NAME.fullmatch(path.stem)
        if match is None:
            raise Rejected("its name is not aNN_sNN_eNN_vNN")
        action, subject, _, view = map(int, match.groups())
        if action not in ACTIONS or view not in VIEWS:
            raise Rejected(f"there is no action {action} in view {view}")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            with np.errstate(over="ignore"):  # what overflows is refused below
                joints = np.array(content["skeletons"], np.float32)
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise Rejected(f"no skeletons to be read ({type(error).__name__})") from error
        if content.get("file_name", path.stem) != path.stem:
            raise Rejected(f"inside it is called {str(content['file_name'])[:40]}")
        if joints.ndim != 3 or joints.shape[1:] != (20, 3):
            raise Rejected(f"skeletons {joints.shape} are not (T, 20, 3)")
        if not np.isfinite(joints).all() or (np.abs(joints) > 100).any():
            raise Rejected("a joint that is no number or beyond 100 m")
        parts = {f"view{each}": "test" if view == each else "train" for each in VIEWS}
        yield Clip(
            name=path.stem,
            label=ACTIONS[action],
            person=f"s{subject}",
            session=f"v{view}",
            setup="",
            joints=joints[None],
            parts=parts | {"xview": parts["view3"]},
        )

    def facts(self) -> dict[str, Any]:
        return {
            "layout": "kinect_20",
            "fps": FPS,
            "coordinates": "Kinect camera space: metres, x to the sensor's left, y up, z away",
            "protocols": PROTOCOLS,
            "labels": list(ACTIONS.values()),
        }
