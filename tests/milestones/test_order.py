"""Nothing is recorded before what it follows from, nor on a closed case; a mistyped year never becomes an arrival."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from casework.kernel import clock
from tests.milestones.steps import anchor, days_ago, grant, on, person, record, recorded, slug, the_velquindors
from tests.placement.households import a_couple_with_a_child
from tests.placement.test_reach_race import on_the_way

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_what_counts_from_the_arrival_waits_for_it(world: World) -> None:
    case, pelagie = await the_velquindors(world), world.client("pelagie")
    grant(world, case, to="le-phare")
    too_soon = await record(pelagie, case, "FIRST_VISIT", person(case))
    assert (too_soon.status_code, slug(too_soon)) == (409, "milestone-before-arrival")
    anchor(world, case, arrived_on=days_ago(10))
    early = await record(pelagie, case, "FIRST_VISIT", person(case), occurred_on=on(days_ago(11)))
    assert (early.status_code, slug(early)) == (422, "milestone-too-early")
    await recorded(pelagie, case, "FIRST_VISIT", person(case), occurred_on=on(days_ago(10)))


async def test_a_presence_is_checked_on_its_day_at_the_earliest(world: World) -> None:
    case, pelagie = await the_velquindors(world), world.client("pelagie")
    grant(world, case, to="le-phare")
    anchor(world, case, arrived_on=days_ago(31))
    early = await record(pelagie, case, "RETENTION_30", person(case), occurred_on=on(days_ago(2)))
    assert early.status_code == 422, early.text
    assert (early.status_code, early.json()["first_possible_on"]) == (422, days_ago(1).isoformat())
    vague = {"value": None, "precision": "unknown"}
    never = await record(pelagie, case, "RETENTION_90", person(case), outcome="unknown", occurred_on=vague)
    assert slug(never) == "milestone-too-early"
    await recorded(pelagie, case, "RETENTION_30", person(case), occurred_on=on(days_ago(1)))


async def test_nothing_of_the_claim_happened_before_it(world: World) -> None:
    case, octave = await the_velquindors(world), world.client("octave")
    early = await record(octave, case, "CLAIM_DOC", person(case), occurred_on=on(days_ago(41)))
    assert early.status_code == 422, early.text
    assert (early.status_code, early.json()["first_possible_on"]) == (422, days_ago(40).isoformat())
    await recorded(octave, case, "CLAIM_DOC", person(case), occurred_on=on(days_ago(40)))


async def test_the_journey_alone_writes_its_own_milestones(world: World) -> None:
    case = await the_velquindors(world)
    grant(world, case, to="le-phare")
    for by, code in (("camille", "OFFER_ANSWER"), ("pelagie", "REG_ARRIVAL")):
        answer = await record(world.client(by), case, code)
        assert (answer.status_code, slug(answer)) == (409, "milestone-of-the-journey")


async def test_nothing_is_recorded_on_a_closed_case(world: World) -> None:
    case = await a_couple_with_a_child(world)
    camille = world.client("camille")
    closed = await camille.post(f"/v1/cases/{case['id']}/close", json={"reason": "Parti."},
                                headers={"If-Match": f'"{case["version"]}"'})  # fmt: skip
    assert closed.status_code == 200, closed.text
    answer = await record(camille, case, "NEEDS", person(case))
    assert (answer.status_code, slug(answer)) == (409, "milestone-on-closed-case")


@pytest.mark.parametrize("day", ["1800-01-01", "2001-01-01"])
async def test_a_mistyped_year_is_no_departure_no_arrival_and_no_end(world: World, day: str) -> None:
    case, path = await on_the_way(world)
    arrival = await world.client("pelagie").post(
        f"{path}/arrive", json={"occurred_on": day}, headers={"If-Match": '"3"'}
    )
    assert arrival.status_code == 422
    other, _ = await on_the_way(world)
    with world.owner() as owner:
        owner.execute("UPDATE assignments SET status = 'acknowledged', departed_on = NULL WHERE case_id = %s",
                      (other["id"],))  # fmt: skip
    [row] = [one for one in (await world.client("camille").get("/v1/assignments")).json()["items"]
             if one["case_id"] == other["id"]]  # fmt: skip
    for step, more in (("depart", {}), ("end", {"reason": "Erreur."})):
        refused = await world.client("camille").post(
            f"/v1/assignments/{row['id']}/{step}", json={"occurred_on": day, **more},
            headers={"If-Match": f'"{row["version"]}"'},
        )  # fmt: skip
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/occurred_on")
    seen = (await world.client("camille").get(f"/v1/cases/{case['id']}")).json()
    assert seen["arrived_on"] is None


async def test_an_arrival_always_leaves_its_milestone(world: World) -> None:
    case, path = await on_the_way(world)
    today = clock.today()
    early = {"occurred_on": (today - timedelta(days=1)).isoformat()}
    pelagie = world.client("pelagie")
    assert (await pelagie.post(f"{path}/arrive", json=early, headers={"If-Match": '"3"'})).status_code == 422
    there = await pelagie.post(f"{path}/arrive", json={"occurred_on": today.isoformat()}, headers={"If-Match": '"3"'})
    assert there.status_code == 200
    items = (await pelagie.get(f"/v1/cases/{case['id']}/milestones")).json()["items"]
    assert [(one["code"], one["occurred_on"]["value"]) for one in items if one["code"] == "REG_ARRIVAL"] == [
        ("REG_ARRIVAL", today.isoformat())
    ]
