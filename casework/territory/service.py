from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from casework.audit import trail
from casework.kernel.problems import NotFound
from casework.kernel.single import single
from casework.territory import errors, queries
from casework.territory.models import Capacity, CapacityChange

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.territory.schemas import CapacityCreate, CapacityPatch

AGREEMENT = "SELECT organization_id, region_code, starts_on, ends_on FROM agreements WHERE id = %s AND ended_at IS NULL"

OVERLAPPING = (
    "SELECT 1 FROM capacities WHERE agreement_id = %(agreement_id)s AND geo_code = %(geo_code)s"
    " AND resource = %(resource)s AND starts_on <= %(ends_on)s AND ends_on >= %(starts_on)s LIMIT 1"
)
UNIQUE_VIOLATION = "23505"


async def open_capacity(session: Session, caller: Caller, wanted: CapacityCreate) -> Capacity:
    """Places under an agreement in force, in its region and period.

    Raises NotFound, InvalidContent or CapacityAlreadyOpen.
    """
    if wanted.ends_on < wanted.starts_on:
        raise errors.period_reversed()
    if not await queries.is_counted(session, wanted.resource, wanted.starts_on):
        raise errors.unknown_resource()
    rows = await session.rows(AGREEMENT, (wanted.agreement_id,))
    region = await queries.region_on(session, wanted.geo_code, wanted.starts_on)
    if not rows or region is None:
        raise NotFound
    organization_id, agreed_region, starts_on, ends_on = rows[0]
    if region != agreed_region or wanted.starts_on < starts_on or wanted.ends_on > ends_on:
        raise errors.outside_agreement()
    # Two that open the same period at once wait for each other here.
    await session.rows("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"capacity/{wanted.agreement_id}",))
    if await session.rows(OVERLAPPING, wanted.model_dump()):
        raise errors.CapacityAlreadyOpen
    capacity = Capacity(**wanted.model_dump(), region_code=region, organization_id=organization_id)
    session.add(capacity)
    try:
        await session.flush()
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != UNIQUE_VIOLATION:
            raise
        raise errors.CapacityAlreadyOpen from error
    await write_change(session, caller, capacity, None, None)
    trail.record(session, caller, "capacity.opened", {"capacity": str(capacity.id), "total": capacity.total})
    return capacity


async def change_capacity(
    session: Session, caller: Caller, capacity_id: UUID, version: int, patch: CapacityPatch
) -> Capacity:
    """Never below what is held or used: people who were offered a place are not bumped in silence."""
    capacity = await capacity_to(session, capacity_id, version)
    if capacity.shrinks_to is not None:
        raise errors.CapacityUnderReview
    taken = capacity.held + capacity.used
    if patch.total < taken:
        raise errors.CapacityBelowTaken(taken=taken)
    before, capacity.total, capacity.version = capacity.total, patch.total, capacity.version + 1
    # Free text stays on the row: what enters the log can never be taken out again.
    capacity.change_reason = patch.reason
    await write_change(session, caller, capacity, before, patch.reason)
    trail.record(session, caller, "capacity.changed", _facts(capacity, before))
    return capacity


async def capacity_to(session: Session, capacity_id: UUID, version: int | None = None) -> Capacity:
    """Locked. Raises NotFound or StaleVersion."""
    return await single(session, select(Capacity).where(col(Capacity.id) == capacity_id), version, lock=True)


async def write_change(
    session: Session, caller: Caller, capacity: Capacity, before: int | None, reason: str | None
) -> None:
    """One more line of the capacity's history, in the transaction of the change."""
    change = CapacityChange(
        capacity_id=capacity.id, region_code=capacity.region_code, organization_id=capacity.organization_id,
        total_before=before, total_after=capacity.total, reason=reason, changed_by=caller.actor_id,
    )  # fmt: skip
    session.add(change)
    await session.flush()


def _facts(capacity: Capacity, before: int) -> dict[str, object]:
    return {"capacity": str(capacity.id), "total": [before, capacity.total]}
