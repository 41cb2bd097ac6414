"""Assignments: acknowledged or refused by the partner, then departure, arrival, end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import col

from casework.audit import trail
from casework.authz.policy import Permission
from casework.cases.service import case_to, household_key
from casework.kernel import clock
from casework.kernel.problems import StaleVersion
from casework.kernel.single import single
from casework.placement import hooks, reading
from casework.placement.errors import StepNotPossible, date_after_next_step, date_before_previous_step, date_in_future
from casework.placement.lifecycle import may_follow
from casework.placement.models import (
    END_PLACE,
    Assignment,
    AssignmentStatus,
    CorrectionReason,
    EndCode,
    RefusalReason,
)
from casework.placement.offers import assignment_reference

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.placement.schemas import AssignmentEnd
    from casework.placement.transfer_models import Transfer

LATE_ENTRY = timedelta(days=90)


async def assignment_to(
    session: Session, assignment_id: UUID, version: int | None = None, *, lock: bool = False
) -> Assignment:
    """Raises NotFound or StaleVersion."""
    return await single(session, reading.assignments().where(col(Assignment.id) == assignment_id), version, lock=lock)


async def acknowledge(session: Session, caller: Caller, assignment_id: UUID, version: int) -> Assignment:
    assignment = await _stepping(session, assignment_id, version, AssignmentStatus.acknowledged)
    assignment.acknowledged_at = clock.now()
    await _done(session, caller, assignment)
    return assignment


async def refuse(
    session: Session, caller: Caller, assignment_id: UUID, version: int, reason: RefusalReason
) -> Assignment:
    """The places are free again and every host's view ends, by the trigger that follows the placement."""
    assignment = await _stepping(session, assignment_id, version, AssignmentStatus.refused)
    assignment.refusal_code = reason
    await _done(session, caller, assignment, {"reason": str(reason)})
    # The household's key is out of the refuser's reach from here on; a repeated request still gets its first answer.
    session.about = session.about_case = None
    return assignment


async def depart(session: Session, caller: Caller, assignment_id: UUID, version: int, day: date) -> Assignment:
    assignment = await _stepping(session, assignment_id, version, AssignmentStatus.departed)
    await case_to(Permission.assignment_depart, session, caller, assignment.case_id)
    refuse_impossible(day, earliest(assignment))
    assignment.departed_on = day
    await _done(session, caller, assignment)
    return assignment


async def arrive(session: Session, caller: Caller, assignment_id: UUID, version: int, day: date) -> Assignment:
    """From here the household lives in the host region; a trigger carries that to every row of the case."""
    assignment = await _stepping(session, assignment_id, version, AssignmentStatus.arrived)
    refuse_impossible(day, assignment.departed_on)
    assignment.arrived_on = day
    await _done(session, caller, assignment)
    for act in hooks.on_arrival:
        await act(session, caller, assignment)
    return assignment


async def correct_arrival(
    session: Session, caller: Caller, assignment_id: UUID, version: int, day: date, reason: CorrectionReason
) -> Assignment:
    """Date an arrival anew; a trigger carries it to the case. Raises StepNotPossible before the arrival."""
    assignment = await assignment_to(session, assignment_id, lock=True)
    if assignment.arrived_on is None:
        raise StepNotPossible(assignment_status=str(assignment.status))
    if assignment.version != version:
        raise StaleVersion
    await household_key(session, assignment.case_id)
    refuse_impossible(day, assignment.departed_on)
    if assignment.ended_on is not None and day > assignment.ended_on:
        raise date_after_next_step()
    assignment.arrived_on = day
    assignment.version += 1
    await session.flush()
    told = {"assignment": assignment_reference(session, assignment), "reason": str(reason)}
    trail.record(session, caller, "assignment.arrival_corrected", told)
    for act in hooks.on_arrival_corrected:
        await act(session, caller, assignment, str(reason))
    return assignment


async def end(session: Session, caller: Caller, assignment_id: UUID, version: int, told: AssignmentEnd) -> Assignment:
    """A neutral event (domain.md §7.13): places are given back, the hosts' view ends, history stays."""
    assignment = await _stepping(session, assignment_id, version, AssignmentStatus.ended)
    refuse_impossible(told.occurred_on, assignment.arrived_on or assignment.departed_on or earliest(assignment))
    key = await household_key(session, assignment.case_id)
    assignment.ended_on, assignment.end_code = told.occurred_on, EndCode(told.cause)
    assignment.sealed_end_reason = key.seal(END_PLACE, assignment.id, told.reason)
    await _done(session, caller, assignment, {"cause": str(told.cause)})
    return assignment


async def _stepping(session: Session, assignment_id: UUID, version: int, to: AssignmentStatus) -> Assignment:
    """The assignment, locked, moved to its next status in memory. Raises StepNotPossible."""
    assignment = await assignment_to(session, assignment_id, lock=True)
    if not may_follow(assignment.status, to):
        raise StepNotPossible(assignment_status=str(assignment.status))
    if assignment.version != version:
        raise StaleVersion
    await household_key(session, assignment.case_id)
    assignment.status = to
    assignment.version += 1
    return assignment


def earliest(assignment: Assignment | Transfer) -> date:
    """A journey may be entered after the fact, and a mistyped year may not become the household's arrival for good."""
    return assignment.created_at.astimezone(clock.QUEBEC).date() - LATE_ENTRY


def refuse_impossible(day: date, after: date | None) -> None:
    if day > clock.today():
        raise date_in_future()
    if after is not None and day < after:
        raise date_before_previous_step()


async def _done(session: Session, caller: Caller, assignment: Assignment, more: dict[str, Any] | None = None) -> None:
    await session.flush()
    reference = assignment_reference(session, assignment)
    facts = {"assignment": reference, "status": str(assignment.status), **(more or {})}
    trail.record(session, caller, f"assignment.{assignment.status}", facts)
