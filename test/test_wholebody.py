# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The whole-body ONNX estimator, on networks made here that point where they are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bharnet.estimation.choose import EstimatorConfig, open_estimator
from bharnet.estimation.estimator import EstimatorUnavailable, InvalidFrame
from bharnet.estimation.wholebody import WholeBodyEstimator, decode_heatmaps, decode_simcc

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install -e '.[test]'")
pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install -e '.[camera]'")

HEIGHT, WIDTH = 64, 48  # of the network's input
SHAPE = [1, 3, HEIGHT, WIDTH]


def places() -> np.ndarray:
    """(133, 2) shares of the input: everybody's own, so that a mix-up shows."""
    number = np.arange(133)
    return np.stack((0.1 + 0.8 * (number % 12) / 12, 0.1 + 0.8 * (number // 12) / 12), 1)


def write(path: Path, outputs: list[np.ndarray], shape: list[int | str] | None = None) -> Path:
    """A network that answers any picture with ``outputs``; its input is used, so that it counts.

    A keypoint's row is added to the mean of the picture times 0, as an exporter may not drop it.
    """
    from onnx import TensorProto, helper, numpy_helper

    constants = [numpy_helper.from_array(np.float32(0), "zero")]
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    results = []
    for i, value in enumerate(outputs):
        constants.append(numpy_helper.from_array(value.astype(np.float32), f"value{i}"))
        nodes.append(helper.make_node("Add", [f"value{i}", "nothing"], [f"out{i}"]))
        results.append(helper.make_tensor_value_info(f"out{i}", TensorProto.FLOAT, value.shape))
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape or SHAPE)
    graph = helper.make_graph(nodes, "test", [picture], results, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def simcc(score: float = 0.9, split: int = 2) -> list[np.ndarray]:
    rows = [np.zeros((1, 133, n * split), np.float32) for n in (WIDTH, HEIGHT)]
    for k, place in enumerate(places()):
        for axis in range(2):
            rows[axis][0, k, round(place[axis] * rows[axis].shape[2])] = score
    return rows


def heatmaps(score: float = 0.9) -> list[np.ndarray]:
    maps = np.zeros((1, 133, HEIGHT // 2, WIDTH // 2), np.float32)
    for k, (x, y) in enumerate(places()):
        maps[0, k, int(y * HEIGHT / 2), int(x * WIDTH / 2)] = score
    return [maps]


@pytest.mark.parametrize("outputs", [simcc(), heatmaps()], ids=["simcc", "heatmaps"])
def test_keypoints_come_back_where_the_network_saw_them(
    outputs: list[np.ndarray], tmp_path: Path
) -> None:
    estimator = WholeBodyEstimator(write(tmp_path / "some.onnx", outputs))
    # A picture of the input's shape, so that the window is the picture.
    image = np.zeros((4 * HEIGHT, 4 * WIDTH, 3), np.uint8)
    (person,) = estimator.estimate(image, 1)
    expected = places()
    assert person.body.shape == (17, 4)
    # Half a cell of a heatmap.
    np.testing.assert_allclose(person.body[:, :2], expected[:17], atol=0.025)
    assert person.left_hand is not None
    assert person.right_hand is not None
    np.testing.assert_allclose(person.left_hand[:, :2], expected[91:112], atol=0.025)
    np.testing.assert_allclose(person.right_hand[:, :2], expected[112:], atol=0.025)
    assert np.isnan(person.body[:, 2]).all()  # no depth
    assert person.confidence == pytest.approx(0.9)
    assert estimator.network_ms["wholebody"] > 0


def test_the_box_follows_the_person(tmp_path: Path) -> None:
    estimator = WholeBodyEstimator(write(tmp_path / "some.onnx", simcc()))
    image = np.zeros((480, 640, 3), np.uint8)
    (first,) = estimator.estimate(image, 1)
    (second,) = estimator.estimate(image, 2)
    # The same answer in a smaller window lies closer together, round the same middle.
    extent = [np.ptp(person.body[:, 0]) for person in (first, second)]
    assert extent[1] < extent[0]
    estimator.reset()
    (again,) = estimator.estimate(image, 1)
    np.testing.assert_allclose(again.body, first.body)


def test_pictures_are_shown_normalised_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimator = WholeBodyEstimator(write(tmp_path / "some.onnx", simcc()))
    shown: list[np.ndarray] = []
    session = estimator._session

    class Spy:
        def run(self, _: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            shown.append(feed["picture"])
            return session.run(None, feed)

    monkeypatch.setattr(estimator, "_session", Spy())
    image = np.full((480, 640, 3), (255, 0, 0), np.uint8)
    estimator.estimate(image, 1)
    (tensor,) = shown
    assert tensor.shape == (1, 3, HEIGHT, WIDTH)
    middle = tensor[0, :, HEIGHT // 2, WIDTH // 2]
    np.testing.assert_allclose(middle, [2.2489, -2.0357, -1.8044], atol=1e-3)  # red, by ImageNet
    # 4:3 in 3:4: bands of padding above and below.
    np.testing.assert_allclose(tensor[0, 0, 2], -2.1179, atol=1e-3)


def test_nobody_is_an_answer(tmp_path: Path) -> None:
    estimator = WholeBodyEstimator(write(tmp_path / "some.onnx", simcc(score=0.1)))
    assert estimator.estimate(np.zeros((480, 640, 3), np.uint8), 1) == []


def test_unsure_hands_are_no_hands(tmp_path: Path) -> None:
    outputs = simcc()
    for rows in outputs:
        rows[0, 91:112] *= 0.1
    estimator = WholeBodyEstimator(write(tmp_path / "some.onnx", outputs))
    (person,) = estimator.estimate(np.zeros((480, 640, 3), np.uint8), 1)
    assert person.left_hand is None
    assert person.right_hand is not None


def test_it_is_chosen_by_name_and_takes_rising_stamps_only(tmp_path: Path) -> None:
    path = write(tmp_path / "some.onnx", simcc())
    estimator = open_estimator(EstimatorConfig("wholebody", str(path)))
    assert (estimator.name, estimator.body_layout) == ("wholebody_some", "coco_17")
    image = np.zeros((480, 640, 3), np.uint8)
    estimator.estimate(image, 5)
    with pytest.raises(InvalidFrame, match="not after"):
        estimator.estimate(image, 5)
    estimator.close()
    estimator.close()


def test_files_that_are_no_such_network_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EstimatorUnavailable, match="there is no file"):
        WholeBodyEstimator(tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(EstimatorUnavailable, match="no network that runs"):
        WholeBodyEstimator(broken)
    open_size = write(tmp_path / "open.onnx", simcc(), [1, 3, "h", "w"])
    with pytest.raises(EstimatorUnavailable, match="fixed H and W"):
        WholeBodyEstimator(open_size)
    # 17 keypoints: a body network.
    body_only = write(tmp_path / "body.onnx", [rows[:, :17] for rows in simcc()])
    with pytest.raises(EstimatorUnavailable, match="133"):
        WholeBodyEstimator(body_only)


def test_no_gpu_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "some.onnx", simcc())
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(EstimatorUnavailable, match="delegate cpu"):
        WholeBodyEstimator(path, delegate="gpu")


def test_a_heatmap_is_read_finer_than_its_cells() -> None:
    maps = np.zeros((1, 4, 8), np.float32)
    maps[0, 2, 5], maps[0, 2, 6], maps[0, 1, 5] = 1.0, 0.5, 0.4
    (place,), (score,) = decode_heatmaps(maps)
    np.testing.assert_allclose(place, ((5 + 0.75) / 8, (2 + 0.25) / 4))
    assert score == 1.0
    # At the border there is no neighbour to lean to.
    maps[:] = 0
    maps[0, 0, 0] = 1.0
    (place,), _ = decode_heatmaps(maps)
    np.testing.assert_allclose(place, (0.5 / 8, 0.5 / 4))


def test_simcc_is_as_sure_as_its_less_sure_axis() -> None:
    x, y = np.zeros((1, 8), np.float32), np.zeros((1, 4), np.float32)
    x[0, 6], y[0, 1] = 0.9, 0.4
    (place,), (score,) = decode_simcc(x, y)
    np.testing.assert_allclose(place, (6 / 8, 1 / 4))
    assert score == pytest.approx(0.4)
