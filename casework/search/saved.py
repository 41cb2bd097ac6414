"""Worklists that a user saves: the filter is kept, never what it finds, and it reaches no further than who runs it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from casework.authz.policy import Role
from casework.cases.queries import SUMMARY
from casework.kernel import clock
from casework.kernel.single import single
from casework.search import errors, queries, worklists
from casework.search.models import SavedWorklist
from casework.search.saved_schemas import SavedFilter
from casework.search.worklists import Worklist

if TYPE_CHECKING:
    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.search.saved_schemas import SavedWorklistCreate

MOST = 100
MINE = "SELECT count(*) FROM saved_worklists WHERE actor_id = %s"


async def save(session: Session, caller: Caller, wanted: SavedWorklistCreate) -> SavedWorklist:
    """Raises InvalidContent, WorklistNameTaken or TooManySavedWorklists."""
    if wanted.shared and caller.office_id is None and caller.region_code is None:
        raise errors.nobody_to_share_with()
    [(mine,)] = await session.rows(MINE, (caller.actor_id,))
    if mine >= MOST:
        raise errors.TooManySavedWorklists(most=MOST)
    regional = caller.role is Role.coordinator
    saved = SavedWorklist(
        actor_id=caller.actor_id, name=wanted.name, asked=wanted.asked.model_dump(mode="json", exclude_none=True),
        office_id=caller.office_id if wanted.shared and not regional else None,
        region_code=caller.region_code if wanted.shared and regional else None,
    )  # fmt: skip
    session.add(saved)
    try:
        await session.flush()
    except IntegrityError as error:
        if isinstance(error.orig, psycopg.errors.UniqueViolation):
            raise errors.WorklistNameTaken from error
        raise
    return saved


async def saved_to(session: Session, saved_id: UUID, version: int | None = None) -> SavedWorklist:
    """One's own, or one shared with one's office or region. Raises NotFound or StaleVersion."""
    return await single(session, select(SavedWorklist).where(col(SavedWorklist.id) == saved_id), version)


async def forget(session: Session, caller: Caller, saved_id: UUID, version: int) -> SavedWorklist:
    """By its author alone. Raises NotFound, StaleVersion or NotYourWorklist."""
    saved = await saved_to(session, saved_id, version)
    if saved.actor_id != caller.actor_id:
        raise errors.NotYourWorklist
    await session.delete(saved)
    await session.flush()
    return saved


async def cases_of(
    session: Session, caller: Caller, saved: SavedWorklist, after: list[Any] | None, limit: int
) -> list[dict[str, Any]]:
    """One more than asked, within the runner's own reach: the most pressing first, or the newest without a worklist."""
    asked = dict(saved.asked)
    name = asked.pop("worklist", None)
    if (days := asked.pop("hearing_within_days", None)) is not None:
        asked |= {"hearing_from": clock.today(), "hearing_to": clock.today() + timedelta(days=days)}
    if name is not None:
        narrowed = queries.conditions(asked)
        return await worklists.cases_of(session, caller, Worklist(name), after, limit, narrowed, asked)
    rows = await queries.cases_after(session, asked, UUID(after[0]) if after else None, limit)
    return [{"due_on": None, "case": dict(zip(SUMMARY, case, strict=True))} for case in rows]


def place(found: dict[str, Any]) -> list[str]:
    """Where the next page begins."""
    row = str(found["case"]["id"])
    return [row] if found["due_on"] is None else [found["due_on"].isoformat(), row]


def as_read(saved: SavedWorklist, caller: Caller) -> dict[str, Any]:
    return {
        "id": saved.id, "name": saved.name, "own": saved.actor_id == caller.actor_id, "version": saved.version,
        "shared": saved.office_id is not None or saved.region_code is not None,
        "asked": {name: saved.asked.get(name) for name in SavedFilter.model_fields},
    }  # fmt: skip
