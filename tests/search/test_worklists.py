"""The lists one starts the day with: within reach, the most pressing first, and nothing that waits for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from casework.search.worklists import TITLES, Worklist
from tests.builders import a_case, an_offer
from tests.cases.claims import a_claim_status, a_status, on

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def worklist(world: World, name: str, by: str = "camille", **query: Any) -> dict[str, Any]:
    answer = await world.client(by).get("/v1/worklists", params={"name": name, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def listed(world: World, name: str, by: str = "camille") -> list[str]:
    return [one["case"]["id"] for one in (await worklist(world, name, by))["items"]]


async def test_mine_and_unassigned_are_told_apart_and_closed_cases_left_out(world: World) -> None:
    mine, hers, nobodys = await a_case(world), await a_case(world, "basile"), await a_case(world, "octave")
    closed = await a_case(world)
    tag = {"If-Match": f'"{closed["version"]}"'}
    await world.client("camille").post(f"/v1/cases/{closed['id']}/close", json={"reason": "Parti."}, headers=tag)
    assert await listed(world, "mine") == [mine["id"]]
    assert await listed(world, "mine", "basile") == [hers["id"]]
    assert await listed(world, "unassigned") == [nobodys["id"]]


async def test_a_hearing_soon_is_the_last_one_known(world: World) -> None:
    soon, far, postponed = [await a_case(world, size=1) for _ in range(3)]
    for case, day in ((soon, 5), (far, 60), (postponed, 6)):
        await a_claim_status(world, case, **a_status("referred", -5))
        await a_claim_status(world, case, **a_status("hearing_scheduled", -2, hearing_on=on(day)))
    await a_claim_status(world, postponed, **a_status("hearing_postponed", -1, hearing_on=on(90)))
    page = await worklist(world, "hearing_soon")
    assert [(one["case"]["id"], one["due_on"]) for one in page["items"]] == [(soon["id"], on(5))]
    assert page["title"] == "Audience dans deux semaines"


async def test_awaiting_an_answer_and_overdue(world: World) -> None:
    waiting, late = await a_case(world, size=1), await a_case(world, size=1)
    await an_offer(world, waiting)
    assert await listed(world, "awaiting_answer") == [waiting["id"]]
    with world.owner() as owner:
        owner.execute("UPDATE milestone_expectations SET due_on = %s", (on(5),))
        owner.execute("UPDATE milestone_expectations SET due_on = %s WHERE case_id = %s", (on(-3), late["id"]))
    page = await worklist(world, "overdue")
    assert [(one["case"]["id"], one["due_on"]) for one in page["items"]] == [(late["id"], on(-3))]


async def test_nobody_is_listed_beyond_reach_and_pages_join(world: World) -> None:
    cases = [await a_case(world, size=1) for _ in range(5)]
    await a_case(world, "ines")
    assert await listed(world, "mine", "ines") == []
    assert await listed(world, "unassigned", "coralie") == []
    assert len(await listed(world, "unassigned", "prosper")) == 1
    first = await worklist(world, "mine", limit=3)
    second = await worklist(world, "mine", limit=3, cursor=first["next_cursor"])
    found = [one["case"]["id"] for one in (*first["items"], *second["items"])]
    assert sorted(found) == sorted(case["id"] for case in cases)
    assert second["next_cursor"] is None
    refused = await world.client("camille").get(
        "/v1/worklists", params={"name": "overdue", "cursor": first["next_cursor"]}
    )
    assert refused.status_code == 400


async def test_partners_keep_to_their_own_lists(world: World) -> None:
    for who in ("pelagie", "sidonie", "melchior", "aurele", "adele"):
        assert (await world.client(who).get("/v1/worklists")).status_code == 403
    assert set(TITLES) == set(Worklist)


async def test_a_region_finds_what_is_late_of_those_offered_to_it_and_no_other_region_does(world: World) -> None:
    """The case lives nowhere yet: only the grant of the offer leads there."""
    offered, elsewhere = [await a_case(world, size=1, needs={}, preferences={}) for _ in range(2)]
    await an_offer(world, offered)
    assert {offered["id"], elsewhere["id"]} <= set(await listed(world, "overdue", "camille"))
    assert await listed(world, "overdue", "coralie") == [offered["id"]]
    assert await listed(world, "overdue", "edmee") == []
    assert {offered["id"], elsewhere["id"]} <= set(await listed(world, "overdue", "prosper"))
