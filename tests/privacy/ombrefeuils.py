"""An invented family whose words name each other, and the request one of them makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.builders import a_case, accepted, an_offer
from tests.privacy.stories import noted

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

WHY = {"purpose": "access_request", "reference": "ACC-2026-031"}
BIRTHS = ("1984-04-11", "1986-09-23", "2015-01-30")
ZORAIDE: dict[str, Any] = {
    "relation": "principal",
    "name": {"full": "Zoraïde Ombrefeuil", "given": ["Zoraïde"], "family": ["Ombrefeuil"], "aliases": ["Zora"]},
    "birth": {"value": BIRTHS[0], "precision": "day"},
    "contact": {"phone": "+1 514 555 0142", "email": "zoraide@exemple.test"},
    "languages": [{"code": "es", "needs_interpreter": True}],
    "identifiers": [{"type": "uci", "value": "00-1111-2222"}],
}
TIBURCE: dict[str, Any] = {
    "relation": "spouse",
    "name": {"full": "Tiburce Ombrefeuil", "given": ["Tiburce"], "family": ["Ombrefeuil"]},
    "birth": {"value": BIRTHS[1], "precision": "day"},
    "contact": {"phone": "+1 514 555 0199"},
    "identifiers": [{"type": "uci", "value": "00-9999-8888"}],
}
MILVA: dict[str, Any] = {
    "relation": "child",
    "name": {"full": "Milva Ombrefeuil", "given": ["Milva"], "family": ["Ombrefeuil"]},
    "birth": {"value": BIRTHS[2], "precision": "day"},
}
OF_OTHERS = ("Tiburce", "Milva", *BIRTHS[1:], "555 0199", "00-9999-8888", "couturier")


async def the_ombrefeuils(world: World) -> dict[str, Any]:
    """Zoraïde, her husband and her daughter, with a place accepted and notes on file."""
    consents = [
        {"member": member, "purpose": "placement", "given": True, "notice_version": "2026-01", "notice_language": "es",
         "channel": "interpreter", "occurred_on": "2026-10-01"}
        for member in (0, 1)
    ]  # fmt: skip
    case = await a_case(world, members=[ZORAIDE, TIBURCE, MILVA], consents=consents)
    people = case["household"]["members"]
    await noted(world, case, people[0]["person_id"], "Soudeuse ; son mari Tiburce l'attend, sa fille MILVA aussi")
    await noted(world, case, people[1]["person_id"], "Maître couturier")
    await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")
    await accepted(world, case, await an_offer(world, case, reason="Près de la sœur de Tiburce."))
    return case


async def export(world: World, person_id: str, query: str = "", **headers: str) -> httpx.Response:
    return await world.client("prosper", **headers).post(
        f"/v1/people/{person_id}/subject-access-exports{query}", json=WHY
    )


def of(case: dict[str, Any], place: int = 0) -> str:
    found: str = case["household"]["members"][place]["person_id"]
    return found
