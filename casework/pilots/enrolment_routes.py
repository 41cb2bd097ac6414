from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.pilots import enrolments, queries
from casework.pilots.errors import (
    AlreadyEnrolled,
    CaseNotEnrollable,
    CohortNotOpen,
    EnrolmentEnded,
    NotEnoughSeats,
    PilotConsentMissing,
    PilotNotOpen,
)
from casework.pilots.models import Enrolment
from casework.pilots.schemas import EnrolmentCreate, EnrolmentRead, EnrolmentWithdraw

router = APIRouter(route_class=GuardedRoute)


def _tagged(caller: Caller, enrolment: Enrolment, response: Response) -> Enrolment:
    response.headers["ETag"] = etag(enrolment.version, caller.role)
    return enrolment


@router.post("/pilots/{pilot_id}/enrolments", status_code=201, response_model=EnrolmentRead,
             **described(Permission.enrolment_create, NotFound, PilotNotOpen, CohortNotOpen, CaseNotEnrollable,
                         PilotConsentMissing, AlreadyEnrolled, NotEnoughSeats))  # fmt: skip
async def enrol_household(
    response: Response,
    pilot_id: UUID,
    body: EnrolmentCreate,
    caller: Annotated[Caller, allow(Permission.enrolment_create)],
    session: OnceSession,
) -> Enrolment:
    """Inscrire un ménage à un départ, une fois que chaque adulte a consenti au projet.

    Enrol a household in a departure, once each adult has consented to the pilot.
    """
    return _tagged(caller, await enrolments.enrol(session, caller, pilot_id, body), response)


@router.get("/pilots/{pilot_id}/enrolments", response_model=Page[EnrolmentRead],
            **described(Permission.enrolment_read, NotFound))  # fmt: skip
async def list_enrolments(
    request: Request,
    pilot_id: UUID,
    caller: Annotated[Caller, allow(Permission.enrolment_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les inscriptions d'un projet à ma portée, les plus récentes d'abord.

    The enrolments of a pilot within my reach, newest first.
    """
    await queries.pilot_to(session, pilot_id)
    query = select(Enrolment).where(col(Enrolment.pilot_id) == pilot_id)
    page = await newest_first(request, session, Enrolment, query, f"enrolments:{pilot_id}", limit, cursor)
    await trail.record_read(session, caller, Permission.enrolment_read, [row.case_id for row in page["items"]])
    return page


@router.get("/enrolments/{enrolment_id}", response_model=EnrolmentRead,
            **described(Permission.enrolment_read, NotFound))  # fmt: skip
async def read_enrolment(
    response: Response,
    enrolment_id: UUID,
    caller: Annotated[Caller, allow(Permission.enrolment_read)],
    session: Session,
) -> Enrolment:
    """Une inscription et où elle en est.

    One enrolment and where it stands.
    """
    enrolment = await queries.enrolment_to(session, enrolment_id)
    await trail.record_read(session, caller, Permission.enrolment_read, [enrolment.case_id])
    return _tagged(caller, enrolment, response)


@router.post("/enrolments/{enrolment_id}/withdraw", response_model=EnrolmentRead,
             **described(Permission.enrolment_withdraw, NotFound, EnrolmentEnded, StaleVersion,
                         VersionRequired))  # fmt: skip
async def withdraw_enrolment(
    response: Response,
    enrolment_id: UUID,
    body: EnrolmentWithdraw,
    caller: Annotated[Caller, allow(Permission.enrolment_withdraw)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Enrolment:
    """Un adulte reprend son consentement, à tout moment et sans motif ; rien d'autre ne change au dossier.

    An adult takes the consent back, at any time and without a reason; nothing else changes on the case.
    """
    return _tagged(caller, await enrolments.withdraw(session, caller, enrolment_id, version, body), response)
