from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.errors import FieldsNotYours
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.cases import address_notices, claims
from casework.cases.claim_schemas import (
    AddressNoticeDone,
    AddressNoticeRead,
    ClaimHistory,
    ClaimStatusRead,
    ClaimStatusRecord,
    ClaimStatusVoid,
)
from casework.cases.errors import (
    AddressNoticeAlreadyDone,
    CaseAlreadyClosed,
    ClaimStatusAlreadyVoided,
    ClaimStatusCannotFollow,
    NoClaimHere,
)
from casework.cases.models import AddressNotice
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, SubjectErased, VersionRequired
from casework.kernel.schemas import Page

router = APIRouter(route_class=GuardedRoute, tags=["cases"])


@router.post("/cases/{case_id}/claim-statuses", status_code=201, response_model=Page[ClaimStatusRead],
             **described(Permission.claim_status_record, NotFound, FieldsNotYours, CaseAlreadyClosed, NoClaimHere,
                         ClaimStatusCannotFollow, SubjectErased))  # fmt: skip
async def record_claim_status(
    case_id: UUID,
    body: ClaimStatusRecord,
    caller: Annotated[Caller, allow(Permission.claim_status_record)],
    session: OnceSession,
) -> dict[str, Any]:
    """Ajouter un état de la demande d'asile d'une personne, ou de chaque membre d'aujourd'hui, avec sa source ; une
    date imprimée est gardée comme elle est imprimée.

    Add a status of one person's claim, or of each member of today, with its source; a printed date is kept as printed.
    """
    return {"items": await claims.record_status(session, caller, case_id, body), "next_cursor": None}


@router.get("/cases/{case_id}/claim-statuses", response_model=ClaimHistory,
            **described(Permission.claim_status_read, NotFound))  # fmt: skip
async def list_claim_statuses(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.claim_status_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """L'histoire des demandes d'asile du ménage, du plus récent au plus ancien, annulations comprises ; `standing` :
    où en est chaque membre aujourd'hui.

    The history of the household's claims, newest first, voided ones included; `standing`: where each member stands
    today.
    """
    bound, cursors = f"claim-statuses:{caller.actor_id}:{case_id}", request.app.state.cursors
    after = cursors.read(cursor, bound) if cursor else None
    items, standing = await claims.history(session, case_id, after, limit)
    await trail.record_read(session, caller, Permission.claim_status_read, [case_id])
    last = [items[limit - 1]["occurred_on"].isoformat(), str(items[limit - 1]["id"])] if len(items) > limit else None
    return {"items": items[:limit], "standing": standing, "next_cursor": last and cursors.write(last, bound)}


@router.post("/claim-statuses/{status_id}/void", response_model=ClaimStatusRead,
             **described(Permission.claim_status_void, NotFound, ClaimStatusAlreadyVoided, ClaimStatusCannotFollow,
                         SubjectErased, StaleVersion, VersionRequired))  # fmt: skip
async def void_claim_status(
    status_id: UUID,
    body: ClaimStatusVoid,
    response: Response,
    caller: Annotated[Caller, allow(Permission.claim_status_void)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Annuler un état inscrit par erreur, avec son motif ; il reste visible.

    Void a status entered by mistake, with the reason; it stays visible.
    """
    voided = await claims.void_status(session, caller, status_id, version, body.reason)
    response.headers["ETag"] = etag(voided["version"], caller.role)
    return voided


@router.get("/cases/{case_id}/address-notices", response_model=Page[AddressNoticeRead],
            **described(Permission.address_notice_read, NotFound))  # fmt: skip
async def list_address_notices(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.address_notice_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Qui doit encore apprendre la nouvelle adresse du ménage : la CISR et IRCC/ASFC, chacune à part.

    Who is still to be told the household's new address: the IRB and IRCC/CBSA, each apart.
    """
    key = await address_notices.key_of(session, case_id)
    query = select(AddressNotice).where(col(AddressNotice.case_id) == case_id)
    page = await newest_first(request, session, AddressNotice, query, f"address-notices:{case_id}", limit, cursor)
    await trail.record_read(session, caller, Permission.address_notice_read, [case_id])
    return {**page, "items": [address_notices.as_read(notice, key) for notice in page["items"]]}


@router.post("/address-notices/{notice_id}/done", response_model=AddressNoticeRead,
             **described(Permission.address_notice_record, NotFound, AddressNoticeAlreadyDone, SubjectErased,
                         StaleVersion, VersionRequired))  # fmt: skip
async def record_address_notice(
    notice_id: UUID,
    body: AddressNoticeDone,
    response: Response,
    caller: Annotated[Caller, allow(Permission.address_notice_record)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner que l'autorité a reçu la nouvelle adresse.

    Record that the authority has been told the new address.
    """
    done = await address_notices.record_done(session, caller, notice_id, version, body)
    response.headers["ETag"] = etag(done["version"], caller.role)
    return done
