"""Steps that the milestone stories share. Every person here is invented."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from casework.authz.caller import Caller
from casework.demo.world import PARTNERS, USERS
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.milestones import expectations
from tests.builders import a_case, accepted, an_offer
from tests.placement.households import a_consent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from casework.kernel.database import Session
    from tests.conftest import World

ABSENT = "01890000-0000-7000-8000-000000000000"
EXACT_BIRTH = {"value": "1988-02-29", "precision": "day"}
ORSANE = {"relation": "principal", "name": {"full": "Orsane Velquindor"}, "birth": EXACT_BIRTH}


def days_ago(days: int) -> date:
    return clock.today() - timedelta(days=days)


def on(day: date) -> dict[str, str]:
    return {"value": day.isoformat(), "precision": "day"}


def child(age: int, name: str = "Milo Velquindor") -> dict[str, Any]:
    birth = {"value": f"{clock.today().year - age - 1}", "precision": "year"}
    return {"relation": "child", "name": {"full": name}, "birth": birth}


async def the_velquindors(
    world: World, *children: dict[str, Any], by: str = "camille", **changes: Any
) -> dict[str, Any]:
    """Orsane, alone or with her children, claimed 40 days ago."""
    told: dict[str, Any] = {
        "members": [ORSANE, *children],
        "consents": [a_consent(0)],
        "claimed_on": days_ago(40).isoformat(),
    }
    return await a_case(world, by, **{**told, **changes})


def person(case: dict[str, Any], place: int = 0) -> str:
    found: str = case["household"]["members"][place]["person_id"]
    return found


async def record(
    client: httpx.AsyncClient, case: dict[str, Any], code: str, person_id: str | None = None, **changes: Any
) -> httpx.Response:
    told = {"code": code, "person_id": person_id, "outcome": "done", "occurred_on": on(days_ago(1))}
    return await client.post(f"/v1/cases/{case['id']}/milestones", json={**told, **changes})


async def recorded(
    client: httpx.AsyncClient, case: dict[str, Any], code: str, person_id: str | None = None, **changes: Any
) -> dict[str, Any]:
    answer = await record(client, case, code, person_id, **changes)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def void(client: httpx.AsyncClient, milestone: dict[str, Any], role: str, **headers: str) -> httpx.Response:
    tag = {"If-Match": f'"{milestone["version"]}-{role}"', **headers}
    return await client.post(f"/v1/milestones/{milestone['id']}/void", json={"reason": "Mauvaise date."}, headers=tag)


def grant(world: World, case: dict[str, Any], *, to: str) -> None:
    """What an accepted offer gives an organization (under its agreement), or a spokesperson in person."""
    organization = to if to in PARTNERS else None
    agreement = organization and world.key(f"{organization}/agreement")
    column = "organization_id" if organization else "grantee_user_id"
    with world.owner() as connection:
        connection.execute(
            f"INSERT INTO case_grants (id, case_id, office_id, region_code, {column}, agreement_id,"
            " source, source_id, valid_from, valid_until) SELECT %s, id, office_id, region_code, %s, %s,"
            " 'assignment', %s, now() - interval '1 hour', now() + interval '1 day' FROM cases WHERE id = %s",
            (new_id(), world.key(to), agreement, new_id(), case["id"]),
        )


def anchor(world: World, case: dict[str, Any], **dates: Any) -> None:
    """What the placement's triggers write on a case: `offered_on`, `arrived_on`, `region_code`."""
    with world.owner() as connection:
        for column, value in dates.items():
            connection.execute(f"UPDATE cases SET {column} = %s WHERE id = %s", (value, case["id"]))


def caller_of(world: World, username: str) -> Caller:
    """One of the demo users, as the authenticator would say."""
    [(_, name, role, office, region, organization)] = [user for user in USERS if user[0] == username]
    return Caller(
        actor_id=world.key(username),
        role=role,
        name=name,
        grant_id=world.key(f"{username}/grant"),
        office_id=world.key(office) if office else None,
        region_code=region,
        organization_id=world.key(organization) if organization else None,
    )


@asynccontextmanager
async def acting(world: World, username: str) -> AsyncIterator[tuple[Session, Caller]]:
    """A transaction of one of the demo users, row security included."""
    caller = caller_of(world, username)
    async with world.app.state.database.transaction(caller.context()) as session:
        yield session, caller


async def refresh(world: World, case: dict[str, Any], by: str = "camille") -> None:
    async with acting(world, by) as (session, caller):
        await expectations.refresh(session, caller, UUID(case["id"]))


def expected(world: World, case: dict[str, Any]) -> dict[tuple[str, str | None], date]:
    """Due dates by code and person, as they stand in the table."""
    with world.owner() as connection:
        rows: list[Any] = connection.execute(
            "SELECT code, person_id::text, due_on FROM milestone_expectations WHERE case_id = %s",
            (case["id"],),
        ).fetchall()
    return {(code, person_id): due_on for code, person_id, due_on in rows}


def slug(answer: Any) -> str:
    found: str = answer.json()["type"].rpartition("/")[2]
    return found


def leaves(world: World) -> list[dict[str, Any]]:
    with world.owner() as connection:
        rows = connection.execute("SELECT body FROM log_leaves WHERE log = 'milestones' ORDER BY id").fetchall()
    return [json.loads(str(body)) for (body,) in rows]


async def a_granted_case(world: World, *children: dict[str, Any]) -> dict[str, Any]:
    case = await the_velquindors(world, *children)
    grant(world, case, to="le-phare")
    anchor(world, case, arrived_on=days_ago(20))
    return case


async def step(
    world: World, path: str, by: str, name: str, body: dict[str, Any] | None = None, tag: str | None = None
) -> httpx.Response:
    """One step of an assignment, from where it stands."""
    client = world.client(by)
    headers = {"If-Match": tag or (await client.get(path)).headers["etag"]}
    return await client.post(f"{path}/{name}", json=body, headers=headers)


async def placed(  # noqa: PLR0917 -- a journey is exactly these
    world: World, case: dict[str, Any], at: str, host: str, left: date, arrived_on: date, by: str = "camille"
) -> str:
    """Offered, accepted, departed and arrived, through the API; the assignment's path."""
    offer = await accepted(world, case, await an_offer(world, case, at, by), by)
    path = f"/v1/assignments/{offer['assignment_id']}"
    day = {"occurred_on": left.isoformat()}
    there = {"occurred_on": arrived_on.isoformat()}
    for who, name, body in ((host, "acknowledge", None), (by, "depart", day), (host, "arrive", there)):
        moved = await step(world, path, who, name, body)
        assert moved.status_code == 200, (name, moved.text)
    return path


def shared() -> list[dict[str, Any]]:
    """Consents to be placed and to be shared with a host, of the first member."""
    told = {"member": 0, "given": True, "notice_version": "2026-01", "notice_language": "fr",
            "channel": "in_person", "occurred_on": days_ago(30).isoformat()}  # fmt: skip
    return [{**told, "purpose": purpose} for purpose in ("placement", "partner_sharing")]


async def listed(client: httpx.AsyncClient, case: dict[str, Any]) -> dict[str, Any]:
    answer = await client.get(f"/v1/cases/{case['id']}/milestones?limit=200")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def correct(client: httpx.AsyncClient, milestone: dict[str, Any], role: str, **changes: Any) -> httpx.Response:
    told = {"outcome": "done", "occurred_on": on(days_ago(1)), "reason": "Jour mal lu."}
    tag = {"If-Match": f'"{milestone["version"]}-{role}"'}
    return await client.post(f"/v1/milestones/{milestone['id']}/correct", json={**told, **changes}, headers=tag)
