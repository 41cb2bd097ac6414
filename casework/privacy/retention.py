"""The retention schedule applied: what has been kept long enough goes, in batches, resumable at any point.

A dry run counts and names what would go, by ids only. Each batch is a transaction of the system actor `retention`,
which reads no personal content; what is under a legal hold stays. The logs and the coded facts survive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from casework.audit import trail
from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.privacy import erasure
from casework.privacy.models import Erasure, ErasureReason
from casework.privacy.reference import RecordClass, rules_in_force

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Database, Session
    from casework.privacy.reference import RetentionRule

BATCH = 100
# Months are counted by PostgreSQL on the civil date in Québec, never by a number of days.
_CUTOFF = "(%(today)s::date - make_interval(months => %(months)s))"
# Whoever went on to another case is kept or erased with that one.
_STAYED = "coalesce(m.end_reason, '') NOT IN ('split_off', 'joined_other', 'merged')"
_NOT_ERASED = (
    f"EXISTS (SELECT 1 FROM memberships m WHERE m.case_id = c.id AND {_STAYED} AND NOT EXISTS"
    " (SELECT 1 FROM erasures e WHERE e.person_id = m.person_id AND e.status = 'done'))"
)
_HELD = "EXISTS (SELECT 1 FROM legal_holds h WHERE h.case_id = c.id AND h.released_at IS NULL)"


def _cases(status: str, anchor: str) -> str:
    day = f"(c.{anchor} AT TIME ZONE 'America/Toronto')::date"
    return (
        f"SELECT c.id, {_HELD} FROM cases c WHERE c.status = '{status}' AND {day} < {_CUTOFF} AND {_NOT_ERASED}"
        " AND c.id > %(after)s ORDER BY c.id LIMIT %(limit)s"
    )


DUE = {
    RecordClass.closed_case: _cases("closed", "closed_at"),
    RecordClass.draft_case: _cases("draft", "created_at"),
    RecordClass.incident: (
        f"SELECT i.id, false FROM incidents i WHERE i.aware_until < {_CUTOFF} AND NOT EXISTS"
        f" (SELECT 1 FROM incident_versions v WHERE v.incident_id = i.id AND v.aware_until >= {_CUTOFF})"
        " AND i.id > %(after)s ORDER BY i.id LIMIT %(limit)s"
    ),
}
PEOPLE = (
    f"SELECT DISTINCT m.person_id, m.office_id, m.region_code FROM memberships m WHERE m.case_id = %s AND {_STAYED}"
    " AND NOT EXISTS (SELECT 1 FROM erasures e WHERE e.person_id = m.person_id AND e.status = 'done')"
    " ORDER BY m.person_id"
)
# Two sweeps at once: the second sees what the first has done.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('casework/retention', 0))"
FIRST = "00000000-0000-0000-0000-000000000000"


@dataclass(slots=True)
class Swept:
    """What one rule found: ids of cases or incidents, those kept by a hold apart."""

    rule: RetentionRule
    due: list[UUID] = field(default_factory=list)
    held: list[UUID] = field(default_factory=list)

    def told(self, applied: bool) -> dict[str, Any]:
        return {
            "rule": self.rule.code,
            "record_class": str(self.rule.record_class),
            "action": str(self.rule.action),
            "months": self.rule.months,
            "due": len(self.due),
            "applied": len(self.due) if applied else 0,
            "held": len(self.held),
            "ids": [str(one) for one in self.due],
            "held_ids": [str(one) for one in self.held],
        }


async def sweep(
    database: Database, *, apply: bool, batch: int = BATCH, progress: Callable[[str, int], None] | None = None
) -> list[Swept]:
    """Every rule in force, in the order of the table; nothing changes unless `apply`.

    A batch commits as a whole. Stopped anywhere, the next run goes on: what is done is no longer due.
    """
    found = []
    for rule in rules_in_force(clock.today()):
        swept = Swept(rule)
        after: UUID | str | None = FIRST
        while after is not None:
            after = await _batch(database, swept, after, apply=apply, limit=batch)
            if progress is not None:
                progress(rule.code, len(swept.due) + len(swept.held))
        found.append(swept)
    return found


async def _batch(database: Database, swept: Swept, after: UUID | str, *, apply: bool, limit: int) -> UUID | None:
    """The position to go on from; None at the end."""
    actor = system(SystemActor.retention)
    wanted = {"today": clock.today(), "months": swept.rule.months, "after": after, "limit": limit}
    async with database.transaction(actor.context()) as session:
        await session.rows(ONE_AT_A_TIME)
        rows = await session.rows(DUE[swept.rule.record_class], wanted)
        due = [one for one, held in rows if not held]
        if apply:
            await _carry_out(session, actor, swept.rule, due)
    # Counted once the batch has committed.
    swept.due += due
    swept.held += [one for one, held in rows if held]
    return rows[-1][0] if len(rows) == limit else None


async def _carry_out(session: Session, actor: Caller, rule: RetentionRule, due: Iterable[UUID]) -> None:
    for one in due:
        if rule.record_class is RecordClass.incident:
            await _remove_incident(session, actor, rule, one)
        else:
            await _erase_case(session, actor, rule, one)


async def _erase_case(session: Session, actor: Caller, rule: RetentionRule, case_id: UUID) -> None:
    for person_id, office_id, region_code in await session.rows(PEOPLE, (case_id,)):
        row = Erasure(
            id=new_id(), case_id=case_id, office_id=office_id, region_code=region_code, person_id=person_id,
            reason=ErasureReason.retention, rule_code=rule.code, requested_by=actor.actor_id,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        await erasure.carry_out(session, actor, row)


async def _remove_incident(session: Session, actor: Caller, rule: RetentionRule, incident_id: UUID) -> None:
    await session.rows("DELETE FROM incident_versions WHERE incident_id = %s", (incident_id,))
    await session.rows("DELETE FROM incidents WHERE id = %s", (incident_id,))
    trail.record(session, actor, "incident.removed", {"incident": str(incident_id), "rule": rule.code})
