"""A household is taken in, in one transaction, and read back by those who may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from casework.demo.families import family
from tests.builders import a_case

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_family_of_four_is_taken_in_at_once(world: World) -> None:
    case = await a_case(world, size=4)
    assert case["status"] == "open"
    assert len(case["household"]["members"]) == 4
    read = await world.client("basile").get(f"/v1/cases/{case['id']}")
    assert read.status_code == 200
    assert read.json()["household"] == case["household"]
    assert read.headers["etag"] == '"1-caseworker"'


async def test_names_stand_nowhere_in_the_tables(world: World) -> None:
    case = await a_case(world, size=1)
    name = case["household"]["members"][0]["name"]["full"]
    with world.owner() as connection:
        tables = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        for table in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()
            assert not any(name in row[0] for row in rows), table


async def test_a_partner_without_a_grant_sees_nothing(world: World) -> None:
    case = await a_case(world)
    client = world.client("pelagie")
    absent = await client.get("/v1/cases/01890000-0000-7000-8000-000000000000")
    hidden = await client.get(f"/v1/cases/{case['id']}")
    assert (hidden.status_code, hidden.json()) == (absent.status_code, absent.json()) == (404, absent.json())
    assert (await client.get("/v1/cases")).json()["items"] == []


async def test_the_same_key_gets_the_first_answer(world: World) -> None:
    body = family(77, size=3).body
    client = world.client("camille", **{"Idempotency-Key": "intake-000077"})
    first = await client.post("/v1/cases", json=body)
    again = await client.post("/v1/cases", json=body)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post("/v1/cases", json={**body, "external_id": "else"})
    assert other.status_code == 422
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM cases").fetchone() == (1,)


async def test_a_draft_is_placed_only_once_opened(world: World) -> None:
    case = await a_case(world, size=1, draft=True)
    client = world.client("camille")
    path = f"/v1/cases/{case['id']}"
    assert case["status"] == "draft"
    assert (await client.post(f"{path}/recommendations")).status_code == 409
    body = b'{"status": "open"}'
    media = {"Content-Type": "application/merge-patch+json"}
    opened = await client.patch(path, headers={**media, "If-Match": '"1"'}, content=body)
    assert (opened.status_code, opened.json()["status"]) == (200, "open")
    assert (await client.post(f"{path}/recommendations")).status_code == 201
    again = await client.patch(path, headers={**media, "If-Match": opened.headers["etag"]}, content=body)
    assert again.status_code == 409


async def test_a_case_is_closed_with_its_reason_and_reopened(world: World) -> None:
    case = await a_case(world, size=1)
    client = world.client("camille", **{"If-Match": '"1"'})
    closed = await client.post(f"/v1/cases/{case['id']}/close", json={"reason": "Le ménage a quitté le Québec."})
    assert (closed.status_code, closed.json()["status"]) == (200, "closed")
    client = world.client("camille", **{"If-Match": closed.headers["etag"]})
    assert (await client.post(f"/v1/cases/{case['id']}/close", json={"reason": "Encore."})).status_code == 409
    reopened = await client.post(f"/v1/cases/{case['id']}/reopen")
    assert (reopened.status_code, reopened.json()["status"]) == (200, "open")
