from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, Session, allow
from casework.authz.policy import Permission
from casework.kernel.openapi import described
from casework.kernel.schemas import LanguageCode
from casework.notices.reference import NoticeKind
from casework.notices.schemas import NoticesRead

router = APIRouter(route_class=GuardedRoute, tags=["cases"])
READ = (
    "SELECT version, kind, language, title, text, valid_from, valid_to FROM consent_notices"
    " WHERE (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(language)s::text IS NULL OR language = %(language)s)"
    " ORDER BY kind, version DESC, language"
)
COLUMNS = ("version", "kind", "language", "title", "text", "valid_from", "valid_to")


@router.get("/consent-notices", response_model=NoticesRead, **described(Permission.territory_read))
async def list_consent_notices(
    caller: Annotated[Caller, allow(Permission.territory_read)],  # noqa: ARG001 -- the gate
    session: Session,
    kind: NoticeKind | None = None,
    language: LanguageCode | None = None,
) -> dict[str, Any]:
    """Les avis que l'on remet aux personnes, par version et par langue, avec leurs dates.

    The notices that people are given, by version and language, with their dates.
    """
    rows = await session.rows(READ, {"kind": kind, "language": language})
    return {"items": [dict(zip(COLUMNS, row, strict=True)) for row in rows]}
