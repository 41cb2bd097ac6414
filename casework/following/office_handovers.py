"""An office hands many cases over to another at once: proposed by the ministry, accepted or refused by the receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from casework.audit import trail
from casework.following import errors
from casework.following.models import HandoverStatus, OfficeHandover, OfficeHandoverCase
from casework.following.office_schemas import MOST
from casework.kernel import clock
from casework.kernel.problems import NotFound, StaleVersion
from casework.kernel.single import single

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.following.office_schemas import OfficeHandoverCreate
    from casework.kernel.database import Session

OFFICE = "SELECT 1 FROM offices WHERE id = %s"
FREE = (
    "NOT EXISTS (SELECT 1 FROM office_handover_cases h WHERE h.case_id = c.id AND h.status = 'proposed')"
    " ORDER BY c.id LIMIT %s FOR UPDATE OF c"
)
NAMED = "SELECT c.id, c.office_id, c.region_code FROM cases c WHERE c.id = ANY(%s) ORDER BY c.id FOR UPDATE"
OF_OFFICE = f"SELECT c.id, c.office_id, c.region_code FROM cases c WHERE c.office_id = %s AND {FREE}"
PROPOSED = "SELECT 1 FROM office_handover_cases WHERE case_id = ANY(%s) AND status = 'proposed' LIMIT 1"
# Counted where it was written down: the receiver does not see the cases yet.
HELD = "SELECT office_handover_id, count_of_office_handover(office_handover_id) FROM unnest(%s::uuid[]) AS t (office_handover_id)"
WITHIN = (
    "SELECT office_handover_id, case_id FROM office_handover_cases WHERE office_handover_id = ANY(%s) ORDER BY case_id"
)


async def propose(session: Session, caller: Caller, wanted: OfficeHandoverCreate) -> OfficeHandover:
    """Raises NotFound, InvalidContent, NothingToHandOver or CaseAlreadyProposedToOffice."""
    if not await session.rows(OFFICE, (wanted.to_office_id,)):
        raise NotFound
    cases = await _cases(session, wanted)
    handover = OfficeHandover(office_id=wanted.to_office_id, reason=wanted.reason, proposed_by=caller.actor_id)
    session.add(handover)
    await session.flush()
    session.add_all(
        OfficeHandoverCase(case_id=case_id, office_id=office_id, region_code=region_code, from_office_id=office_id,
                           office_handover_id=handover.id, to_office_id=wanted.to_office_id)
        for case_id, office_id, region_code in cases
    )  # fmt: skip
    await session.flush()
    facts = {"office_handover": str(handover.id), "to": str(wanted.to_office_id), "cases": len(cases)}
    trail.record(session, caller, "office_handover.proposed", facts)
    return handover


async def _cases(session: Session, wanted: OfficeHandoverCreate) -> list[tuple[Any, ...]]:
    if wanted.from_office_id is not None:
        if wanted.from_office_id == wanted.to_office_id:
            raise errors.there_already("/from_office_id")
        found = await session.rows(OF_OFFICE, (wanted.from_office_id, MOST))
        if not found:
            raise errors.NothingToHandOver
        return found
    named = wanted.case_ids or []
    found = await session.rows(NAMED, (named,))
    if len(found) != len(named):
        raise NotFound
    there = {case_id for case_id, office_id, _ in found if office_id == wanted.to_office_id}
    if there:
        raise errors.there_already(*(f"/case_ids/{place}" for place, one in enumerate(named) if one in there))
    if await session.rows(PROPOSED, (named,)):
        raise errors.CaseAlreadyProposedToOffice
    return found


async def answer(
    session: Session, caller: Caller, handover_id: UUID, version: int, *, refusal: str | None = None
) -> OfficeHandover:
    """Without `refusal` it is accepted: every case moves, or none. Raises NotFound, StaleVersion, NotTheReceiver,
    HandoverAlreadyAnswered or ExternalIdTaken.
    """
    query = select(OfficeHandover).where(col(OfficeHandover.id) == handover_id)
    handover = await single(session, query, lock=True)
    if handover.status is not HandoverStatus.proposed:
        raise errors.HandoverAlreadyAnswered
    if handover.version != version:
        raise StaleVersion
    if refusal is None and caller.actor_id == handover.proposed_by:
        raise errors.NotTheReceiver
    handover.status = HandoverStatus.accepted if refusal is None else HandoverStatus.refused
    handover.answered_at, handover.answered_by, handover.answer = clock.now(), caller.actor_id, refusal
    handover.version += 1
    try:
        await session.flush()  # a trigger moves the cases, and all that is theirs
    except IntegrityError as error:
        if isinstance(error.orig, psycopg.errors.UniqueViolation):
            raise errors.ExternalIdTaken from error
        raise
    trail.record(session, caller, f"office_handover.{handover.status}", {"office_handover": str(handover.id)})
    return handover


async def as_read(session: Session, handovers: Iterable[OfficeHandover]) -> list[dict[str, Any]]:
    found = list(handovers)
    ids = [one.id for one in found]
    held = dict(await session.rows(HELD, (ids,)))
    within: dict[UUID, list[UUID]] = {}
    for handover_id, case_id in await session.rows(WITHIN, (ids,)):
        within.setdefault(handover_id, []).append(case_id)
    return [{**one.model_dump(), "cases": held[one.id], "case_ids": within.get(one.id, [])} for one in found]
