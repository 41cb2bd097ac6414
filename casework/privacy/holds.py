"""Legal holds: what an investigation or a court still needs is not erased, by anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases.service import case_to
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import InvalidContent, NotFound
from casework.privacy import errors
from casework.privacy.models import LegalHold

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.privacy.schemas import LegalHoldCreate

CASE_OF = "SELECT case_id FROM persons WHERE id = %s"
STANDING = (
    "SELECT id FROM legal_holds WHERE case_id = %s AND released_at IS NULL AND (person_id IS NULL OR person_id = %s)"
    " ORDER BY id LIMIT 1"
)


async def case_of(session: Session, person_id: UUID) -> UUID:
    """Raises NotFound."""
    rows = await session.rows(CASE_OF, (person_id,))
    if not rows:
        raise NotFound
    case_id: UUID = rows[0][0]
    return case_id


async def refuse_held(session: Session, case_id: UUID, person_id: UUID) -> None:
    """Raises UnderLegalHold, naming the hold."""
    rows = await session.rows(STANDING, (case_id, person_id))
    if rows:
        raise errors.UnderLegalHold(hold_id=str(rows[0][0]))


async def place_hold(session: Session, caller: Caller, wanted: LegalHoldCreate) -> LegalHold:
    """Raises NotFound, or InvalidContent unless exactly one scope is named.

    The case is locked, so that no erasure under way passes a hold about to be placed.
    """
    if (wanted.case_id is None) == (wanted.person_id is None):
        raise InvalidContent(errors=[errors.one_scope()])
    case_id = wanted.case_id or await case_of(session, wanted.person_id)  # type: ignore[arg-type]  # one is named
    case = await case_to(Permission.legal_hold_manage, session, caller, case_id)
    hold = LegalHold(
        id=new_id(), case_id=case.id, office_id=case.office_id, region_code=case.region_code,
        person_id=wanted.person_id, basis=wanted.basis, reference=wanted.reference, placed_by=caller.actor_id,
    )  # fmt: skip
    session.add(hold)
    await session.flush()
    trail.record(session, caller, "legal_hold.placed", {"hold": str(hold.id), "basis": str(hold.basis)})
    return hold


async def release_hold(session: Session, caller: Caller, hold_id: UUID, reference: str) -> LegalHold:
    """Raises NotFound or HoldAlreadyReleased."""
    query = select(LegalHold).where(col(LegalHold.id) == hold_id).with_for_update()
    hold = (await session.exec(query)).first()
    if hold is None:
        raise NotFound
    if hold.released_at is not None:
        raise errors.HoldAlreadyReleased
    hold.released_at, hold.released_by, hold.release_reference = clock.now(), caller.actor_id, reference
    await session.flush()
    trail.record(session, caller, "legal_hold.released", {"hold": str(hold.id)})
    return hold
