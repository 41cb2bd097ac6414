from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller, system
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission, SystemActor
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import KeysAway, NotFound, StaleVersion, SubjectErased, VersionRequired
from casework.kernel.schemas import Page
from casework.protection import addresses, glass
from casework.protection.errors import AlreadyReviewed, ReviewerMustDiffer
from casework.protection.models import GlassBreak
from casework.protection.schemas import (
    BreakGlassCreate,
    BreakGlassOpened,
    BreakGlassRead,
    BreakGlassReview,
    SealedAddressRead,
    SealedAddressWrite,
)

router = APIRouter(route_class=GuardedRoute, tags=["protection"])
ADDRESS = "/cases/{case_id}/people/{person_id}/sealed-address"


def _tagged(answer: dict[str, Any], caller: Caller, response: Response) -> dict[str, Any]:
    response.headers["ETag"] = etag(answer["version"], caller.role)
    return answer


@router.get(ADDRESS, response_model=SealedAddressRead,
            **described(Permission.sealed_address_read, NotFound, SubjectErased, KeysAway))  # fmt: skip
async def read_sealed_address(
    case_id: UUID,
    person_id: UUID,
    response: Response,
    caller: Annotated[Caller, allow(Permission.sealed_address_read)],
    session: Session,
) -> dict[str, Any]:
    """Les vraies coordonnées d'une personne menacée, si elle en a de scellées. La réponse a la même forme sinon.

    The real contact of a threatened person, where one is sealed. The answer has the same form where none is.
    """
    return _tagged(await addresses.read_address(session, caller, case_id, person_id), caller, response)


@router.put(ADDRESS, response_model=SealedAddressRead,
            **described(Permission.sealed_address_write, NotFound, SubjectErased, KeysAway, StaleVersion,
                        VersionRequired))  # fmt: skip
async def seal_address(
    case_id: UUID,
    person_id: UUID,
    body: SealedAddressWrite,
    response: Response,
    caller: Annotated[Caller, allow(Permission.sealed_address_write)],
    version: ExpectedVersion,
    session: Session,
) -> dict[str, Any]:
    """Sceller les vraies coordonnées ; les coordonnées ordinaires deviennent celles de substitution, pour tout le monde.

    Seal the real contact; the ordinary contact becomes the substitute, for everybody.
    """
    answer = await addresses.write_address(session, caller, (case_id, person_id), version, body)
    return _tagged(answer, caller, response)


@router.delete(ADDRESS, response_model=SealedAddressRead,
               **described(Permission.sealed_address_write, NotFound, SubjectErased, KeysAway, StaleVersion,
                           VersionRequired))  # fmt: skip
async def withdraw_sealed_address(
    case_id: UUID,
    person_id: UUID,
    response: Response,
    caller: Annotated[Caller, allow(Permission.sealed_address_write)],
    version: ExpectedVersion,
    session: Session,
) -> dict[str, Any]:
    """Retirer les coordonnées scellées ; celles de substitution restent, l'ancienne adresse n'est jamais rétablie.

    Withdraw the sealed contact; the substitute stays, the old address is never put back.
    """
    answer = await addresses.write_address(session, caller, (case_id, person_id), version, None)
    return _tagged(answer, caller, response)


@router.post("/break-glass", status_code=201, response_model=BreakGlassOpened,
             **described(Permission.break_glass_open, NotFound, SubjectErased, KeysAway))  # fmt: skip
async def break_glass(
    request: Request,
    body: BreakGlassCreate,
    caller: Annotated[Caller, allow(Permission.break_glass_open)],
    session: OnceSession,  # noqa: ARG001 -- the grant is in force, and a repeated key gets its first answer
) -> dict[str, Any]:
    """Ouvrir en urgence un seul dossier, 60 minutes au plus, avec un motif. La supervision est avisée et en fait la
    revue sous 72 heures. Lisez ensuite avec `X-Purpose-of-Use: emergency`.

    Open one case in an emergency, for 60 minutes at most, with a reason. A supervisor is told and reviews it within
    72 hours. Then read with `X-Purpose-of-Use: emergency`.
    """
    async with request.app.state.database.transaction(system(SystemActor.glazier).context()) as glazier:
        return await glass.break_glass(glazier, caller, body)


@router.get("/break-glass", response_model=Page[BreakGlassRead],
            **described(Permission.break_glass_read, KeysAway))  # fmt: skip
async def list_broken_glass(
    request: Request,
    caller: Annotated[Caller, allow(Permission.break_glass_read)],
    session: Session,
    reviewed: Annotated[
        bool | None, Query(description="`false` : à revoir seulement. `false`: those to review only.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les accès d'urgence à ma portée, les plus récents d'abord ; `overdue` : sans revue après 72 heures.

    The emergency accesses within my reach, newest first; `overdue`: not reviewed after 72 hours.
    """
    query = select(GlassBreak)
    if reviewed is not None:
        outcome = col(GlassBreak.outcome)
        query = query.where(outcome.is_not(None) if reviewed else outcome.is_(None))
    page = await newest_first(request, session, GlassBreak, query, f"break-glass:{reviewed}", limit, cursor)
    cases = dict.fromkeys(one.case_id for one in page["items"])
    await trail.record_read(session, caller, Permission.break_glass_read, cases)
    return {**page, "items": await glass.as_read(session, page["items"])}


@router.post("/break-glass/{glass_id}/review", response_model=BreakGlassRead,
             **described(Permission.break_glass_review, NotFound, ReviewerMustDiffer, AlreadyReviewed, SubjectErased, KeysAway,
                         StaleVersion, VersionRequired))  # fmt: skip
async def review_broken_glass(
    glass_id: UUID,
    body: BreakGlassReview,
    response: Response,
    caller: Annotated[Caller, allow(Permission.break_glass_review)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner la revue d'un accès d'urgence ; jamais par la personne qui l'a ouvert.

    Record the review of an emergency access; never by the person who opened it.
    """
    reviewed = await glass.review(session, caller, glass_id, version, body)
    [answer] = await glass.as_read(session, [reviewed])
    return _tagged(answer, caller, response)
