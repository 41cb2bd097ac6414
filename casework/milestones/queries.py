"""Reads in hand-written SQL on the driver; row security stands behind each of them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from casework.authz.guard import key_within_reach
from casework.authz.policy import FieldGroup, sight
from casework.kernel.language import Text
from casework.kernel.partial_date import PartialDate
from casework.kernel.problems import NotFound, SubjectErased
from casework.kernel.programme import Programme
from casework.milestones.reference import Anchor, MilestoneType, milestone_types

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey

# Ordered by what happened; what has no known date comes last, ties keep the order in which they were told.
HAPPENED = "coalesce(m.occurred_latest, 'infinity'::date)"
NO_DATE = "infinity"


@cache
def catalogue() -> tuple[MilestoneType, ...]:
    return milestone_types()


@cache
def labels() -> dict[str, Text]:
    """The newest label of each code."""
    newest = sorted(catalogue(), key=lambda kind: kind.valid_from)
    return {kind.code: Text(kind.label_fr, kind.label_en) for kind in newest}


@cache
def claim_codes() -> tuple[str, ...]:
    """Types counted from the claim: their dates tell when the claim was made."""
    return tuple(sorted({kind.code for kind in catalogue() if kind.anchor is Anchor.claim}))


def codes_hidden_from(caller: Caller) -> tuple[str, ...]:
    """A role that does not read claims gets no milestone that tells the claim's date (access.md §1)."""
    return () if sight(caller.person_role, FieldGroup.claim).whole else claim_codes()


class CaseFacts(NamedTuple):
    id: UUID
    office_id: UUID
    region_code: str | None
    programme: Programme
    closed: bool
    arrived_on: date | None


async def case_in_reach(session: Session, case_id: UUID) -> CaseFacts:
    """Raises NotFound."""
    rows = await session.rows(
        "SELECT id, office_id, region_code, programme, status = 'closed', arrived_on FROM cases WHERE id = %s",
        (case_id,),
    )
    if not rows:
        raise NotFound
    found, office_id, region_code, programme, *standing = rows[0]
    return CaseFacts(found, office_id, region_code, Programme(programme), *standing)


async def claimed_on(session: Session, case_id: UUID) -> date | None:
    """For roles that read the claim only; PostgreSQL grants the column to no other."""
    [(day,)] = await session.rows("SELECT claimed_on FROM cases WHERE id = %s", (case_id,))
    found: date | None = day
    return found


async def household_of(session: Session, case_id: UUID) -> UUID:
    """Raises NotFound."""
    rows = await session.rows("SELECT id FROM households WHERE case_id = %s", (case_id,))
    if not rows:
        raise NotFound
    household_id: UUID = rows[0][0]
    return household_id


async def person_of(session: Session, caller: Caller, case_id: UUID, person_id: UUID) -> tuple[SubjectKey, PartialDate]:
    """Key and birth date, unknown to a role that does not read it; raises NotFound for another case's, SubjectErased."""
    birth = _birth_column(caller)
    rows = await session.rows(
        f"SELECT k.erased_at, k.kek_id, k.wrapped, k.key_version, {birth} FROM persons p"
        " JOIN subject_keys k ON k.subject_id = p.id WHERE p.id = %s AND p.case_id = %s",
        (person_id, case_id),
    )
    if not rows:
        raise NotFound
    erased_at, *wrapped, sealed = rows[0]
    if erased_at is not None:
        raise SubjectErased
    key = session.keyring.unwrap(person_id, *wrapped)
    return key, opened_birth(key, sealed)


async def subject_key(session: Session, case_id: UUID, person_id: UUID | None) -> SubjectKey:
    """The key of the person, or of the household; raises NotFound or SubjectErased."""
    return await key_within_reach(session, person_id or await household_of(session, case_id))


def opened_birth(key: SubjectKey, sealed: bytes | None) -> PartialDate:
    if sealed is None:
        return PartialDate.unknown()
    return PartialDate.model_validate(key.open("persons/sealed_birth", key.subject_id, sealed))


class PersonRow(NamedTuple):
    id: UUID
    is_adult: bool | None
    birth: PartialDate


async def household_members(session: Session, caller: Caller, case_id: UUID) -> list[PersonRow]:
    """Today's members with the birth date the role may open; of an erased person nothing is expected."""
    rows = await session.rows(
        f"SELECT p.id, p.is_adult, k.kek_id, k.wrapped, k.key_version, {_birth_column(caller)}"
        " FROM persons p JOIN memberships s ON s.person_id = p.id AND s.ends_on IS NULL"
        " JOIN subject_keys k ON k.subject_id = p.id AND k.erased_at IS NULL WHERE p.case_id = %s ORDER BY p.id",
        (case_id,),
    )
    return [
        PersonRow(person_id, is_adult, opened_birth(session.keyring.unwrap(person_id, *wrapped), sealed))
        for person_id, is_adult, *wrapped, sealed in rows
    ]


def _birth_column(caller: Caller) -> str:
    return "p.sealed_birth" if sight(caller.person_role, FieldGroup.birth).whole else "NULL"


class RecordedRow(NamedTuple):
    id: UUID
    case_id: UUID
    code: str
    person_id: UUID | None
    outcome: str
    reason_code: str | None
    occurred_on: str | None
    occurred_latest: date | None
    evidence_kind: str | None
    sealed_evidence: bytes | None
    sealed_note: bytes | None
    external_id: str | None
    corrects: UUID | None
    organization_id: UUID | None
    recorded_by: UUID
    recorded_at: datetime
    voided_at: datetime | None
    voided_by: UUID | None
    sealed_void_reason: bytes | None
    version: int
    corrected_by: UUID | None
    subject_id: UUID
    kek_id: str | None
    wrapped: bytes | None
    key_version: int | None


_OWN = RecordedRow._fields[: RecordedRow._fields.index("corrected_by")]
RECORDED = (
    f"SELECT {', '.join(f'm.{column}' for column in _OWN)}, n.id, coalesce(m.person_id, h.id),"
    " k.kek_id, k.wrapped, k.key_version FROM milestones m LEFT JOIN households h ON h.case_id = m.case_id"
    " LEFT JOIN milestones n ON n.corrects = m.id"
    " LEFT JOIN subject_keys k ON k.subject_id = coalesce(m.person_id, h.id)"
    " AND k.erased_at IS NULL WHERE m.code <> ALL(%(hidden)s)"
)


async def recorded(session: Session, caller: Caller, milestone_id: UUID) -> RecordedRow:
    """Raises NotFound."""
    rows = await session.rows(
        RECORDED + " AND m.id = %(id)s", {"id": milestone_id, "hidden": list(codes_hidden_from(caller))}
    )
    if not rows:
        raise NotFound
    return RecordedRow(*rows[0])


async def recorded_as(session: Session, caller: Caller, scope: UUID, external_id: str) -> RecordedRow | None:
    """What was recorded under a client's own id, within the caller's reach."""
    wanted = {"scope": scope, "external_id": external_id, "hidden": list(codes_hidden_from(caller))}
    rows = await session.rows(
        RECORDED + " AND m.recorder_scope = %(scope)s AND m.external_id = %(external_id)s", wanted
    )
    return RecordedRow(*rows[0]) if rows else None


async def recorded_of_case(
    session: Session, caller: Caller, case_id: UUID, after: list[str] | None, limit: int
) -> list[RecordedRow]:
    """In the order in which it happened; one row more than asked tells whether a page follows."""
    sql = RECORDED + " AND m.case_id = %(case)s"
    if after:
        sql += f" AND ({HAPPENED}, m.id) > (%(day)s::date, %(after)s::uuid)"
    sql += f" ORDER BY {HAPPENED}, m.id LIMIT %(limit)s"
    day, last = after or (None, None)
    wanted = {
        "case": case_id,
        "day": day,
        "after": last,
        "limit": limit + 1,
        "hidden": list(codes_hidden_from(caller)),
    }
    return [RecordedRow(*row) for row in await session.rows(sql, wanted)]


def position(row: RecordedRow) -> list[str]:
    """Where a page of `recorded_of_case` ends."""
    return [row.occurred_latest.isoformat() if row.occurred_latest else NO_DATE, str(row.id)]


class ExpectedRow(NamedTuple):
    id: UUID
    code: str
    person_id: UUID | None
    anchor: str
    due_on: date
    certain: bool
    fulfilled_by: UUID | None

    @property
    def key(self) -> tuple[str, UUID | None]:
        """What there is one of in a case: a type of milestone, of a person or of the household."""
        return self.code, self.person_id


async def expected_of_case(session: Session, caller: Caller, case_id: UUID) -> list[ExpectedRow]:
    """Soonest first; as many as the catalogue and the household make, so there is no page."""
    rows = await session.rows(
        f"SELECT {', '.join(ExpectedRow._fields)} FROM milestone_expectations"
        " WHERE case_id = %s AND code <> ALL(%s) AND (lapsed_at IS NULL OR fulfilled_by IS NOT NULL)"
        " ORDER BY due_on, code, id",
        (case_id, list(codes_hidden_from(caller))),
    )
    return [ExpectedRow(*row) for row in rows]
