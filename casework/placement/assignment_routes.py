from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.placement import assignments, reading
from casework.placement.errors import StepNotPossible
from casework.placement.models import Assignment, AssignmentStatus
from casework.placement.schemas import ArrivalCorrection, AssignmentEnd, AssignmentRead, AssignmentRefuse, Step

router = APIRouter(route_class=GuardedRoute, prefix="/assignments", tags=["placement"])
STEP = (NotFound, StepNotPossible, StaleVersion, VersionRequired)


async def _tagged(session: Session, caller: Caller, assignment: Assignment, response: Response) -> dict[str, Any]:
    response.headers["ETag"] = etag(assignment.version, caller.role)
    [read] = await reading.assignments_as_read(session, [assignment])
    return read


@router.get(
    "", response_model=Page[AssignmentRead], response_model_exclude_unset=True, **described(Permission.assignment_read)
)
async def list_assignments(
    request: Request,
    caller: Annotated[Caller, allow(Permission.assignment_read)],
    session: Session,
    status: AssignmentStatus | None = None,
    capacity_id: UUID | None = None,
    agreement_id: UUID | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les affectations à ma portée, les plus récentes d'abord.

    The assignments within my reach, newest first.
    """
    query = reading.assignments()
    if status is not None:
        query = query.where(col(Assignment.status) == status)
    if capacity_id is not None:
        query = query.where(col(Assignment.capacity_id) == capacity_id)
    if agreement_id is not None:
        query = query.where(col(Assignment.agreement_id) == agreement_id)
    name = f"assignments:{status}:{capacity_id}:{agreement_id}"
    page = await newest_first(request, session, Assignment, query, name, limit, cursor)
    await trail.record_read(session, caller, Permission.assignment_read, [row.case_id for row in page["items"]])
    return {**page, "items": await reading.assignments_as_read(session, page["items"])}


@router.get(
    "/{assignment_id}",
    response_model=AssignmentRead,
    response_model_exclude_unset=True,
    **described(Permission.assignment_read, NotFound),
)
async def read_assignment(
    response: Response,
    assignment_id: UUID,
    caller: Annotated[Caller, allow(Permission.assignment_read)],
    session: Session,
) -> dict[str, Any]:
    """Une affectation et où elle en est.

    One assignment and where it stands.
    """
    assignment = await assignments.assignment_to(session, assignment_id)
    await trail.record_read(session, caller, Permission.assignment_read, [assignment.case_id])
    return await _tagged(session, caller, assignment, response)


@router.post("/{assignment_id}/acknowledge", response_model=AssignmentRead, response_model_exclude_unset=True,
             **described(Permission.assignment_answer, *STEP))  # fmt: skip
async def acknowledge_assignment(
    response: Response,
    assignment_id: UUID,
    caller: Annotated[Caller, allow(Permission.assignment_answer)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """L'organisme accuse réception : il attend le ménage.

    The organization acknowledges: it awaits the household.
    """
    done = await assignments.acknowledge(session, caller, assignment_id, version)
    return await _tagged(session, caller, done, response)


@router.post("/{assignment_id}/refuse", response_model=AssignmentRead, response_model_exclude_unset=True,
             **described(Permission.assignment_answer, *STEP))  # fmt: skip
async def refuse_assignment(
    response: Response,
    assignment_id: UUID,
    body: AssignmentRefuse,
    caller: Annotated[Caller, allow(Permission.assignment_answer)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """L'organisme ne peut pas : raison typée, places rendues, accès terminé.

    The organization cannot: typed reason, places given back, access ended.
    """
    done = await assignments.refuse(session, caller, assignment_id, version, body.reason_code)
    return await _tagged(session, caller, done, response)


@router.post("/{assignment_id}/depart", response_model=AssignmentRead, response_model_exclude_unset=True,
             **described(Permission.assignment_depart, *STEP))  # fmt: skip
async def record_departure(
    response: Response,
    assignment_id: UUID,
    body: Step,
    caller: Annotated[Caller, allow(Permission.assignment_depart)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner le départ vers la région.

    Record the departure to the region.
    """
    done = await assignments.depart(session, caller, assignment_id, version, body.occurred_on)
    return await _tagged(session, caller, done, response)


@router.post("/{assignment_id}/arrive", response_model=AssignmentRead, response_model_exclude_unset=True,
             **described(Permission.assignment_arrive, *STEP))  # fmt: skip
async def record_arrival(
    response: Response,
    assignment_id: UUID,
    body: Step,
    caller: Annotated[Caller, allow(Permission.assignment_arrive)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner l'arrivée en région ; les jalons qui en découlent deviennent attendus.

    Record the arrival in the region; the milestones that follow from it become expected.
    """
    done = await assignments.arrive(session, caller, assignment_id, version, body.occurred_on)
    return await _tagged(session, caller, done, response)


@router.post("/{assignment_id}/correct-arrival", response_model=AssignmentRead, response_model_exclude_unset=True,
             **described(Permission.assignment_arrive, *STEP))  # fmt: skip
async def correct_arrival(
    response: Response,
    assignment_id: UUID,
    body: ArrivalCorrection,
    caller: Annotated[Caller, allow(Permission.assignment_arrive)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Corriger la date d'une arrivée : son jalon est corrigé au grand jour et les échéances qui en partent, recalculées.

    Correct the date of an arrival: its milestone is corrected in the open, and the due dates counted from it are
    computed again.
    """
    done = await assignments.correct_arrival(
        session, caller, assignment_id, version, body.occurred_on, body.reason_code
    )
    return await _tagged(session, caller, done, response)


@router.post("/{assignment_id}/end", response_model=AssignmentRead, response_model_exclude_unset=True,
             **described(Permission.assignment_end, *STEP))  # fmt: skip
async def end_assignment(
    response: Response,
    assignment_id: UUID,
    body: AssignmentEnd,
    caller: Annotated[Caller, allow(Permission.assignment_end)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Terminer une affectation, événement neutre, avec sa raison.

    End an assignment, a neutral event, with its reason.
    """
    done = await assignments.end(session, caller, assignment_id, version, body)
    return await _tagged(session, caller, done, response)
