# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whose segments and whose events belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bharnet.judging.segments import Event, Segment, Sighting, Span, union


@dataclass
class Person:
    """One person as labelled, or one body that nobody labelled, or whoever is there ("")."""

    name: str
    labelled: bool
    segments: list[Segment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def seen(self) -> list[Span]:
        """When the person was in view."""
        return union(self.sightings)

    @property
    def comes(self) -> int:
        """The first stamp at which anything is known of the person."""
        starts = [each.start for each in (*self.segments, *self.sightings)]
        return min(starts + [each.onset for each in self.events], default=0)

    def switches(self) -> int:
        """How often the body id changed inside a segment.

        A label says that it is one person doing one thing; so a body that appears inside a
        segment after another body was lost inside it is the same person with a new id.
        """
        count = 0
        for segment in self.segments:
            inside = [s for s in self.sightings if s.start < segment.end and segment.start < s.end]
            gone: list[Sighting] = []
            for sighting in sorted(inside):
                before = [s for s in inside if s.end <= sighting.start and s not in gone]
                before = [s for s in before if s.body_id != sighting.body_id]
                if before and sighting.start > segment.start:
                    gone.append(before[0])
                    count += 1
        return count


def gather(
    truth: Sequence[Segment], events: Sequence[Event], sightings: Sequence[Sighting]
) -> list[Person]:
    """Everybody, labelled people first, then in the order in which they come.

    Labels without names: all bodies count as one person. Else a name means the body of that
    body_id and the bodies of that person_id; everybody else is a person of their own without
    labels. Raises ValueError if only some segments name a person.
    """
    names = sorted({each.person for each in truth})
    if names == [""]:
        return [_in_order(Person("", True, sorted(truth), [*events], [*sightings]))]
    if "" in names:
        raise ValueError("some labels name a person and some do not; name one in all or in none")
    people = {name: Person(name, True) for name in names}
    for segment in sorted(truth):
        people[segment.person].segments.append(segment)

    def owner(body_id: str, person_id: str) -> Person:
        name = person_id if body_id not in people and person_id in people else body_id
        return people.setdefault(name, Person(name, False))

    for event in events:
        owner(event.body_id, event.person_id).events.append(event)
    for sighting in sightings:
        owner(sighting.body_id, sighting.person_id).sightings.append(sighting)
    everybody = [_in_order(each) for each in people.values()]
    return sorted(everybody, key=lambda each: (not each.labelled, each.comes, each.name))


def _in_order(person: Person) -> Person:
    person.events.sort(key=lambda each: (each.onset, each.decided, each.body_id, each.label))
    person.sightings.sort()
    return person
