"""What is still expected within the caller's reach: the worklist, and what is due to be reminded of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from casework.authz.policy import Permission, Reach, reach_of
from casework.milestones import schedule
from casework.milestones.queries import codes_hidden_from
from casework.milestones.schedule import DUE_SOON
from casework.milestones.schemas import OpenState
from casework.placement.models import IS_CURRENT

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session


class WorkRow(NamedTuple):
    id: UUID
    case_id: UUID
    region_code: str | None
    code: str
    person_id: UUID | None
    due_on: date
    certain: bool
    case_reference: str
    caseworker_id: UUID | None
    organization_id: UUID | None


class WorkFilter(NamedTuple):
    """`organization_id`: the one that hosts the case now, or is about to."""

    region: str | None = None
    code: str | None = None
    organization_id: UUID | None = None
    caseworker_id: UUID | None = None

    def __str__(self) -> str:
        return ":".join(str(value) for value in self)


_OWN = WorkRow._fields[: WorkRow._fields.index("case_reference")]
_OPEN = (
    f"SELECT {', '.join(f'e.{column}' for column in _OWN)}, c.reference, c.caseworker_id, a.organization_id"
    # One look-up by key for each row shown: left to itself the planner reads every case (`casework bench worklist`).
    " FROM milestone_expectations e CROSS JOIN LATERAL (SELECT reference, caseworker_id FROM cases"
    " WHERE id = e.case_id AND status <> 'closed' OFFSET 0) c"
    f" LEFT JOIN assignments a ON a.case_id = e.case_id AND a.{IS_CURRENT}"
    " WHERE e.fulfilled_by IS NULL AND e.lapsed_at IS NULL"
)
_WINDOW = {
    OpenState.overdue: "e.due_on < %(today)s",
    OpenState.due: "e.due_on BETWEEN %(today)s AND %(soon)s",
    OpenState.upcoming: "e.due_on > %(soon)s",
}
_OPTIONAL = {
    "region": " AND e.region_code = %(region)s",
    "code": " AND e.code = %(code)s",
    "organization_id": (
        f" AND e.case_id = ANY (ARRAY(SELECT h.case_id FROM assignments h WHERE h.{IS_CURRENT}"
        " AND h.organization_id = %(organization_id)s))"
    ),
    "caseworker_id": " AND e.case_id = ANY (ARRAY(SELECT f.id FROM cases f WHERE f.caseworker_id = %(caseworker_id)s))",
    "day": " AND (e.due_on, e.id) > (%(day)s::date, %(after)s::uuid)",
    "hidden": " AND e.code <> ALL(%(hidden)s)",
    # Row security decides; this only leads a role of few cases to them, instead of through everybody's.
    "granted": " AND e.case_id = ANY (ARRAY(SELECT g.case_id FROM case_grants g))",
}


async def in_state(  # noqa: PLR0913, PLR0917 -- who asks, for what, when, and which page
    session: Session, caller: Caller, state: OpenState, wanted: WorkFilter, today: date, after: list[str] | None,
    limit: int,
) -> list[WorkRow]:  # fmt: skip
    """Soonest first, of cases that are not closed; one row more than asked."""
    window = {"today": today, "soon": today + DUE_SOON}
    return await _page(session, caller, _WINDOW[state], window, wanted, after, limit)


async def to_remind(
    session: Session, caller: Caller, wanted: WorkFilter, on: date, after: list[str] | None, limit: int
) -> list[WorkRow]:
    """What a reminder falls on that day for, as things stand now; one row more than asked."""
    days = {"days": list(schedule.reminded_on(on))}
    return await _page(session, caller, "e.due_on = ANY(%(days)s)", days, wanted, after, limit)


async def _page(  # noqa: PLR0913, PLR0917 -- as above
    session: Session, caller: Caller, window: str, days: dict[str, Any], wanted: WorkFilter, after: list[str] | None,
    limit: int,
) -> list[WorkRow]:  # fmt: skip
    day, last = after or (None, None)
    values: dict[str, Any] = {
        **wanted._asdict(), **days, "day": day, "after": last, "limit": limit + 1,
        "hidden": list(codes_hidden_from(caller)),
        "granted": reach_of(caller.role, Permission.milestone_read) in {Reach.granted, Reach.sponsored},
    }  # fmt: skip
    sql = f"{_OPEN} AND {window}" + "".join(text for name, text in _OPTIONAL.items() if values[name])
    return [WorkRow(*row) for row in await session.rows(sql + " ORDER BY e.due_on, e.id LIMIT %(limit)s", values)]
