"""The server's own hand that solves queued runs: in a process that can be killed, with signs of life in between.

Whoever's lease has run out (a server that stopped) loses the run to the next hand, which starts it again from its
frozen inputs: the same bytes come out.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from casework.audit import trail
from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.kernel import clock
from casework.placement.engine.check import check

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from casework.kernel.database import Database

LEASE = timedelta(seconds=60)
WAIT_SECONDS = 10.0
WORKER = (sys.executable, "-m", "casework.placement.engine.worker")
NEXT = (
    "SELECT id, inputs FROM placement_runs WHERE status = 'queued' OR (status = 'running' AND lease_until < %s)"
    " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
)
ALIVE = (
    "UPDATE placement_runs SET status = 'running', progress = %s, lease_until = %s"
    " WHERE id = %s AND status IN ('queued', 'running') RETURNING id"
)
DONE = (
    "UPDATE placement_runs SET status = 'done', progress = 100, result = %s, sha256 = %s, finished_at = %s,"
    " lease_until = NULL, version = version + 1 WHERE id = %s AND status = 'running' RETURNING id"
)
FAILED = (
    "UPDATE placement_runs SET status = 'failed', finished_at = %s, lease_until = NULL, version = version + 1"
    " WHERE id = %s AND status = 'running' RETURNING id"
)
KEPT = ("batch_version", "scale", "placed", "value", "bound")


async def solve_next(database: Database) -> UUID | None:
    """The run that was solved, cancelled meanwhile, or failed; None when none is waiting."""
    actor = system(SystemActor.planner)
    async with database.transaction(actor.context()) as session:
        rows = await session.rows(NEXT, (clock.now(),))
        if not rows:
            return None
        run_id, frozen = rows[0]
        await session.rows(ALIVE, (0, clock.now() + LEASE, run_id))
    try:
        certificate = await _solved(database, run_id, frozen)
    except (ValueError, ChildProcessError):
        certificate = None
    if certificate is not None or not await _cancelled(database, run_id):
        await _close(database, run_id, certificate)
    return run_id  # type: ignore[no-any-return]


async def _solved(database: Database, run_id: UUID, frozen: dict[str, Any]) -> dict[str, Any] | None:
    """None once it was cancelled; raises ChildProcessError or ValueError when the solver ends without an answer."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*WORKER, stdin=pipe, stdout=pipe, stderr=pipe)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(frozen).encode())
        child.stdin.close()
        answer = asyncio.create_task(child.stdout.read())
        async for percent in _signs(child.stderr):
            if not await _alive(database, run_id, percent):
                return None
        found: dict[str, Any] = json.loads(await answer)
        if await child.wait() != 0:
            raise ChildProcessError("the solver ended without an answer")
        check(found)
        return found
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def _signs(errors: asyncio.StreamReader | None) -> AsyncIterator[int]:
    """How far the solver says it is, or still is where it has said nothing for a while; until it has ended."""
    assert errors is not None
    percent, line = 0, asyncio.create_task(errors.readline())
    while True:
        done, _ = await asyncio.wait({line}, timeout=WAIT_SECONDS)
        if done and not line.result():
            return
        if done:
            told = line.result().strip()
            percent = int(told) if told.isdigit() else percent
            line = asyncio.create_task(errors.readline())
        yield percent


async def _alive(database: Database, run_id: UUID, progress: int) -> bool:
    async with database.transaction(system(SystemActor.planner).context()) as session:
        return bool(await session.rows(ALIVE, (progress, clock.now() + LEASE, run_id)))


async def _cancelled(database: Database, run_id: UUID) -> bool:
    async with database.transaction(system(SystemActor.planner).context()) as session:
        return not await session.rows("SELECT 1 FROM placement_runs WHERE id = %s AND status = 'running'", (run_id,))


async def _close(database: Database, run_id: UUID, certificate: dict[str, Any] | None) -> None:
    actor = system(SystemActor.planner)
    async with database.transaction(actor.context()) as session:
        if certificate is None:
            ended = await session.rows(FAILED, (clock.now(), run_id))
            action, facts = "placement_run.failed", {"run": str(run_id)}
        else:
            # The inputs stand beside it already; together they are the certificate again.
            result = {name: certificate[name] for name in (*KEPT, "pools")}
            ended = await session.rows(DONE, (Jsonb(result), certificate["sha256"], clock.now(), run_id))
            action, facts = "placement_run.finished", {"run": str(run_id), "sha256": certificate["sha256"]}
        if ended:
            trail.record(session, actor, action, facts)
