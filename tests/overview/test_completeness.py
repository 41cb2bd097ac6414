"""How complete a partner's milestones are: counted over the households that stay with it, within the reader's reach."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from tests.builders import a_case, accepted, an_offer
from tests.cases.claims import stepped

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def asked(world: World, by: str, organization: str = "le-phare", **query: Any) -> dict[str, Any]:
    path = f"/v1/organizations/{world.key(organization)}/completeness"
    answer = await world.client(by).get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def a_stay(world: World, arrived_days_ago: int) -> tuple[dict[str, Any], str]:
    """The case, and its assignment."""
    case = await a_case(world, size=1)
    offer = await accepted(world, case, await an_offer(world, case))
    day = {"occurred_on": (clock.today() - timedelta(days=arrived_days_ago)).isoformat()}
    for who, step, body in (("pelagie", "acknowledge", None), ("camille", "depart", day), ("pelagie", "arrive", day)):
        await stepped(world, offer["assignment_id"], who, step, body)
    return case, offer["assignment_id"]


async def a_visit(world: World, case: dict[str, Any]) -> None:
    person = case["household"]["members"][0]["person_id"]
    body = {"code": "FIRST_VISIT", "person_id": person, "outcome": "done",
            "occurred_on": {"value": clock.today().isoformat(), "precision": "day"}}  # fmt: skip
    answer = await world.client("pelagie").post(f"/v1/cases/{case['id']}/milestones", json=body)
    assert answer.status_code == 201, answer.text


async def test_what_was_due_and_what_was_recorded(world: World) -> None:
    nothing = await asked(world, "pelagie")
    assert (nothing["cases"], nothing["due"], nothing["recorded_share"], nothing["milestones"]) == (0, 0, None, [])
    case, _ = await a_stay(world, 10)
    before = await asked(world, "pelagie")
    await a_visit(world, case)
    after = await asked(world, "pelagie")
    assert (before["cases"], before["recorded"] + 1) == (1, after["recorded"])
    assert before["due"] == after["due"] == sum(one["due"] for one in after["milestones"])
    visits = next(one for one in after["milestones"] if one["code"] == "FIRST_VISIT")
    assert (visits["due"], visits["recorded"], visits["recorded_share"]) == (1, 1, 1.0)


async def test_nothing_is_due_before_its_day_nor_after_the_stay(world: World) -> None:
    _, stay = await a_stay(world, 10)
    early = (clock.today() - timedelta(days=10)).isoformat()
    assert (await asked(world, "pelagie", on=early))["due"] < (await asked(world, "pelagie"))["due"]
    await stepped(world, stay, "camille", "end", {"occurred_on": clock.today().isoformat(), "reason": "Parti."})
    assert (await asked(world, "prosper"))["due"] == 0


async def test_each_reader_counts_what_they_reach_and_leaves_an_entry(world: World) -> None:
    case, _ = await a_stay(world, 10)
    assert (await asked(world, "coralie"))["cases"] == 1
    assert (await asked(world, "edmee"))["cases"] == 0, "another region's coordinator"
    path = f"/v1/organizations/{world.key('le-phare')}/completeness"
    absent = await world.client("raoul").get(f"/v1/organizations/{world.key('no-such-organization')}/completeness")
    refused = await world.client("raoul").get(path)
    assert (refused.status_code, refused.json()) == (404, absent.json())
    answer = await world.client("pelagie").get(path)
    with world.owner() as connection:
        [(cases,)] = connection.execute(
            "SELECT case_ids::text[] FROM read_entries WHERE request_id = %s", (answer.headers["x-request-id"],)
        ).fetchall()
    assert cases == [case["id"]]
