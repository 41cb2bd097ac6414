"""The lists one starts the day with: cases within reach that wait for something, the most pressing first."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from casework.authz.policy import Permission, Reach, reach_of
from casework.cases.queries import LAST_KNOWN, SUMMARY
from casework.kernel import clock
from casework.kernel.language import Language, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from casework.authz.caller import Caller
    from casework.kernel.database import Session

SOON: Final = timedelta(days=14)
"""A hearing within two weeks is one to prepare for."""


class Worklist(StrEnum):
    mine = "mine"
    unassigned = "unassigned"
    overdue = "overdue"
    awaiting_answer = "awaiting_answer"
    hearing_soon = "hearing_soon"
    to_lodge = "to_lodge"


TITLES: Final = {
    Worklist.mine: Text("Mes dossiers", "My cases"),
    Worklist.unassigned: Text("Sans intervenant", "Without a caseworker"),
    Worklist.overdue: Text("En retard", "Overdue"),
    Worklist.awaiting_answer: Text("En attente d'une réponse", "Awaiting an answer"),
    Worklist.hearing_soon: Text("Audience dans deux semaines", "Hearing within two weeks"),
    Worklist.to_lodge: Text("À héberger", "To be lodged"),
}
_OPENED = (
    "SELECT id AS case_id, (created_at AT TIME ZONE 'America/Toronto')::date AS due FROM cases WHERE status <> 'closed'"
)
_LATE = "SELECT case_id, due_on FROM milestone_expectations WHERE fulfilled_by IS NULL AND due_on < %(today)s"
# The case and the day that makes it pressing; the oldest day first.
FOUND: Final = {
    Worklist.mine: f"{_OPENED} AND caseworker_id = %(me)s",
    Worklist.unassigned: f"{_OPENED} AND caseworker_id IS NULL",
    Worklist.overdue: (
        "SELECT case_id, min(due_on) AS due FROM (SELECT case_id, due_on FROM milestone_expectations"
        " WHERE fulfilled_by IS NULL AND due_on < %(today)s AND %(office)s::uuid IS NULL AND %(mine)s::text IS NULL"
        # The same rows, asked for where the reach lies: an index serves each branch, row security's OR none.
        f" UNION ALL {_LATE} AND office_id = %(office)s"
        f" UNION ALL {_LATE} AND region_code = %(mine)s AND %(office)s::uuid IS NULL"
        f" UNION ALL {_LATE} AND %(office)s::uuid IS NULL AND region_code IS DISTINCT FROM %(mine)s"
        " AND case_id = ANY (ARRAY(SELECT g.case_id FROM case_grants g WHERE g.grantee_region = %(mine)s))"
        " UNION ALL SELECT case_id, due_on FROM address_notices"
        " WHERE notified_on IS NULL AND due_on < %(today)s) late GROUP BY case_id"
    ),
    Worklist.awaiting_answer: (
        "SELECT case_id, min((expires_at AT TIME ZONE 'America/Toronto')::date) AS due FROM offers"
        " WHERE status = 'held' AND expires_at > %(now)s GROUP BY case_id"
    ),
    Worklist.hearing_soon: (
        "SELECT s.case_id, min(s.hearing_on) AS due FROM claim_statuses s WHERE s.hearing_on BETWEEN %(today)s AND %(soon)s"
        f" AND {LAST_KNOWN} GROUP BY s.case_id"
    ),
    # Their shelter closed, and nothing has been found for them since.
    Worklist.to_lodge: (
        "SELECT l.case_id, l.ends_on AS due FROM lodgings l WHERE l.end_reason = 'site_closed' AND NOT EXISTS"
        " (SELECT 1 FROM lodgings n WHERE n.case_id = l.case_id AND n.id > l.id)"
    ),
}


def _sql(name: Worklist, narrowed: Iterable[str]) -> str:
    """`narrowed`: conditions on the case `c` (search/queries.py), where a saved worklist has some.

    LATERAL with OFFSET 0 holds the planner to one look-up by key for each case shown, the most pressing first: left to
    itself it reads every case there is (`casework bench worklist`).
    """
    more = "".join(f" AND {condition}" for condition in narrowed)
    columns = ", ".join(f"c.{column}" for column in SUMMARY)
    return (
        f"SELECT f.due, {columns} FROM (SELECT * FROM ({FOUND[name]}) g (case_id, due)"
        " WHERE %(on)s::date IS NULL OR (due, case_id) > (%(on)s::date, %(after)s::uuid) ORDER BY due, case_id OFFSET 0) f"
        f" CROSS JOIN LATERAL (SELECT c.* FROM (SELECT {', '.join(SUMMARY)}"
        f" FROM cases WHERE id = f.case_id AND status <> 'closed') c WHERE true{more} OFFSET 0) c"
        " ORDER BY f.due, f.case_id LIMIT %(limit)s"
    )


async def cases_of(  # noqa: PLR0913, PLR0917 -- the list, the page of it, and what narrows it
    session: Session,
    caller: Caller,
    name: Worklist,
    after: list[Any] | None,
    limit: int,
    narrowed: Iterable[str] = (),
    values: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """One more than asked; row security decides which cases there are. `values`: what the `narrowed` conditions name."""
    on, row = after or (None, None)
    asked = {**(values or {}), **_bounds(caller), "on": on, "after": row, "limit": limit + 1}
    rows = await session.rows(_sql(name, narrowed), asked)
    return [{"due_on": due, "case": dict(zip(SUMMARY, case, strict=True))} for due, *case in rows]


def _bounds(caller: Caller) -> dict[str, Any]:
    today = clock.today()
    reach = reach_of(caller.person_role, Permission.worklist_read)
    return {
        "me": caller.actor_id, "today": today, "soon": today + SOON, "now": clock.now(),
        "office": caller.office_id if reach is Reach.office else None,
        "mine": caller.region_code if reach is Reach.region else None,
    }  # fmt: skip


def title(name: Worklist, language: Language) -> str:
    return TITLES[name].to(language)
