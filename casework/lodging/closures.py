"""A site closes: planned and promised in one transaction by a person, or only rehearsed (domain.md §7.11)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.kernel import clock
from casework.kernel.problems import NotFound, StaleVersion
from casework.kernel.single import single
from casework.lodging import errors
from casework.lodging.models import MoveStatus, SiteClosure, SiteClosureMove
from casework.lodging.plan import Stay, planned, short
from casework.lodging.schemas import ClosureStatus
from casework.lodging.service import queue_at
from casework.partners.errors import SiteAlreadyClosed
from casework.partners.models import Site

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.lodging.schemas import SiteClosureCreate

STAYS = (
    "SELECT id, case_id, persons, office_id, region_code FROM lodgings WHERE site_id = %s AND ends_on IS NULL"
    " ORDER BY id FOR UPDATE"
)
TOGETHER = (
    "SELECT case_id, other_case_id FROM case_links WHERE ended_at IS NULL AND kind = 'keep_together'"
    " AND case_id = ANY(%s)"
)


async def close_site(
    session: Session, caller: Caller, site_id: UUID, version: int, wanted: SiteClosureCreate, *, dry_run: bool
) -> tuple[dict[str, Any], list[UUID]]:
    """Raises NotFound, StaleVersion, InvalidContent, SiteAlreadyClosed or NotEnoughBeds; then nothing was written."""
    if not dry_run:
        return await _closed(session, caller, site_id, version, wanted)
    async with session.rehearsal():
        read, cases = await _closed(session, caller, site_id, version, wanted)
    return {**read, "id": None, "dry_run": True}, cases


async def _closed(
    session: Session, caller: Caller, site_id: UUID, version: int, wanted: SiteClosureCreate
) -> tuple[dict[str, Any], list[UUID]]:
    if wanted.closed_on < clock.today():
        raise errors.in_the_past()
    await queue_at(session, [site_id, *wanted.successors])
    site = await single(session, select(Site).where(col(Site.id) == site_id), lock=True)
    if site.closed_on is not None:
        raise SiteAlreadyClosed
    if site.version != version:
        raise StaleVersion
    free = await _free(session, site, wanted.successors)
    rows = await session.rows(STAYS, (site_id,))
    stays = await _grouped(session, rows)
    found = planned(stays, free)
    missing = short(stays, found)
    if missing and not wanted.leave_waiting:
        raise errors.NotEnoughBeds(short=missing)
    site.closed_on, site.version = wanted.closed_on, site.version + 1
    closure = SiteClosure(site_id=site_id, closed_on=wanted.closed_on, reason=wanted.reason, created_by=caller.actor_id)
    session.add(closure)
    await session.flush()
    session.add_all(
        SiteClosureMove(case_id=case_id, office_id=office_id, region_code=region_code, closure_id=closure.id,
                        lodging_id=stay, persons=persons, to_site_id=found[stay])
        for stay, case_id, persons, office_id, region_code in rows
    )  # fmt: skip
    await session.flush()
    facts = {"closure": str(closure.id), "site": str(site_id), "households": len(rows), "short": missing}
    trail.record(session, caller, "site.closing", facts)
    return await closure_as_read(session, closure)


async def _free(session: Session, site: Site, successors: list[UUID]) -> dict[UUID, int]:
    """Beds left at each successor, in the order in which they were named."""
    rows = (await session.exec(select(Site).where(col(Site.id).in_(successors)))).all() if successors else []
    sites = {one.id: one for one in rows}
    free: dict[UUID, int] = {}
    for place, successor in enumerate(successors):
        if successor in free:
            raise errors.named_twice(place)
        one = sites.get(successor)
        if one is None:
            raise NotFound
        if one.id == site.id or one.closed_on or one.beds is None or one.region_code != site.region_code:
            raise errors.no_successor(place)
        free[successor] = one.beds - one.lodged - one.promised
    return free


async def _grouped(session: Session, rows: list[tuple[Any, ...]]) -> list[Stay]:
    """Households of the site whose cases are kept together carry the same group, however long the chain."""
    root = {case_id: case_id for _, case_id, *_ in rows}

    def leader(case_id: UUID) -> UUID:
        while root[case_id] != case_id:
            case_id = root[case_id]
        return case_id

    for one, other in await session.rows(TOGETHER, (list(root),)):
        if other in root:
            first, last = sorted((leader(one), leader(other)))
            root[last] = first
    return [Stay(lodging_id, case_id, persons, leader(case_id)) for lodging_id, case_id, persons, *_ in rows]


async def closure_to(session: Session, closure_id: UUID) -> SiteClosure:
    return await single(session, select(SiteClosure).where(col(SiteClosure.id) == closure_id))


async def closure_as_read(session: Session, closure: SiteClosure) -> tuple[dict[str, Any], list[UUID]]:
    """The body of the answer, and the cases it shows."""
    query = select(SiteClosureMove).where(col(SiteClosureMove.closure_id) == closure.id)
    moves = list((await session.exec(query.order_by(col(SiteClosureMove.id)))).all())
    counts = Counter(move.status for move in moves)
    done = len(moves) - counts[MoveStatus.waiting]
    read = {
        **closure.model_dump(), "dry_run": False, "status": _status(closure),
        "progress": 100 if closure.finished_at else 100 * done // len(moves) if moves else 0,
        "counts": {status: counts[status] for status in MoveStatus},
        "persons": sum(move.persons for move in moves),
        "short": sum(move.persons for move in moves if move.to_site_id is None or move.status is MoveStatus.to_lodge),
        "moves": [move.model_dump() for move in moves],
    }  # fmt: skip
    return read, [move.case_id for move in moves]


def _status(closure: SiteClosure) -> ClosureStatus:
    if closure.finished_at is not None:
        return ClosureStatus.done
    return ClosureStatus.scheduled if closure.closed_on > clock.today() else ClosureStatus.running
