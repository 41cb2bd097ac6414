"""Which milestones a case is expected to reach, and by when (audit.md §4). Pure.

Due dates are counted from anchors that never move: a transfer between regions keeps the original arrival.
A date that the law prints on a document is read from it, never computed. A type without any due date
(anchor `none`) is recorded when it happens and is never expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from casework.kernel.reference_table import in_force
from casework.milestones.reference import Anchor, Applies, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from casework.kernel.partial_date import PartialDate
    from casework.kernel.programme import Programme
    from casework.milestones.reference import MilestoneType

DUE_SOON: Final = timedelta(days=7)
NOTHING_PRINTED: Final[Mapping[tuple[str, UUID | None], date]] = MappingProxyType({})
# Completed years. School from 5 until 18: Loi sur l'instruction publique (I-13.3), s. 1; domain.md §2.
AGES: Final[Mapping[Applies, range]] = MappingProxyType(
    {
        Applies.all: range(250),
        Applies.preschool: range(5),
        Applies.school_age: range(5, 18),
        Applies.adults: range(18, 250),
    }
)


@dataclass(frozen=True, slots=True)
class Anchors:
    """Dates of the case that due dates are counted from; None when it has not happened."""

    claimed_on: date | None = None
    offered_on: date | None = None
    arrived_on: date | None = None
    undertaking_on: date | None = None

    def of(self, anchor: Anchor) -> date | None:
        counted = {
            Anchor.claim: self.claimed_on,
            Anchor.offer: self.offered_on,
            Anchor.arrival: self.arrived_on,
            Anchor.undertaking: self.undertaking_on,
        }
        return counted.get(anchor)


@dataclass(frozen=True, slots=True)
class Member:
    id: UUID
    birth: PartialDate | None


@dataclass(frozen=True, slots=True)
class Expected:
    """`due_on` is None for a printed date nobody entered; `certain` is False when an unknown age decides."""

    code: str
    person_id: UUID | None
    due_on: date | None
    anchor: Anchor
    certain: bool = True

    @property
    def household(self) -> bool:
        return self.person_id is None


class State(StrEnum):
    upcoming = "upcoming"
    due = "due"
    overdue = "overdue"
    done = "done"


def expectations(
    types: Sequence[MilestoneType],
    programme: Programme,
    anchors: Anchors,
    people: Sequence[Member],
    on: date,
    *,
    printed: Mapping[tuple[str, UUID | None], date] = NOTHING_PRINTED,
) -> tuple[Expected, ...]:
    """Every milestone expected of the household and of its members, soonest first.

    A version of a type counts when it is in force on the anchor's date, and ages are taken on that same
    date, so an answer does not change as time passes. For a printed date nobody has entered yet, both are
    taken on `on`. `printed` maps (type code, person, None for the household) to the date on the document.
    """
    found = [
        expected
        for kind in types
        if programme in kind.programmes
        for expected in _of_type(kind, anchors, people, on, printed)
    ]
    return tuple(sorted(found, key=lambda e: (e.due_on or date.max, e.code, str(e.person_id or ""))))


def state(expected: Expected, done_on: date | None, today: date) -> State:
    """`due` from seven days before the due date through that day."""
    if done_on is not None:
        return State.done
    if expected.due_on is None:
        return State.upcoming
    if expected.due_on < today:
        return State.overdue
    return State.due if expected.due_on - today <= DUE_SOON else State.upcoming


class Reminder(StrEnum):
    """Which reminder of an open milestone falls on a day."""

    ahead = "ahead"
    due = "due"
    late = "late"
    still_late = "still_late"


AHEAD: Final = timedelta(days=7)
STILL_LATE_EVERY: Final = timedelta(days=14)
STILL_LATE_UNTIL: Final = timedelta(days=366)


def reminded_on(day: date) -> dict[date, Reminder]:
    """Due dates whose reminder falls on `day`: a week ahead, on the day, the day after, then every second week
    for a year, as long as nobody answers."""
    yesterday = day - timedelta(days=1)
    repeats = STILL_LATE_UNTIL // STILL_LATE_EVERY
    later = {yesterday - n * STILL_LATE_EVERY: Reminder.still_late for n in range(1, repeats + 1)}
    return {day + AHEAD: Reminder.ahead, day: Reminder.due, yesterday: Reminder.late, **later}


def _of_type(
    kind: MilestoneType,
    anchors: Anchors,
    people: Sequence[Member],
    on: date,
    printed: Mapping[tuple[str, UUID | None], date],
) -> Iterator[Expected]:
    whole: Sequence[Member | None] = (None,) if kind.subject is Subject.household else people
    for member in whole:
        person_id = None if member is None else member.id
        if kind.anchor is Anchor.printed:
            due_on = printed.get((kind.code, person_id))
            reference = due_on or on
        else:
            anchored_on = anchors.of(kind.anchor)
            if anchored_on is None:
                return
            reference, due_on = anchored_on, anchored_on + timedelta(days=kind.offset_days or 0)
        fits = _fits(kind.applies_to, member, reference)
        if in_force(kind, reference) and fits is not False:
            yield Expected(kind.code, person_id, due_on, kind.anchor, certain=fits is True)


def _fits(applies: Applies, member: Member | None, on: date) -> bool | None:
    """Is the person of the age meant on that day? None when what is known of the birth cannot tell."""
    if member is None:
        return True
    earliest, latest = (member.birth.earliest(), member.birth.latest()) if member.birth else (None, None)
    if earliest is None or latest is None:
        return True if applies is Applies.all else None
    inside = [age in AGES[applies] for age in range(_age(latest, on), _age(earliest, on) + 1)]
    return True if all(inside) else None if any(inside) else False


def _age(born: date, on: date) -> int:
    """Completed years; negative before birth."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
