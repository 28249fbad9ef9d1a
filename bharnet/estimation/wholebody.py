# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One person's body and hands by a whole-body network in an ONNX file, as RTMPose and RTMW are.

The file is the user's: any top-down network with an input (1, 3, H, W) of normalised RGB and the
133 keypoints of COCO-WholeBody (Jin et al., 2020) as output, either as SimCC (Li et al., 2022: a
row of scores for x and one for y) or as heatmaps. MMPose's exports of RTMPose-wholebody and RTMW
are meant.

Such a network looks into a box round one person. There is no person detector here: the box is the
whole picture at first and then follows the keypoints, so it is for one person near the camera.
"""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bharnet.estimation.estimator import Detection, EstimatorUnavailable, InvalidFrame
from bharnet.estimation.picture import check_picture
from bharnet.skeleton import COCO_17

KEYPOINTS = 133
BODY, LEFT_HAND, RIGHT_HAND = slice(0, 17), slice(91, 112), slice(112, 133)
# ImageNet's, with which these networks were trained; 0..255, RGB.
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
# MMPose shows its networks a quarter more than the person.
PADDING = 1.25


class WholeBodyEstimator:
    """Pictures of one camera in, the person with body and hands out.

    model           the ONNX file
    min_confidence  0..1, mean score from which a person and a hand count
    delegate        "cpu" or "gpu" (CUDA)

    Raises EstimatorUnavailable for a file that is missing, broken or of another kind, and where
    there is no GPU; ImportError without onnxruntime.
    """

    body_layout = COCO_17.name
    smooths = False

    def __init__(self, model: Path, min_confidence: float = 0.3, delegate: str = "cpu") -> None:
        import onnxruntime

        if not model.is_file():
            raise EstimatorUnavailable(
                f"there is no file {model}; give the path of a whole-body ONNX network, "
                "for example an export of RTMW by MMPose"
            )
        wanted = "CUDAExecutionProvider" if delegate == "gpu" else "CPUExecutionProvider"
        if wanted not in onnxruntime.get_available_providers():
            raise EstimatorUnavailable(
                "this onnxruntime has no CUDA; install onnxruntime-gpu, or use delegate cpu"
            )
        try:
            self._session = onnxruntime.InferenceSession(str(model), providers=[wanted])
        except Exception as error:  # onnxruntime's own have no common base
            raise EstimatorUnavailable(f"{model} is no network that runs: {error}") from error
        if wanted not in self._session.get_providers():
            raise EstimatorUnavailable("onnxruntime finds no CUDA GPU; use delegate cpu")
        self._input, self._height, self._width = self._read_input(model)
        # Once for nothing: tells a network of another kind now, and warms this one up.
        blank = np.zeros((1, 3, self._height, self._width), np.float32)
        self._decode(self._session.run(None, {self._input: blank}))
        self.name = f"wholebody_{model.stem}"
        self._min_confidence = min_confidence
        self._spent = 0.0
        self._last_stamp: int | None = None
        self._box: NDArray[np.float32] | None = None  # left, top, right, bottom in shares

    @property
    def network_ms(self) -> dict[str, float]:
        """Milliseconds of the last picture inside the network."""
        return {"wholebody": self._spent}

    def estimate(self, image: NDArray[np.uint8], stamp: int) -> list[Detection]:
        """The person in an (H, W, 3) RGB picture, or nobody; see Estimator.

        Raises InvalidFrame for what is no picture, and for a stamp that does not rise.
        """
        check_picture(image)
        if self._last_stamp is not None and stamp <= self._last_stamp:
            raise InvalidFrame(
                "old_stamp",
                f"stamp {stamp} ns is not after {self._last_stamp} ns; "
                "drop the picture, or call reset() if the stream began anew",
            )
        self._last_stamp = stamp
        scale = np.array((image.shape[1], image.shape[0]), np.float32)
        to_input = self._window(scale)
        begun = time.perf_counter()
        outputs = self._session.run(None, {self._input: self._tensor(image, to_input)})
        self._spent = 1e3 * (time.perf_counter() - begun)
        places, scores = self._decode(outputs)
        back = cv2.invertAffineTransform(to_input)
        joints = np.full((KEYPOINTS, 4), np.nan, np.float32)
        joints[:, :2] = (places @ back[:, :2].T + back[:, 2]) / scale
        joints[:, 3] = scores
        joints[scores <= 0, :2] = np.nan
        return self._person(joints)

    def reset(self) -> None:
        """Look for the person in the whole picture again; the next stamp may be any."""
        self._last_stamp = self._box = None

    def close(self) -> None:
        """Nothing is held that Python does not give back by itself."""

    def _read_input(self, model: Path) -> tuple[str, int, int]:
        (given, *more) = self._session.get_inputs()
        shape = given.shape
        if more or len(shape) != 4 or shape[1] != 3 or not all(type(n) is int for n in shape[2:]):
            raise EstimatorUnavailable(
                f"{model} takes {given.name} {shape}; a whole-body network takes one input "
                "(1, 3, H, W) of fixed H and W"
            )
        return given.name, shape[2], shape[3]

    def _window(self, scale: NDArray[np.float32]) -> NDArray[np.float64]:
        """(2, 3) affine map from the picture's pixels to the network's input."""
        box = np.array((0, 0, 1, 1), np.float32) if self._box is None else self._box
        low, high = box[:2] * scale, box[2:] * scale
        # As much is shown as fits the input's shape, never squeezed.
        zoom = min(self._width / max(high[0] - low[0], 1), self._height / max(high[1] - low[1], 1))
        shift = np.array((self._width, self._height)) / 2 - zoom * (low + high) / 2
        return np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]], float)

    def _tensor(
        self, image: NDArray[np.uint8], to_input: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        size = self._width, self._height
        window = cv2.warpAffine(image, to_input, size, flags=cv2.INTER_LINEAR)
        return np.ascontiguousarray(((window - MEAN) / STD).transpose(2, 0, 1)[None], np.float32)

    def _decode(
        self, outputs: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(133, 2) places in the input's pixels, (133,) scores in 0..1."""
        shapes = [output.shape for output in outputs]
        if len(outputs) == 2 and all(len(s) == 3 and s[:2] == (1, KEYPOINTS) for s in shapes):
            places, scores = decode_simcc(outputs[0][0], outputs[1][0])
        elif len(outputs) == 1 and len(shapes[0]) == 4 and shapes[0][:2] == (1, KEYPOINTS):
            places, scores = decode_heatmaps(outputs[0][0])
        else:
            raise EstimatorUnavailable(
                f"the network answers with {shapes}; expected SimCC (1, 133, X), (1, 133, Y) or "
                "heatmaps (1, 133, h, w) of COCO-WholeBody"
            )
        size = np.array((self._width, self._height), np.float32)
        return places * size, np.clip(scores, 0, 1)

    def _person(self, joints: NDArray[np.float32]) -> list[Detection]:
        body = joints[BODY]
        confidence = float(body[:, 3].mean())
        sure = body[body[:, 3] >= self._min_confidence, :2]
        if confidence < self._min_confidence or len(sure) < 3:
            self._box = None
            return []
        low, high = sure.min(0), sure.max(0)
        middle, half = (low + high) / 2, PADDING * np.maximum(high - low, 0.05) / 2
        self._box = np.concatenate((middle - half, middle + half))
        left, left_score = self._hand(joints[LEFT_HAND])
        right, right_score = self._hand(joints[RIGHT_HAND])
        return [Detection(body, left, right, confidence, left_score, right_score)]

    def _hand(self, joints: NDArray[np.float32]) -> tuple[NDArray[np.float32] | None, float]:
        score = float(joints[:, 3].mean())
        return (joints, score) if score >= self._min_confidence else (None, float("nan"))


def decode_simcc(
    x: NDArray[np.float32], y: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rows of scores (K, X), (K, Y) -> (K, 2) places in shares of the input, (K,) scores."""
    places = np.stack([row.argmax(1) / row.shape[1] for row in (x, y)], 1).astype(np.float32)
    return places, np.minimum(x.max(1), y.max(1))


def decode_heatmaps(
    maps: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Heatmaps (K, h, w) -> (K, 2) places in shares of the input, (K,) scores.

    The highest cell, moved a quarter of a cell towards its higher neighbour.
    """
    count, height, width = maps.shape
    flat = maps.reshape(count, -1)
    row, column = np.divmod(flat.argmax(1), width)
    # At the border both neighbours are the one there is: nothing is moved.
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    each, r, c = np.arange(count), row + 1, column + 1
    across = np.sign(padded[each, r, c + 1] - padded[each, r, c - 1])
    down = np.sign(padded[each, r + 1, c] - padded[each, r - 1, c])
    x = (column + 0.5 + 0.25 * across) / width
    y = (row + 0.5 + 0.25 * down) / height
    return np.stack((x, y), 1).astype(np.float32), flat.max(1)
