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
from casework.kernel.schemas import Page, RegionCode
from casework.sponsorship import queries, undertakings
from casework.sponsorship.errors import GroupTooSmall, IntakeClosed, IntakeSuspended, UndertakingStepNotPossible
from casework.sponsorship.lifecycle import UndertakingState
from casework.sponsorship.models import Undertaking, UndertakingEvent
from casework.sponsorship.schemas import (
    ReportFilter,
    UndertakingCancel,
    UndertakingCreate,
    UndertakingHistory,
    UndertakingRead,
    UndertakingStep,
)

router = APIRouter(route_class=GuardedRoute, prefix="/undertakings", tags=["sponsorship"])
Reader = Annotated[Caller, allow(Permission.undertaking_read)]
Writer = Annotated[Caller, allow(Permission.undertaking_write)]
Decider = Annotated[Caller, allow(Permission.undertaking_decide)]
STEP = (NotFound, UndertakingStepNotPossible, StaleVersion, VersionRequired)


async def tagged(session: Session, caller: Caller, undertaking: Undertaking, response: Response) -> dict[str, Any]:
    response.headers["ETag"] = etag(undertaking.version, caller.role)
    [read] = await undertakings.as_read(session, [undertaking])
    return read


async def _on_record(session: Session, caller: Caller, read: list[dict[str, Any]]) -> None:
    """Only cases that were named: what the caller does not see was not read."""
    cases = [one["household_case_id"] for one in read if one["household_case_id"] is not None]
    await trail.record_read(session, caller, Permission.undertaking_read, cases)


@router.post("", status_code=201, response_model=UndertakingRead, **described(Permission.undertaking_write, NotFound))
async def prepare_undertaking(
    response: Response, body: UndertakingCreate, caller: Writer, session: OnceSession
) -> dict[str, Any]:
    """Préparer un engagement : le garant, la destination, le nombre de personnes.

    Prepare an undertaking: the sponsor, the destination, the number of persons.
    """
    made = await undertakings.prepare(session, caller, body)
    response.headers["Location"] = f"/v1/undertakings/{made.id}"
    return await tagged(session, caller, made, response)


@router.get("", response_model=Page[UndertakingRead], **described(Permission.undertaking_read))
async def list_undertakings(
    request: Request,
    caller: Reader,
    session: Session,
    state: UndertakingState | None = None,
    region: RegionCode | None = None,
    report: ReportFilter | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les engagements à ma portée, avec leurs deux attentes : depuis le dépôt, depuis le tirage.

    The undertakings within my reach, with their two waits: since submission, since the draw.
    """
    query = select(Undertaking)
    if state is not None:
        query = query.where(col(Undertaking.state) == state)
    if region is not None:
        query = query.where(col(Undertaking.region_code) == region)
    if report is not None:
        query = query.where(queries.reports_that(report))
    bound = f"undertakings:{state}:{region}:{report}"
    page = await newest_first(request, session, Undertaking, query, bound, limit, cursor)
    items = await undertakings.as_read(session, page["items"])
    await _on_record(session, caller, items)
    return {**page, "items": items}


@router.get("/{undertaking_id}", response_model=UndertakingRead, **described(Permission.undertaking_read, NotFound))
async def read_undertaking(
    response: Response, undertaking_id: UUID, caller: Reader, session: Session
) -> dict[str, Any]:
    """Un engagement et où il en est.

    One undertaking and where it stands.
    """
    found = await queries.undertaking_to(session, undertaking_id)
    read = await tagged(session, caller, found, response)
    await _on_record(session, caller, [read])
    return read


@router.get("/{undertaking_id}/history", response_model=UndertakingHistory,
            **described(Permission.undertaking_read, NotFound))  # fmt: skip
async def read_undertaking_history(undertaking_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """Ce qui est arrivé, dans l'ordre où c'est arrivé : étapes et déménagements du ménage.

    What happened, in the order in which it happened: steps, and moves of the household.
    """
    found = await queries.undertaking_to(session, undertaking_id)
    await _on_record(session, caller, await undertakings.as_read(session, [found]))
    query = select(UndertakingEvent).where(col(UndertakingEvent.undertaking_id) == undertaking_id)
    ordered = query.order_by(
        col(UndertakingEvent.occurred_on), col(UndertakingEvent.recorded_at), col(UndertakingEvent.id)
    )
    return {"events": (await session.exec(ordered)).all()}


@router.post("/{undertaking_id}/submit", response_model=UndertakingRead,
             **described(Permission.undertaking_write, IntakeSuspended, IntakeClosed, GroupTooSmall, *STEP))  # fmt: skip
async def submit_undertaking(
    response: Response, undertaking_id: UUID, caller: Writer, version: ExpectedVersion, session: OnceSession
) -> dict[str, Any]:
    """Déposer l'engagement sur la liste de l'année ; le récépissé (entry_id) est ce que le tirage connaît de lui.

    Submit the undertaking to the year's list; its receipt (entry_id) is all that the draw knows of it.
    """
    done = await undertakings.submit(session, caller, undertaking_id, version)
    return await tagged(session, caller, done, response)


@router.post("/{undertaking_id}/cancel", response_model=UndertakingRead,
             **described(Permission.undertaking_write, *STEP))  # fmt: skip
async def cancel_undertaking(
    response: Response,
    undertaking_id: UUID,
    body: UndertakingCancel,
    caller: Writer,
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Renoncer avant l'arrivée, avec un motif.

    Give up before the arrival, with a reason.
    """
    done = await undertakings.cancel(session, caller, undertaking_id, version, body.occurred_on, body.reason)
    return await tagged(session, caller, done, response)


@router.post("/{undertaking_id}/steps", response_model=UndertakingRead,
             **described(Permission.undertaking_decide, GroupTooSmall, *STEP))  # fmt: skip
async def take_undertaking_step(
    response: Response,
    undertaking_id: UUID,
    body: UndertakingStep,
    caller: Decider,
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Une étape décidée par le ministère : examen, acceptation ou refus, CSQ, arrivée, établissement (`report1_due`),
    fin, rupture.

    A step decided by the ministry: review, acceptance or refusal, CSQ, arrival, settlement (`report1_due`), end,
    breakdown.
    """
    done = await undertakings.decide(session, caller, undertaking_id, version, body)
    return await tagged(session, caller, done, response)
