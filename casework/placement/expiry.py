"""Holds end by themselves: the system actor `expiry` frees what nobody answered in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.audit import trail
from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.kernel import clock
from casework.placement import holds

if TYPE_CHECKING:
    from uuid import UUID

    from casework.kernel.database import Database

DUE = (
    "SELECT id, capacity_id, persons, subject_ref FROM offers WHERE status = 'held' AND expires_at <= %(now)s"
    " AND (%(capacity)s::uuid IS NULL OR capacity_id = %(capacity)s OR case_id = %(case)s::uuid)"
    " ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED"
)
EXPIRE = "UPDATE offers SET status = 'expired', version = version + 1 WHERE id = %s"


async def expire_due(database: Database, capacity_id: UUID | None = None, case_id: UUID | None = None) -> int:
    """How many holds were ended; in a transaction of its own, under the least-privileged role.

    With `capacity_id`: only those that stand in the way of offering it, or of offering anything to `case_id`.
    """
    actor = system(SystemActor.expiry)
    async with database.transaction(actor.context()) as session:
        due = await session.rows(DUE, {"now": clock.now(), "capacity": capacity_id, "case": case_id})
        # Capacities in one order, and all of them before any offer: a new hold keeps its capacity while it waits to
        # know whether the household's old offer has ended, and neither may wait for the other in a circle.
        for _, capacity, persons, _ in sorted(due, key=lambda row: str(row[1])):
            await holds.release(session, capacity, persons)
        for offer_id, _, _, subject_ref in due:
            await session.rows(EXPIRE, (offer_id,))
            trail.record(session, actor, "offer.expired", {"offer": subject_ref})
        if capacity_id is None:
            await session.rows("DELETE FROM idempotency_records WHERE expires_at < %s", (clock.now(),))
    return len(due)
