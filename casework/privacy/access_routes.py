from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, allow
from casework.authz.policy import Permission
from casework.kernel.openapi import described
from casework.kernel.problems import NotFound, SubjectErased
from casework.privacy import disclosure, subject_access
from casework.privacy.export_schemas import DisclosureStatement, ExportRequest, SubjectAccessExport
from casework.privacy.readable import disclosure_page, subject_access_page

router = APIRouter(route_class=GuardedRoute, tags=["privacy"])
Format = Annotated[
    Literal["json", "html"] | None,
    Query(alias="format", description="`html`, ou l'en-tête Accept. `html`, or the Accept header."),
]
HTML = "text/html; charset=utf-8"


def _said(permission: Permission) -> dict[str, Any]:
    said = described(permission, NotFound, SubjectErased)
    said["responses"][200] = {
        "description": "Structuré, ou lisible en deux langues. Structured, or readable in two languages.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
    return said


def _readable(request: Request, asked: str | None) -> bool:
    return asked == "html" or (asked is None and request.headers.get("accept", "").startswith("text/html"))


@router.post("/people/{person_id}/subject-access-exports", response_model=SubjectAccessExport,
             **_said(Permission.subject_access_export))  # fmt: skip
async def export_subject_access(
    request: Request,
    person_id: UUID,
    body: ExportRequest,
    caller: Annotated[Caller, allow(Permission.subject_access_export)],
    session: OnceSession,
    asked: Format = None,
) -> Response:
    """Tout ce qui est détenu sur une personne, pour elle : JSON, ou document lisible en français et en anglais.
    Les tiers en sont retirés ; relisez les mots libres avant de remettre le document.

    Everything held about a person, for that person: JSON, or a document readable in French and English. Third
    parties are taken out; read the free words again before handing the document over.
    """
    export = await subject_access.export(session, caller, person_id, body)
    if _readable(request, asked):
        return Response(subject_access_page(export), media_type=HTML, headers={"Content-Language": "fr, en"})
    return Response(to_json(export), media_type="application/json")


@router.post("/people/{person_id}/disclosure-statements", response_model=DisclosureStatement,
             **_said(Permission.disclosure_export))  # fmt: skip
async def state_disclosures(
    request: Request,
    person_id: UUID,
    body: ExportRequest,
    caller: Annotated[Caller, allow(Permission.disclosure_export)],
    session: OnceSession,
    asked: Format = None,
) -> Response:
    """Quels organismes ont pu voir quels renseignements d'une personne, pourquoi, de quand à quand.

    Which organizations could see which information about a person, why, from when until when.
    """
    stated = await disclosure.statement(session, caller, person_id, body)
    if _readable(request, asked):
        return Response(disclosure_page(stated), media_type=HTML, headers={"Content-Language": "fr, en"})
    return Response(to_json(stated), media_type="application/json")
