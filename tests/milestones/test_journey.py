"""A placement writes some milestones by itself: the household's answer, its arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from casework.cases import hooks as case_hooks
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.milestones import journey
from casework.placement import hooks, reading
from casework.placement.models import Assignment, AssignmentStatus, Offer, OfferStatus
from tests.builders import accepted, an_offer
from tests.milestones.steps import acting, child, days_ago, expected, grant, on, person, the_velquindors

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def offered(world: World, case: dict[str, Any]) -> UUID:
    """A held offer at Rimouski, as its row stands; the trigger on offers dates the case."""
    offer_id = new_id()
    with world.owner() as connection:
        connection.execute(
            "INSERT INTO offers (id, version, created_at, case_id, office_id, region_code, capacity_id,"
            " organization_id, agreement_id, geo_code, persons, status, sealed_reason, subject_ref, expires_at,"
            " created_by) SELECT %s, 1, now(), id, office_id, region_code, %s, %s, %s, '10043', 1, 'held',"
            " '', 'x', now() + interval '5 days', %s FROM cases WHERE id = %s",
            (offer_id, world.key("le-phare/10043"), world.key("le-phare"), world.key("le-phare/agreement"),
             world.key("camille"), case["id"]),
        )  # fmt: skip
    async with acting(world, "camille") as (session, caller):
        await journey.offer_made(session, caller, await the_offer(session, offer_id))
    return offer_id


async def the_offer(session: Any, offer_id: UUID) -> Offer:
    found: Offer = (await session.exec(select(Offer).where(col(Offer.id) == offer_id))).one()
    return found


async def answered(world: World, offer_id: UUID, status: OfferStatus) -> None:
    async with acting(world, "camille") as (session, caller):
        offer = await the_offer(session, offer_id)
        offer.status, offer.answered_at = (
            status,
            None if status in {OfferStatus.held, OfferStatus.expired} else clock.now(),
        )
        await journey.offer_answered(session, caller, offer, None)


async def departed(world: World, case: dict[str, Any], offer_id: UUID) -> UUID:
    """On the way to Rimouski: assigned to Le Phare, which follows the case from now on."""
    assignment_id = new_id()
    grant(world, case, to="le-phare")
    with world.owner() as connection:
        connection.execute(
            "INSERT INTO assignments (id, version, created_at, case_id, office_id, region_code, offer_id,"
            " capacity_id, organization_id, agreement_id, geo_code, host_region_code, persons, status,"
            " departed_on) SELECT %s, 1, now(), case_id, office_id, region_code, id, capacity_id,"
            " organization_id, agreement_id, geo_code, '01', persons, 'departed', current_date FROM offers"
            " WHERE id = %s",
            (assignment_id, offer_id),
        )
    return assignment_id


async def arrives(world: World, assignment_id: UUID, by: str, days: int = 0) -> None:
    async with acting(world, by) as (session, caller):
        query = reading.assignments().where(col(Assignment.id) == assignment_id)
        assignment = (await session.exec(query)).one()
        assignment.status, assignment.arrived_on = AssignmentStatus.arrived, days_ago(days)
        await journey.arrived(session, caller, assignment)


async def of_case(world: World, case: dict[str, Any], by: str = "camille") -> dict[str, Any]:
    answer = await world.client(by).get(f"/v1/cases/{case['id']}/milestones")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def state_of(shown: dict[str, Any], code: str) -> set[str]:
    return {one["state"] for one in shown["expected"] if one["code"] == code}


async def test_the_intake_itself_makes_the_first_milestones_expected(world: World) -> None:
    case = await the_velquindors(world)
    due = expected(world, case)
    assert due["MED_EXAM", person(case)] == days_ago(10)
    assert state_of(await of_case(world, case), "MED_EXAM") == {"overdue"}


async def test_an_offer_makes_its_answer_expected_within_five_days(world: World) -> None:
    case = await the_velquindors(world)
    await offered(world, case)
    assert expected(world, case)["OFFER_ANSWER", None] == days_ago(-5)
    assert expected(world, case)["INFO_GIVEN", person(case)] == days_ago(0)


@pytest.mark.parametrize("status", [OfferStatus.accepted, OfferStatus.declined])
async def test_the_household_s_answer_is_recorded_once_whatever_it_is(world: World, status: OfferStatus) -> None:
    case = await the_velquindors(world)
    offer_id = await offered(world, case)
    await answered(world, offer_id, OfferStatus.held)  # one of two adults has answered: not the household
    assert (await of_case(world, case))["items"] == []
    await answered(world, offer_id, status)
    await answered(world, offer_id, status)  # another adult's answer comes after the household's
    shown = await of_case(world, case)
    assert [(item["code"], item["person_id"], item["occurred_on"]) for item in shown["items"]] == [
        ("OFFER_ANSWER", None, on(clock.today()))
    ]
    assert state_of(shown, "OFFER_ANSWER") == {"done"}


@pytest.mark.parametrize("status", [OfferStatus.expired, OfferStatus.withdrawn])
async def test_silence_is_no_answer(world: World, status: OfferStatus) -> None:
    case = await the_velquindors(world)
    await answered(world, await offered(world, case), status)
    shown = await of_case(world, case)
    assert (shown["items"], state_of(shown, "OFFER_ANSWER")) == ([], {"due"})


@pytest.mark.parametrize("by", ["pelagie", "coralie"])
async def test_the_arrival_moves_the_case_and_starts_the_partner_s_list(world: World, by: str) -> None:
    case = await the_velquindors(world, child(9))
    assignment_id = await departed(world, case, await offered(world, case))
    if by == "coralie":
        with world.owner() as connection:
            connection.execute("UPDATE case_grants SET organization_id = NULL, grantee_region = '01'")
    await arrives(world, assignment_id, by, days=2)
    shown = await of_case(world, case, by)
    assert [(item["code"], item["occurred_on"]) for item in shown["items"]] == [("REG_ARRIVAL", on(days_ago(2)))]
    assert [state_of(shown, code) for code in ("REG_ARRIVAL", "FIRST_VISIT", "RETENTION_30")] == [
        {"done"}, {"overdue"}, {"upcoming"},
    ]  # fmt: skip
    with world.owner() as connection:
        regions = connection.execute(
            "SELECT region_code FROM milestones UNION SELECT region_code FROM milestone_expectations"
        ).fetchall()
    assert regions == [("01",)]


async def test_a_sponsored_household_has_no_regional_arrival_but_its_own_list(world: World) -> None:
    case = await the_velquindors(world, programme="collective_sponsorship", claimed_on=None,
                                 claim_statuses=[], undertaking_on=days_ago(200).isoformat())  # fmt: skip
    await arrives(world, await departed(world, case, await offered(world, case)), "pelagie", days=3)
    assert (await of_case(world, case))["items"] == []
    due = expected(world, case)
    assert due["PR_ARRIVAL", None] == days_ago(3)
    assert due["SETTLEMENT_REPORT_1", None] == days_ago(3 - 89)


async def test_the_journey_hangs_on_the_placement_s_hooks_once(world: World) -> None:
    journey.register()
    journey.register()
    assert case_hooks.on_opened.count(journey.case_opened) == 1
    assert hooks.on_offer_made.count(journey.offer_made) == 1
    assert hooks.on_offer_answered.count(journey.offer_answered) == 1
    assert hooks.on_arrival.count(journey.arrived) == 1


async def test_from_the_offer_to_the_arrival_through_the_api(world: World) -> None:
    consents = [
        {"member": 0, "purpose": purpose, "given": True, "notice_version": "2026-01", "notice_language": "fr",
         "channel": "in_person", "occurred_on": days_ago(30).isoformat()}
        for purpose in ("placement", "partner_sharing")
    ]  # fmt: skip
    case = await the_velquindors(world, child(9), consents=consents)
    await accepted(world, case, await an_offer(world, case))
    camille, pelagie = world.client("camille"), world.client("pelagie")
    [assignment] = (await pelagie.get("/v1/assignments")).json()["items"]
    path, today = f"/v1/assignments/{assignment['id']}", {"occurred_on": days_ago(0).isoformat()}
    for client, step, body in ((pelagie, "acknowledge", None), (camille, "depart", today), (pelagie, "arrive", today)):
        tag = (await client.get(path)).headers["etag"]
        moved = await client.post(f"{path}/{step}", json=body, headers={"If-Match": tag})
        assert moved.status_code == 200, (step, moved.text)
    shown = await of_case(world, case, by="pelagie")
    assert [item["code"] for item in shown["items"]] == ["OFFER_ANSWER", "REG_ARRIVAL"]
    assert [state_of(shown, code) for code in ("OFFER_ANSWER", "REG_ARRIVAL", "FIRST_VISIT")] == [
        {"done"}, {"done"}, {"due"},
    ]  # fmt: skip
