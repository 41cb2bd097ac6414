"""When a placement stops, every host's view of the case stops with it, whoever stopped it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from tests.builders import a_case, accepted, an_offer

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def proposed(world: World) -> tuple[dict[str, Any], str]:
    case = await a_case(world, size=1, needs={}, preferences={})
    offer = await accepted(world, case, await an_offer(world, case))
    return case, f"/v1/assignments/{offer['assignment_id']}"


async def seen_by_hosts(world: World, case: dict[str, Any]) -> list[int]:
    path = f"/v1/cases/{case['id']}"
    return [(await world.client(host).get(path)).status_code for host in ("pelagie", "coralie")]


async def test_a_partner_s_refusal_ends_its_region_s_view_too(world: World) -> None:
    case, path = await proposed(world)
    assert await seen_by_hosts(world, case) == [200, 200]
    answer = await world.client("pelagie").post(
        f"{path}/refuse", json={"reason_code": "no_staff"}, headers={"If-Match": '"1"'}
    )
    assert answer.status_code == 200, answer.text
    assert await seen_by_hosts(world, case) == [404, 404]


@pytest.mark.parametrize("who", ["coralie", "camille", "prosper"])
async def test_an_end_before_the_arrival_ends_both_views(world: World, who: str) -> None:
    case, path = await proposed(world)
    body = {"occurred_on": clock.today().isoformat(), "reason": "Le ménage a changé d'avis."}
    answer = await world.client(who).post(f"{path}/end", json=body, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert await seen_by_hosts(world, case) == [404, 404]
