"""Steps that the stories of partners share; all through the HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.kernel import clock

if TYPE_CHECKING:
    from tests.conftest import World


def terms(organization_id: str, **changes: Any) -> dict[str, Any]:
    """An agreement of this year, in the Bas-Saint-Laurent unless told otherwise."""
    year = clock.today().year
    told = {
        "organization_id": organization_id, "funding": "PASI", "edition": "2025-2028", "stream": "4",
        "programmes": ["asylum", "collective_sponsorship"], "region_code": "01", "volume": 200,
        "starts_on": f"{year}-01-01", "ends_on": f"{year}-12-31", "reason": "Appel de projets.",
    }  # fmt: skip
    return {**told, **changes}


async def handed_over(world: World, organization: str, region: str) -> str:
    """The id of a hand-over that waits: an agreement of the organization, made and ended."""
    prosper = world.client("prosper")
    made = await prosper.post("/v1/agreements", json=terms(str(world.key(organization)), region_code=region))
    assert made.status_code == 201, made.text
    path, headers = f"/v1/agreements/{made.json()['id']}/end", {"If-Match": made.headers["etag"]}
    ended = await prosper.post(path, json={"reason": "Fin de mandat."}, headers=headers)
    assert ended.status_code == 200, ended.text
    handover: str = ended.json()["id"]
    return handover
