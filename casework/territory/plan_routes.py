from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, MergePatch, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page, RegionCode
from casework.kernel.single import single
from casework.territory import plans
from casework.territory.errors import TargetAlreadySet
from casework.territory.models import CapacityForecast, RegionalTarget
from casework.territory.schemas import ForecastCreate, ForecastRead, TargetCreate, TargetPatch, TargetRead

router = APIRouter(route_class=GuardedRoute, tags=["territory"])


@router.post("/capacity-forecasts", status_code=201, response_model=ForecastRead,
             **described(Permission.capacity_write, NotFound))  # fmt: skip
async def record_capacity_forecast(
    body: ForecastCreate, caller: Annotated[Caller, allow(Permission.capacity_write)], session: OnceSession
) -> CapacityForecast:
    """Consigner les places attendues d'un lieu : minimum, prévu, maximum ; une prévision ne promet rien.

    Record the places expected of a municipality: low, expected, high; a forecast promises nothing.
    """
    return await plans.record_forecast(session, caller, body)


@router.get("/capacity-forecasts", response_model=Page[ForecastRead], **described(Permission.capacity_read))
async def list_capacity_forecasts(
    request: Request,
    caller: Annotated[Caller, allow(Permission.capacity_read)],  # noqa: ARG001 -- the gate
    session: Session,
    region: RegionCode | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les prévisions à ma portée, la plus récente d'abord ; la dernière dite d'un lieu et d'une période vaut.

    The forecasts within my reach, newest first; the last said of a municipality and period stands.
    """
    query = select(CapacityForecast)
    if region is not None:
        query = query.where(col(CapacityForecast.region_code) == region)
    return await newest_first(request, session, CapacityForecast, query, f"forecasts:{region}", limit, cursor)


@router.post("/regional-targets", status_code=201, response_model=TargetRead,
             **described(Permission.target_set, TargetAlreadySet))  # fmt: skip
async def set_regional_target(
    response: Response,
    body: TargetCreate,
    caller: Annotated[Caller, allow(Permission.target_set)],
    session: OnceSession,
) -> RegionalTarget:
    """Fixer la cible d'une région et, au besoin, son plafond de personnes accueillies à la fois.

    Set the target of a region and, where needed, its ceiling of persons received at once.
    """
    target = await plans.set_target(session, caller, body)
    response.headers["Location"] = f"/v1/regional-targets/{target.id}"
    response.headers["ETag"] = etag(target.version, caller.role)
    return target


@router.get("/regional-targets", response_model=Page[TargetRead], **described(Permission.target_read))
async def list_regional_targets(
    request: Request,
    caller: Annotated[Caller, allow(Permission.target_read)],  # noqa: ARG001 -- the gate
    session: Session,
    region: RegionCode | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les cibles et les plafonds des régions à ma portée.

    The targets and ceilings of the regions within my reach.
    """
    query = select(RegionalTarget)
    if region is not None:
        query = query.where(col(RegionalTarget.region_code) == region)
    return await newest_first(request, session, RegionalTarget, query, f"targets:{region}", limit, cursor)


@router.get("/regional-targets/{target_id}", response_model=TargetRead, **described(Permission.target_read, NotFound))
async def read_regional_target(
    response: Response,
    target_id: UUID,
    caller: Annotated[Caller, allow(Permission.target_read)],
    session: Session,
) -> RegionalTarget:
    """Une cible régionale.

    One regional target.
    """
    target = await single(session, select(RegionalTarget).where(col(RegionalTarget.id) == target_id))
    response.headers["ETag"] = etag(target.version, caller.role)
    return target


@router.patch("/regional-targets/{target_id}", response_model=TargetRead,
              **described(Permission.target_set, NotFound, StaleVersion, VersionRequired))  # fmt: skip
async def change_regional_target(
    response: Response,
    target_id: UUID,
    body: TargetPatch,
    caller: Annotated[Caller, allow(Permission.target_set)],
    _media: MergePatch,
    version: ExpectedVersion,
    session: Session,
) -> RegionalTarget:
    """Changer une cible ou un plafond ; un plafond abaissé n'ôte rien à personne, il arrête les offres suivantes.

    Change a target or a ceiling; a lowered ceiling takes nothing from anybody, it stops the next offers.
    """
    target = await plans.change_target(session, caller, target_id, version, body)
    response.headers["ETag"] = etag(target.version, caller.role)
    return target
