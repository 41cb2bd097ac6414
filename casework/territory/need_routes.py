from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlmodel import col, select

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, Session, allow
from casework.authz.policy import Permission
from casework.kernel.language import preferred
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound
from casework.kernel.schemas import Page, RegionCode
from casework.kernel.single import single
from casework.territory import needs
from casework.territory.models import RegionalNeed
from casework.territory.need_schemas import ImportRead, Month, NeedCreate, NeedImport, NeedRead, Occupation

router = APIRouter(route_class=GuardedRoute, tags=["territory"])
Writer = Annotated[Caller, allow(Permission.regional_need_write)]


@router.get("/regional-needs", response_model=Page[NeedRead], **described(Permission.regional_need_read))
async def list_regional_needs(
    request: Request,
    caller: Annotated[Caller, allow(Permission.regional_need_read)],  # noqa: ARG001 -- the gate
    session: Session,
    region: RegionCode | None = None,
    month: Annotated[Month | None, Query(description="AAAA-MM. YYYY-MM.")] = None,
    occupation: Annotated[Occupation | None, Query(description="Code CNP. NOC code.")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les besoins des régions, mois par mois : des nombres de postes par profession, au sujet de personne.

    The needs of the regions, month by month: numbers of openings by occupation, about nobody.
    """
    query, bound = select(RegionalNeed), f"needs:{region}:{month}:{occupation}"
    if region is not None:
        query = query.where(col(RegionalNeed.region_code) == region)
    if month is not None:
        query = query.where(col(RegionalNeed.month) == date.fromisoformat(f"{month}-01"))
    if occupation is not None:
        query = query.where(col(RegionalNeed.occupation) == occupation)
    return await newest_first(request, session, RegionalNeed, query, bound, limit, cursor)


@router.post("/regional-needs", status_code=201, response_model=NeedRead,
             **described(Permission.regional_need_write, NotFound))  # fmt: skip
async def record_regional_need(body: NeedCreate, caller: Writer, session: OnceSession) -> RegionalNeed:
    """Consigner un besoin ; le dernier compte d'une profession, d'un mois et d'une région vaut.

    Record a need; the latest count of an occupation, month and region stands.
    """
    need_id = await needs.record_need(session, caller, body)
    return await single(session, select(RegionalNeed).where(col(RegionalNeed.id) == need_id))


@router.post("/regional-need-imports", response_model=ImportRead, **described(Permission.regional_need_write))
async def import_regional_needs(
    request: Request, body: NeedImport, caller: Writer, session: OnceSession
) -> dict[str, Any]:
    """Importer des besoins en CSV, avec une réponse par ligne ; `dry_run` donne le même rapport sans rien écrire.

    Import needs from CSV, with one answer a line; `dry_run` gives the same report and writes nothing.
    """
    language = preferred(request.headers.get("accept-language"))
    written, lines = await needs.import_needs(session, caller, body, language)
    return {"written": written, "lines": lines}
