"""Steps that the stories of privacy share; all through the HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World


async def asked(world: World, person_id: str, by: str = "camille", reason: str = "purpose_achieved") -> dict[str, Any]:
    """An erasure requested, waiting for somebody else's decision."""
    body = {"reason": reason, "reference": "DOC-2026-0042"}
    answer = await world.client(by).post(f"/v1/people/{person_id}/erasures", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def decide(world: World, erasure: dict[str, Any], by: str = "prosper") -> httpx.Response:
    return await world.client(by).post(f"/v1/erasures/{erasure['id']}/approve")


async def erased(world: World, person_id: str) -> dict[str, Any]:
    answer = await decide(world, await asked(world, person_id))
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


async def held(world: World, **scope: Any) -> dict[str, Any]:
    body = {"basis": "litigation", "reference": "TAQ-2026-117", **scope}
    answer = await world.client("prosper").post("/v1/legal-holds", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def people_of(case: dict[str, Any]) -> list[str]:
    return [member["person_id"] for member in case["household"]["members"]]


async def noted(
    world: World, case: dict[str, Any], person_id: str | None, note: str, code: str = "SKILLS_DECLARED"
) -> str:
    """A milestone with a note, sealed under its subject's key; its id."""
    body = {
        "code": code, "person_id": person_id, "outcome": "done", "note": note,
        "occurred_on": {"value": "2026-10-05", "precision": "day"},
        "evidence": {"kind": "letter", "reference": f"pièce {note}"},
    }  # fmt: skip
    answer = await world.client("camille").post(f"/v1/cases/{case['id']}/milestones", json=body)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made
