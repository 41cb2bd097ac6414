"""Who is responsible for a case, who was, who will be: hand-overs that the receiver accepts or refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases.errors import CaseAlreadyClosed, not_a_caseworker
from casework.cases.lifecycle import CaseStatus
from casework.cases.service import case_to, household_key, subject_of
from casework.following import queries
from casework.following.errors import (
    HandoverAlreadyAnswered,
    HandoverAlreadyProposed,
    NotTheReceiver,
    ReceiverFollowsAlready,
    ReceiverNotInForce,
)
from casework.following.models import ANSWER_PLACE, HANDOVER_PLACE, Handover, HandoverStatus
from casework.following.service import bound_to
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.cases.models import Case
    from casework.following.schemas import HandoverCreate
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey

FOLLOWS = "SELECT authz.follows(%s, %s)"
CASE = "SELECT office_id FROM cases WHERE id = %s"


async def propose(session: Session, caller: Caller, case_id: UUID, wanted: HandoverCreate) -> dict[str, Any]:
    """Raises NotFound, InvalidContent (not a caseworker of the office), or the conflicts of `errors.py`."""
    case = await case_to(Permission.handover_propose, session, caller, case_id)
    key = await household_key(session, case_id)
    if case.status is CaseStatus.closed:
        raise CaseAlreadyClosed
    await _refuse_receiver(session, case, wanted.to_user_id)
    row = new_id()
    handover = Handover(
        id=row, **bound_to(case), from_user_id=case.caseworker_id, to_user_id=wanted.to_user_id,
        proposed_by=caller.actor_id, sealed_reason=key.seal(HANDOVER_PLACE, row, wanted.reason),
    )  # fmt: skip
    session.add(handover)
    try:
        await session.flush()
    except psycopg.errors.UniqueViolation as error:  # pragma: no cover -- asked for above, under the case's lock
        raise HandoverAlreadyProposed from error
    await _told(session, caller, handover)
    return as_read(handover, key)


async def _refuse_receiver(session: Session, case: Case, receiver: UUID) -> None:
    """One who exists elsewhere is refused like one who does not."""
    [(follows,)] = await session.rows(FOLLOWS, (receiver, case.office_id))
    if not follows:
        error = not_a_caseworker()
        for fault in error.errors:
            fault.pointer = "/to_user_id"
        raise error
    if receiver == case.caseworker_id:
        raise ReceiverFollowsAlready
    if await session.rows(queries.PROPOSED, (case.id,)):
        raise HandoverAlreadyProposed


async def accept(session: Session, caller: Caller, handover_id: UUID, version: int) -> dict[str, Any]:
    """From here on the receiver follows the case; a trigger keeps who did before."""
    handover, key = await _answering(session, handover_id)
    case = await case_to(Permission.handover_answer, session, caller, handover.case_id)
    _refuse_answered(handover, version)
    if caller.actor_id != handover.to_user_id:
        raise NotTheReceiver
    [(follows,)] = await session.rows(FOLLOWS, (handover.to_user_id, case.office_id))
    if not follows:
        raise ReceiverNotInForce
    _settle(handover, HandoverStatus.accepted)
    case.caseworker_id = handover.to_user_id
    case.version += 1
    await _told(session, caller, handover)
    return as_read(handover, key)


async def refuse(session: Session, caller: Caller, handover_id: UUID, version: int, reason: str) -> dict[str, Any]:
    """By the receiver, or by whoever proposed it and takes it back; nothing else changes."""
    handover, key = await _answering(session, handover_id)
    await case_to(Permission.handover_answer, session, caller, handover.case_id)
    _refuse_answered(handover, version)
    if caller.actor_id not in {handover.to_user_id, handover.proposed_by}:
        raise NotTheReceiver
    _settle(handover, HandoverStatus.refused)
    handover.sealed_answer = key.seal(ANSWER_PLACE, handover.id, reason)
    await _told(session, caller, handover)
    return as_read(handover, key)


async def _answering(session: Session, handover_id: UUID) -> tuple[Handover, SubjectKey]:
    query = select(Handover).where(col(Handover.id) == handover_id).with_for_update()
    handover = (await session.exec(query)).first()
    if handover is None:
        raise NotFound
    return handover, await household_key(session, handover.case_id)


def _refuse_answered(handover: Handover, version: int) -> None:
    if handover.status is not HandoverStatus.proposed:
        raise HandoverAlreadyAnswered
    if handover.version != version:
        raise StaleVersion


def _settle(handover: Handover, status: HandoverStatus) -> None:
    handover.status, handover.answered_at = status, clock.now()
    handover.version += 1


async def _told(session: Session, caller: Caller, handover: Handover) -> None:
    await session.flush()
    subject, _ = await subject_of(session, handover.case_id)
    trail.record(session, caller, f"handover.{handover.status}", subject)


def as_read(handover: Handover, key: SubjectKey | None) -> dict[str, Any]:
    """`key` None: the household is erased, and its words with it."""
    words = {"reason": (HANDOVER_PLACE, handover.sealed_reason), "answer": (ANSWER_PLACE, handover.sealed_answer)}
    opened = {
        name: key.open(place, handover.id, sealed) if key and sealed else None
        for name, (place, sealed) in words.items()
    }
    return {**handover.model_dump(exclude={"sealed_reason", "sealed_answer"}), **opened}


async def responsibility(session: Session, caller: Caller, case_id: UUID) -> dict[str, Any]:
    """Raises NotFound."""
    rows = await session.rows(CASE, (case_id,))
    if not rows:
        raise NotFound
    found = await queries.responsible(session, caller, case_id)
    told: dict[str, list[dict[str, Any]]] = {"now": [], "before": [], "next": []}
    for user_id, since, until in found["followed"]:
        who = _one("caseworker", "assigned", since, until, user_id=user_id)
        told["before" if until is not None else "now"].append(who)
    for source, since, until, ended_at, consent_until, organization_id, region, user_id, in_force in found["hosts"]:
        ends = min(day for day in (until, ended_at, consent_until) if day is not None)
        kind = "organization" if organization_id else "region" if region else "spokesperson"
        who = _one(kind, source, since, ends, organization_id=organization_id, region_code=region, user_id=user_id)
        told["before" if not in_force else "next" if source == "offer" else "now"].append(who)
    told["next"] += [_one("caseworker", "handover", None, None, user_id=user_id) for (user_id,) in found["proposed"]]
    since = None
    for from_office, to_office, status, _, settled_at in found["offices"]:
        if status == HandoverStatus.accepted:
            told["before"].append(_one("office", "office_handover", since, settled_at, office_id=from_office))
            since = settled_at
        else:
            told["next"].append(_one("office", "office_handover", None, None, office_id=to_office))
    return {"case_id": case_id, "office_id": rows[0][0], **told}


def _one(kind: str, source: str, since: Any, until: Any, **named: Any) -> dict[str, Any]:
    nobody = {"user_id": None, "organization_id": None, "region_code": None, "office_id": None}
    return {"kind": kind, "source": source, "since": since, "until": until, **nobody, **named}
