from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.errors import FieldsNotYours
from casework.authz.guard import ExpectedVersion, GuardedRoute, MergePatch, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.cases import queries, service
from casework.cases.errors import CaseAlreadyClosed, CaseNotClosed, CaseNotDraft, CaseStillPlaced, NoOfficeToIntakeInto
from casework.cases.lifecycle import CaseStatus
from casework.cases.reading import read_case as case_as_seen
from casework.cases.schemas import CaseClose, CaseCreate, CasePage, CasePatch, CaseRead
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import AlreadyExists, NotFound, StaleVersion, VersionRequired
from casework.kernel.programme import Programme
from casework.kernel.schemas import ExternalId, RegionCode
from casework.people.models import Consent
from casework.people.schemas import ConsentRead, ConsentRecord

router = APIRouter(route_class=GuardedRoute, prefix="/cases", tags=["cases"])


async def _answer(session: Session, caller: Caller, case_id: UUID, status: int = 200) -> Response:
    """Serialized here and now, inside the transaction, without a second pass through a model (house-style §4.7)."""
    case = await case_as_seen(session, caller, case_id)
    headers = {"ETag": etag(case["version"], caller.role)}
    if status == 201:
        headers["Location"] = f"/v1/cases/{case_id}"
    return Response(to_json(case), status, headers, "application/json")


@router.post("", status_code=201, response_model=CaseRead,
             **described(Permission.case_create, AlreadyExists, FieldsNotYours, NoOfficeToIntakeInto))  # fmt: skip
async def take_in_household(
    body: CaseCreate, caller: Annotated[Caller, allow(Permission.case_create)], session: OnceSession
) -> Response:
    """Prise en charge d'un ménage en une seule transaction : programme, membres, besoins, préférences, consentements.

    Intake of a household in one transaction: programme, members, needs, preferences, consents.
    """
    case = await service.take_in(session, caller, body)
    return await _answer(session, caller, case.id, 201)


@router.get("", response_model=CasePage, **described(Permission.case_read))
async def list_cases(
    request: Request,
    caller: Annotated[Caller, allow(Permission.case_read)],
    session: Session,
    status: CaseStatus | None = None,
    programme: Programme | None = None,
    region: RegionCode | None = None,
    caseworker: Annotated[
        UUID | Literal["me"] | None, Query(description="`me` ou un identifiant. `me` or an id.")
    ] = None,
    external_id: ExternalId | None = None,
    total: bool = False,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les dossiers à ma portée, les plus récents d'abord.

    The cases within my reach, newest first.
    """
    asked = {
        "status": status, "programme": programme, "region": region, "external_id": external_id,
        "caseworker_id": caller.actor_id if caseworker == "me" else caseworker,
    }  # fmt: skip
    filters = {name: value for name, value in asked.items() if value is not None}
    bound = f"cases:{caller.actor_id}:{sorted((k, str(v)) for k, v in filters.items())}"
    cursors = request.app.state.cursors
    after = UUID(cursors.read(cursor, bound)[0]) if cursor else None
    rows = await queries.cases_after(session, filters, after, limit)
    items = [dict(zip(queries.SUMMARY, row, strict=True)) for row in rows[:limit]]
    await trail.record_read(session, caller, Permission.case_read, [item["id"] for item in items])
    following = cursors.write([str(items[-1]["id"])], bound) if len(rows) > limit else None
    page: dict[str, Any] = {"items": items, "next_cursor": following, "total": None}
    if total:
        count, exact = await queries.count_cases(session, filters)
        page["total"] = {"count": count, "exact": exact}
    return page


@router.get("/{case_id}", response_model=CaseRead, **described(Permission.case_read, NotFound))
async def read_case(
    case_id: UUID, caller: Annotated[Caller, allow(Permission.case_read)], session: Session
) -> Response:
    """Un dossier et son ménage ; les champs que mon rôle ne voit pas sont absents.

    One case and its household; fields that my role does not see are absent.
    """
    return await _answer(session, caller, case_id)


@router.patch("/{case_id}", response_model=CaseRead,
              **described(Permission.case_update, NotFound, CaseNotDraft, StaleVersion, VersionRequired))  # fmt: skip
async def change_case(
    case_id: UUID,
    body: CasePatch,
    caller: Annotated[Caller, allow(Permission.case_update)],
    _media: MergePatch,
    version: ExpectedVersion,
    session: Session,
) -> Response:
    """Modifier l'intervenant ou l'identifiant externe, ou ouvrir un brouillon (RFC 7396).

    Change the caseworker or the external identifier, or open a draft.
    """
    await service.change_case(session, caller, case_id, version, body)
    return await _answer(session, caller, case_id)


@router.post("/{case_id}/consents", status_code=201, response_model=ConsentRead,
             **described(Permission.consent_record, NotFound, FieldsNotYours, StaleVersion, VersionRequired))  # fmt: skip
async def record_consent(
    response: Response,
    case_id: UUID,
    body: ConsentRecord,
    caller: Annotated[Caller, allow(Permission.consent_record)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Consent:
    """Consigner le consentement d'un adulte, son refus ou son retrait ; l'accès des hôtes qui en dépend cesse aussitôt.

    Record an adult's consent, refusal or withdrawal; the hosts' access that rests on it ends at once.
    """
    case, consent = await service.record_consent(session, caller, case_id, version, body)
    response.headers.update({"ETag": etag(case.version, caller.role), "Location": f"/v1/cases/{case_id}"})
    return consent


@router.post("/{case_id}/close", response_model=CaseRead,
             **described(Permission.case_close, NotFound, CaseAlreadyClosed, CaseStillPlaced, StaleVersion,
                         VersionRequired))  # fmt: skip
async def close_case(
    case_id: UUID,
    body: CaseClose,
    caller: Annotated[Caller, allow(Permission.case_close)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Response:
    """Fermer un dossier, avec le motif.

    Close a case, with the reason.
    """
    await service.close_case(session, caller, case_id, version, body.reason)
    return await _answer(session, caller, case_id)


@router.post("/{case_id}/reopen", response_model=CaseRead,
             **described(Permission.case_close, NotFound, CaseNotClosed, StaleVersion, VersionRequired))  # fmt: skip
async def reopen_case(
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.case_close)],
    version: ExpectedVersion,
    session: OnceSession,
) -> Response:
    """Rouvrir un dossier fermé.

    Reopen a closed case.
    """
    await service.reopen_case(session, caller, case_id, version)
    return await _answer(session, caller, case_id)
