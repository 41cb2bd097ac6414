"""Edge cases 20 to 22 and 24 of domain.md §7: sponsors who break down, rules and territories that change, small cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.eligibility.test_eligibility import answers
from tests.households.people import read
from tests.indicators.test_indicators_api import lived
from tests.milestones.steps import days_ago
from tests.sponsorship.steps import SHERBROOKE, a_sponsor, day, if_match, report, settled, step, told
from tests.territory.test_territory_api import GRANBY, every

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_edge_case_20_a_death_below_two_a_move_and_a_breakdown_are_three_things(world: World) -> None:
    """§7.20: a group of one is shown as such and bound still; a move is no breach; a breakdown spares the case."""
    undertaking, case = await settled(world)
    prosper, path = world.client("prosper"), f"/v1/undertakings/{undertaking['id']}"
    sponsor = await read(world, f"/v1/sponsors/{undertaking['sponsor_id']}", "prosper")
    for member in sponsor["members"][:2]:
        body = {"left_on": day(), "leave_reason": "deceased"}
        sponsor = told(await prosper.post(f"/v1/sponsors/{sponsor['id']}/members/{member['id']}/leave", json=body, headers=if_match(sponsor)))  # fmt: skip
    assert sponsor["below_minimum"] is True
    assert [bool(one["liable_for"]) for one in sponsor["members"]] == [False, False, True]
    stands = await read(world, path, "prosper")
    moved = told(await prosper.post(f"{path}/moves", json={"geo_code": SHERBROOKE, "occurred_on": day()}, headers=if_match(stands)))  # fmt: skip
    assert moved["state"] == "report1_due"
    told(await report(world, case, 1), 201)
    stands = await read(world, path, "prosper")
    over = await step(world, stands, "breakdown", reason="group_below_two")
    assert (over["state"], over["end_reason"]) == ("breakdown", "group_below_two")
    assert (await read(world, f"/v1/cases/{case['id']}"))["status"] == "open"
    assert len((await read(world, f"/v1/cases/{case['id']}/settlement-reports"))["items"]) == 1


async def test_edge_case_20_another_sponsor_takes_what_is_left(world: World) -> None:
    """§7.20: after a death the household keeps its dates under another sponsor, who sees the case; the first no more."""
    undertaking, case = await settled(world)
    other = await a_sponsor(world, "sylvain")
    body = {"sponsor_id": other["id"], "occurred_on": day(), "reason": "sponsor_death"}
    path = f"/v1/undertakings/{undertaking['id']}/transfer"
    new = told(await world.client("prosper").post(path, json=body, headers=if_match(undertaking)), 201)
    assert (new["ends_on"], new["transferred_from_id"]) == (undertaking["ends_on"], undertaking["id"])
    seen = [(await world.client(who).get(f"/v1/cases/{case['id']}")).status_code for who in ("sidonie", "sylvain")]
    assert seen == [404, 200]


async def test_edge_case_21_a_rule_is_that_of_the_day_asked_about(world: World) -> None:
    """§7.21: childcare opened, closed and opened again; each answer names its rule's dates and source."""
    found = {on: (await answers(world, on=on))["childcare"] for on in ("2016-05-01", "2020-05-01", "2026-05-01")}
    assert [one["answer"] for one in found.values()] == ["yes", "no", "yes"]
    assert [one["valid_from"] for one in found.values()] == ["2015-01-01", "2018-04-10", "2024-02-07"]
    assert all(one["source"] for one in found.values())
    health = [(await answers(world, on=on))["ifhp_prescription_copay"] for on in ("2026-04-30", "2026-05-01")]
    assert [(one["answer"], one["amount"]) for one in health] == [
        ("no", None), ("yes", {"value": 400, "unit": "cents_per_prescription"}),
    ]  # fmt: skip


async def test_edge_case_22_granby_changed_region_and_a_region_says_nothing_of_the_metropolis(world: World) -> None:
    """§7.22: each place stands in the region of the day; Saint-Jérôme is in the RMR and not in the CMM."""
    client = world.client("camille")
    for on, region in (("2021-07-07", "16"), ("2021-07-08", "05")):
        there = {one["geo_code"] for one in await every(client, "/v1/municipalities", region=region, on=on)}
        assert GRANBY in there, on
    [saint_jerome] = [
        one for one in await every(client, "/v1/municipalities", region="15") if one["geo_code"] == "75017"
    ]
    assert (saint_jerome["in_cmm"], saint_jerome["in_cma_montreal"]) == ("no", "yes")


async def test_edge_case_24_a_small_cell_is_hidden_and_nobody_crosses_nationality_with_place(world: World) -> None:
    """§7.24: two households of a region are not told, nor is the region they would be subtracted from; nationality
    and MRC are no way to count; who looks at a territory sees no case.
    """
    for by, households in (("pelagie", 6), ("raoul", 2)):
        for number in range(households):
            await lived(world, by, number)
    await world.sequence()
    aurele, path = world.client("aurele"), "/v1/indicators/time_to_milestone"
    rows = (await aurele.get(path, params={"by": "region", "on": days_ago(0).isoformat()})).json()["rows"]
    visits = {row["group"]: row["suppressed"] for row in rows if row["code"] == "FIRST_VISIT"}
    assert visits == {None: False, "01": True, "05": True}
    for crossing in ("nationality", "mrc", "municipality", "region,nationality"):
        assert (await aurele.get(path, params={"by": crossing})).status_code == 400, crossing
    assert (await world.client("melchior").get("/v1/cases")).status_code == 403
