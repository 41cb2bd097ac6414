"""Pilots, departures and households that consented, through the API as people make them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.kernel import clock
from tests.builders import a_case, adults_of

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

Json = dict[str, Any]


def day(offset: int = 0) -> str:
    return (clock.today() + timedelta(days=offset)).isoformat()


def done(answer: httpx.Response, status: int = 201) -> Json:
    assert answer.status_code == status, answer.text
    found: Json = answer.json()
    return found


async def a_pilot(world: World, **changes: Any) -> Json:
    wanted = {
        "name": "Cap sur le Fleuve", "starts_on": day(-60), "ends_on": day(300), "regions": ["01", "05"],
        "partners": [str(world.key("le-phare"))], **changes,
    }  # fmt: skip
    return done(await world.client("prosper").post("/v1/pilots", json=wanted))


async def a_cohort(world: World, pilot: Json, seats: int = 12, **changes: Any) -> Json:
    wanted = {"region_code": "01", "departs_on": day(7), "seats": seats, **changes}
    return done(await world.client("prosper").post(f"/v1/pilots/{pilot['id']}/cohorts", json=wanted))


async def say(world: World, case: Json, person: str, *, given: bool = True, by: str = "camille", **more: Any) -> None:
    word = {
        "person_id": person, "purpose": "pilot", "given": given, "notice_version": "2026-01", "notice_language": "fr",
        "channel": "in_person", "occurred_on": day(), **more,
    }  # fmt: skip
    client = world.client(by)
    tag = (await client.get(f"/v1/cases/{case['id']}")).headers["etag"]
    done(await client.post(f"/v1/cases/{case['id']}/consents", json=word, headers={"If-Match": tag}))


async def a_consenting_case(world: World, size: int = 1, by: str = "camille", **changes: Any) -> Json:
    case = await a_case(world, by, size=size, **changes)
    for adult in adults_of(case):
        await say(world, case, adult, by=by)
    return case


async def try_to_enrol(world: World, case: Json, cohort: Json, by: str = "camille") -> httpx.Response:
    body = {"case_id": case["id"], "cohort_id": cohort["id"]}
    return await world.client(by).post(f"/v1/pilots/{cohort['pilot_id']}/enrolments", json=body)


async def enrolled(world: World, case: Json, cohort: Json, by: str = "camille") -> Json:
    return done(await try_to_enrol(world, case, cohort, by))


async def read(world: World, path: str, by: str = "prosper") -> Json:
    return done(await world.client(by).get(path), 200)


async def act(world: World, path: str, body: Json, version: int, by: str = "prosper") -> httpx.Response:
    return await world.client(by).post(path, json=body, headers={"If-Match": f'"{version}"'})


async def departed(world: World, cohort: Json, **told: Any) -> Json:
    current = await read(world, f"/v1/cohorts/{cohort['id']}")
    path = f"/v1/cohorts/{cohort['id']}/depart"
    return done(await act(world, path, {"occurred_on": day(), **told}, current["version"]), 200)
