from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, Session, allow
from casework.authz.policy import Permission
from casework.cases.errors import CaseStillPlaced
from casework.kernel import clock
from casework.kernel.language import preferred
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, SubjectErased
from casework.kernel.schemas import Page
from casework.privacy import erasure, errors, holds
from casework.privacy.models import Erasure, ErasureStatus, LegalHold
from casework.privacy.reference import rules_in_force
from casework.privacy.schemas import (
    ErasureRead,
    ErasureRefuse,
    ErasureRequest,
    LegalHoldCreate,
    LegalHoldRead,
    LegalHoldRelease,
    RetentionRuleRead,
)

router = APIRouter(route_class=GuardedRoute, tags=["privacy"])
DECIDED = (NotFound, errors.ErasureAlreadyDecided, errors.SecondPersonRequired)


def _said(request: Request, found: Erasure) -> dict[str, Any]:
    return erasure.as_read(found, preferred(request.headers.get("accept-language")))


@router.post("/people/{person_id}/erasures", status_code=201, response_model=ErasureRead,
             **described(Permission.erasure_request, NotFound, SubjectErased, errors.UnderLegalHold,
                         errors.ErasureAlreadyRequested))  # fmt: skip
async def request_erasure(
    request: Request,
    response: Response,
    person_id: UUID,
    body: ErasureRequest,
    caller: Annotated[Caller, allow(Permission.erasure_request)],
    session: OnceSession,
) -> dict[str, Any]:
    """Demander l'effacement d'une personne ; une autre personne décide, et rien n'est détruit avant.

    Request the erasure of a person; another person decides, and nothing is destroyed before.
    """
    asked = await erasure.request_erasure(session, caller, person_id, body)
    response.headers["Location"] = f"/v1/erasures/{asked.id}"
    return _said(request, asked)


@router.get("/erasures", response_model=Page[ErasureRead], **described(Permission.erasure_read))
async def list_erasures(
    request: Request,
    caller: Annotated[Caller, allow(Permission.erasure_read)],  # noqa: ARG001 -- the gate
    session: Session,
    status: ErasureStatus | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les demandes d'effacement à ma portée, les plus récentes d'abord.

    The erasure requests within my reach, newest first.
    """
    query = select(Erasure)
    if status is not None:
        query = query.where(col(Erasure.status) == status)
    page = await newest_first(request, session, Erasure, query, f"erasures:{status}", limit, cursor)
    return {**page, "items": [_said(request, found) for found in page["items"]]}


@router.get("/erasures/{erasure_id}", response_model=ErasureRead, **described(Permission.erasure_read, NotFound))
async def read_erasure(
    request: Request,
    erasure_id: UUID,
    caller: Annotated[Caller, allow(Permission.erasure_read)],  # noqa: ARG001 -- the gate
    session: Session,
) -> dict[str, Any]:
    """Une demande d'effacement et sa décision.

    An erasure request and its decision.
    """
    found = (await session.exec(select(Erasure).where(col(Erasure.id) == erasure_id))).first()
    if found is None:
        raise NotFound
    return _said(request, found)


@router.post("/erasures/{erasure_id}/approve", response_model=ErasureRead,
             **described(Permission.erasure_decide, *DECIDED, SubjectErased, errors.UnderLegalHold,
                         CaseStillPlaced))  # fmt: skip
async def approve_erasure(
    request: Request,
    erasure_id: UUID,
    caller: Annotated[Caller, allow(Permission.erasure_decide)],
    session: OnceSession,
) -> dict[str, Any]:
    """Approuver : la clé de la personne est détruite, celle du ménage avec sa dernière personne. Sans retour.

    Approve: the person's key is destroyed, the household's with its last person. There is no way back.
    """
    return _said(request, await erasure.approve_erasure(session, caller, erasure_id))


@router.post("/erasures/{erasure_id}/refuse", response_model=ErasureRead,
             **described(Permission.erasure_decide, *DECIDED))  # fmt: skip
async def refuse_erasure(
    request: Request,
    erasure_id: UUID,
    body: ErasureRefuse,
    caller: Annotated[Caller, allow(Permission.erasure_decide)],
    session: OnceSession,
) -> dict[str, Any]:
    """Refuser l'effacement, avec un motif codé.

    Refuse the erasure, with a coded reason.
    """
    return _said(request, await erasure.refuse_erasure(session, caller, erasure_id, body.refusal))


@router.post("/legal-holds", status_code=201, response_model=LegalHoldRead,
             **described(Permission.legal_hold_manage, NotFound))  # fmt: skip
async def place_legal_hold(
    body: LegalHoldCreate, caller: Annotated[Caller, allow(Permission.legal_hold_manage)], session: OnceSession
) -> LegalHold:
    """Geler un dossier ou une personne : rien n'en est effacé, ni sur demande ni par le calendrier.

    Hold a case or a person: nothing of it is erased, neither on request nor by the schedule.
    """
    return await holds.place_hold(session, caller, body)


@router.get("/legal-holds", response_model=Page[LegalHoldRead], **described(Permission.legal_hold_read))
async def list_legal_holds(
    request: Request,
    caller: Annotated[Caller, allow(Permission.legal_hold_read)],  # noqa: ARG001 -- the gate
    session: Session,
    case_id: UUID | None = None,
    standing: bool = False,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les gels à ma portée ; `standing` : ceux qui tiennent encore.

    The holds within my reach; `standing`: those that still stand.
    """
    query = select(LegalHold)
    if case_id is not None:
        query = query.where(col(LegalHold.case_id) == case_id)
    if standing:
        query = query.where(col(LegalHold.released_at).is_(None))
    return await newest_first(request, session, LegalHold, query, f"holds:{case_id}:{standing}", limit, cursor)


@router.post("/legal-holds/{hold_id}/release", response_model=LegalHoldRead,
             **described(Permission.legal_hold_manage, NotFound, errors.HoldAlreadyReleased))  # fmt: skip
async def release_legal_hold(
    hold_id: UUID,
    body: LegalHoldRelease,
    caller: Annotated[Caller, allow(Permission.legal_hold_manage)],
    session: OnceSession,
) -> LegalHold:
    """Lever un gel.

    Release a hold.
    """
    return await holds.release_hold(session, caller, hold_id, body.reference)


@router.get("/retention-rules", response_model=list[RetentionRuleRead], **described(Permission.retention_read))
async def list_retention_rules(
    request: Request,
    caller: Annotated[Caller, allow(Permission.retention_read)],  # noqa: ARG001 -- the gate
    session: Session,  # noqa: ARG001 -- the transaction proves that the grant is in force
) -> list[dict[str, Any]]:
    """Les règles de conservation en vigueur : classe de documents, point de départ, délai, sort, source.

    The retention rules in force: class of records, anchor, period, action, source.
    """
    language = preferred(request.headers.get("accept-language"))
    shown = ("code", "record_class", "anchor", "months", "action", "owner", "source", "valid_from", "valid_to")
    return [
        {**{name: getattr(rule, name) for name in shown}, "label": rule.label.to(language)}
        for rule in rules_in_force(clock.today())
    ]
