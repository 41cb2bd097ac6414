from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, Session, allow
from casework.authz.policy import Permission
from casework.kernel import clock
from casework.kernel.dates import CivilDate
from casework.kernel.language import Language, preferred
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.schemas import Page, RegionCode
from casework.milestones import expectations, reading, worklist
from casework.milestones.schemas import MilestoneCode, OpenState, Recomputation, ReminderRead, WorkItem
from casework.milestones.worklist import WorkFilter

if TYPE_CHECKING:
    from casework.milestones.worklist import WorkRow

router = APIRouter(route_class=GuardedRoute, tags=["milestones"])


async def spoken(request: Request) -> Language:
    return preferred(request.headers.get("accept-language"))


async def work_filter(
    region: RegionCode | None = None,
    code: MilestoneCode | None = None,
    organization_id: Annotated[UUID | None, Query(description="Organisme d'accueil. Host organization.")] = None,
    caseworker_id: Annotated[UUID | None, Query(description="Intervenant du dossier. Caseworker.")] = None,
) -> WorkFilter:
    return WorkFilter(region, code, organization_id, caseworker_id)


Spoken = Annotated[Language, Depends(spoken)]
Wanted = Annotated[WorkFilter, Depends(work_filter)]


@router.get("/milestones", response_model=Page[WorkItem], **described(Permission.milestone_read))
async def list_expected_milestones(
    request: Request,
    caller: Annotated[Caller, allow(Permission.milestone_read)],
    session: Session,
    language: Spoken,
    wanted: Wanted,
    state: OpenState = OpenState.overdue,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Ma liste de travail : les jalons encore attendus des dossiers à ma portée, le plus ancien d'abord ; par région,
    organisme, intervenant ou code.

    My worklist: milestones still expected of the cases within my reach, the oldest first; by region, organization,
    caseworker or code.
    """
    bound = f"milestones:{caller.actor_id}:{state}:{wanted}"
    cursors, today = request.app.state.cursors, clock.today()
    after = cursors.read(cursor, bound) if cursor else None
    rows = await worklist.in_state(session, caller, state, wanted, today, after, limit)
    await _read(session, caller, rows[:limit])
    return {
        "items": [reading.work_as_read(row, today, language) for row in rows[:limit]],
        "next_cursor": cursors.write(_position(rows[limit - 1]), bound) if len(rows) > limit else None,
    }


@router.get("/milestone-reminders", response_model=Page[ReminderRead], **described(Permission.milestone_read))
async def list_milestone_reminders(
    request: Request,
    caller: Annotated[Caller, allow(Permission.milestone_read)],
    session: Session,
    language: Spoken,
    wanted: Wanted,
    on: Annotated[CivilDate | None, Query(description="Ce jour-là ; aujourd'hui par défaut. That day; today.")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Ce qui est à rappeler ce jour-là, et à qui : sept jours avant l'échéance, le jour même, le lendemain, puis toutes
    les deux semaines. Rien n'est envoyé.

    What is due to be reminded of that day, and to whom: seven days ahead, on the day, the day after, then every
    second week. Nothing is sent.
    """
    day = on or clock.today()
    bound = f"milestone-reminders:{caller.actor_id}:{day}:{wanted}"
    cursors = request.app.state.cursors
    after = cursors.read(cursor, bound) if cursor else None
    rows = await worklist.to_remind(session, caller, wanted, day, after, limit)
    await _read(session, caller, rows[:limit])
    return {
        "items": [reading.reminder_as_read(row, day, language) for row in rows[:limit]],
        "next_cursor": cursors.write(_position(rows[limit - 1]), bound) if len(rows) > limit else None,
    }


async def _read(session: Session, caller: Caller, page: list[WorkRow]) -> None:
    await trail.record_read(session, caller, Permission.milestone_read, dict.fromkeys(row.case_id for row in page))


def _position(row: WorkRow) -> list[str]:
    return [row.due_on.isoformat(), str(row.id)]


@router.post("/milestone-recomputations", response_model=Recomputation, **described(Permission.case_update))
async def recompute_expectations(
    request: Request,
    caller: Annotated[Caller, allow(Permission.case_update)],
    session: OnceSession,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Recalculer les jalons attendus des dossiers à ma portée, après un changement du catalogue ; page par page.

    Recompute the expected milestones of the cases within my reach, after a change of the catalogue; page by page.
    """
    bound, cursors = f"milestone-recomputations:{caller.actor_id}", request.app.state.cursors
    after = UUID(cursors.read(cursor, bound)[0]) if cursor else None
    found = await expectations.open_cases(session, after, limit + 1)
    change = await expectations.refresh_all(session, caller, found[:limit])
    told = {"cases": len(found[:limit]), **change._asdict()}
    trail.record(session, caller, "expectations.recomputed", told)
    return {**told, "next_cursor": cursors.write([str(found[limit - 1])], bound) if len(found) > limit else None}
