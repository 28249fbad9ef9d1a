# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is drawn: where it should be, in the colours it should have, and nothing outside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from walkers import walker

from bharnet.captions import ACTIVE, caption_card, free_place
from bharnet.drawing import LEFT, RIGHT, Caption, draw
from bharnet.estimation.estimator import Detection
from bharnet.estimation.people import PeopleFrame
from bharnet.skeleton import UPPER_BODY_11


def frame(*people: tuple[str, Detection], width: int = 640, height: int = 480) -> PeopleFrame:
    return PeopleFrame(1, width, height, "fake", UPPER_BODY_11.name, people, {})


def shows(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.asarray((image == colour).all(-1))


GREY = np.full((480, 640, 3), 90, np.uint8)


def test_limbs_lie_between_their_joints_and_the_picture_is_not_touched() -> None:
    person = walker(0.6)
    before = GREY.copy()
    picture = draw(GREY, frame(("abcde", person)), {})
    np.testing.assert_array_equal(GREY, before)
    assert picture.shape == GREY.shape
    shoulder, elbow = (
        person.body[UPPER_BODY_11.index(f"left_{j}")] for j in ("shoulder", "elbow")
    )
    x, y = ((shoulder + elbow)[:2] / 2 * (640, 480)).astype(int)
    assert (picture[y, x] != 90).any()


def test_hands_have_the_colour_of_their_side() -> None:
    hand = np.random.default_rng(0).uniform(0.3, 0.5, (21, 4)).astype(np.float32)
    left = draw(GREY, frame(("abcde", replace(walker(0.6), left_hand=hand))), {})
    right = draw(GREY, frame(("abcde", replace(walker(0.6), right_hand=hand))), {})
    assert shows(left, LEFT).sum() > 50
    assert shows(left, RIGHT).sum() == 0
    assert shows(right, RIGHT).sum() > 50
    assert shows(right, LEFT).sum() == 0


def test_joints_that_are_guessed_or_not_seen_are_not_drawn() -> None:
    nobody = walker(0.6)
    nobody.body[:, 3] = 0.1
    unseen = walker(0.6)
    unseen.body[:, :3] = np.nan
    for person in (nobody, unseen):
        picture = draw(GREY, frame(("abcde", person)), {})
        # The card with the id is all there is.
        assert (picture != GREY).any(-1).mean() < 0.01


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_bar_is_as_long_as_the_confidence(share: float) -> None:
    card = caption_card("abcde", Caption("hello", share, 0.5, active=True), 1.0)
    full = caption_card("abcde", Caption("hello", 1.0, 0.5, active=True), 1.0)
    long, longest = (shows(c[..., :3], ACTIVE).any(0).sum() for c in (card, full))
    assert long == pytest.approx(share * longest, abs=2)


def test_a_caption_says_what_is_known() -> None:
    nan = float("nan")
    given_captions = [
        Caption("hello", 0.9, 1.0, True),
        Caption("hello", 0.9, 1.0, False),
        Caption("", 0.4, 1.0),
        Caption("", nan, nan),
        None,
    ]
    cards = [caption_card("abcde", caption, 1.0).tobytes() for caption in given_captions]
    assert len(set(cards)) == len(cards)


def test_a_card_hides_neither_head_nor_another_card() -> None:
    card = caption_card("abcde", Caption("hello", 0.9, 1.0), 1.0)
    height, width = card.shape[:2]
    head, scale = (300, 200, 360, 260), np.array((640, 480), np.float32)
    first = free_place(card, head, scale, [head], 6)
    assert first[1] + height <= 200  # over the head
    second = free_place(
        card, head, scale, [head, (*first, first[0] + width, first[1] + height)], 6
    )
    assert second[0] >= 360 or second[0] + width <= 300


def test_a_head_at_the_border_keeps_its_card_inside() -> None:
    for x, y in ((0.0, 0.02), (1.33, 0.02), (1.33, 0.95), (-3.0, 0.5)):
        picture = draw(GREY, frame(("abcde", walker(x, y))), {"abcde": Caption("hello", 0.9, 1)})
        assert picture.shape == GREY.shape


@settings(max_examples=60)
@example(0.5, 0.5, 1.0, 320, 240, "a\nb", float("inf"))
@given(
    x=st.floats(-2, 3),
    y=st.floats(-2, 3),
    size=st.floats(0, 5),
    width=st.sampled_from([16, 320, 899]),
    height=st.sampled_from([16, 240, 701]),
    label=st.text(max_size=80),
    share=st.floats(),
)
def test_nothing_that_comes_breaks_it(
    x: float, y: float, size: float, width: int, height: int, label: str, share: float
) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    captions = {"abcde": Caption(label, share, share, True)}
    people = frame(("abcde", walker(x, y, size)), width=width, height=height)
    assert draw(image, people, captions, note=label).shape == image.shape
