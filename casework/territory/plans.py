"""What is expected and what is meant: forecasts of places, targets and ceilings of regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from casework.audit import trail
from casework.kernel.problems import NotFound
from casework.kernel.single import single
from casework.territory import errors, queries
from casework.territory.models import CapacityForecast, RegionalTarget

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.territory.schemas import ForecastCreate, TargetCreate, TargetPatch

OVERLAPPING = (
    "SELECT 1 FROM regional_targets WHERE region_code = %(region_code)s"
    " AND starts_on <= %(ends_on)s AND ends_on >= %(starts_on)s LIMIT 1"
)


async def record_forecast(session: Session, caller: Caller, told: ForecastCreate) -> CapacityForecast:
    """Raises InvalidContent, or NotFound: a place or an organization that nobody knows, a region out of reach."""
    if told.ends_on < told.starts_on:
        raise errors.period_reversed()
    if not told.low <= told.expected <= told.high:
        raise errors.range_reversed()
    if not await queries.is_counted(session, told.resource, told.starts_on):
        raise errors.unknown_resource()
    region = await queries.region_on(session, told.geo_code, told.starts_on)
    if region is None:
        raise NotFound
    await _refuse_unknown(session, told.organization_id)
    forecast = CapacityForecast(**told.model_dump(), region_code=region, recorded_by=caller.actor_id)
    session.add(forecast)
    await session.flush()
    facts = {"forecast": str(forecast.id), "geo_code": forecast.geo_code, "expected": forecast.expected}
    trail.record(session, caller, "forecast.recorded", facts)
    return forecast


async def _refuse_unknown(session: Session, organization_id: UUID | None) -> None:
    wanted = (organization_id,)
    if organization_id is not None and not await session.rows("SELECT 1 FROM organizations WHERE id = %s", wanted):
        raise NotFound


async def set_target(session: Session, caller: Caller, wanted: TargetCreate) -> RegionalTarget:
    """Raises InvalidContent or TargetAlreadySet."""
    if wanted.ends_on < wanted.starts_on:
        raise errors.period_reversed()
    _refuse_low_ceiling(wanted.target, wanted.ceiling)
    await session.rows("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"target/{wanted.region_code}",))
    if await session.rows(OVERLAPPING, wanted.model_dump()):
        raise errors.TargetAlreadySet
    target = RegionalTarget(**wanted.model_dump())
    session.add(target)
    await session.flush()
    trail.record(session, caller, "target.set", _facts(target))
    return target


async def change_target(
    session: Session, caller: Caller, target_id: UUID, version: int, patch: TargetPatch
) -> RegionalTarget:
    target = await single(
        session, select(RegionalTarget).where(col(RegionalTarget.id) == target_id), version, lock=True
    )
    _refuse_low_ceiling(patch.target, patch.ceiling)
    target.target, target.ceiling, target.source = patch.target, patch.ceiling, patch.source
    target.version += 1
    await session.flush()
    trail.record(session, caller, "target.changed", _facts(target))
    return target


def _refuse_low_ceiling(target: int, ceiling: int | None) -> None:
    if ceiling is not None and ceiling < target:
        raise errors.ceiling_below_target()


def _facts(target: RegionalTarget) -> dict[str, object]:
    return {
        "target": str(target.id), "region": target.region_code, "persons": target.target, "ceiling": target.ceiling,
    }  # fmt: skip
