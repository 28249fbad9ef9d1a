# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a live node told, as somebody recorded it."""

from __future__ import annotations

import contextlib

from bharnet.bag import (
    ACTION_TYPE,
    ACTIONS,
    LABELS_TYPE,
    POSE_TYPE,
    Bag,
    DamagedBag,
    EmptyBag,
    NoTopic,
    PoseBag,
)
from bharnet.decision import Reason
from bharnet.judging.evaluation import Heard, Request
from bharnet.judging.hearing import Listener, from_actions
from bharnet.judging.segments import Span

# What bharnet_ros/replay notes in the recordings that it makes.
SPAN_NOTE, LOSS_NOTES = "bharnet.span", ("sent", "lost", "skipped")
# A result this old came from another clock.
OLDEST_MS = 60_000.0


def listen(request: Request) -> Heard:
    """Read the recorded actions. Raises InvalidBag."""
    listener, model = Listener(), ""
    ages: list[float] = []
    with Bag(request.bag) as bag:
        topic = bag.choose((ACTION_TYPE,), request.topic, ACTIONS)
        for logged, message in bag.messages(topic):
            try:
                stamp, told = from_actions(message)
                model = str(message.model_id)
            except (AttributeError, ValueError) as error:
                raise DamagedBag(
                    f"{bag.path}: its {ACTION_TYPE} is of another version ({error}); record it "
                    "with this version of the messages"
                ) from None
            listener.hear(stamp, told)
            # What tells of stopped input is meant to come late; it has no age.
            if not any(each.reason in (Reason.INPUT_STOPPED, Reason.RESET) for each in told):
                ages.append((logged - stamp) / 1e6)
        node = topic.topic.rpartition("/")[0]  # of several robots, the one that is judged
        classes, idle = _vocabulary(bag, f"{node}/labels")
        span = _span(bag, listener, f"{node}/poses")
        notes = bag.notes
    plausible = all(0 <= each <= OLDEST_MS for each in ages)
    return Heard(
        listener=listener,
        span=span,
        model=model,
        classes=classes,
        idle=idle,
        frames=0,
        ages=ages if plausible else [],
        losses={
            key: int(notes[f"bharnet.{key}"])
            for key in LOSS_NOTES
            if notes.get(f"bharnet.{key}", "").isdecimal()
        },
    )


def _vocabulary(bag: Bag, topic: str) -> tuple[tuple[str, ...] | None, str]:
    """Classes of all models that ran and the idle one, if the latched labels were recorded.

    ``topic``: where they are, should there be several.
    """
    known: dict[str, None] = {}
    idle = ""
    try:
        labels = bag.choose((LABELS_TYPE,), "", topic)
    except (NoTopic, EmptyBag):
        return None, ""
    for _, message in bag.messages(labels):
        # Each model that ran latched its own.
        classes, place = tuple(map(str, message.labels)), int(message.idle_class_id)
        known |= dict.fromkeys(classes)
        idle = idle or (classes[place] if 0 <= place < len(classes) else "")
    return (tuple(known), idle) if known else (None, "")


def _span(bag: Bag, listener: Listener, topic: str) -> Span:
    """Of the poses where they are known, so that labels mean the same time as offline.

    ``topic``: where they are, should there be several.
    """
    noted = bag.notes.get(SPAN_NOTE, "").split()
    if len(noted) == 2 and all(each.isdecimal() for each in noted):
        first, last = map(int, noted)
        return Span(min(first, last), last)
    # Poses of several topics, or of none that ever came, do not tell it.
    with contextlib.suppress(NoTopic, EmptyBag):
        chosen = bag.choose((POSE_TYPE,), "", topic)
        with PoseBag(bag.path, chosen.topic) as poses:
            return Span(*poses.span())
    return Span(listener.first, listener.newest)
