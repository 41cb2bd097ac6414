"""A row written while its case moves to another region ends up where the case is, whichever came first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.kernel import clock
from tests.builders import a_case, accepted, adults_of, an_offer

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio

WRITTEN = (
    "INSERT INTO needs (id, case_id, office_id, region_code, services, interpreter_languages, occurred_on, recorded_on)"
    " SELECT gen_random_uuid(), id, office_id, region_code, '{}', '{}', current_date, current_date FROM cases WHERE id = %s"
)
WAITING = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"


async def somebody_waits(world: World) -> None:
    with world.owner() as owner:
        while owner.execute(WAITING).fetchone() != (True,):  # noqa: ASYNC110 -- the database is what is watched
            await asyncio.sleep(0.05)


async def on_the_way(world: World) -> tuple[dict[str, Any], str]:
    case = await a_case(world, size=1, needs={}, preferences={})
    offer = await accepted(world, case, await an_offer(world, case))
    path, day = f"/v1/assignments/{offer['assignment_id']}", {"occurred_on": clock.today().isoformat()}
    for by, move, body, tag in (("pelagie", "acknowledge", {}, '"1"'), ("camille", "depart", day, '"2"')):
        moved = await world.client(by).post(f"{path}/{move}", json=body, headers={"If-Match": tag})
        assert moved.status_code == 200, moved.text
    return case, path


async def arriving(world: World, path: str) -> httpx.Response:
    day = {"occurred_on": clock.today().isoformat()}
    return await world.client("pelagie").post(f"{path}/arrive", json=day, headers={"If-Match": '"3"'})


def regions(world: World, table: str, case: dict[str, Any]) -> list[tuple[object, ...]]:
    with world.owner() as owner:
        query = f"SELECT DISTINCT region_code FROM {table} WHERE case_id = %s"
        return owner.execute(query.encode(), (case["id"],)).fetchall()


async def test_an_arrival_waits_for_what_is_being_written_and_takes_it_along(world: World) -> None:
    case, path = await on_the_way(world)
    with psycopg.connect(world.owner_url) as writer:
        writer.execute(WRITTEN, (case["id"],))
        arrival = asyncio.create_task(arriving(world, path))
        await asyncio.wait_for(somebody_waits(world), 3)
    assert (await arrival).status_code == 200
    assert regions(world, "needs", case) == [("01",)]


async def test_what_is_written_during_a_move_follows_it(world: World) -> None:
    case = await a_case(world, size=1)
    body = {"code": "NEEDS", "person_id": adults_of(case)[0], "outcome": "done",
            "occurred_on": {"value": clock.today().isoformat(), "precision": "day"}}  # fmt: skip
    with psycopg.connect(world.owner_url) as mover:
        mover.execute("UPDATE cases SET region_code = '05' WHERE id = %s", (case["id"],))
        milestone = asyncio.create_task(world.client("octave").post(f"/v1/cases/{case['id']}/milestones", json=body))
        await asyncio.wait_for(somebody_waits(world), 3)
    assert (await milestone).status_code == 201
    assert regions(world, "milestones", case) == [("05",)]
