from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlmodel import col, select

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, Session, allow
from casework.authz.policy import Permission
from casework.kernel import clock
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.schemas import Page, RegionCode
from casework.territory import capacity_routes, need_routes, plan_routes, queries
from casework.territory.models import AdminRegion
from casework.territory.models import Resource as ResourceRow
from casework.territory.reference import FlagValue
from casework.territory.schemas import MunicipalityRead, RegionRead, ResourceRead

router = APIRouter(route_class=GuardedRoute, tags=["territory"])
Signed = Annotated[Caller, allow(Permission.territory_read)]


@router.get("/regions", response_model=Page[RegionRead], **described(Permission.territory_read))
async def list_regions(caller: Signed, session: Session) -> dict[str, Any]:  # noqa: ARG001 -- the gate
    """Les 17 régions administratives.

    The 17 administrative regions.
    """
    rows = (await session.exec(select(AdminRegion).order_by(col(AdminRegion.code)))).all()
    return {"items": list(rows), "next_cursor": None}


@router.get("/municipalities", response_model=Page[MunicipalityRead], **described(Permission.territory_read))
async def list_municipalities(
    request: Request,
    caller: Signed,
    session: Session,
    region: RegionCode | None = None,
    in_cmm: FlagValue | None = None,
    on: Annotated[
        date | None, Query(description="Date de référence, aujourd'hui par défaut. Date of reference.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les municipalités, avec leur région et leurs indicateurs CMM et RMR à une date.

    The municipalities, with their region and their CMM and CMA flags on a date.
    """
    bound = f"municipalities:{caller.actor_id}:{region}:{in_cmm}:{on}"
    cursors = request.app.state.cursors
    after = cursors.read(cursor, bound)[0] if cursor else None
    flag = None if in_cmm is None else str(in_cmm)
    found = await queries.municipalities_on(
        session, on or clock.today(), region=region, in_cmm=flag, after=after, limit=limit + 1
    )
    following = cursors.write([found[limit - 1]["geo_code"]], bound) if len(found) > limit else None
    return {"items": found[:limit], "next_cursor": following}


@router.get("/resources", response_model=Page[ResourceRead], **described(Permission.territory_read))
async def list_resources(caller: Signed, session: Session) -> dict[str, Any]:  # noqa: ARG001 -- the gate
    """Ce en quoi les places se comptent : personnes, logements par chambres, sièges ; chacun avec ses dates.

    What places are counted in: persons, homes by bedrooms, seats; each with its dates.
    """
    rows = (await session.exec(select(ResourceRow).order_by(col(ResourceRow.code)))).all()
    return {"items": list(rows), "next_cursor": None}


router.include_router(capacity_routes.router)
router.include_router(plan_routes.router)
router.include_router(need_routes.router)
