#!/usr/bin/env python3
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Draws the pictures of docs/own-gestures.md: what `bharnet record` shows, and what is confused.

The first is the demo's recording of keypoints on a dark ground; the second comes of teaching ten
Korean words, five takes of each at one session, to a base network that never saw them
(tools/measure_own.py says how it is made).
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np

from bharnet.bag import POSE_TYPE, PoseBag
from bharnet.checkpoint import load_checkpoint
from bharnet.coach import Coach, Who, Wish
from bharnet.drawing import draw
from bharnet.estimation.estimator import Detection
from bharnet.estimation.people import PeopleFrame
from bharnet.models import SHIPPED
from bharnet.recording import Recordings
from bharnet.skeleton import HAND_21, UPPER_BODY_11, get_layout
from bharnet.take import Take
from bharnet_train.datasets.recordings import read_recordings
from bharnet_train.finetune.run import Plan, finetune

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SHOWN_AT = 14.5  # seconds into the demo: somebody signs
BEFORE, COUNTDOWN = 0.7, 1.0  # seconds: of the take that is under way then, and before it


def main() -> None:
    """Draw both, or the first alone."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with ksl_words.npz")
    parser.add_argument("--base", type=Path, help="without_ksl.safetensors")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        draw_recording(Path(folder))
        if given.data and given.base:
            draw_confused(Path(folder), given.data / "ksl_words.npz", given.base)


def draw_recording(folder: Path) -> None:
    """The moment in which a take is recorded."""
    length = load_checkpoint(SHIPPED).info.features.window_seconds  # as `bharnet record` takes
    wishes = [Wish("hello", length)] * 5
    coach = Coach(Recordings(folder / "shown"), wishes, Who(), countdown=COUNTDOWN)
    with PoseBag(ROOT / "demo" / "signs") as bag:
        first = bag.span()[0]
        for recorded in bag.poses():
            if recorded.stamp - first < (SHOWN_AT - COUNTDOWN - BEFORE) * 1e9:
                continue
            message = bag.deserialize(recorded.data, POSE_TYPE)
            layout = get_layout(message.body_layout)
            people = tuple((each.body_id, _detection(each)) for each in message.people)
            size = (message.image_width, message.image_height)
            seen = PeopleFrame(recorded.stamp, *size, "", layout.name, people, {})
            text = coach.see(seen.to_frame(layout), layout)
            if recorded.stamp - first >= SHOWN_AT * 1e9:
                ground = np.full((size[1], size[0], 3), 44, np.uint8)
                picture = draw(ground, seen, {}, text)
                cv2.imwrite(str(IMAGES / "own_record.png"), picture[..., ::-1])
                return


def _detection(person: object) -> Detection:
    def joints(name: str, count: int) -> np.ndarray | None:
        values = np.asarray(getattr(person, name), np.float32)
        return values.reshape(count, 4) if values.size else None

    body = np.asarray(person.body, np.float32).reshape(-1, 4)  # type: ignore[attr-defined]
    count = len(HAND_21)
    return Detection(body, joints("left_hand", count), joints("right_hand", count))


def draw_confused(folder: Path, data: Path, base: Path) -> None:
    """Ten words of the first session, cross-validated."""
    rng = random.Random(0)
    recorded = [each for each in read_recordings(data, UPPER_BODY_11) if each.session == "s0"]
    labels = sorted(rng.sample(sorted({each.label for each in recorded}), 10))
    recordings = Recordings(folder / "ten_words")
    for label in labels:
        for each in rng.sample([e for e in recorded if e.label == label], 5):
            w = each.window
            take = Take(w.stamps, w.body, w.hands, UPPER_BODY_11)
            recordings.add(take, label, each.person, each.session)
    made = finetune(recordings.folder, Plan("ten_words", str(base)), folder, "")
    print(f"{made.checked.result.top1:.1f} % of takes left out; {made.seconds:.0f} s")
    shutil.copy(made.path.with_suffix(".png"), IMAGES / "own_confusion.png")


if __name__ == "__main__":
    main()
