"""How likely two records are one person, each reason with its points. Pure: what it compares was opened by its caller.

A birth date counts by what both dates can be: a year alone neither proves nor contradicts a day of that year. Two
people on one identifier happens (domain.md §7.3), so no single reason decides, and nothing here ever merges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from casework.kernel.language import Text
from casework.kernel.partial_date import Precision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from casework.kernel.partial_date import PartialDate

NAME_POINTS: Final = 55
NO_NAME: Final = 60.0
"""Closeness at which two names say nothing; from there to 100 the points grow evenly."""
IDENTIFIER_POINTS: Final = 40
CONTACT_POINTS: Final = 5
SAME_BIRTH: Final[Mapping[Precision, int]] = {Precision.day: 25, Precision.month: 12, Precision.year: 6}
SWAPPED, ONE_YEAR, CONTRADICTED = 14, 10, -25
LEAST: Final = 36
"""What is shown: at it, recall over the published pairs passes 95 % (casework/evidence/duplicate_pairs.py)."""
LIKELY: Final = 70


@dataclass(frozen=True, slots=True)
class Record:
    """What is compared of a person; `identifiers` are (type, blind index) pairs, never values."""

    birth: PartialDate
    identifiers: frozenset[tuple[str, bytes]] = frozenset()
    contact: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reason:
    factor: str
    points: int
    text: Text


@dataclass(frozen=True, slots=True)
class Likeness:
    score: int
    reasons: tuple[Reason, ...] = field(default=())

    @property
    def likely(self) -> bool:
        return self.score >= LIKELY


def likeness(names_closeness: float, one: Record, other: Record) -> Likeness:
    """`names_closeness`: 0 to 100, whatever the script and the order of words. The score is 0 to 100."""
    found = [reason for reason in (_names(names_closeness), _birth(one.birth, other.birth),
                                   *_identifiers(one, other), _contact(one, other)) if reason is not None]  # fmt: skip
    score = max(0, min(100, sum(reason.points for reason in found)))
    return Likeness(score, tuple(sorted(found, key=lambda reason: -reason.points)))


def _names(closeness: float) -> Reason | None:
    points = round(NAME_POINTS * max(0.0, closeness - NO_NAME) / (100 - NO_NAME))
    if not points:
        return None
    text = Text(
        f"Noms proches à {closeness:.0f} % (lettres et sons, toute écriture).",
        f"Names {closeness:.0f}% close (letters and sounds, any script).",
    )
    return Reason("name", points, text)


def _birth(one: PartialDate, other: PartialDate) -> Reason | None:
    if one.value is None or other.value is None:
        return None
    coarser = max((one.precision, other.precision), key=list(SAME_BIRTH).index)
    if _may_agree(one, other):
        text = Text("Dates de naissance compatibles.", "Birth dates agree as far as they are known.")
        return Reason(f"birth_{coarser}", SAME_BIRTH[coarser], text)
    if coarser is Precision.day and _swapped(one.value, other.value):
        return Reason("birth_swapped", SWAPPED, Text("Jour et mois intervertis.", "Day and month swapped."))
    if one.value[4:] == other.value[4:] and abs(int(one.value[:4]) - int(other.value[:4])) == 1:
        return Reason("birth_one_year", ONE_YEAR, Text("Un an d'écart, le reste égal.", "One year apart, else equal."))
    return Reason("birth_differs", CONTRADICTED, Text("Dates de naissance contraires.", "Birth dates contradict."))


def _may_agree(one: PartialDate, other: PartialDate) -> bool:
    first, second = _span(one), _span(other)
    return first[0] <= second[1] and second[0] <= first[1]


def _span(birth: PartialDate) -> tuple[date, date]:
    earliest, latest = birth.earliest(), birth.latest()
    assert earliest is not None
    assert latest is not None
    return earliest, latest


def _swapped(one: str, other: str) -> bool:
    year, month, day = one.split("-")
    return other == f"{year}-{day}-{month}"


def _identifiers(one: Record, other: Record) -> list[Reason]:
    shared = one.identifiers & other.identifiers
    if shared:
        kinds = ", ".join(sorted({kind for kind, _ in shared}))
        text = Text(f"Même pièce : {kinds}.", f"Same document: {kinds}.")
        return [Reason("identifier", IDENTIFIER_POINTS, text)]
    return []


def _contact(one: Record, other: Record) -> Reason | None:
    if not one.contact & other.contact:
        return None
    return Reason("contact", CONTACT_POINTS, Text("Mêmes coordonnées.", "Same contact."))
