from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.pilots import evaluation, queries, service
from casework.pilots.errors import CohortNotOpen, EvaluationNotPublished, HandoverMissing, PilotNotOpen
from casework.pilots.models import Cohort, Pilot
from casework.pilots.schemas import (
    CohortCreate,
    CohortRead,
    Departure,
    EvaluationRead,
    PilotCreate,
    PilotEnd,
    PilotRead,
    PilotSummary,
    TargetSet,
)

router = APIRouter(route_class=GuardedRoute)
Reader = Annotated[Caller, allow(Permission.pilot_read)]
Manager = Annotated[Caller, allow(Permission.pilot_manage)]
VERSIONED = (NotFound, StaleVersion, VersionRequired)


async def _pilot(session: Session, caller: Caller, pilot: Pilot, response: Response) -> dict[str, Any]:
    response.headers["ETag"] = etag(pilot.version, caller.role)
    return await queries.pilot_as_read(session, pilot)


def _cohort(caller: Caller, cohort: Cohort, response: Response) -> Cohort:
    response.headers["ETag"] = etag(cohort.version, caller.role)
    return cohort


@router.post("/pilots", status_code=201, response_model=PilotRead, **described(Permission.pilot_manage, NotFound))
async def open_pilot(response: Response, body: PilotCreate, caller: Manager, session: OnceSession) -> dict[str, Any]:
    """Ouvrir un projet pilote : sa période, ses régions, ses partenaires.

    Open a pilot: its period, its regions, its partners.
    """
    return await _pilot(session, caller, await service.open_pilot(session, caller, body), response)


@router.get("/pilots", response_model=Page[PilotSummary], **described(Permission.pilot_read))
async def list_pilots(
    request: Request,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les projets pilotes, les plus récents d'abord.

    The pilots, newest first.
    """
    return await newest_first(request, session, Pilot, select(Pilot), "pilots", limit, cursor)


@router.get("/pilots/{pilot_id}", response_model=PilotRead, **described(Permission.pilot_read, NotFound))
async def read_pilot(response: Response, pilot_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """Un projet pilote, ses cibles d'aujourd'hui et toutes leurs révisions.

    One pilot, its targets of today and all their revisions.
    """
    return await _pilot(session, caller, await queries.pilot_to(session, pilot_id), response)


@router.post("/pilots/{pilot_id}/targets", status_code=201, response_model=PilotRead,
             **described(Permission.pilot_manage, PilotNotOpen, *VERSIONED))  # fmt: skip
async def set_pilot_target(
    response: Response, pilot_id: UUID, body: TargetSet, caller: Manager, version: ExpectedVersion, session: OnceSession
) -> dict[str, Any]:
    """Fixer ou réviser une cible à compter d'un jour ; ce qui valait avant reste inscrit.

    Set or revise a target from a day on; what stood before stays on record.
    """
    pilot = await service.set_target(session, caller, pilot_id, version, body)
    return await _pilot(session, caller, pilot, response)


@router.post("/pilots/{pilot_id}/end", response_model=PilotRead,
             **described(Permission.pilot_manage, PilotNotOpen, HandoverMissing, *VERSIONED))  # fmt: skip
async def end_pilot(
    response: Response, pilot_id: UUID, body: PilotEnd, caller: Manager, version: ExpectedVersion, session: OnceSession
) -> dict[str, Any]:
    """Arrêter un projet avant son jour : plus d'inscriptions, départs prévus annulés, chaque dossier à quelqu'un.

    End a pilot before its day: no more enrolments, planned departures cancelled, each case with somebody.
    """
    pilot = await service.end_pilot(session, caller, pilot_id, version, body)
    return await _pilot(session, caller, pilot, response)


@router.post("/pilots/{pilot_id}/cohorts", status_code=201, response_model=CohortRead,
             **described(Permission.pilot_manage, NotFound, PilotNotOpen))  # fmt: skip
async def plan_cohort(
    response: Response, pilot_id: UUID, body: CohortCreate, caller: Manager, session: OnceSession
) -> Cohort:
    """Prévoir un départ : un jour, une région, des sièges.

    Plan a departure: a day, a region, seats.
    """
    return _cohort(caller, await service.plan_cohort(session, caller, pilot_id, body), response)


@router.get("/pilots/{pilot_id}/cohorts", response_model=Page[CohortRead], **described(Permission.pilot_read, NotFound))
async def list_cohorts(
    request: Request,
    pilot_id: UUID,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les départs d'un projet, les derniers prévus d'abord.

    The departures of a pilot, the last planned first.
    """
    await queries.pilot_to(session, pilot_id)
    query = select(Cohort).where(col(Cohort.pilot_id) == pilot_id)
    return await newest_first(request, session, Cohort, query, f"cohorts:{pilot_id}", limit, cursor)


@router.get("/cohorts/{cohort_id}", response_model=CohortRead, **described(Permission.pilot_read, NotFound))
async def read_cohort(response: Response, cohort_id: UUID, caller: Reader, session: Session) -> Cohort:
    """Un départ : ses sièges, ceux qui sont pris, où il en est.

    One departure: its seats, those taken, where it stands.
    """
    return _cohort(caller, await queries.cohort_to(session, cohort_id), response)


@router.post("/cohorts/{cohort_id}/depart", response_model=CohortRead,
             **described(Permission.pilot_manage, CohortNotOpen, *VERSIONED))  # fmt: skip
async def record_cohort_departure(
    response: Response,
    cohort_id: UUID,
    body: Departure,
    caller: Manager,
    version: ExpectedVersion,
    session: OnceSession,
) -> Cohort:
    """Le départ a eu lieu ; qui n'a plus le consentement de chaque adulte, ou n'est pas monté, est resté sans suite.

    The departure took place; whoever no longer has each adult's consent, or did not board, stayed without consequence.
    """
    return _cohort(caller, await service.depart(session, caller, cohort_id, version, body), response)


@router.post("/pilots/{pilot_id}/evaluations", status_code=201, response_model=EvaluationRead,
             **described(Permission.pilot_manage, NotFound))  # fmt: skip
async def publish_evaluation(pilot_id: UUID, caller: Manager, session: OnceSession) -> dict[str, Any]:
    """Compter les chiffres du projet et les publier, les petits nombres gardés ; rien de publié ne se réécrit.

    Count the pilot's figures and publish them, small numbers kept back; nothing published is rewritten.
    """
    return evaluation.as_read(await evaluation.publish(session, caller, pilot_id))


@router.get("/pilots/{pilot_id}/evaluation", response_model=EvaluationRead,
            **described(Permission.pilot_read, NotFound, EvaluationNotPublished))  # fmt: skip
async def read_evaluation(
    pilot_id: UUID,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
) -> dict[str, Any]:
    """Les derniers chiffres publiés : inscrits, partis, arrivés, présents à 30, 90, 180 et 365 jours.

    The figures last published: enrolled, departed, arrived, present at 30, 90, 180 and 365 days.
    """
    return evaluation.as_read(await evaluation.latest(session, pilot_id))
