"""Edge cases 7, 8, 13 to 19 and 23 of domain.md §7: the claim, consent and the course of a case, told through the HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_case, accepted, adults_of, an_offer
from tests.cases.claims import a_claim_status, a_status, arrived, history, notices, on, stepped, telling
from tests.cases.test_consents import told
from tests.following.test_programmes import changing
from tests.overview.test_timeline import timeline
from tests.placement.households import a_couple_with_a_child, problem

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


def statuses(found: dict[str, Any]) -> list[str | None]:
    return [one["status"] for one in found["standing"]]


async def test_edge_case_07_a_canadian_newborn_and_a_dependant_outside_the_claim_live_in_one_household(
    world: World,
) -> None:
    """Edge case 7: mixed statuses in one household; nobody is given a claim that is not theirs."""
    claim = [
        {"status": "acknowledged", "occurred_on": on(-20), "source": "Document vu.", "member": place}
        for place in (0, 1)
    ]
    case = await a_couple_with_a_child(world, claim_statuses=claim)
    mother, father, child = [member["person_id"] for member in case["household"]["members"]]
    for person, status in ((mother, "referred"), (father, "ineligible")):
        assert (await telling(world, case, a_status(status, -3), person=person)).status_code == 201
    found = await history(world, case)
    assert statuses(found) == ["referred", "ineligible", None]
    assert [one["person_id"] for one in found["standing"]] == [mother, father, child]
    assert (await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")).status_code == 201


async def test_edge_case_08_a_no_costs_nothing_and_silence_is_no_yes_until_the_departure(world: World) -> None:
    """Edge case 8: each adult apart; a withdrawal takes effect at once, and the case goes on as before."""
    case = await a_couple_with_a_child(world)
    offer = await an_offer(world, case)
    assert offer["status"] == "held"
    said = await told(world, case, adults_of(case)[1], given=False, tag=(await world.client("camille").get(f"/v1/cases/{case['id']}")).headers["etag"])  # fmt: skip
    assert said.status_code == 201, said.text
    for host in ("pelagie", "coralie"):
        assert (await world.client(host).get(f"/v1/cases/{case['id']}")).status_code == 404, host
    seen = (await world.client("camille").get(f"/v1/cases/{case['id']}")).json()
    assert (seen["status"], seen["closed_at"]) == ("open", None)


async def test_edge_case_16_a_hearing_in_montreal_is_seen_before_the_household_leaves(world: World) -> None:
    """Edge case 16: the offer and the departure say who has a hearing, when and where, to those who keep the claim."""
    case = await a_case(world, size=1)
    await a_claim_status(world, case, **a_status("referred", -9))
    await a_claim_status(world, case, **a_status("hearing_scheduled", -1, hearing_on=on(12), hearing_place="montreal"))
    taken = await accepted(world, case, await an_offer(world, case))
    await stepped(world, taken["assignment_id"], "pelagie", "acknowledge")
    left = await stepped(world, taken["assignment_id"], "camille", "depart", {"occurred_on": on()})
    assert [(one["hearing_on"], one["hearing_place"]) for one in left["hearings_pending"]] == [(on(12), "montreal")]


async def test_edge_case_17_accepted_on_the_way_the_programme_changes_and_the_placement_goes_on(world: World) -> None:
    """Edge case 17: the programme changes, the history is retained, the rights differ."""
    case = await a_case(world, size=1)
    await arrived(world, await accepted(world, case, await an_offer(world, case)))
    await a_claim_status(world, case, **a_status("referred", -9))
    await a_claim_status(world, case, **a_status("accepted"))
    assert (await changing(world, case, on())).status_code == 201
    seen = (await world.client("pelagie").get(f"/v1/cases/{case['id']}")).json()
    assert (seen["programme"], seen["region_code"]) == ("protected_person", "01")
    kinds = [event["kind"] for event in (await timeline(world, case, limit=200))["items"]]
    assert {"programme_changed", "arrived", "claim_status"} <= set(kinds)
    assert statuses(await history(world, case)) == ["accepted"]


@pytest.mark.parametrize(
    ("status", "placed"), [("withdrawn", False), ("abandoned", False), ("removal_enforceable", True)]
)
async def test_edge_case_18_placement_stops_on_a_rule_and_for_nothing_else(
    world: World, status: str, placed: bool
) -> None:
    """Edge case 18: withdrawn and abandoned stop it; a removal order does not, and serves no enforcement here."""
    case = await a_case(world, size=1)
    before = "withdrawn" if status == "removal_enforceable" else "referred"
    await a_claim_status(world, case, **a_status(before, -2))
    await a_claim_status(world, case, **a_status(status, -1))
    made = await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")
    assert made.status_code == (201 if placed else 409), made.text


async def test_edge_case_19_ineligible_under_c12_goes_on_by_the_prra_and_is_no_refused_claimant(world: World) -> None:
    """Edge case 19: the PRRA track; the appeal division is not open to whoever was never referred."""
    case = await a_case(world, size=1)
    await a_claim_status(world, case, **a_status("ineligible", -9))
    appeal = await telling(world, case, a_status("rad_pending", -5))
    assert problem(appeal) == (409, "claim-status-cannot-follow")
    assert (await telling(world, case, a_status("prra", -5))).status_code == 201
    assert (await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")).status_code == 201


async def test_edge_case_23_what_is_learned_late_takes_its_place_and_says_when_it_was_learned(world: World) -> None:
    """Edge case 23: occurred and recorded are two times; the latest that occurred counts, not the latest typed in."""
    case = await a_case(world, size=1)
    await a_claim_status(world, case, **a_status("referred", -3))
    await a_claim_status(world, case, **a_status("hearing_scheduled", -1, hearing_on=on(9)))
    late = await a_claim_status(world, case, **a_status("hearing_postponed", -2))
    assert statuses(await history(world, case)) == ["hearing_scheduled"]
    events = [event for event in (await timeline(world, case))["items"] if event["kind"] == "claim_status"]
    assert [event["code"] for event in events][:3] == ["hearing_scheduled", "hearing_postponed", "referred"]
    assert max(events, key=lambda event: event["recorded_at"])["id"] == late["id"]


async def test_edge_case_15_each_regional_move_is_told_to_both_authorities_again(world: World) -> None:
    """Edge cases 13 and 15: leaving is neutral, and a second region raises the duty once more."""
    case = await a_case(world, size=1)
    first = await accepted(world, case, await an_offer(world, case))
    await arrived(world, first)
    await stepped(world, first["assignment_id"], "prosper", "end", {"occurred_on": on(), "reason": "Emploi ailleurs."})
    await arrived(world, await accepted(world, case, await an_offer(world, case, "racines-d-estrie/43027")), "raoul")
    assert [one["authority"] for one in await notices(world, case)].count("irb") == 2
