"""Accepted on the way: the case goes on under another programme, and nothing of what was is lost (domain.md §7.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_case
from tests.cases.claims import a_claim_status, a_status, on
from tests.placement.households import problem

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def changing(world: World, case: dict[str, Any], day: str, by: str = "camille") -> httpx.Response:
    tag = {"If-Match": (await world.client("prosper").get(f"/v1/cases/{case['id']}")).headers["etag"]}
    body = {"to_programme": "protected_person", "occurred_on": day}
    return await world.client(by).post(f"/v1/cases/{case['id']}/programme-changes", json=body, headers=tag)


async def an_accepted_case(world: World) -> dict[str, Any]:
    case = await a_case(world, size=2)
    await a_claim_status(world, case, **a_status("referred", -9))
    await a_claim_status(world, case, **a_status("accepted", -2))
    return case


async def test_a_status_that_is_not_granted_changes_nothing(world: World) -> None:
    case = await a_case(world, size=1)
    assert problem(await changing(world, case, on())) == (409, "status-not-granted")


async def test_the_programme_does_not_change_before_the_decision(world: World) -> None:
    case = await an_accepted_case(world)
    refused = await changing(world, case, on(-3))
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/occurred_on"]


async def test_once_changed_it_stays_and_only_deciders_change_it(world: World) -> None:
    case = await an_accepted_case(world)
    assert (await changing(world, case, on(), "octave")).status_code == 403
    assert (await changing(world, case, on(), "basile")).status_code == 404
    assert (await changing(world, case, on())).status_code == 201
    assert problem(await changing(world, case, on())) == (409, "programme-cannot-follow")
    seen = (await world.client("camille").get(f"/v1/cases/{case['id']}")).json()
    assert seen["programme"] == "protected_person"
    assert seen["claim"]["claimed_on"] == case["claim"]["claimed_on"]
