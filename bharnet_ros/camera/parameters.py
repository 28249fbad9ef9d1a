# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every parameter of the estimator's node: this table. config/recognize.yaml explains them."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.node import Node

from bharnet.estimation.choose import EstimatorConfig
from bharnet_ros.declared import Declared, Values, check_choices, declare_all, user_path

PARAMETERS = (
    Declared("autostart", True, "configure and activate at start"),
    Declared("estimator", "mediapipe", "mediapipe, or wholebody: an ONNX file"),
    Declared(
        "estimator_model", "full", "mediapipe: lite, full or heavy; wholebody: path of the file"
    ),
    Declared("delegate", "cpu", "where the estimator runs", choices=("cpu", "gpu")),
    Declared("models_folder", "", "folder of MediaPipe's files; empty: the user's cache"),
    Declared("num_poses", 2, "people looked for in a picture", 1, 50),
    Declared("min_confidence", 0.5, "of a person and of a hand", 0.0, 1.0),
    Declared("cv_threads", 1, "CPU threads of OpenCV", 1, 64),
    Declared("transport", "raw", "Image, or CompressedImage", choices=("raw", "compressed")),
    Declared("rotate", 0, "degrees clockwise: 0, 90, 180 or 270", 0, 270),
    Declared("mirrored", False, "the pictures are those of a mirror"),
    Declared("use_depth", False, "lift joints to metres with aligned depth"),
    Declared("sync_slop_seconds", 0.05, "picture and depth apart at most, s", 0.001, 1.0),
    Declared(
        "frame_rate", 0.0, "pictures estimated a second at most; 0: all", 0.0, 1000.0, (), True
    ),
    Declared("reorder_seconds", 0.5, "older pictures than this reset all, s", 0.0, 60.0),
    Declared(
        "stamp_source",
        "header",
        "header: the stamps of the pictures; receive: the time of arrival",
        choices=("header", "receive"),
    ),
    Declared(
        "hang_seconds", 20.0, "a picture that takes longer: start anew, s", 1.0, 3600.0, (), True
    ),
)


@dataclass(frozen=True)
class Settings(Values):
    """All values, checked. Raises ValueError that says which does not fit and why."""

    def __post_init__(self) -> None:
        check_choices(PARAMETERS, self.values)
        self.estimator()
        if self["rotate"] % 90:
            raise ValueError(f"rotate {self['rotate']} is none of 0, 90, 180, 270 degrees")
        if self["use_depth"] and (self["mirrored"] or self["rotate"]):
            raise ValueError(
                "use_depth with rotate or mirrored: joints in the camera's frame cannot be turned "
                "with the picture; leave depth out, or turn the camera"
            )

    def estimator(self) -> EstimatorConfig:
        """What looks for people."""
        folder = self["models_folder"]
        return EstimatorConfig(
            estimator=self["estimator"],
            model=str(user_path(self["estimator_model"])),
            max_people=self["num_poses"],
            min_confidence=self["min_confidence"],
            delegate=self["delegate"],
            models=user_path(folder) if folder else None,
        )


def declare(node: Node) -> Settings:
    """Declare everything; raises ValueError if the values given at start do not fit."""
    return Settings(declare_all(node, PARAMETERS))
