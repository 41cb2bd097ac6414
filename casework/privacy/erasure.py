"""Erasure by key destruction: asked by one person, decided by another, done by the database (ADR 15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases.errors import CaseStillPlaced
from casework.cases.service import UNDER_WAY, case_to
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, SubjectErased
from casework.privacy import errors, holds
from casework.privacy.models import Erasure, ErasureStatus
from casework.privacy.reference import erasure_reasons

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.language import Language
    from casework.privacy.models import ErasureRefusal
    from casework.privacy.schemas import ErasureRequest

ERASED = "SELECT erased_at IS NOT NULL FROM subject_keys WHERE subject_id = %s"
OTHERS_LEFT = (
    "SELECT EXISTS (SELECT 1 FROM subject_keys WHERE case_id = %s AND kind = 'person' AND subject_id <> %s"
    " AND erased_at IS NULL)"
)


async def request_erasure(session: Session, caller: Caller, person_id: UUID, wanted: ErasureRequest) -> Erasure:
    """Raises NotFound, SubjectErased, UnderLegalHold or ErasureAlreadyRequested."""
    case_id = await holds.case_of(session, person_id)
    case = await case_to(Permission.erasure_request, session, caller, case_id)
    await _refuse_erased(session, person_id)
    await holds.refuse_held(session, case_id, person_id)
    waiting = select(Erasure).where(col(Erasure.person_id) == person_id, col(Erasure.status) == ErasureStatus.requested)
    standing = (await session.exec(waiting)).first()
    if standing is not None:
        raise errors.ErasureAlreadyRequested(erasure_id=str(standing.id))
    erasure = Erasure(
        id=new_id(), case_id=case_id, office_id=case.office_id, region_code=case.region_code, person_id=person_id,
        reason=wanted.reason, reference=wanted.reference, requested_by=caller.actor_id,
    )  # fmt: skip
    session.add(erasure)
    await session.flush()
    trail.record(session, caller, "erasure.requested", {"erasure": str(erasure.id), "reason": str(erasure.reason)})
    return erasure


async def approve_erasure(session: Session, caller: Caller, erasure_id: UUID) -> Erasure:
    """Destroy the person's key, and the household's with its last person.

    Raises NotFound, ErasureAlreadyDecided, SecondPersonRequired, SubjectErased, UnderLegalHold, or CaseStillPlaced
    for the last person of a household that has a place or an offer.
    """
    erasure = await _to_decide(session, caller, erasure_id)
    await case_to(Permission.erasure_decide, session, caller, erasure.case_id)
    await _refuse_erased(session, erasure.person_id)
    await holds.refuse_held(session, erasure.case_id, erasure.person_id)
    [(others,)] = await session.rows(OTHERS_LEFT, (erasure.case_id, erasure.person_id))
    [(under_way,)] = await session.rows(UNDER_WAY, {"case": erasure.case_id})
    if under_way and not others:
        raise CaseStillPlaced
    await carry_out(session, caller, erasure)
    return erasure


async def carry_out(session: Session, caller: Caller, erasure: Erasure) -> None:
    """The database destroys what the row says as it becomes `done`; the log is told, in this transaction."""
    _decide(erasure, caller, ErasureStatus.done)
    await session.flush()
    await session.refresh(erasure)
    # A leaf of the milestones' own tree: whoever follows it learns that entries before this one were unlinked.
    told: dict[str, Any] = {
        "reason": str(erasure.reason), "rule": erasure.rule_code, "household": erasure.last_of_household,
        "openings_destroyed": erasure.openings_destroyed,
    }  # fmt: skip
    trail.record(session, caller, "subject.erased", told, log="milestones")
    trail.record(session, caller, "erasure.done", {"erasure": str(erasure.id), **told})


async def refuse_erasure(session: Session, caller: Caller, erasure_id: UUID, refusal: ErasureRefusal) -> Erasure:
    """Raises NotFound, ErasureAlreadyDecided or SecondPersonRequired."""
    erasure = await _to_decide(session, caller, erasure_id)
    erasure.refusal = refusal
    _decide(erasure, caller, ErasureStatus.refused)
    await session.flush()
    trail.record(session, caller, "erasure.refused", {"erasure": str(erasure.id), "refusal": str(refusal)})
    return erasure


async def _to_decide(session: Session, caller: Caller, erasure_id: UUID) -> Erasure:
    query = select(Erasure).where(col(Erasure.id) == erasure_id).with_for_update()
    erasure = (await session.exec(query)).first()
    if erasure is None:
        raise NotFound
    if erasure.status is not ErasureStatus.requested:
        raise errors.ErasureAlreadyDecided
    if erasure.requested_by == caller.actor_id:
        raise errors.SecondPersonRequired
    return erasure


def _decide(erasure: Erasure, caller: Caller, status: ErasureStatus) -> None:
    erasure.status, erasure.decided_by, erasure.decided_at = status, caller.actor_id, clock.now()


async def _refuse_erased(session: Session, person_id: UUID) -> None:
    [(erased,)] = await session.rows(ERASED, (person_id,))
    if erased:
        raise SubjectErased


def as_read(erasure: Erasure, language: Language) -> dict[str, Any]:
    reason = erasure_reasons()[erasure.reason]
    return {
        **erasure.model_dump(),
        "reason_label": reason.label.to(language),
        "legal_basis": reason.legal_basis.to(language),
    }
