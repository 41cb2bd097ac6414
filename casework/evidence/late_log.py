"""The control server of `drill reads` and `drill existence`: Casework with two more roads, each a known mistake.

One logs a read after it has answered: entries wait in memory and are written together a little later, as audit logs
written by a job are. The other reads a case and what is
expected of it with a manager's eyes, and compares its office afterwards. A drill in which
these pass has not pressed on anything.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import click
import uvicorn
from fastapi import APIRouter, Request

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, Session, allow
from casework.authz.policy import Permission, Role
from casework.cases import reading as cases
from casework.demo.world import key
from casework.kernel import logs
from casework.kernel.problems import DatabaseAway, NotFound
from casework.main import create_app
from casework.milestones.queries import expected_of_case
from casework.settings import Settings

if TYPE_CHECKING:
    from casework.kernel.database import Database

FLUSH_SECONDS = 0.1
MANAGER = "prosper"
router = APIRouter(route_class=GuardedRoute, prefix="/late")


class Waiting:
    """Entries not yet written, and the task that writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: list[tuple[Caller, tuple[Any, ...]]] = []
        self._task = asyncio.create_task(self._write())

    def add(self, caller: Caller, entry: tuple[Any, ...]) -> None:
        self._entries.append((caller, entry))

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            taken, self._entries = self._entries, []
            try:
                await self._write_all(taken)
            except DatabaseAway:
                self._entries = taken + self._entries

    async def _write_all(self, taken: list[tuple[Caller, tuple[Any, ...]]]) -> None:
        if not taken:
            return
        async with self._database.transaction(taken[0][0].context()) as session:
            for _, entry in taken:
                await session.rows(trail.READ, entry)


@router.get("/cases/{case_id}")
async def read_case(
    request: Request, case_id: UUID, caller: Annotated[Caller, allow(Permission.case_read)], session: Session
) -> dict[str, Any]:
    rows = await session.rows("SELECT reference, version FROM cases WHERE id = %s", (case_id,))
    if not rows:
        raise NotFound
    state = request.app.state
    if not hasattr(state, "waiting"):
        state.waiting = Waiting(state.database)
    state.waiting.add(caller, trail.read_entry(caller, Permission.case_read, [case_id]))
    return {"id": case_id, "reference": rows[0][0], "version": rows[0][1]}


@router.get("/compared/{case_id}")
async def compare_office(
    request: Request, case_id: UUID, caller: Annotated[Caller, allow(Permission.case_read)], session: Session
) -> dict[str, Any]:
    manager = Caller(key(MANAGER), Role.programme_manager, MANAGER, key(f"{MANAGER}/grant"))
    async with request.app.state.database.transaction(manager.context()) as wide:
        case = await cases.read_case(wide, manager, case_id)
        expected = await expected_of_case(wide, manager, case_id)
    if case["office_id"] != caller.office_id:
        raise NotFound
    return {"id": case_id, "expected": len(expected), "office": session.context.office_id}


@click.command()
@click.option("--port", required=True, type=int)
def main(port: int) -> None:
    """Le témoin, pour l'épreuve. The control, for the drill."""
    settings = Settings()
    logs.configure(settings.log_level)
    app = create_app(settings)
    # After the boot check: this path exists in this process only, and it carries the same gate.
    app.include_router(router)
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False, loop="uvloop")


if __name__ == "__main__":
    main()
