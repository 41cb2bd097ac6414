"""Thirty-two decide at once about the last places of one municipality: no place is ever given twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.builders import a_case
from tests.placement.households import RIMOUSKI, counted, left_alone

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio

CLIENTS = 32
PLACES = 7
READ_CHECK_WRITE = "UPDATE naive_capacities SET held = %s"


async def alone(world: World) -> list[dict[str, Any]]:
    """As many households of one as there are deciders; taken in four by four."""
    found: list[dict[str, Any]] = []
    for _ in range(CLIENTS // 4):
        found += await asyncio.gather(*(a_case(world, size=1, needs={}, preferences={}) for _ in range(4)))
    return found


async def offer_one(world: World, case: dict[str, Any]) -> httpx.Response:
    body = {"case_id": case["id"], "capacity_id": str(world.key(RIMOUSKI)), "reason": "Dernières places."}
    return await world.client("camille").post("/v1/offers", json=body)


async def test_the_last_places_go_to_so_many_households_and_no_more(world: World) -> None:
    left_alone(world, PLACES)
    households = await alone(world)
    answers = await asyncio.gather(*(offer_one(world, case) for case in households))
    assert [answer.status_code for answer in answers].count(201) == PLACES
    refused = [answer for answer in answers if answer.status_code != 201]
    assert {answer.json()["type"] for answer in refused} == {"/v1/problems/not-enough-places"}
    assert {answer.json()["places_left"] for answer in refused} == {0}
    assert counted(world) == (PLACES, 0)
    with world.owner() as connection:
        assert connection.execute("SELECT sum(persons) FROM offers WHERE status = 'held'").fetchone() == (PLACES,)


async def naively(url: str, all_have_read: asyncio.Barrier) -> bool:
    """What the statement of the service replaces: read, think, write. True when it believes to hold a place."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute("SELECT total, held FROM naive_capacities")
        total, held = await cursor.fetchone() or (0, 0)
        await all_have_read.wait()
        if held + 1 > total:
            return False
        await connection.execute(READ_CHECK_WRITE, (held + 1,))
    return True


async def test_reading_then_writing_oversells(world: World) -> None:
    """The control: without the conditional statement and the CHECK, the same crowd is promised places twice."""
    with world.owner() as connection:
        connection.execute("CREATE TABLE naive_capacities AS SELECT total, held FROM capacities LIMIT 1")
        connection.execute("UPDATE naive_capacities SET total = %s, held = 0", (PLACES,))
    barrier = asyncio.Barrier(CLIENTS)
    promised = await asyncio.gather(*(naively(world.owner_url, barrier) for _ in range(CLIENTS)))
    assert sum(promised) > PLACES


async def test_the_check_has_the_last_word(world: World) -> None:
    """Code that forgot to look would be stopped by the row itself."""
    with world.owner() as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE capacities SET held = total + 1 WHERE id = %s", (world.key(RIMOUSKI),))
