from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, MergePatch, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.kernel.single import single
from casework.partners import errors, service
from casework.partners.models import Agreement, AgreementChange, AgreementHandover, AgreementHandoverStatus
from casework.partners.schemas import (
    AgreementChangeRead,
    AgreementCreate,
    AgreementEnd,
    AgreementHandoverRead,
    AgreementPatch,
    AgreementRead,
)

router = APIRouter(route_class=GuardedRoute, tags=["partners"])
Reader = Annotated[Caller, allow(Permission.organization_read)]
Writer = Annotated[Caller, allow(Permission.agreement_write)]
ACTED = (NotFound, errors.AgreementAlreadyEnded, StaleVersion, VersionRequired)


@router.get("/agreements", response_model=Page[AgreementRead], **described(Permission.organization_read))
async def list_agreements(
    request: Request,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    organization_id: UUID | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les ententes : édition, volet, programmes, territoire, dates, volume.

    The agreements: edition, stream, programmes, territory, dates, volume.
    """
    query = select(Agreement)
    if organization_id is not None:
        query = query.where(col(Agreement.organization_id) == organization_id)
    return await newest_first(request, session, Agreement, query, f"agreements:{organization_id}", limit, cursor)


@router.post("/agreements", status_code=201, response_model=AgreementRead,
             **described(Permission.agreement_write, NotFound))  # fmt: skip
async def make_agreement(response: Response, body: AgreementCreate, caller: Writer, session: OnceSession) -> Agreement:
    """Inscrire une entente avec un organisme : programme, édition, volet, territoire, dates, volume.

    Enter an agreement with an organization: programme, edition, stream, territory, dates, volume.
    """
    agreement = await service.make_agreement(session, caller, body)
    response.headers["Location"] = f"/v1/agreements/{agreement.id}"
    response.headers["ETag"] = etag(agreement.version, caller.role)
    return agreement


@router.get("/agreements/{agreement_id}", response_model=AgreementRead,
            **described(Permission.organization_read, NotFound))  # fmt: skip
async def read_agreement(response: Response, agreement_id: UUID, caller: Reader, session: Session) -> Agreement:
    """Une entente.

    One agreement.
    """
    agreement = await service.agreement_to(session, agreement_id)
    response.headers["ETag"] = etag(agreement.version, caller.role)
    return agreement


@router.patch("/agreements/{agreement_id}", response_model=AgreementRead,
              **described(Permission.agreement_write, errors.PlacesOutsideTerms, *ACTED))  # fmt: skip
async def amend_agreement(
    response: Response,
    agreement_id: UUID,
    body: AgreementPatch,
    caller: Writer,
    _media: MergePatch,
    version: ExpectedVersion,
    session: Session,
) -> Agreement:
    """Modifier les termes d'une entente, avec le motif ; les termes d'avant restent dans son histoire.

    Amend the terms of an agreement, with the reason; the terms before stay in its history.
    """
    agreement = await service.amend_agreement(session, caller, agreement_id, version, body)
    response.headers["ETag"] = etag(agreement.version, caller.role)
    return agreement


@router.post("/agreements/{agreement_id}/end", response_model=AgreementHandoverRead,
             **described(Permission.agreement_write, errors.SuccessorNotInForce, *ACTED))  # fmt: skip
async def end_agreement(
    response: Response,
    agreement_id: UUID,
    body: AgreementEnd,
    caller: Writer,
    version: ExpectedVersion,
    session: OnceSession,
) -> AgreementHandover:
    """Mettre fin à une entente : l'organisme ne voit plus rien, et la passation de ses ménages commence.

    End an agreement: the organization sees nothing any more, and the hand-over of its households begins.
    """
    handover = await service.end_agreement(session, caller, agreement_id, version, body)
    response.headers["Location"] = f"/v1/agreement-handovers/{handover.id}"
    response.headers["ETag"] = etag(handover.version, caller.role)
    return handover


@router.get("/agreements/{agreement_id}/changes", response_model=Page[AgreementChangeRead],
            **described(Permission.organization_read, NotFound))  # fmt: skip
async def list_agreement_changes(
    request: Request,
    agreement_id: UUID,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """L'histoire d'une entente : les termes après chaque acte, le motif, qui et quand.

    The history of an agreement: the terms after each act, the reason, who and when.
    """
    await service.agreement_to(session, agreement_id)
    query = select(AgreementChange).where(col(AgreementChange.agreement_id) == agreement_id)
    return await newest_first(request, session, AgreementChange, query, f"terms:{agreement_id}", limit, cursor)


@router.get(
    "/agreement-handovers", response_model=Page[AgreementHandoverRead], **described(Permission.organization_read)
)
async def list_agreement_handovers(
    request: Request,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    status: AgreementHandoverStatus | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les passations d'ententes terminées, les plus récentes d'abord.

    The hand-overs of agreements that ended, newest first.
    """
    query = select(AgreementHandover)
    if status is not None:
        query = query.where(col(AgreementHandover.status) == status)
    return await newest_first(
        request, session, AgreementHandover, query, f"agreement_handovers:{status}", limit, cursor
    )


@router.get("/agreement-handovers/{agreement_handover_id}", response_model=AgreementHandoverRead,
            **described(Permission.organization_read, NotFound))  # fmt: skip
async def read_agreement_handover(
    response: Response, agreement_handover_id: UUID, caller: Reader, session: Session
) -> AgreementHandover:
    """Une passation ; les ménages qui attendent se lisent par `GET /v1/assignments?agreement_id=`.

    One hand-over; the households that wait are read by `GET /v1/assignments?agreement_id=`.
    """
    handover = await single(
        session, select(AgreementHandover).where(col(AgreementHandover.id) == agreement_handover_id)
    )
    response.headers["ETag"] = etag(handover.version, caller.role)
    return handover
