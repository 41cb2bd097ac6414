from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.errors import FieldsNotYours
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag, purpose_required
from casework.authz.policy import Permission
from casework.cases.errors import CaseStillPlaced
from casework.duplicates import service
from casework.duplicates.errors import (
    MergeDecidedByAnother,
    MergeNotStanding,
    MergeNotWaiting,
    MergeStands,
    PrincipalReplaced,
)
from casework.duplicates.models import Merge, MergeStatus
from casework.duplicates.schemas import DuplicateSearchCreate, DuplicateSearchRead, MergeCreate, MergeRead
from casework.kernel.language import preferred
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import KeysAway, NotFound, StaleVersion, SubjectErased, VersionRequired
from casework.kernel.schemas import Page

router = APIRouter(route_class=GuardedRoute, tags=["duplicates"])
DECIDED = (NotFound, MergeNotWaiting, MergeDecidedByAnother, SubjectErased, KeysAway, StaleVersion, VersionRequired)


async def _answer(session: Session, caller: Caller, merge: Merge, response: Response) -> dict[str, Any]:
    await trail.record_read(session, caller, Permission.merge_propose, [merge.case_id])
    response.headers["ETag"] = etag(merge.version, caller.role)
    [shown] = await service.as_read(session, [merge])
    return shown


@router.post("/duplicates/searches", response_model=DuplicateSearchRead,
             **described(Permission.duplicate_search, NotFound, SubjectErased, KeysAway))  # fmt: skip
async def search_duplicates(
    request: Request,
    body: DuplicateSearchCreate,
    caller: Annotated[Caller, allow(Permission.duplicate_search)],
    _: Annotated[None, purpose_required],
    session: Session,
) -> dict[str, Any]:
    """Les fiches à ma portée qui pourraient être de la même personne, chacune avec son score et ses raisons. Rien ne
    fusionne de soi-même.

    The records within my reach that may be of the same person, each with its score and reasons. Nothing merges by
    itself.
    """
    language = preferred(request.headers.get("accept-language"))
    return {"items": await service.candidates(session, caller, body, language)}


@router.post("/people/{person_id}/merges", status_code=201, response_model=MergeRead,
             **described(Permission.merge_propose, NotFound, MergeStands, CaseStillPlaced, SubjectErased, FieldsNotYours,
                         KeysAway))  # fmt: skip
async def merge_records(
    person_id: UUID,
    body: MergeCreate,
    response: Response,
    caller: Annotated[Caller, allow(Permission.merge_propose)],
    session: OnceSession,
) -> dict[str, Any]:
    """Fusionner deux fiches d'une même personne, avec le motif ; entre deux bureaux, une seconde personne décide.

    Merge two records of one person, with the reason; across two offices a second person decides.
    """
    merge = await service.propose(session, caller, person_id, body)
    return await _answer(session, caller, merge, response)


@router.get("/merges", response_model=Page[MergeRead], **described(Permission.merge_propose, KeysAway))
async def list_merges(
    request: Request,
    caller: Annotated[Caller, allow(Permission.merge_propose)],
    session: Session,
    status: Annotated[
        MergeStatus | None, Query(description="`proposed` : en attente d'une décision. `proposed`: waiting for one.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les fusions à ma portée, les plus récentes d'abord.

    The merges within my reach, newest first.
    """
    query = select(Merge)
    if status is not None:
        query = query.where(col(Merge.status) == status)
    page = await newest_first(request, session, Merge, query, f"merges:{status}", limit, cursor)
    await trail.record_read(
        session, caller, Permission.merge_propose, dict.fromkeys(one.case_id for one in page["items"])
    )
    return {**page, "items": await service.as_read(session, page["items"])}


@router.post("/merges/{merge_id}/approve", response_model=MergeRead, **described(Permission.merge_decide, *DECIDED))
async def approve_merge(
    merge_id: UUID,
    response: Response,
    caller: Annotated[Caller, allow(Permission.merge_decide)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Approuver une fusion entre deux bureaux ; jamais par qui l'a proposée.

    Approve a merge across two offices; never by whoever proposed it.
    """
    merge = await service.decide(session, caller, merge_id, version, MergeStatus.done)
    return await _answer(session, caller, merge, response)


@router.post("/merges/{merge_id}/refuse", response_model=MergeRead, **described(Permission.merge_decide, *DECIDED))
async def refuse_merge(
    merge_id: UUID,
    response: Response,
    caller: Annotated[Caller, allow(Permission.merge_decide)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Refuser une fusion entre deux bureaux ; les deux fiches restent comme elles sont.

    Refuse a merge across two offices; the two records stay as they are.
    """
    merge = await service.decide(session, caller, merge_id, version, MergeStatus.refused)
    return await _answer(session, caller, merge, response)


@router.delete("/merges/{merge_id}", response_model=MergeRead,
               **described(Permission.merge_decide, NotFound, MergeNotStanding, PrincipalReplaced, SubjectErased, KeysAway, StaleVersion,
                           VersionRequired))  # fmt: skip
async def undo_merge(
    merge_id: UUID,
    response: Response,
    caller: Annotated[Caller, allow(Permission.merge_decide)],
    version: ExpectedVersion,
    session: Session,
) -> dict[str, Any]:
    """Défaire une fusion : chaque fiche, chaque appartenance, chaque jeton redevient ce qu'il était.

    Undo a merge: each record, each membership, each token is again what it was.
    """
    merge = await service.undo(session, caller, merge_id, version)
    return await _answer(session, caller, merge, response)
