"""Steps that the stories of a claim share. Every person here is invented."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.kernel import clock

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

Json = dict[str, Any]


def on(days: int = 0) -> str:
    """The day, `days` from today."""
    return (clock.today() + timedelta(days=days)).isoformat()


def a_status(status: str = "referred", days: int = 0, **changes: Any) -> Json:
    return {"status": status, "occurred_on": on(days), "source": "Document vu.", **changes}


async def telling(
    world: World, case: Json, said: Json, by: str = "camille", person: str | None = None
) -> httpx.Response:
    body = {"person_id": person, "said": said}
    return await world.client(by).post(f"/v1/cases/{case['id']}/claim-statuses", json=body)


async def a_claim_status(world: World, case: Json, by: str = "camille", **changes: Any) -> Json:
    """One entry, of the household's first member unless said otherwise."""
    first = case["household"]["members"][0]["person_id"]
    answer = await telling(world, case, {**a_status(), **changes}, by, first)
    assert answer.status_code == 201, answer.text
    [made] = answer.json()["items"]
    found: Json = made
    return found


async def voiding(world: World, entry: Json, by: str = "camille", tag: str | None = None) -> httpx.Response:
    headers = {"If-Match": tag or f'"{entry["version"]}"'}
    return await world.client(by).post(
        f"/v1/claim-statuses/{entry['id']}/void", json={"reason": "Erreur."}, headers=headers
    )


async def history(world: World, case: Json, by: str = "camille", **query: Any) -> Json:
    answer = await world.client(by).get(f"/v1/cases/{case['id']}/claim-statuses", params=query)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def stepped(world: World, assignment: str, who: str, step: str, body: Json | None = None) -> Json:
    """One step of the assignment, at its version of now."""
    client = world.client(who)
    tag = (await world.client("prosper").get(f"/v1/assignments/{assignment}")).headers["etag"]
    answer = await client.post(f"/v1/assignments/{assignment}/{step}", json=body, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def arrived(world: World, offer: Json, host: str = "pelagie", by: str = "prosper") -> Json:
    today = {"occurred_on": clock.today().isoformat()}
    await stepped(world, offer["assignment_id"], host, "acknowledge")
    await stepped(world, offer["assignment_id"], by, "depart", today)
    return await stepped(world, offer["assignment_id"], host, "arrive", today)


async def notices(world: World, case: Json, by: str = "prosper") -> list[Json]:
    answer = await world.client(by).get(f"/v1/cases/{case['id']}/address-notices")
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["items"]
    return found


async def an_arrival_told(world: World, case: Json, offer: Json) -> Json:
    """A household of Estrie has arrived there; the first of the two notices."""
    await arrived(world, offer, "raoul")
    return (await notices(world, case))[0]
