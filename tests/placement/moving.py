"""Steps that the stories of transfers share. Every person here is invented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.kernel import clock
from tests.builders import accepted, adults_of
from tests.placement.households import RIMOUSKI, a_couple_with_a_child, answering, offering

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

SHERBROOKE = "racines-d-estrie/43027"
PEOPLE = {"le-phare": "pelagie", "racines-d-estrie": "raoul"}


async def acting(world: World, by: str, path: str, version: int, **body: Any) -> httpx.Response:
    return await world.client(by).post(path, json=body, headers={"If-Match": f'"{version}"'})


async def step(world: World, by: str, assignment: dict[str, Any], name: str, **body: Any) -> dict[str, Any]:
    answer = await acting(world, by, f"/v1/assignments/{assignment['id']}/{name}", assignment["version"], **body)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def today() -> str:
    return clock.today().isoformat()


async def settled(
    world: World, at: str = RIMOUSKI, until: str = "arrive", **changes: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The couple and its child, living in Rimouski; the case and its assignment."""
    case = await a_couple_with_a_child(world, **changes)
    offer = await accepted(world, case, (await offering(world, case, at)).json())
    assignment = (await world.client("camille").get(f"/v1/assignments/{offer['assignment_id']}")).json()
    host = PEOPLE[at.partition("/")[0]]
    for by, name in ((host, "acknowledge"), ("camille", "depart"), (host, "arrive")):
        body = {} if name == "acknowledge" else {"occurred_on": today()}
        assignment = await step(world, by, assignment, name, **body)
        if name == until:
            break
    return case, assignment


async def proposing(world: World, case: dict[str, Any], at: str = SHERBROOKE, **changes: Any) -> httpx.Response:
    body = {
        "case_id": case["id"], "capacity_id": str(world.key(at)), "asked_by": "household", "reason_code": "family",
        "reason": "Sa sœur vit à Sherbrooke.", **changes,
    }  # fmt: skip
    return await world.client("camille").post("/v1/transfers", json=body)


async def proposed(world: World, case: dict[str, Any], at: str = SHERBROOKE, **changes: Any) -> dict[str, Any]:
    answer = await proposing(world, case, at, **changes)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def all_say_yes(world: World, case: dict[str, Any], transfer: dict[str, Any]) -> dict[str, Any]:
    """Every adult accepts; the transfer as it then stands."""
    offer = transfer["offer"]
    for person_id in adults_of(case):
        answer = await answering(world, offer, person_id)
        assert answer.status_code == 200, answer.text
        offer = answer.json()
    return await stands(world, transfer)


async def stands(world: World, transfer: dict[str, Any], by: str = "camille") -> dict[str, Any]:
    answer = await world.client(by).get(f"/v1/transfers/{transfer['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def moving(world: World, by: str, transfer: dict[str, Any], name: str, **body: Any) -> httpx.Response:
    return await acting(world, by, f"/v1/transfers/{transfer['id']}/{name}", transfer["version"], **body)


async def moved(world: World, by: str, transfer: dict[str, Any], name: str, **body: Any) -> dict[str, Any]:
    answer = await moving(world, by, transfer, name, **body)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done
