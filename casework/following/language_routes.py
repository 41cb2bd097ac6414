from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, Session, allow
from casework.authz.policy import Permission
from casework.following import languages
from casework.following.models import CollectionNotice, ServiceLanguage
from casework.following.schemas import (
    CollectionNoticeCreate,
    CollectionNoticeRead,
    ServiceLanguageCreate,
    ServiceLanguageRead,
)
from casework.following.service import refuse_absent
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, SubjectErased
from casework.kernel.schemas import Page

router = APIRouter(route_class=GuardedRoute, prefix="/cases", tags=["cases"])


@router.post("/{case_id}/collection-notices", status_code=201, response_model=CollectionNoticeRead,
             **described(Permission.collection_notice_record, NotFound, SubjectErased))  # fmt: skip
async def record_collection_notice(
    case_id: UUID,
    body: CollectionNoticeCreate,
    caller: Annotated[Caller, allow(Permission.collection_notice_record)],
    session: OnceSession,
) -> CollectionNotice:
    """Consigner qu'une personne a reçu l'avis de collecte dans sa langue ; ce n'est pas un consentement.

    Record that a person was given the notice of collection in their language; it is not a consent.
    """
    return await languages.tell(session, caller, case_id, body)


@router.get("/{case_id}/collection-notices", response_model=Page[CollectionNoticeRead],
            **described(Permission.collection_notice_read, NotFound))  # fmt: skip
async def list_collection_notices(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.collection_notice_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les avis de collecte remis au ménage, du plus récent au plus ancien.

    The notices of collection given to the household, newest first.
    """
    await refuse_absent(session, case_id)
    query = select(CollectionNotice).where(col(CollectionNotice.case_id) == case_id)
    page = await newest_first(request, session, CollectionNotice, query, f"collection:{case_id}", limit, cursor)
    await trail.record_read(session, caller, Permission.collection_notice_read, [case_id])
    return page


@router.post("/{case_id}/service-languages", status_code=201, response_model=ServiceLanguageRead,
             **described(Permission.service_language_record, NotFound, SubjectErased))  # fmt: skip
async def set_service_language(
    case_id: UUID,
    body: ServiceLanguageCreate,
    caller: Annotated[Caller, allow(Permission.service_language_record)],
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner la langue de service d'une personne, avec le motif légal et la fin quand ce n'est pas le français.

    Record the language a person is served in, with the legal basis and the end where it is not French.
    """
    return await languages.serve(session, caller, case_id, body)


@router.get("/{case_id}/service-languages", response_model=Page[ServiceLanguageRead],
            **described(Permission.service_language_read, NotFound))  # fmt: skip
async def list_service_languages(
    request: Request,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.service_language_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les langues de service du ménage, avec leurs motifs et leurs dates ; sans langue en vigueur, c'est le français.

    The household's languages of service, with bases and dates; where none is in force, French is.
    """
    await refuse_absent(session, case_id)
    query = select(ServiceLanguage).where(col(ServiceLanguage.case_id) == case_id)
    page = await newest_first(request, session, ServiceLanguage, query, f"languages:{case_id}", limit, cursor)
    await trail.record_read(session, caller, Permission.service_language_read, [case_id])
    return {**page, "items": await languages.as_read(session, case_id, page["items"])}
