"""The milestone catalogue, shipped as CSV with dates in force and checked each time it is read (audit.md §4).

One code may have several versions that never overlap: the rule changed, the milestone stayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from casework.kernel.programme import Programme
from casework.kernel.reference_table import refuse_duplicates, refuse_overlaps, rows

if TYPE_CHECKING:
    from datetime import date
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from casework.kernel.reference_table import Row

SHIPPED: Final = files("casework.milestones") / "data"
COLUMNS: Final = (
    "code",
    "label_fr",
    "label_en",
    "programme",
    "subject",
    "recorded_by",
    "anchor",
    "offset_days",
    "applies_to",
    "evidence_fr",
    "evidence_en",
    "repeatable",
    "valid_from",
    "valid_to",
    "source",
)


class Subject(StrEnum):
    person = "person"
    household = "household"


class Anchor(StrEnum):
    """What the due date is counted from; `printed` is read on a document, `none` has no due date."""

    claim = "claim"
    offer = "offer"
    arrival = "arrival"
    undertaking = "undertaking"
    printed = "printed"
    none = "none"


class Applies(StrEnum):
    all = "all"
    adults = "adults"
    school_age = "school_age"
    preschool = "preschool"
    household = "household"


class Recorder(StrEnum):
    """Roles (authz) that may record a milestone of a type."""

    intake_worker = "intake_worker"
    caseworker = "caseworker"
    coordinator = "coordinator"
    partner = "partner"
    sponsor_spokesperson = "sponsor_spokesperson"


class _ProgrammeCell(StrEnum):
    asylum = "asylum"
    collective_sponsorship = "collective_sponsorship"
    both = "both"


class _BooleanCell(StrEnum):
    true = "true"
    false = "false"


RETENTION: Final = "RETENTION_"
"""What the codes of the presence checks begin with; the days follow."""
COUNTED: Final = frozenset({Anchor.claim, Anchor.offer, Anchor.arrival, Anchor.undertaking})


@dataclass(frozen=True, slots=True)
class MilestoneType:
    """One version of one type; `offset_days` counts calendar days and stands only beside a counted anchor."""

    code: str
    label_fr: str
    label_en: str
    programmes: frozenset[Programme]
    subject: Subject
    recorded_by: frozenset[Recorder]
    anchor: Anchor
    offset_days: int | None
    applies_to: Applies
    evidence_fr: str
    evidence_en: str
    repeatable: bool
    valid_from: date
    valid_to: date | None
    source: str


def milestone_types(folder: Traversable | Path = SHIPPED) -> tuple[MilestoneType, ...]:
    """All versions of all types, in the order of the file. Raises ReferenceDataError."""
    read = [(row, _milestone_type(row)) for row in rows(folder / "milestone_types.csv", COLUMNS)]
    refuse_duplicates((row, (kind.code, kind.valid_from.isoformat())) for row, kind in read)
    refuse_overlaps((row, kind.code, kind) for row, kind in read)
    return tuple(kind for _, kind in read)


def _milestone_type(row: Row) -> MilestoneType:
    start, end = row.validity()
    anchor, subject = row.member("anchor", Anchor), row.member("subject", Subject)
    return MilestoneType(
        code=row.text("code", r"[A-Z][A-Z0-9_]{1,63}"),
        label_fr=row.text("label_fr"),
        label_en=row.text("label_en"),
        programmes=_programmes(row),
        subject=subject,
        recorded_by=_recorders(row),
        anchor=anchor,
        offset_days=_offset(row, anchor),
        applies_to=_applies(row, subject),
        evidence_fr=row.text("evidence_fr"),
        evidence_en=row.text("evidence_en"),
        repeatable=row.member("repeatable", _BooleanCell) is _BooleanCell.true,
        valid_from=start,
        valid_to=end,
        source=row.text("source"),
    )


def _programmes(row: Row) -> frozenset[Programme]:
    cell = row.member("programme", _ProgrammeCell)
    return frozenset(Programme if cell is _ProgrammeCell.both else {Programme(str(cell))})


def _recorders(row: Row) -> frozenset[Recorder]:
    names = row.text("recorded_by").split(";")
    if len(set(names)) != len(names) or not set(names) <= set(Recorder):
        row.fail(f"recorded_by is not a list of {', '.join(Recorder)}")
    return frozenset(Recorder(name) for name in names)


def _offset(row: Row, anchor: Anchor) -> int | None:
    if anchor not in COUNTED:
        if row.optional("offset_days") is not None:
            row.fail(f"no offset is counted from the anchor {anchor}")
        return None
    return row.integer("offset_days", r"-?[0-9]{1,4}")


def _applies(row: Row, subject: Subject) -> Applies:
    applies = row.member("applies_to", Applies)
    if (applies is Applies.household) is not (subject is Subject.household):
        row.fail("a household milestone applies to the household, a person's to persons")
    return applies
