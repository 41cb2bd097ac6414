"""Steps that the placement stories share. Every person here is invented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.kernel import clock
from tests.builders import a_case

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

RIMOUSKI, MATANE, QUEBEC = "le-phare/10043", "le-phare/12072", "maison-des-rives/23027"
ABSENT = "01890000-0000-7000-8000-000000000000"


def a_member(kind: str, name: str) -> dict[str, Any]:
    born = "1988-04-02" if kind == "adult" else f"{clock.today().year - 9}-04-02"
    relation = "principal" if name.startswith("Orsane") else "spouse" if kind == "adult" else "child"
    return {"relation": relation, "name": {"full": name}, "birth": {"value": born, "precision": "day"}}


def a_consent(member: int, **changes: Any) -> dict[str, Any]:
    told = {
        "member": member,
        "purpose": "placement",
        "given": True,
        "notice_version": "2026-01",
        "notice_language": "fr",
        "channel": "in_person",
        "occurred_on": clock.today().isoformat(),
    }
    return {**told, **changes}


async def a_couple_with_a_child(world: World, **changes: Any) -> dict[str, Any]:
    """Orsane and Tilvar Velquindor consent; Milo, nine, is not asked. They need nothing particular."""
    members = [a_member("adult", "Orsane Velquindor"), a_member("adult", "Tilvar Velquindor")]
    told = {
        "members": [*members, a_member("child", "Milo Velquindor")],
        "consents": [a_consent(0), a_consent(1)],
        "needs": {},
        "preferences": {},
    }
    return await a_case(world, **{**told, **changes})


async def offering(world: World, case: dict[str, Any], at: str = RIMOUSKI, **changes: Any) -> httpx.Response:
    body = {"case_id": case["id"], "capacity_id": str(world.key(at)), "reason": "Premier choix.", **changes}
    return await world.client("camille").post("/v1/offers", json=body)


async def answering(
    world: World, offer: dict[str, Any], person_id: str, word: str = "accept", **told: Any
) -> httpx.Response:
    body = {"person_id": person_id, "channel": "phone", "language": "fr", **told}
    tag = {"If-Match": f'"{offer["version"]}"'}
    return await world.client("camille").post(f"/v1/offers/{offer['id']}/{word}", json=body, headers=tag)


def counted(world: World, at: str = RIMOUSKI) -> tuple[int, int]:
    """(held, used) as the row really stands."""
    with world.owner() as connection:
        query = "SELECT held, used FROM capacities WHERE id = %s"
        held, used = connection.execute(query, (world.key(at),)).fetchone() or (-1, -1)
    assert isinstance(held, int)
    assert isinstance(used, int)
    return held, used


def left_alone(world: World, places: int, at: str = RIMOUSKI) -> None:
    """Shrink the capacity to so many places."""
    with world.owner() as connection:
        connection.execute("UPDATE capacities SET total = %s WHERE id = %s", (places, world.key(at)))


def let_time_pass(world: World) -> None:
    with world.owner() as connection:
        connection.execute("UPDATE offers SET expires_at = now() - interval '1 minute' WHERE status = 'held'")


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/v1/problems/")
