# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages with pictures: every usual encoding, and what is no picture."""

from __future__ import annotations

import importlib.util
import zlib
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="no ROS 2 here: run through `make test`")

from pictures import HEIGHT, WIDTH, compressed, depth, image, rgb, scene
from sensor_msgs.msg import CompressedImage, Image

from bharnet.estimation.estimator import InvalidFrame
from bharnet_ros.camera import images
from bharnet_ros.camera.images import check_image, to_metres, to_rgb

RGB = scene()
GREY = cv2.cvtColor(RGB, cv2.COLOR_RGB2GRAY)
BGRA = cv2.cvtColor(RGB, cv2.COLOR_RGB2BGRA)


def bayer(order: str) -> np.ndarray:
    """Each pixel keeps one colour, in the order of the upper left four."""
    mosaic = np.empty((HEIGHT, WIDTH), np.uint8)
    for place, colour in enumerate(order):
        rows, columns = np.s_[place // 2 :: 2], np.s_[place % 2 :: 2]
        mosaic[rows, columns] = RGB[rows, columns, "rgb".index(colour)]
    return mosaic


def i420() -> tuple[np.ndarray, np.ndarray]:
    """Brightness (H, W), and both colours (2, H / 2, W / 2)."""
    yuv = cv2.cvtColor(RGB, cv2.COLOR_RGB2YUV_I420)
    return yuv[:HEIGHT], yuv[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)


def packed_yuv(luma_first: bool) -> np.ndarray:
    """4:2:2, (H, W, 2): two pixels share their colour."""
    luma, (u, v) = i420()
    both = np.empty((HEIGHT, WIDTH, 2), np.uint8)
    both[..., 0 if luma_first else 1] = luma
    chroma = both[..., 1 if luma_first else 0]
    chroma[:, 0::2], chroma[:, 1::2] = np.repeat(u, 2, 0), np.repeat(v, 2, 0)
    return both


def planes(swapped: bool) -> np.ndarray:
    """4:2:0, (H * 3 / 2, W): brightness, then colour at half the resolution."""
    luma, (u, v) = i420()
    pairs = np.stack((v, u) if swapped else (u, v), -1)
    return np.concatenate((luma, pairs.reshape(HEIGHT // 2, WIDTH)))


def wide(samples: np.ndarray) -> np.ndarray:
    return (samples.astype("<u2") * 257).astype("<u2")


# What is sent, and how far the picture may differ from the scene (colour is sent coarsely).
SENT: dict[str, tuple[Image, float]] = {
    "rgb8": (image(RGB, "rgb8"), 0),
    "bgr8": (image(RGB[..., ::-1], "bgr8"), 0),
    "rgba8": (image(cv2.cvtColor(RGB, cv2.COLOR_RGB2RGBA), "rgba8"), 0),
    "bgra8": (image(BGRA, "bgra8"), 0),
    "8UC3": (image(RGB[..., ::-1], "8UC3"), 0),
    "8UC4": (image(BGRA, "8UC4"), 0),
    "rgb16": (image(wide(RGB), "rgb16"), 1),
    "bgr16": (image(wide(RGB[..., ::-1]), "bgr16"), 1),
    "bgra16": (image(wide(BGRA), "bgra16"), 1),
    "big endian": (image(wide(RGB).byteswap(), "rgb16", is_bigendian=1), 1),
    "yuv422": (image(packed_yuv(False), "yuv422"), 16),
    "uyvy": (image(packed_yuv(False), "uyvy"), 16),
    "yuyv": (image(packed_yuv(True), "yuyv"), 16),
    "yuv422_yuy2": (image(packed_yuv(True), "yuv422_yuy2"), 16),
    "nv12": (image(planes(False), "nv12", height=HEIGHT), 16),
    "nv21": (image(planes(True), "nv21", height=HEIGHT), 16),
    **{
        f"bayer_{order}8": (image(bayer(order), f"bayer_{order}8"), 16)
        for order in ("rggb", "bggr", "gbrg", "grbg")
    },
    "bayer_rggb16": (image(wide(bayer("rggb")), "bayer_rggb16"), 16),
}
GREYS = {
    "mono8": image(GREY, "mono8"),
    "8UC1": image(GREY, "8UC1"),
    "mono16": image(wide(GREY), "mono16"),
}

needs_cv_bridge = pytest.mark.skipif(
    importlib.util.find_spec("cv_bridge") is None,
    reason="cv_bridge comes with an installed ROS 2; the package index does not have it",
)


@pytest.fixture(params=["rosbags", pytest.param("cv_bridge", marks=needs_cv_bridge)])
def library(request: Any) -> images.Library:
    """Both libraries pass the same tests."""
    if request.param == "cv_bridge":
        from cv_bridge import CvBridge

        return CvBridge().imgmsg_to_cv2
    from rosbags.image import image_to_cvimage

    return image_to_cvimage


def inner(picture: np.ndarray) -> np.ndarray:
    """Without the border, of which demosaicing knows less."""
    return picture[2:-2, 2:-2].astype(int)


@pytest.mark.parametrize("name", SENT)
def test_encodings(name: str, library: images.Library) -> None:
    message, tolerance = SENT[name]
    found = to_rgb(message, library)
    assert (found.shape, found.dtype, found.flags.c_contiguous) == (RGB.shape, np.uint8, True)
    assert np.abs(inner(found) - inner(RGB)).max() <= tolerance
    # Red and blue are where they belong, however coarse.
    assert found[..., 0].astype(int).std() > 5 * found[..., 2].astype(int).std()


@pytest.mark.parametrize("name", GREYS)
def test_grey(name: str, library: images.Library) -> None:
    found = to_rgb(GREYS[name], library)
    assert np.abs(found.astype(int) - GREY[..., None]).max() <= 1


@pytest.mark.parametrize("padding", [1, 6, 64])
def test_rows_may_be_padded(padding: int, library: images.Library) -> None:
    assert np.array_equal(to_rgb(image(RGB, "rgb8", padding), library), RGB)
    assert np.array_equal(
        to_rgb(image(planes(False), "nv12", padding, height=HEIGHT)),
        to_rgb(SENT["nv12"][0]),
    )


@pytest.mark.parametrize(("kind", "tolerance"), [(".jpg", 12), (".png", 0)])
def test_compressed(kind: str, tolerance: int) -> None:
    found = to_rgb(compressed(kind))
    assert found.flags.c_contiguous
    assert np.abs(found.astype(int) - RGB).max() <= tolerance


def test_compressed_grey_and_padded_jpeg() -> None:
    assert to_rgb(compressed(".png", np.dstack([GREY] * 3))).shape == RGB.shape
    message = compressed()
    message.data.extend([0] * 1000)  # as cameras fill up the last block
    assert to_rgb(message).shape == RGB.shape


def changed(message: Image, **fields: Any) -> Image:
    for name, value in fields.items():
        setattr(message, name, value)
    return message


BAD: dict[str, tuple[Any, str]] = {
    "nothing": (Image(encoding="rgb8"), "empty picture"),
    "no width": (changed(rgb(), width=0), "empty picture"),
    "no height": (changed(rgb(), height=0), "empty picture"),
    "no data": (changed(rgb(), data=[]), "empty picture"),
    "step of another encoding": (changed(rgb(), step=WIDTH), "step is 64"),
    "step too large": (changed(rgb(), step=3 * WIDTH + 1), "rows of step 193"),
    "half of the data": (changed(rgb(), data=bytes(3 * WIDTH * HEIGHT // 2)), "was cut"),
    "far too large": (changed(rgb(), width=2**31, step=2**32 - 1), "step"),
    "unknown encoding": (image(RGB, "rgb565"), "unknown encoding 'rgb565'"),
    "no encoding": (image(RGB, ""), "unknown encoding ''"),
    "depth": (depth(np.ones((HEIGHT, WIDTH))), "is a depth picture"),
    "odd planes": (image(planes(False), "nv12", height=HEIGHT - 1), "must be even"),
    "planes with the height of both": (image(planes(False), "nv12"), "without the colour plane"),
    "truncated JPEG": (compressed(keep=0.5), "without its end"),
    "JPEG without its last byte": (compressed(keep=0.9995), "without its end"),
    "truncated PNG": (compressed(".png", keep=0.5), "without its end"),
    "empty JPEG": (CompressedImage(format="jpeg"), "neither JPEG nor PNG (0 bytes"),
    "BMP": (compressed(".bmp"), "neither JPEG nor PNG"),
    "compressed depth": (
        CompressedImage(format="16UC1; compressedDepth png", data=b"0" * 20),
        "is a depth picture",
    ),
    "only the ends of a JPEG": (
        CompressedImage(format="jpeg", data=b"\xff\xd8\xff\xff\xd9"),
        "damaged",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_picture(case: str) -> None:
    message, says = BAD[case]
    with pytest.raises(InvalidFrame, match=r".") as caught:
        to_rgb(message)
    assert says in str(caught.value)
    assert caught.value.key == "image"


@pytest.mark.parametrize("case", [case for case in BAD if case != "only the ends of a JPEG"])
def test_most_is_told_without_looking_at_pixels(case: str) -> None:
    with pytest.raises(InvalidFrame):
        check_image(BAD[case][0])


def claiming(kind: str, width: int, height: int) -> CompressedImage:
    """A picture whose head claims another size."""
    message = compressed(kind)
    data = bytearray(message.data)
    if kind == ".png":
        head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes(data[24:29])
        data[12:33] = head + zlib.crc32(head).to_bytes(4, "big")
    else:
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    message.data = bytes(data)
    return message


@pytest.mark.parametrize("kind", [".jpg", ".png"])
@pytest.mark.parametrize(
    ("width", "height", "says"),
    [
        (65000, 65000, "damaged"),
        (20000, 600, "shows nobody"),
        (16000, 5000, "claims 16000 x 5000"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_few_bytes_that_claim_gigabytes_allocate_nothing(
    kind: str, width: int, height: int, says: str, monkeypatch: Any
) -> None:
    """Found by tools/fuzz: OpenCV would allocate the picture before it finds it damaged."""
    monkeypatch.setattr(images.cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(InvalidFrame, match=says):
        to_rgb(claiming(kind, width, height))


def test_a_chunk_that_claims_gigabytes_allocates_nothing(monkeypatch: Any) -> None:
    """Likewise: within a PNG whose size is right."""
    message = compressed(".png")
    data = bytearray(message.data)
    at = data.index(b"IDAT") - 4
    data[at : at + 4] = (0x9C002000).to_bytes(4, "big")
    message.data = bytes(data)
    monkeypatch.setattr(images.cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(InvalidFrame, match="damaged"):
        to_rgb(message)


def test_a_library_that_fails_is_told() -> None:
    def fail(message: Any, encoding: str) -> Any:
        raise RuntimeError("numpy.core.multiarray failed to import")

    with pytest.raises(InvalidFrame, match="rgb8 could not be converted"):
        to_rgb(rgb(), fail)


def test_a_cv_bridge_that_cannot_be_loaded_is_not_used(monkeypatch: Any, tmp_path: Any) -> None:
    folder = tmp_path / "cv_bridge" / "boost"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("class CvBridge: pass")
    (folder / "__init__.py").write_text("")
    (folder / "cv_bridge_boost.py").write_text("raise AttributeError('_ARRAY_API not found')")
    monkeypatch.syspath_prepend(tmp_path)
    images.image_library.cache_clear()
    try:
        assert np.array_equal(to_rgb(rgb()), RGB)
    finally:
        images.image_library.cache_clear()


METRES = np.linspace(0.5, 6.0, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)


@pytest.mark.parametrize(("encoding", "tolerance"), [("32FC1", 1e-6), ("16UC1", 1e-3)])
def test_depth(encoding: str, tolerance: float) -> None:
    found = to_metres(depth(METRES, encoding, padding=6))
    assert (found.shape, found.dtype) == (METRES.shape, np.float32)
    assert np.abs(found - METRES).max() <= tolerance


def test_depth_that_is_not_measured_is_nan() -> None:
    metres = METRES.copy()
    metres[0, :4] = (0.0, np.nan, np.inf, -np.inf)
    metres[0, 4] = -1.0
    found = to_metres(depth(metres))
    assert np.isnan(found[0, :5]).all()
    assert np.isfinite(found[0, 5:]).all()
    millimetres = depth(np.maximum(METRES, 0) * (METRES > 1), "16UC1")
    assert np.array_equal(np.isnan(to_metres(millimetres)), METRES <= 1)


def test_big_endian_depth() -> None:
    swapped = image(METRES.astype(">f4"), "32FC1", is_bigendian=1)
    assert np.allclose(to_metres(swapped), METRES)


@pytest.mark.parametrize("message", [rgb(), compressed(), Image(encoding="32FC1")])
def test_what_is_no_depth(message: Any) -> None:
    with pytest.raises(InvalidFrame) as caught:
        to_metres(message)
    assert caught.value.key == "depth"
