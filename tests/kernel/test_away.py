"""Whatever happens to PostgreSQL while a request is under way, the answer is a 503 that says when to come back."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy.engine import make_url

from casework.kernel.handlers import _from_state
from tests.builders import a_case

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.conftest import World

AWAY = (
    errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow, errors.QueryCanceled, errors.TooManyConnections,
    errors.OutOfMemory, errors.DiskFull, errors.IdleInTransactionSessionTimeout, errors.ReadOnlySqlTransaction,
    errors.ConnectionFailure, errors.IoError, psycopg.OperationalError, psycopg.InterfaceError,
)  # fmt: skip
REFUSED = (
    errors.NumericValueOutOfRange, errors.CharacterNotInRepertoire, errors.DatetimeFieldOverflow, errors.UntranslatableCharacter,
    errors.CheckViolation, errors.NotNullViolation, errors.ProgramLimitExceeded, psycopg.DataError,
)  # fmt: skip
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
CANCEL = TERMINATE.replace("terminate", "cancel")


@pytest.mark.parametrize("error", AWAY, ids=lambda error: str(error.__name__))
def test_trouble_of_the_server_is_a_503(error: type[psycopg.Error]) -> None:
    problem = _from_state(error(), error())
    assert (problem.status, bool(problem.headers["Retry-After"])) == (503, True)


@pytest.mark.parametrize("error", REFUSED, ids=lambda error: str(error.__name__))
def test_a_value_the_database_refuses_is_a_422(error: type[psycopg.Error]) -> None:
    assert _from_state(error(), error()).status == 422


@pytest.mark.parametrize("error", [errors.SyntaxError, errors.UndefinedColumn, psycopg.ProgrammingError])
def test_a_fault_of_ours_is_not_called_trouble_of_the_server(error: type[psycopg.Error]) -> None:
    with pytest.raises(psycopg.Error):
        _from_state(error(), error())


@asynccontextmanager
async def held_up(
    world: World, path: str
) -> AsyncIterator[tuple[psycopg.Connection[Any], asyncio.Task[httpx.Response]]]:
    """A read that waits, in the middle of its transaction, for a lock."""
    with psycopg.connect(world.owner_url) as holder:
        holder.execute("LOCK TABLE read_entries IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(world.client("camille").get(path))
        async with asyncio.timeout(20):
            while holder.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (0,):  # noqa: ASYNC110 -- PostgreSQL's lock, which announces nothing
                await asyncio.sleep(0.02)
        yield holder, asking


@pytest.mark.anyio
@pytest.mark.parametrize("blow", [TERMINATE, CANCEL], ids=["back end killed", "statement cancelled"])
async def test_a_request_cut_in_the_middle_is_a_503_and_the_next_one_is_served(world: World, blow: str) -> None:
    case = await a_case(world)
    path = f"/v1/cases/{case['id']}"
    async with held_up(world, path) as (_, asking):
        with psycopg.connect(world.server.url("superuser", world.database), autocommit=True) as admin:
            admin.execute(blow.encode())
        answer = await asking
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["type"] == "/v1/problems/database-away"
    assert (await world.client("camille").get(path)).status_code == 200


@pytest.mark.anyio
async def test_a_lock_that_does_not_come_is_a_conflict_to_be_retried(world: World) -> None:
    case = await a_case(world)
    async with held_up(world, f"/v1/cases/{case['id']}") as (_, asking):
        answer = await asking
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")


@pytest.mark.anyio
async def test_an_exhausted_pool_is_a_503(world: World) -> None:
    engine = world.app.state.database.engine
    connections = [await engine.connect() for _ in range(engine.pool.size())]
    answer = await world.client("camille").get("/v1/cases")
    for connection in connections:
        await connection.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert (await world.client("camille").get("/v1/cases")).status_code == 200


@pytest.mark.anyio
async def test_too_many_connections_in_postgresql_are_a_503(world: World) -> None:
    login = make_url(world.server_url).username or ""
    limit = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
    with psycopg.connect(world.server.url("superuser", world.database), autocommit=True) as admin:
        admin.execute(limit.format(sql.Identifier(login), sql.Literal(0)))
        try:
            answer = await world.client("camille").get("/v1/cases")
        finally:
            admin.execute(limit.format(sql.Identifier(login), sql.Literal(-1)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert (await world.client("camille").get("/v1/cases")).status_code == 200


@pytest.mark.anyio
async def test_postgresql_stopped_between_two_requests_costs_no_500(world: World) -> None:
    client = world.client("camille")
    assert (await client.get("/v1/cases")).status_code == 200
    with psycopg.connect(world.server.url("superuser", world.database), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    statuses = [(await client.get("/v1/cases")).status_code for _ in range(12)]
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200
