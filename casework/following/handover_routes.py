from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.cases.address_notices import key_of
from casework.cases.errors import CaseAlreadyClosed
from casework.following import errors, handovers
from casework.following.models import Handover
from casework.following.schemas import HandoverCreate, HandoverRead, HandoverRefuse, ResponsibilityRead
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, SubjectErased, VersionRequired
from casework.kernel.schemas import Page

router = APIRouter(route_class=GuardedRoute, tags=["cases"])


@router.get("/cases/{case_id}/responsibility", response_model=ResponsibilityRead,
            **described(Permission.responsibility_read, NotFound))  # fmt: skip
async def read_responsibility(
    case_id: UUID, caller: Annotated[Caller, allow(Permission.responsibility_read)], session: Session
) -> dict[str, Any]:
    """Qui est, qui était, qui sera responsable du dossier : l'intervenant, l'organisme d'accueil, la région.

    Who is, who was, who will be responsible for the case: the caseworker, the host organization, the region.
    """
    found = await handovers.responsibility(session, caller, case_id)
    await trail.record_read(session, caller, Permission.responsibility_read, [case_id])
    return found


@router.post("/cases/{case_id}/handovers", status_code=201, response_model=HandoverRead,
             **described(Permission.handover_propose, NotFound, CaseAlreadyClosed, SubjectErased,
                         errors.HandoverAlreadyProposed, errors.ReceiverFollowsAlready))  # fmt: skip
async def propose_handover(
    case_id: UUID,
    body: HandoverCreate,
    caller: Annotated[Caller, allow(Permission.handover_propose)],
    session: OnceSession,
) -> dict[str, Any]:
    """Proposer le dossier à un autre intervenant du bureau, qui l'accepte ou le refuse.

    Propose the case to another caseworker of the office, who accepts or refuses it.
    """
    return await handovers.propose(session, caller, case_id, body)


@router.get("/cases/{case_id}/handovers", response_model=Page[HandoverRead],
            **described(Permission.handover_read, NotFound))  # fmt: skip
async def list_handovers(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.handover_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les transferts proposés, acceptés et refusés, du plus récent au plus ancien.

    Hand-overs proposed, accepted and refused, newest first.
    """
    key = await key_of(session, case_id)
    query = select(Handover).where(col(Handover.case_id) == case_id)
    page = await newest_first(request, session, Handover, query, f"handovers:{case_id}", limit, cursor)
    await trail.record_read(session, caller, Permission.handover_read, [case_id])
    return {**page, "items": [handovers.as_read(one, key) for one in page["items"]]}


ANSWERING = (
    NotFound, errors.HandoverAlreadyAnswered, errors.NotTheReceiver, SubjectErased, StaleVersion, VersionRequired,
)  # fmt: skip


@router.post("/handovers/{handover_id}/accept", response_model=HandoverRead,
             **described(Permission.handover_answer, *ANSWERING, errors.ReceiverNotInForce))  # fmt: skip
async def accept_handover(
    handover_id: UUID,
    response: Response,
    caller: Annotated[Caller, allow(Permission.handover_answer)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Accepter le dossier qui m'est proposé : j'en deviens responsable.

    Accept the case proposed to me: I become responsible for it.
    """
    found = await handovers.accept(session, caller, handover_id, version)
    response.headers["ETag"] = etag(found["version"], caller.role)
    return found


@router.post("/handovers/{handover_id}/refuse", response_model=HandoverRead,
             **described(Permission.handover_answer, *ANSWERING))  # fmt: skip
async def refuse_handover(
    handover_id: UUID,
    body: HandoverRefuse,
    response: Response,
    caller: Annotated[Caller, allow(Permission.handover_answer)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Refuser le dossier proposé, ou retirer ma proposition, avec le motif.

    Refuse the case proposed, or take my proposal back, with the reason.
    """
    found = await handovers.refuse(session, caller, handover_id, version, body.reason)
    response.headers["ETag"] = etag(found["version"], caller.role)
    return found
