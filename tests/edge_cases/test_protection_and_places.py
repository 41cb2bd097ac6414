"""Edge cases 9 to 14 of domain.md §7: threatened people, places that vanish, mandates that end, people who leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from casework.kernel import clock
from tests.builders import a_case, accepted, an_offer
from tests.cases.claims import arrived, stepped
from tests.households.people import read, tell, told
from tests.lodging.shelters import a_shelter, all_moved, closing, stays
from tests.lodging.shelters import lodged as sheltered
from tests.milestones.steps import days_ago, on, person, shared, the_velquindors
from tests.milestones.steps import placed as lodged
from tests.partners.test_agreements import a_successor, acting, ended, placed
from tests.placement.households import RIMOUSKI, a_consent, a_couple_with_a_child, counted, problem
from tests.protection.test_break_glass import broken
from tests.protection.test_sealed_addresses import address_of, sealed
from tests.territory.test_capacity_plans import reviewing, settling, standing

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_edge_case_09_the_one_who_flees_is_hidden_from_whoever_follows_the_other(world: World) -> None:
    """§7.9: the address is sealed, the case left says nothing of the one made, the other spouse's worker is blocked,
    and an emergency opens the case to one person, on record, who still does not read the address.
    """
    case = await a_couple_with_a_child(world)
    path, fleeing = f"/v1/cases/{case['id']}", case["household"]["members"][1]["person_id"]
    safety = {"people": [fleeing], "principal_id": fleeing, "reason": "safety"}
    apart = told(await tell(world, f"{path}/splits", safety, of=path), 201)
    await sealed(world, apart, "camille")
    left = await read(world, path)
    assert fleeing not in str(left["household"])
    for shown in (left, await read(world, f"{path}/timeline"), await read(world, f"{path}/links")):
        assert apart["id"] not in str(shown)
    listed = (await world.client("octave").get("/v1/cases")).text
    assert "Lanternes" not in listed
    assert (await world.client("basile").get(address_of(apart))).status_code == 404
    ines = world.client("ines", **{"X-Purpose-of-Use": "emergency"})
    assert (await ines.get(f"/v1/cases/{apart['id']}")).status_code == 404
    assert (await broken(world, apart)).status_code == 201
    opened = await ines.get(f"/v1/cases/{apart['id']}")
    assert opened.status_code == 200
    assert "Lanternes" not in opened.text
    await world.sequence()
    with world.owner() as owner:
        kept = owner.execute("SELECT body FROM log_leaves").fetchall()
    assert "Lanternes" not in str(kept)


async def test_edge_case_10_places_lost_under_an_offer_are_reviewed_by_a_person_and_bump_nobody(world: World) -> None:
    """§7.10: asked again within the transaction; the offer stands, a review waits, a person decides."""
    offer = await an_offer(world, await a_case(world, size=3, needs={}, preferences={}))
    review = told(await reviewing(world, 1), 201)
    assert (review["taken"], review["wanted_total"]) == (3, 1)
    assert (await read(world, f"/v1/offers/{offer['id']}"))["status"] == "held"
    assert problem(await settling(world, review, "shrunk"))[0] == 409, "nobody is bumped by settling it"
    other = await a_case(world, size=1, needs={}, preferences={})
    wanted = {"case_id": other["id"], "capacity_id": offer["capacity_id"], "reason": "Place libre."}
    assert (await world.client("camille").post("/v1/offers", json=wanted)).status_code == 409
    assert (await settling(world, review, "restored")).status_code == 200
    assert (await standing(world))["places_left"] == 137
    assert (await read(world, f"/v1/offers/{offer['id']}"))["status"] == "held"


async def test_edge_case_11_a_shelter_closes_and_everybody_is_moved_at_once_with_offers_and_consents(
    world: World,
) -> None:
    """§7.11: one act moves both households to another shelter, each whole; offers, places held and consents stand."""
    ormes, aulnes = [await a_shelter(world, name, 4) for name in ("Refuge des Ormes", "Refuge des Aulnes")]
    cases = [
        (await sheltered(world, ormes, 1, needs={}, preferences={}, consents=[a_consent(0)], programme="asylum"))[0]
        for _ in range(2)
    ]
    offers = [await an_offer(world, case) for case in cases]
    done = told(await closing(world, ormes, aulnes), 201)
    assert (done["persons"], done["short"]) == (2, 0)
    assert await all_moved(world) == 2
    for case, offer in zip(cases, offers, strict=True):
        assert await stays(world, case) == [(ormes["id"], "site_closed"), (aulnes["id"], None)]
        notices = (await read(world, f"/v1/cases/{case['id']}/address-notices"))["items"]
        assert {one["authority"] for one in notices} == {"irb", "ircc_cbsa"}
        assert (await read(world, f"/v1/offers/{offer['id']}"))["status"] == "held"
        # The consent given before the move still carries the placement to its end.
        assert (await accepted(world, case, offer))["status"] == "accepted"
    assert counted(world) == (0, 2)


async def test_edge_case_12_a_mandate_that_is_lost_ends_every_view_and_a_successor_takes_over(world: World) -> None:
    """§7.12: reads stop at once, the hand-over names its households, what was lived stays written."""
    case, assignment = await placed(world, 2, "acknowledge", "depart", "arrive")
    pelagie = world.client("pelagie")
    assert (await pelagie.get(f"/v1/cases/{case['id']}")).status_code == 200
    successor, places = await a_successor(world)
    handover = await ended(world, successor)
    for path in (f"/v1/cases/{case['id']}", f"/v1/cases/{case['id']}/milestones", f"/v1/assignments/{assignment}"):
        assert (await pelagie.get(path)).status_code == 404, path
    taking = {"assignment_id": assignment, "capacity_id": places["id"]}
    after = told(await acting(world, f"/v1/agreement-handovers/{handover['id']}/assignments", taking), 201)
    before = await read(world, f"/v1/assignments/{assignment}", "prosper")
    assert (before["status"], before["end_code"]) == ("ended", "handed_over")
    assert (after["predecessor_id"], after["arrived_on"]) == (assignment, before["arrived_on"])
    arrivals = (await read(world, f"/v1/cases/{case['id']}/milestones", "prosper"))["items"]
    assert [one["code"] for one in arrivals].count("REG_ARRIVAL") == 1


async def test_edge_case_13_going_back_to_montreal_is_no_failure_and_the_case_goes_on(world: World) -> None:
    """§7.13: a neutral end, the place given back by that act, the case open and offered again like any other."""
    case = await a_case(world, size=1, needs={}, preferences={})
    offer = await accepted(world, case, await an_offer(world, case))
    await arrived(world, offer)
    assert counted(world) == (0, 1)
    going = {"occurred_on": clock.today().isoformat(), "reason": "Emploi à Montréal.", "cause": "left_region"}
    over = await stepped(world, offer["assignment_id"], "prosper", "end", going)
    assert (over["status"], over["end_code"]) == ("ended", "left_region")
    assert counted(world) == (0, 0)
    stands = await read(world, f"/v1/cases/{case['id']}", "prosper")
    assert (stands["status"], stands["closed_at"]) == ("open", None)
    assert (await world.client("pelagie").get(f"/v1/cases/{case['id']}")).status_code == 404
    assert (await an_offer(world, case, by="prosper"))["status"] == "held"


async def test_edge_case_14_whoever_cannot_be_reached_is_unknown_and_never_gone(world: World) -> None:
    """§7.14: no answer is `unknown`; only what somebody knows is `left`, and no check ends a stay by itself."""
    case = await the_velquindors(world, consents=shared())
    assignment = await lodged(world, case, RIMOUSKI, "pelagie", days_ago(42), days_ago(40))
    check = {"code": "RETENTION_30", "person_id": person(case), "occurred_on": on(days_ago(9))}
    path, pelagie = f"/v1/cases/{case['id']}/milestones", world.client("pelagie")
    guessed = await pelagie.post(path, json={**check, "outcome": "not_applicable", "reason_code": "other"})
    assert problem(guessed) == (422, "presence-reason-refused")
    silent = told(await pelagie.post(path, json={**check, "outcome": "unknown"}), 201)
    assert silent["presence"] == "unknown"
    assert (await read(world, assignment, "pelagie"))["status"] == "arrived"
    assert counted(world) == (0, 1)
