from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.following import errors, office_handovers
from casework.following.models import OfficeHandover
from casework.following.office_schemas import OfficeHandoverCreate, OfficeHandoverRead, OfficeHandoverRefuse
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.kernel.single import single

router = APIRouter(route_class=GuardedRoute, prefix="/office-handovers", tags=["cases"])
ANSWERING = (NotFound, errors.HandoverAlreadyAnswered, StaleVersion, VersionRequired)


@router.post("", status_code=201, response_model=OfficeHandoverRead,
             **described(Permission.office_handover_propose, NotFound, errors.NothingToHandOver,
                         errors.CaseAlreadyProposedToOffice))  # fmt: skip
async def propose_office_handover(
    response: Response,
    body: OfficeHandoverCreate,
    caller: Annotated[Caller, allow(Permission.office_handover_propose)],
    session: OnceSession,
) -> dict[str, Any]:
    """Proposer plusieurs dossiers à un autre bureau, d'un coup ; il les accepte tous, ou les refuse.

    Propose many cases to another office at once; it accepts them all, or refuses them.
    """
    handover = await office_handovers.propose(session, caller, body)
    response.headers["Location"] = f"/v1/office-handovers/{handover.id}"
    return await _answered(response, caller, session, handover)


@router.get("", response_model=Page[OfficeHandoverRead], **described(Permission.office_handover_read))
async def list_office_handovers(
    request: Request,
    caller: Annotated[Caller, allow(Permission.office_handover_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les transferts proposés à mon bureau ; ceux de tous, pour le ministère.

    The hand-overs proposed to my office; everybody's, for the ministry.
    """
    page = await newest_first(
        request, session, OfficeHandover, select(OfficeHandover), "office-handovers", limit, cursor
    )
    items = await office_handovers.as_read(session, page["items"])
    shown = [case_id for one in items for case_id in one["case_ids"]]
    await trail.record_read(session, caller, Permission.office_handover_read, shown)
    return {**page, "items": items}


@router.get("/{office_handover_id}", response_model=OfficeHandoverRead,
            **described(Permission.office_handover_read, NotFound))  # fmt: skip
async def read_office_handover(
    response: Response,
    office_handover_id: UUID,
    caller: Annotated[Caller, allow(Permission.office_handover_read)],
    session: Session,
) -> dict[str, Any]:
    """Un transfert entre bureaux.

    One hand-over between offices.
    """
    handover = await single(session, select(OfficeHandover).where(col(OfficeHandover.id) == office_handover_id))
    read = await _answered(response, caller, session, handover)
    await trail.record_read(session, caller, Permission.office_handover_read, read["case_ids"])
    return read


@router.post("/{office_handover_id}/accept", response_model=OfficeHandoverRead,
             **described(Permission.office_handover_accept, errors.NotTheReceiver, errors.ExternalIdTaken,
                         *ANSWERING))  # fmt: skip
async def accept_office_handover(
    response: Response,
    office_handover_id: UUID,
    caller: Annotated[Caller, allow(Permission.office_handover_accept)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Accepter les dossiers pour mon bureau : ils y passent tous, sans intervenant jusqu'à ce qu'on leur en donne un.

    Accept the cases for my office: all of them move there, without a caseworker until they are given one.
    """
    handover = await office_handovers.answer(session, caller, office_handover_id, version)
    return await _answered(response, caller, session, handover)


@router.post("/{office_handover_id}/refuse", response_model=OfficeHandoverRead,
             **described(Permission.office_handover_answer, *ANSWERING))  # fmt: skip
async def refuse_office_handover(
    response: Response,
    office_handover_id: UUID,
    body: OfficeHandoverRefuse,
    caller: Annotated[Caller, allow(Permission.office_handover_answer)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Refuser les dossiers proposés à mon bureau, ou retirer la proposition, avec le motif.

    Refuse the cases proposed to my office, or take the proposal back, with the reason.
    """
    handover = await office_handovers.answer(session, caller, office_handover_id, version, refusal=body.reason)
    return await _answered(response, caller, session, handover)


async def _answered(response: Response, caller: Caller, session: Session, handover: OfficeHandover) -> dict[str, Any]:
    response.headers["ETag"] = etag(handover.version, caller.role)
    [read] = await office_handovers.as_read(session, [handover])
    return read
