"""Builders that state only what matters; they go through the HTTP API, as people do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.demo.families import family
from casework.kernel import clock

if TYPE_CHECKING:
    from tests.conftest import World

_seed = iter(range(10_000, 10_000_000))


def _settled_in(**shape: Any) -> dict[str, Any]:
    """The next family that claimed a month ago or earlier: a story may tell of what happened since."""
    month_ago = (clock.today() - timedelta(days=30)).isoformat()
    while True:
        body = family(next(_seed), **shape).body
        if (body.get("claimed_on") or body["undertaking_on"]) <= month_ago:
            return body


async def a_case(world: World, by: str = "camille", **changes: Any) -> dict[str, Any]:
    """A household taken in; `size`, `consent` and `programme` shape it, any other key replaces a field of the intake."""
    shape = {name: changes.pop(name) for name in ("size", "consent", "programme") if name in changes}
    body = {**_settled_in(**shape), **changes}
    answer = await world.client(by).post("/v1/cases", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def an_offer(
    world: World, case: dict[str, Any], at: str = "le-phare/10043", by: str = "camille", **changes: Any
) -> dict[str, Any]:
    body = {
        "case_id": case["id"],
        "capacity_id": str(world.key(at)),
        "reason": "Premier choix du ménage.",
        **changes,
    }
    answer = await world.client(by).post("/v1/offers", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def adults_of(case: dict[str, Any]) -> list[str]:
    return [member["person_id"] for member in case["household"]["members"] if member["is_adult"]]


async def accepted(world: World, case: dict[str, Any], offer: dict[str, Any], by: str = "camille") -> dict[str, Any]:
    """Every adult accepts; returns the offer as it then stands."""
    client = world.client(by)
    for person_id in adults_of(case):
        current = await client.get(f"/v1/offers/{offer['id']}")
        answer = await client.post(
            f"/v1/offers/{offer['id']}/accept",
            json={"person_id": person_id, "channel": "in_person", "language": "fr"},
            headers={"If-Match": current.headers["etag"]},
        )
        assert answer.status_code == 200, answer.text
    stands: dict[str, Any] = (await client.get(f"/v1/offers/{offer['id']}")).json()
    return stands
