"""The server's own hand that moves the households of a closed site: each in a transaction of its own, whole or not.

It touches stays and duties only: no offer, no hold and no consent is even within its sight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.kernel import clock
from casework.lodging.errors import NotEnoughBeds, SiteClosedForLodging
from casework.lodging.models import Lodging, LodgingEnd, MoveStatus, SiteClosure, SiteClosureMove
from casework.lodging.service import begin_stay, end_stay, queue_at, tell_authorities

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Database, Session

FINISHED = (
    "UPDATE site_closures c SET finished_at = %(now)s, version = version + 1 WHERE finished_at IS NULL"
    " AND closed_on <= %(today)s AND NOT EXISTS"
    " (SELECT 1 FROM site_closure_moves m WHERE m.closure_id = c.id AND m.status = 'waiting') RETURNING id"
)


async def move_next(database: Database) -> UUID | None:
    """The household that was moved, or None when none is waiting whose day has come; the closures that are through
    are then closed. Killed at any point, the next hand takes the same household up again.
    """
    hand = system(SystemActor.mover)
    async with database.transaction(hand.context()) as session:
        found = await _next(session)
        if found is None:
            for (closure_id,) in await session.rows(FINISHED, {"now": clock.now(), "today": clock.today()}):
                trail.record(session, hand, "site_closure.finished", {"closure": str(closure_id)})
            return None
        move, closure = found
        await _move(session, hand, move, closure)
        return move.id


async def _next(session: Session) -> tuple[SiteClosureMove, SiteClosure] | None:
    query = (
        select(SiteClosureMove, SiteClosure)
        .join(SiteClosure, col(SiteClosure.id) == col(SiteClosureMove.closure_id))
        .where(col(SiteClosureMove.status) == MoveStatus.waiting, col(SiteClosure.closed_on) <= clock.today())
        .order_by(col(SiteClosureMove.id))
        .limit(1)
        .with_for_update(of=SiteClosureMove, skip_locked=True)
    )
    return (await session.exec(query)).first()


async def _move(session: Session, hand: Caller, move: SiteClosureMove, closure: SiteClosure) -> None:
    await queue_at(session, {closure.site_id, *([move.to_site_id] if move.to_site_id else [])})
    stay = (await session.exec(select(Lodging).where(col(Lodging.id) == move.lodging_id).with_for_update())).one()
    gone = stay.ends_on is not None
    move.status, move.done_at = MoveStatus.gone if gone else MoveStatus.to_lodge, clock.now()
    await session.flush()  # the beds that were promised are free again, for this very household
    if not gone:
        await end_stay(session, stay, max(closure.closed_on, stay.starts_on), LodgingEnd.site_closed, "")
        if move.to_site_id is not None:
            await _carry_on(session, hand, move, stay)
    facts = {"closure": str(closure.id), "move": str(move.id), "status": str(move.status)}
    trail.record(session, hand, "site_closure.moved", facts)


async def _carry_on(session: Session, hand: Caller, move: SiteClosureMove, stay: Lodging) -> None:
    """The next stay begins the day the other ended; without room after all, the household waits to be lodged."""
    assert move.to_site_id is not None
    assert stay.ends_on is not None
    after = Lodging(
        case_id=stay.case_id, office_id=stay.office_id, region_code=stay.region_code, site_id=move.to_site_id,
        persons=stay.persons, starts_on=stay.ends_on, recorded_by=hand.actor_id,
    )  # fmt: skip
    try:
        async with session.attempt():
            await begin_stay(session, after)
    except (NotEnoughBeds, SiteClosedForLodging):
        return
    await tell_authorities(session, after)
    move.status, move.next_lodging_id = MoveStatus.moved, after.id
    await session.flush()
