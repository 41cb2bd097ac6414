"""Steps that the stories of shelters share; all through the HTTP API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.kernel import clock
from casework.lodging.moving import move_next
from tests.builders import a_case

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World


def day(days: int = 0) -> str:
    return (clock.today() + timedelta(days=days)).isoformat()


async def a_shelter(world: World, name: str, beds: int | None, geo_code: str = "10043") -> dict[str, Any]:
    body = {
        "name": name,
        "geo_code": geo_code,
        "languages": ["fr"],
        "services": [],
        "opened_on": day(-90),
        "beds": beds,
    }
    host = "le-phare" if geo_code == "10043" else "racines-d-estrie"
    made = await world.client("prosper").post(f"/v1/organizations/{world.key(host)}/sites", json=body)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


async def lodging(
    world: World, case: dict[str, Any], site: dict[str, Any], by: str = "camille", since: int = -10
) -> httpx.Response:
    body = {"site_id": site["id"], "starts_on": day(since)}
    return await world.client(by).post(f"/v1/cases/{case['id']}/lodgings", json=body)


async def lodged(
    world: World, site: dict[str, Any], size: int, by: str = "camille", **shape: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A household of `size` persons and its stay there."""
    case = await a_case(world, by, size=size, **shape)
    answer = await lodging(world, case, site, by)
    assert answer.status_code == 201, answer.text
    return case, answer.json()


async def stays(world: World, case: dict[str, Any], by: str = "camille") -> list[tuple[str, str | None]]:
    """(site, why it ended), the first stay first."""
    answer = await world.client(by).get(f"/v1/cases/{case['id']}/lodgings")
    assert answer.status_code == 200, answer.text
    return [(one["site_id"], one["end_reason"]) for one in reversed(answer.json()["items"])]


async def closing(
    world: World,
    site: dict[str, Any],
    *successors: dict[str, Any],
    dry: bool = False,
    by: str = "prosper",
    **changes: Any,
) -> httpx.Response:
    client = world.client(by)
    tag = (await world.client("prosper").get(f"/v1/sites/{site['id']}")).headers["etag"]
    body = {"closed_on": day(), "reason": "Bail perdu.", "successors": [one["id"] for one in successors], **changes}
    path = f"/v1/sites/{site['id']}/closures" + ("?dry_run=true" if dry else "")
    return await client.post(path, json=body, headers={"If-Match": tag})


async def beds(world: World, site: dict[str, Any]) -> tuple[int, int]:
    """(lodged, promised)."""
    read = (await world.client("prosper").get(f"/v1/sites/{site['id']}")).json()
    return read["lodged"], read["promised"]


async def all_moved(world: World) -> int:
    """What the server's hand does in the background; how many households it dealt with."""
    count = 0
    while await move_next(world.app.state.database) is not None:
        count += 1
    return count
