# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A bag, recognised anew or as it was recorded, against its labels.

The very core that the node runs (ActionStream) is driven by the recording's stamps, as fast as
the machine allows; the same bag, labels and model give the same result to the last bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bharnet.bag import TRUTH, Bag
from bharnet.judging.evaluation import Evaluation, InvalidRequest, Request
from bharnet.judging.invalid import InvalidLabels, Row
from bharnet.judging.labels import Clock, read_labels, read_texts, to_segments
from bharnet.judging.metrics import IDLE_NAMES, judge
from bharnet.judging.offline import recognise
from bharnet.judging.recorded import listen
from bharnet.judging.segments import Segment, Sighting, Span
from bharnet.judging.sources import Stopwatch

# Topics of labels; the first that a recording has is taken.
TRUTHS = ("/bharnet/truth", TRUTH)


def evaluate(
    request: Request, progress: Callable[[int, int], None] = lambda done, of: None
) -> Evaluation:
    """Recognise, or read what was recognised, and judge it. Nothing is written.

    ``progress(done, frames)`` is called now and then. Raises InvalidBag, InvalidLabels,
    InvalidCheckpoint or InvalidRequest.
    """
    begun, stopwatch = time.perf_counter(), Stopwatch()
    rows, source = read_rows(request)
    if strangers := set(request.rename) - {row.label for row in rows}:
        raise InvalidRequest(
            f"{source} has no label '{min(strangers)}' to rename; it has "
            f"{', '.join(sorted({row.label for row in rows} - {''}))[:200]}"
        )

    def truth(span: Span) -> list[Segment]:
        return to_truth(rows, request, span)

    anew = not request.recorded
    heard = recognise(request, truth, stopwatch, progress) if anew else listen(request)
    segments, listener = truth(heard.span), heard.listener
    _refuse_strangers(segments, listener.sightings, source)
    judgement = judge(
        segments,
        listener.events,
        heard.span,
        listener.sightings,
        heard.classes,
        IDLE_NAMES | {heard.idle, *request.idle},
        request.unlabelled,
    )
    seconds = time.perf_counter() - begun
    return Evaluation(request, heard, source, judgement, seconds, stopwatch.milliseconds)


def read_rows(request: Request) -> tuple[list[Row], str]:
    """The labels as written, and where they came from. Raises InvalidLabels, InvalidBag."""
    if request.labels is not None:
        return read_labels(request.labels), request.labels.name
    topics = (request.labels_topic,) if request.labels_topic else TRUTHS
    with Bag(request.bag) as bag:
        for topic in topics:
            if texts := bag.texts(topic):
                return read_texts(texts, topic), topic
    raise InvalidLabels(
        f"{request.bag} has no labels on {' or '.join(topics)}; give a file of them "
        "(with a header only, if nothing is done in the recording)"
    )


def to_truth(rows: Sequence[Row], request: Request, span: Span) -> list[Segment]:
    """The rows as segments of a recording of this span. Raises InvalidLabels."""
    return to_segments(rows, Clock(span.start, request.offset), span, request.rename)


def _refuse_strangers(
    truth: Sequence[Segment], sightings: Sequence[Sighting], source: str
) -> None:
    """Labels of people of whom nobody is there belong to another recording."""
    labelled = {each.person for each in truth} - {""}
    shown = {name for each in sightings for name in (each.body_id, each.person_id)} - {""}
    if labelled and not labelled & shown:
        raise InvalidLabels(
            f"{source} names {', '.join(sorted(labelled))[:80]}, but the recording shows "
            f"{', '.join(sorted(shown))[:80] or 'nobody'}; use these ids, or leave names out"
        )
