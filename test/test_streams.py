# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Labelled streams: read, composed, cut into windows."""

import numpy as np
import pytest

from bharnet.features import FeatureConfig
from bharnet.judging.segments import Segment
from bharnet.skeleton import get_layout
from bharnet.window import NANOSECONDS, Window
from bharnet_train.config import Augmentation, Streams
from bharnet_train.datasets.recordings import Sequence, UnreadableData, read_recordings
from bharnet_train.streams.compose import compose, compose_stream
from bharnet_train.streams.cut import StreamWindows
from bharnet_train.streams.frame_labels import read_frame_labels, read_pieces
from bharnet_train.streams.labelled import LabelledStream

LAYOUT = get_layout("upper_body_11")
WRIST = LAYOUT.index("right_wrist")
CLASSES = ("fist", "open", "null")


@pytest.fixture(scope="module")
def sequences(takes):
    return read_recordings(takes / "takes.npz", LAYOUT)


def of(sequences, person, label):
    return [each for each in sequences if (each.person, each.label) == (person, label)]


def write_clips(path, **changes):
    """Two people; the first stands by, signals, stands by."""
    labels = np.repeat([10, 3, 10, 0], [40, 50, 30, 60])
    rng = np.random.default_rng(0)
    arrays = {
        "joints": rng.normal(0, 1, (len(labels), 8, 2)).astype(np.float16),
        "frame_label": labels.astype(np.int16),
        "offsets": np.array([0, 120, 180]),
        "person": np.array(["p1", "p2"]),
        "clip": np.array(["p1_standby_stop", "p2_attention"]),
        **changes,
    }
    np.savez(path, **arrays)
    return path


def test_frame_labels_become_segments_and_standby_none(tmp_path):
    first, second = read_frame_labels(write_clips(tmp_path / "clips.npz"), LAYOUT)
    (stop,) = first.segments
    assert (stop.label, stop.person) == ("stop", "p1_standby_stop")
    assert (stop.start - 1) / NANOSECONDS == pytest.approx(40 / 30)
    assert stop.length / NANOSECONDS == pytest.approx(50 / 30)
    assert [each.label for each in second.segments] == ["attention"]
    assert second.segments[0].end == second.span.end
    assert np.isnan(first.window.body[:, LAYOUT.index("nose"), 0]).all()
    assert np.isnan(first.window.hands[..., 0]).all()


def test_pieces_have_one_label_and_know_their_surroundings(tmp_path):
    path = write_clips(tmp_path / "clips.npz")
    streams = {each.name: each for each in read_frame_labels(path, LAYOUT)}
    pieces = read_pieces(path, LAYOUT)
    assert sum(len(piece.window.stamps) for piece in pieces) == 180
    for piece in pieces:
        stream = streams[piece.session]
        labels = {stream.label_at(int(stamp)) or "standby" for stamp in piece.window.stamps}
        assert labels == {piece.label}
        assert piece.seconds <= 1.6
        assert piece.source == "clips"  # as in the figures of other files
        assert len(piece.around.stamps) == len(stream.window.stamps)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"offsets": np.array([0, 120, 179])}, "do not cut"),
        ({"joints": np.zeros((3, 8, 2))}, "do not fit"),
        ({"frame_label": np.full(180, 11)}, "out of 0..10"),
        ({"clip": np.array(["a"])}, "do not match"),
        ({"clip": np.array("a")}, "do not match"),
        ({"offsets": np.array([])}, "do not cut"),
        ({"offsets": np.array([[0, 180]])}, "do not cut"),
        ({"frame_label": np.array(3)}, "no row of whole numbers"),
        ({"frame_label": np.full(180, "stop")}, "no row of whole numbers"),
        ({"joints": np.full((180, 8, 2), "x")}, "do not fit"),
    ],
)
def test_unusable_frame_labels_are_refused(tmp_path, changes, cause):
    with pytest.raises(UnreadableData, match=cause):
        read_frame_labels(write_clips(tmp_path / "clips.npz", **changes), LAYOUT)
    with pytest.raises(UnreadableData, match="does not exist"):
        read_frame_labels(tmp_path / "none.npz", LAYOUT)


def test_overlapping_segments_are_refused():
    window = Window(np.arange(3), np.zeros((3, 11, 4)), np.zeros((3, 2, 21, 4)))
    with pytest.raises(ValueError, match="too early"):
        LabelledStream("a", window, (Segment(0, 2, "x"), Segment(1, 3, "y")))


def test_takes_are_joined_with_a_way_that_is_no_sign(sequences):
    rest, sign = of(sequences, "p1", "null")[0], of(sequences, "p1", "fist")[0]
    stream = compose([rest, sign, rest], [0.3, 0.5], LAYOUT, 20.0, "null")
    stamps = (stream.window.stamps - stream.window.stamps[0]) / NANOSECONDS
    np.testing.assert_allclose(np.diff(stamps), 0.05, atol=1e-8)
    assert len(stamps) == 12 + 6 + 12 + 10 + 12
    (segment,) = stream.segments
    begin = int(np.searchsorted(stream.window.stamps, segment.start))
    assert (begin, segment.label) == (18, "fist")
    assert segment.length / NANOSECONDS == pytest.approx(12 / 20)
    assert stream.label_at(segment.start - 1) == stream.label_at(segment.end) == ""
    # The wrist goes from the rest's last place to the sign's first, slowly at both ends.
    x = stream.window.body[11:19, WRIST, 0]
    steps = np.abs(np.diff(x))
    assert np.all(np.diff(x) * (x[-1] - x[0]) >= 0)
    assert steps[3] > steps[0]
    assert steps[3] > steps[-1]


def test_a_hand_only_one_take_shows_goes_with_its_wrist_in_that_half(sequences):
    rest, sign = of(sequences, "p1", "null")[0], of(sequences, "p1", "fist")[0]
    stream = compose([rest, sign], [0.5], LAYOUT, 20.0, "null")
    hand = stream.window.hands[12:23, 1]
    assert np.isnan(hand[:4, :, 0]).all()
    assert np.isfinite(hand[5:, :, 0]).all()
    assert (hand[:4, :, 3] == 0).all()
    way = hand[5:, 0, :2] - stream.window.body[17:23, WRIST, :2]
    np.testing.assert_allclose(way, np.broadcast_to(way[-1], way.shape), atol=1e-5)


def test_everybody_sits_where_the_first_take_does(sequences):
    one, other = of(sequences, "p1", "fist")[0], of(sequences, "p2", "fist")[0]
    far = other.window.body.copy()
    far[..., :2] = far[..., :2] * 2 + 5
    moved = Sequence(
        Window(other.window.stamps, far, other.window.hands), "fist", "p2", "", "takes"
    )
    stream = compose([one, moved], [0.2], LAYOUT, 20.0, "null")
    shoulders = stream.window.body[:, [LAYOUT.index("left_shoulder")], :2]
    np.testing.assert_allclose(shoulders[-12:].mean(0), shoulders[:12].mean(0), atol=0.02)


def test_the_same_seed_composes_the_same_stream(sequences):
    signs, rests = of(sequences, "p1", "fist"), of(sequences, "p1", "null")

    def made(seed):
        return compose_stream(signs, rests, LAYOUT, np.random.default_rng(seed))

    one, same, other = made(0), made(0), made(1)
    np.testing.assert_array_equal(one.window.body, same.window.body)
    assert one.segments == same.segments != other.segments
    assert [each.label for each in one.segments] == ["fist"] * 4
    gaps = [b.start - a.end for a, b in zip(one.segments, one.segments[1:], strict=False)]
    assert min(gaps) / NANOSECONDS >= 1.0


def windows(sequences, seconds=0.5, **changes):
    streams = Streams(share=1.0, **changes)
    features = FeatureConfig(frames=8, window_seconds=seconds)
    return StreamWindows(sequences, CLASSES, features, streams, "null", Augmentation(), 3)


def test_windows_are_labelled_by_their_end(sequences):
    """Fists are told from open hands by shape alone: a wrong label would show."""
    made = windows([s for s in sequences if s.person == "p1"], unsure_seconds=0.1)
    seen = {label: [] for label in range(3)}
    for epoch in range(12):
        for index in range(len(made)):
            position, visible, label = made[epoch, index]
            assert position.shape == (8, 53, 3)
            seen[label].append(bool(visible[-1, -21:].all()))
    assert np.mean(seen[0]) == np.mean(seen[1]) == 1.0  # the hand is up at the end
    assert np.mean(seen[2]) < 0.9  # ways show it at times
    assert len(seen[2]) > len(seen[0])


def test_windows_hold_half_signs(sequences):
    made = windows(of(sequences, "p1", "fist") + of(sequences, "p1", "null"), 1.0, follow=0.0)
    halves = 0
    for epoch in range(6):
        for index in range(4):
            _, visible, label = made[epoch, index]
            shown = visible[:, -21:].all(1)
            halves += label == 0 and bool(shown[-1]) and not bool(shown[0])
    assert halves > 3


def test_windows_are_the_same_for_a_seed_and_differ_by_epoch(sequences):
    one, same = windows(sequences), windows(sequences)
    first, again, later = one[2, 5], same[2, 5], one[3, 5]
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], later[0])


def test_nothing_after_the_end_is_read(tmp_path):
    pieces = read_pieces(write_clips(tmp_path / "clips.npz"), LAYOUT)
    features = FeatureConfig(frames=8, window_seconds=1.0)
    classes = ("attention", "stop", "standby")
    made = StreamWindows(pieces, classes, features, Streams(share=1.0), "standby")
    before = [made[0, i] for i in range(len(pieces))]
    for piece in pieces:
        later = piece.around.stamps > piece.window.stamps[-1]
        body = piece.around.body.copy()
        body[later] = 99.0
        object.__setattr__(piece, "around", Window(piece.around.stamps, body, piece.around.hands))
    for old, new in zip(before, (made[0, i] for i in range(len(pieces))), strict=True):
        assert np.array_equal(old[0], new[0])


def test_shared_data_is_read(shared_data):
    streams = read_frame_labels(shared_data / "vehicle_signals.npz", LAYOUT)
    assert len(streams) == 74
    assert sorted({each.person for each in streams}) == ["p1", "p2", "p3", "p4", "p5"]
    assert sum(len(each.window.stamps) for each in streams) == 42350
