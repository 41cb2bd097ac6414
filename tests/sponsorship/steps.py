"""The steps of a sponsorship, over HTTP, by the people whose work they are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.kernel import clock
from tests.builders import a_case

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

Json = dict[str, Any]
RIMOUSKI, MONTREAL, SHERBROOKE = "10043", "66023", "43027"
DUTIES = dict.fromkeys(
    ("housing", "furniture", "food", "clothing", "transport", "health_costs", "job_search", "school", "services"), "met"
)
MEMBERS = ("Orsane Velquindor", "Tibald Mérouval", "Lysandre Ocrebois")


def day(days: int = 0) -> str:
    """A civil day, so many days ago."""
    return (clock.today() - timedelta(days=days)).isoformat()


def if_match(resource: Json) -> dict[str, str]:
    return {"If-Match": f'"{resource["version"]}"'}


def told(answer: httpx.Response, status: int = 200) -> Json:
    assert answer.status_code == status, answer.text
    found: Json = answer.json()
    return found


def group(members: int = 3, **changes: Any) -> Json:
    people = [{"name": name, "joined_on": day(400)} for name in (*MEMBERS, "Ugo Belombre", "Vianne Solcarré")[:members]]
    return {"category": "group", "region_code": "01", "members": people, **changes}


def long_in_office(world: World) -> None:
    """The demo's people were given their roles some months ago; these stories begin earlier."""
    with world.owner() as owner:
        owner.execute("UPDATE role_grants SET valid_from = '2020-01-01'")


async def a_sponsor(world: World, by: str = "sidonie", **changes: Any) -> Json:
    return told(await world.client(by).post("/v1/sponsors", json=group(**changes)), 201)


async def an_undertaking(
    world: World, sponsor: Json | None = None, by: str = "sidonie", geo_code: str = RIMOUSKI, persons: int = 3
) -> Json:
    sponsor = sponsor or await a_sponsor(world, by)
    body = {"sponsor_id": sponsor["id"], "geo_code": geo_code, "persons": persons}
    return told(await world.client(by).post("/v1/undertakings", json=body), 201)


async def submitted(world: World, undertaking: Json, by: str = "sidonie") -> Json:
    path = f"/v1/undertakings/{undertaking['id']}/submit"
    return told(await world.client(by).post(path, headers=if_match(undertaking)))


async def read(world: World, undertaking: Json, by: str = "prosper") -> Json:
    return told(await world.client(by).get(f"/v1/undertakings/{undertaking['id']}"))


async def step(world: World, undertaking: Json, to: str, on: str | None = None, **more: Any) -> Json:
    body = {"to": to, "occurred_on": on or day(), **more}
    path = f"/v1/undertakings/{undertaking['id']}/steps"
    return told(await world.client("prosper").post(path, json=body, headers=if_match(undertaking)))


async def a_draw(world: World, cap: int = 10, pool: str = "groups", **changes: Any) -> Json:
    body = {"year": clock.today().year, "pool": pool, "cap": cap, "cap_source": "Plafond fictif des essais.", **changes}
    return told(await world.client("prosper").post("/v1/draws", json=body), 201)


async def act(world: World, draw: Json, action: str) -> Json:
    """`freeze` or `run`."""
    return told(await world.client("prosper").post(f"/v1/draws/{draw['id']}/{action}", headers=if_match(draw)))


async def drawn(world: World, undertaking: Json, **changes: Any) -> Json:
    """The year's draw, in which the undertaking submitted is drawn."""
    draw = await act(world, await act(world, await a_draw(world, **changes), "freeze"), "run")
    assert draw["status"] == "drawn"
    return await read(world, undertaking)


async def accepted(world: World, undertaking: Json) -> Json:
    return await step(world, await step(world, undertaking, "under_review"), "accepted")


async def with_csq(world: World) -> Json:
    undertaking = await accepted(world, await drawn(world, await submitted(world, await an_undertaking(world))))
    return await step(world, undertaking, "csq_issued")


async def linked(world: World, undertaking: Json) -> tuple[Json, Json]:
    """The undertaking and the household's case."""
    case = await a_case(world, size=1, programme="collective_sponsorship", undertaking_on=day())
    path = f"/v1/undertakings/{undertaking['id']}/household"
    done = await world.client("prosper").post(path, json={"case_id": case["id"]}, headers=if_match(undertaking))
    return told(done), case


async def arrived(world: World) -> tuple[Json, Json]:
    undertaking, case = await linked(world, await with_csq(world))
    return await step(world, undertaking, "arrived"), case


async def settled(world: World) -> tuple[Json, Json]:
    undertaking, case = await arrived(world)
    return await step(world, undertaking, "report1_due"), case


async def report(world: World, case: Json, number: int, by: str = "sidonie") -> httpx.Response:
    body = {"number": number, "occurred_on": day(), "duties": DUTIES}
    return await world.client(by).post(f"/v1/cases/{case['id']}/settlement-reports", json=body)
