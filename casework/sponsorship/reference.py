"""Caps, suspensions and terms: rules that change, as dated lines with their sources, never as constants of the code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from casework.kernel.reference_table import in_force, refuse_overlaps, rows

if TYPE_CHECKING:
    from datetime import date

    from casework.sponsorship.lifecycle import Pool

DATA = files("casework.sponsorship") / "data"


class CapPool(StrEnum):
    any = "any"
    groups = "groups"
    organizations = "organizations"


class Destination(StrEnum):
    any = "any"
    montreal_region = "montreal_region"


class TermCode(StrEnum):
    undertaking_end = "undertaking_end"
    report_1 = "report_1"
    report_2 = "report_2"


class Anchor(StrEnum):
    arrival = "arrival"
    settlement = "settlement"


@dataclass(frozen=True, slots=True)
class Cap:
    """How many undertakings a year may admit, in all or in one pool, everywhere or for one destination."""

    year: int
    pool: CapPool
    destination: Destination
    cap: int
    valid_from: date
    valid_to: date | None
    source: str


@dataclass(frozen=True, slots=True)
class Suspension:
    valid_from: date
    valid_to: date | None
    source: str


@dataclass(frozen=True, slots=True)
class Term:
    """`months` after the anchor."""

    code: TermCode
    months: int
    anchor: Anchor
    valid_from: date
    valid_to: date | None
    source: str


@cache
def caps() -> tuple[Cap, ...]:
    columns = ("year", "pool", "destination", "cap", "valid_from", "valid_to", "source")
    read = [
        (row, Cap(row.integer("year"), row.member("pool", CapPool), row.member("destination", Destination),
                  row.integer("cap"), *row.validity(), row.text("source")))
        for row in rows(DATA / "caps.csv", columns)
    ]  # fmt: skip
    refuse_overlaps([(row, (cap.year, cap.pool, cap.destination), cap) for row, cap in read])
    return tuple(cap for _, cap in read)


@cache
def suspensions() -> tuple[Suspension, ...]:
    found = rows(DATA / "suspensions.csv", ("valid_from", "valid_to", "source"))
    return tuple(Suspension(*row.validity(), row.text("source")) for row in found)


@cache
def terms() -> tuple[Term, ...]:
    columns = ("code", "months", "anchor", "valid_from", "valid_to", "source")
    read = [
        (row, Term(row.member("code", TermCode), row.integer("months"), row.member("anchor", Anchor),
                   *row.validity(), row.text("source")))
        for row in rows(DATA / "terms.csv", columns)
    ]  # fmt: skip
    refuse_overlaps([(row, term.code, term) for row, term in read])
    return tuple(term for _, term in read)


def cap_of(year: int, pool: Pool) -> Cap | None:
    """The published cap of one pool for all destinations; None where none was found."""
    return next((c for c in caps() if (c.year, c.pool, c.destination) == (year, str(pool), Destination.any)), None)


def suspension_on(day: date) -> Suspension | None:
    return next((one for one in suspensions() if in_force(one, day)), None)


def months_of(code: TermCode, on: date) -> int:
    """Raises LookupError where no line is in force: the data begin with the first undertaking they serve."""
    return next(term.months for term in terms() if term.code is code and in_force(term, on))
