"""The claim's history, one person at a time: what is added has to follow, and nothing that was said is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases import claim_queries, hooks, queries
from casework.cases.claim import may_follow
from casework.cases.errors import CaseAlreadyClosed, ClaimStatusAlreadyVoided, ClaimStatusCannotFollow, NoClaimHere
from casework.cases.lifecycle import CaseStatus, ClaimStatus
from casework.cases.models import CLAIM_VOID_PLACE, SOURCE_PLACE, Case, ClaimStatusEntry
from casework.cases.service import case_to, household_key, subject_of
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion, SubjectErased
from casework.kernel.programme import Programme

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.claim_schemas import ClaimStatusRecord, ClaimStatusSaid
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey


async def record_status(
    session: Session, caller: Caller, case_id: UUID, wanted: ClaimStatusRecord
) -> list[dict[str, Any]]:
    """One entry a person. Raises NotFound, SubjectErased, CaseAlreadyClosed, NoClaimHere, ClaimStatusCannotFollow."""
    case = await case_to(Permission.claim_status_record, session, caller, case_id)
    key = await household_key(session, case_id)
    people = await _people(session, case_id, wanted.person_id)
    _refuse_claimless(case)
    for person_id in people:
        await _refuse_contradiction(session, person_id, wanted.said)
    entries = [_entry(caller, case, person_id, wanted.said, key) for person_id in people]
    session.add_all(entries)
    await _told(session, caller, case, "claim_status.recorded", {"persons": len(people)})
    return [as_read(key, row_of(entry)) for entry in entries]


async def void_status(session: Session, caller: Caller, status_id: UUID, version: int, reason: str) -> dict[str, Any]:
    """The entry stays, marked. Raises NotFound, StaleVersion, ClaimStatusAlreadyVoided, ClaimStatusCannotFollow."""
    query = select(ClaimStatusEntry).where(col(ClaimStatusEntry.id) == status_id).with_for_update()
    entry = (await session.exec(query)).first()
    if entry is None:
        raise NotFound
    case = await case_to(Permission.claim_status_void, session, caller, entry.case_id)
    key = await household_key(session, entry.case_id)
    if entry.voided_at is not None:
        raise ClaimStatusAlreadyVoided
    if entry.version != version:
        raise StaleVersion
    everybody = await _people(session, entry.case_id, None)
    for person_id in [entry.person_id] if entry.person_id else everybody:
        before, after = await _neighbours(session, person_id, entry.occurred_on, entry.id)
        _refuse_gap(before, after)
    entry.voided_at, entry.voided_by = clock.now(), caller.actor_id
    entry.sealed_void_reason = key.seal(CLAIM_VOID_PLACE, entry.id, reason)
    entry.version += 1
    await _told(session, caller, case, "claim_status.voided", {"persons": 1 if entry.person_id else len(everybody)})
    return as_read(key, row_of(entry))


async def _people(session: Session, case_id: UUID, person_id: UUID | None) -> list[UUID]:
    """The one named, or every member of today who is not erased."""
    if person_id is None:
        return [row[0] for row in await session.rows(claim_queries.MEMBERS, (case_id,))]
    asked = "SELECT k.erased_at FROM persons p JOIN subject_keys k ON k.subject_id = p.id WHERE p.id = %s AND p.case_id = %s"
    rows = await session.rows(asked, (person_id, case_id))
    if not rows:
        raise NotFound
    if rows[0][0] is not None:
        raise SubjectErased
    return [person_id]


def _refuse_claimless(case: Case) -> None:
    if case.status is CaseStatus.closed:
        raise CaseAlreadyClosed
    if case.programme is Programme.collective_sponsorship:
        raise NoClaimHere


async def _refuse_contradiction(session: Session, person_id: UUID, said: ClaimStatusSaid) -> None:
    """A back-dated entry has to fit between what is known before it and what is known after."""
    before, after = await _neighbours(session, person_id, said.occurred_on, new_id())
    _refuse_gap(before, said.status)
    _refuse_gap(said.status, after)


async def _neighbours(
    session: Session, person_id: UUID, on: date, at: UUID
) -> tuple[ClaimStatus | None, ClaimStatus | None]:
    asked = {"person": person_id, "on": on, "at": at, "but": at}
    rows = await session.rows(claim_queries.NEIGHBOURS, asked)
    before, after = rows[0] if rows else (None, None)
    return before and ClaimStatus(before), after and ClaimStatus(after)


def _refuse_gap(before: ClaimStatus | None, after: ClaimStatus | None) -> None:
    if before is not None and after is not None and not may_follow(before, after):
        raise ClaimStatusCannotFollow(earlier=str(before), later=str(after))


def _entry(caller: Caller, case: Case, person_id: UUID, said: ClaimStatusSaid, key: SubjectKey) -> ClaimStatusEntry:
    row = new_id()
    return ClaimStatusEntry(
        id=row, case_id=case.id, office_id=case.office_id, region_code=case.region_code, person_id=person_id,
        **said.model_dump(exclude={"source"}), sealed_source=key.seal(SOURCE_PLACE, row, said.source),
        recorded_by=caller.actor_id,
    )  # fmt: skip


async def _told(session: Session, caller: Caller, case: Case, action: str, facts: dict[str, Any]) -> None:
    case.version += 1
    await session.flush()
    subject, _ = await subject_of(session, case.id)
    trail.record(session, caller, action, {**subject, **facts})
    for act in hooks.on_claim_status:
        await act(session, caller, case)


def row_of(entry: ClaimStatusEntry) -> tuple[Any, ...]:
    names = (f"sealed_{name}" if name in {"source", "void_reason"} else name for name in claim_queries.COLUMNS)
    return tuple(getattr(entry, name) for name in names)


def as_read(key: SubjectKey | None, row: Sequence[Any]) -> dict[str, Any]:
    """`key` None: the household is erased, and its words with it."""
    told = dict(zip(claim_queries.COLUMNS, row, strict=True))
    source, reason = told.pop("source"), told.pop("void_reason")
    told["source"] = key.open(SOURCE_PLACE, told["id"], source) if key else ""
    at, by = told.pop("voided_at"), told.pop("voided_by")
    words = key.open(CLAIM_VOID_PLACE, told["id"], reason) if key and reason else None
    told["void"] = at and {"at": at, "by": by, "reason": words}
    return told


async def history(
    session: Session, case_id: UUID, after: list[Any] | None, limit: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Newest first, one more than asked, and where each member stands. Raises NotFound."""
    if not await session.rows("SELECT 1 FROM cases WHERE id = %s", (case_id,)):
        raise NotFound
    on, row = after or (None, None)
    asked = {"case": case_id, "on": on, "after": row, "limit": limit + 1}
    rows = await session.rows(claim_queries.PAGE, asked)
    wrapped = await session.rows(queries.HOUSEHOLD_KEY, (case_id,))
    key = session.keyring.unwrap(*wrapped[0]) if wrapped else None
    stands = (await claim_queries.standings(session, [case_id])).get(case_id, [])
    today = clock.today()
    return [as_read(key, row) for row in rows], [
        {**one._asdict(), "hearing_pending": one.awaits_hearing(today)} for one in stands
    ]
