from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import col, or_, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel import clock
from casework.kernel.language import Language
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import AlreadyExists, NotFound, StaleVersion, VersionRequired
from casework.kernel.programme import Programme
from casework.kernel.schemas import Page
from casework.milestones import batch_routes, errors, queries, reading, service, worklist_routes
from casework.milestones.models import Milestone, MilestoneType
from casework.milestones.schedule import State
from casework.milestones.schemas import (
    CaseMilestones,
    MilestoneCorrect,
    MilestoneCreate,
    MilestoneRead,
    MilestoneTypeRead,
    MilestoneVoid,
)
from casework.milestones.worklist_routes import Spoken

router = APIRouter(route_class=GuardedRoute, tags=["milestones"])

REFUSALS = (
    NotFound, AlreadyExists, errors.MilestoneTypeNotInForce, errors.MilestoneNeedsPerson,
    errors.MilestoneOfTheHousehold, errors.MilestoneNotYours, errors.MilestoneInFuture,
    errors.MilestoneBeforeBirth, errors.MilestoneAfterDeath, errors.PresenceReasonRefused, errors.StatusDocumentRefused, errors.MilestoneAlreadyRecorded, errors.MilestoneOnClosedCase,
    errors.MilestoneOfTheJourney, errors.MilestoneBeforeArrival, errors.MilestoneTooEarly,
)  # fmt: skip


@router.get("/milestone-types", response_model=Page[MilestoneTypeRead], **described(Permission.territory_read))
async def list_milestone_types(
    caller: Annotated[Caller, allow(Permission.territory_read)],  # noqa: ARG001 -- the gate
    session: Session,
    language: Spoken,
    programme: Programme | None = None,
    on: Annotated[date | None, Query(description="En vigueur ce jour-là. In force on that day.")] = None,
) -> dict[str, Any]:
    """Le catalogue des jalons en vigueur : qui enregistre, échéance, pièce justificative.

    The catalogue of milestones in force: who records, due rule, evidence.
    """
    day = on or clock.today()
    query = select(MilestoneType).where(
        col(MilestoneType.valid_from) <= day,
        or_(col(MilestoneType.valid_to).is_(None), col(MilestoneType.valid_to) >= day),
    )
    if programme is not None:
        query = query.where(col(MilestoneType.programme).in_([str(programme), "both"]))
    found = (await session.exec(query.order_by(col(MilestoneType.code)))).all()
    return {"items": [reading.type_as_read(kind, language) for kind in found], "next_cursor": None}


@router.post("/cases/{case_id}/milestones", status_code=201, response_model=MilestoneRead,
             **described(Permission.milestone_record, *REFUSALS))  # fmt: skip
async def record_milestone(
    case_id: UUID,
    body: MilestoneCreate,
    response: Response,
    caller: Annotated[Caller, allow(Permission.milestone_record)],
    session: OnceSession,
    language: Spoken,
) -> dict[str, Any]:
    """Enregistrer un jalon d'une personne ou du ménage : ce qui est arrivé, et quand.

    Record a milestone of a person or of the household: what happened, and when.
    """
    milestone = await service.record_milestone(session, caller, case_id, body)
    response.headers["Location"] = f"/v1/milestones/{milestone.id}"
    return await _answer(session, caller, milestone, response, language)


async def _answer(
    session: Session, caller: Caller, milestone: Milestone, response: Response, language: Language
) -> dict[str, Any]:
    await session.flush()
    response.headers["ETag"] = etag(milestone.version, f"{caller.role}-{language}")
    return reading.as_read(session, caller, await queries.recorded(session, caller, milestone.id), language)


@router.get("/cases/{case_id}/milestones", response_model=CaseMilestones,
            **described(Permission.milestone_read, NotFound))  # fmt: skip
async def list_case_milestones(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.milestone_read)],
    session: Session,
    language: Spoken,
    state: Annotated[State | None, Query(description="Filtre `expected` seulement. Filters `expected` only.")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les jalons d'un dossier. `items` : ce qui a été enregistré, dans l'ordre où c'est arrivé, annulations
    comprises. `expected` : ce qui est attendu, entier à la première page et vide aux suivantes.

    A case's milestones. `items`: what was recorded, in the order in which it happened, voided ones
    included. `expected`: what is expected, whole on the first page and empty on the next ones.
    """
    bound = f"case-milestones:{caller.actor_id}:{case_id}:{state}"
    cursors = request.app.state.cursors
    after = cursors.read(cursor, bound) if cursor else None
    await queries.case_in_reach(session, case_id)
    rows = await queries.recorded_of_case(session, caller, case_id, after, limit)
    expected = [] if cursor else await queries.expected_of_case(session, caller, case_id)
    await trail.record_read(session, caller, Permission.milestone_read, [case_id])
    shown = [reading.expected_as_read(row, language) for row in expected]
    return {
        "items": [reading.as_read(session, caller, row, language) for row in rows[:limit]],
        "expected": [one for one in shown if state in {None, one["state"]}],
        "next_cursor": cursors.write(queries.position(rows[limit - 1]), bound) if len(rows) > limit else None,
    }


@router.get("/milestones/{milestone_id}", response_model=MilestoneRead,
            **described(Permission.milestone_read, NotFound))  # fmt: skip
async def read_milestone(
    milestone_id: UUID,
    response: Response,
    caller: Annotated[Caller, allow(Permission.milestone_read)],
    session: Session,
    language: Spoken,
) -> dict[str, Any]:
    """Un jalon enregistré, annulé ou non.

    One recorded milestone, voided or not.
    """
    row = await queries.recorded(session, caller, milestone_id)
    await trail.record_read(session, caller, Permission.milestone_read, [row.case_id])
    response.headers["ETag"] = etag(row.version, f"{caller.role}-{language}")
    return reading.as_read(session, caller, row, language)


@router.post("/milestones/{milestone_id}/void", response_model=MilestoneRead,
             **described(Permission.milestone_void, NotFound, errors.MilestoneOfAnother,
                         errors.MilestoneAlreadyVoided, errors.MilestoneOfTheJourney, StaleVersion, VersionRequired))  # fmt: skip
async def void_milestone(
    milestone_id: UUID,
    body: MilestoneVoid,
    response: Response,
    caller: Annotated[Caller, allow(Permission.milestone_void)],
    version: ExpectedVersion,
    session: OnceSession,
    language: Spoken,
) -> dict[str, Any]:
    """Annuler un jalon avec son motif : il reste visible, et l'échéance qu'il remplissait s'ouvre de nouveau.

    Void a milestone with the reason: it stays visible, and the due date it met opens again.
    """
    milestone = await service.void_milestone(session, caller, milestone_id, version, body.reason)
    return await _answer(session, caller, milestone, response, language)


@router.post("/milestones/{milestone_id}/correct", status_code=201, response_model=MilestoneRead,
             **described(Permission.milestone_void, *REFUSALS, errors.MilestoneOfAnother,
                         errors.MilestoneAlreadyVoided, StaleVersion, VersionRequired))  # fmt: skip
async def correct_milestone(
    milestone_id: UUID,
    body: MilestoneCorrect,
    response: Response,
    caller: Annotated[Caller, allow(Permission.milestone_void)],
    version: ExpectedVersion,
    session: OnceSession,
    language: Spoken,
) -> dict[str, Any]:
    """Corriger un jalon : l'entrée est annulée avec son motif et une nouvelle la remplace en la nommant ; les deux restent.

    Correct a milestone: the entry is voided with its reason and a new one replaces it and names it; both stay.
    """
    milestone = await service.correct_milestone(session, caller, milestone_id, version, body)
    response.headers["Location"] = f"/v1/milestones/{milestone.id}"
    return await _answer(session, caller, milestone, response, language)


router.include_router(worklist_routes.router)
router.include_router(batch_routes.router)
