"""From CSQ to the second report and the end; breakdown, transfer and move told apart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.kernel import clock
from casework.kernel.ids import new_id
from tests.builders import a_case, an_offer
from tests.builders import accepted as offer_accepted
from tests.milestones.steps import anchor, days_ago
from tests.sponsorship.steps import (
    SHERBROOKE,
    a_sponsor,
    arrived,
    day,
    if_match,
    linked,
    long_in_office,
    read,
    report,
    settled,
    step,
    told,
    with_csq,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_from_undertaking_to_second_report_and_the_end(world: World) -> None:
    """Twelve months lived on their dates: both reports in time, the end not a day early, the view over with it."""
    long_in_office(world)
    with clock.frozen(datetime(2025, 9, 1, 15, tzinfo=UTC)):
        undertaking, case = await arrived(world)
        assert (undertaking["ends_on"], undertaking["report2_due_on"]) == ("2026-09-01", "2026-08-01")
    with clock.frozen(datetime(2025, 9, 20, 15, tzinfo=UTC)):
        undertaking = await step(world, undertaking, "report1_due")
        assert undertaking["report1_due_on"] == "2025-12-20"
    with clock.frozen(datetime(2025, 12, 21, 15, tzinfo=UTC)):
        late = told(await world.client("prosper").get("/v1/undertakings?report=overdue"))["items"]
        assert [one["id"] for one in late] == [undertaking["id"]]
        told(await report(world, case, 1), 201)
        assert (await read(world, undertaking))["state"] == "report2_due"
        assert told(await world.client("prosper").get("/v1/undertakings?report=overdue"))["items"] == []
    with clock.frozen(datetime(2026, 7, 30, 15, tzinfo=UTC)):
        early = {"to": "completed", "occurred_on": day()}
        path = f"/v1/undertakings/{undertaking['id']}/steps"
        undertaking = await read(world, undertaking)
        before = await world.client("prosper").post(path, json=early, headers=if_match(undertaking))
        assert before.status_code == 409, "the second report is missing"
        told(await report(world, case, 2), 201)
        undertaking = await read(world, undertaking)
        too_soon = await world.client("prosper").post(path, json=early, headers=if_match(undertaking))
        assert too_soon.json()["errors"][0]["code"] == "date_out_of_order"
    with clock.frozen(datetime(2026, 9, 1, 15, tzinfo=UTC)):
        sidonie = world.client("sidonie")
        assert (await sidonie.get(f"/v1/cases/{case['id']}")).status_code == 200
        done = await step(world, undertaking, "completed")
        assert (done["state"], done["ended_on"], done["report_overdue"]) == ("completed", "2026-09-01", False)
        assert (await sidonie.get(f"/v1/cases/{case['id']}")).status_code == 404
    found = told(await world.client("camille").get(f"/v1/cases/{case['id']}/settlement-reports"))["items"]
    assert [one["number"] for one in found] == [1, 2]
    assert found[0]["duties"]["housing"] == "met"


async def test_the_sponsored_household_is_a_case_with_the_same_placement_and_milestones(world: World) -> None:
    undertaking, case = await linked(world, await with_csq(world))
    sidonie = world.client("sidonie")
    assert told(await sidonie.get(f"/v1/cases/{case['id']}"))["programme"] == "collective_sponsorship"
    offer = await offer_accepted(world, case, await an_offer(world, case))
    assert told(await sidonie.get(f"/v1/assignments/{offer['assignment_id']}"))["status"] == "proposed"
    milestone = {"code": "HOUSING_READY", "outcome": "done", "occurred_on": {"value": day(), "precision": "day"}}
    told(await sidonie.post(f"/v1/cases/{case['id']}/milestones", json=milestone), 201)
    assert (await world.client("sylvain").get(f"/v1/cases/{case['id']}")).status_code == 404
    assert (await step(world, undertaking, "arrived"))["state"] == "arrived"


async def test_a_household_is_sponsored_once_and_only_within_the_programme(world: World) -> None:
    csq = await with_csq(world)
    claimants = await a_case(world, size=1)
    path = f"/v1/undertakings/{csq['id']}/household"
    prosper = world.client("prosper")
    wrong = await prosper.post(path, json={"case_id": claimants["id"]}, headers=if_match(csq))
    assert wrong.json()["type"].endswith("/household-not-sponsored")
    absent = await prosper.post(path, json={"case_id": str(new_id())}, headers=if_match(csq))
    assert absent.status_code == 404
    no_household = {"to": "arrived", "occurred_on": day()}
    early = await prosper.post(f"/v1/undertakings/{csq['id']}/steps", json=no_household, headers=if_match(csq))
    assert early.status_code == 409
    csq, case = await linked(world, csq)
    again = await prosper.post(path, json={"case_id": case["id"]}, headers=if_match(csq))
    assert again.json()["type"].endswith("/household-already-sponsored")


async def test_reports_come_in_their_order_and_once(world: World) -> None:
    undertaking, case = await arrived(world)
    too_early = await report(world, case, 1)
    assert (too_early.status_code, too_early.json()["undertaking_state"]) == (409, "arrived")
    await step(world, undertaking, "report1_due")
    assert (await report(world, case, 2)).status_code == 409
    told(await report(world, case, 1, by="camille"), 201)
    assert (await report(world, case, 1)).status_code == 409
    told(await report(world, case, 2), 201)
    assert (await report(world, case, 2)).status_code == 409
    for stranger, status in (("sylvain", 404), ("pelagie", 403), ("octave", 403)):
        assert (await report(world, case, 2, by=stranger)).status_code == status, stranger


@pytest.mark.parametrize("by", ["sidonie", "camille", "prosper"])
async def test_a_report_received_is_a_milestone_of_the_log(world: World, by: str) -> None:
    """Whoever hands it in, the catalogue's milestone is logged once, on the day it was handed in."""
    undertaking, case = await settled(world)
    for number in (1, 2):
        told(await report(world, case, number, by=by), 201)
    assert (await read(world, undertaking))["report2_received_on"] == day()
    shown = told(await world.client("camille").get(f"/v1/cases/{case['id']}/milestones"))["items"]
    logged = sorted((one["code"], one["occurred_on"]["value"]) for one in shown if "REPORT" in one["code"])
    assert logged == [("SETTLEMENT_REPORT_1", day()), ("SETTLEMENT_REPORT_2", day())]
    await world.sequence()
    with world.owner() as owner:
        [(leaves,)] = owner.execute(
            "SELECT count(*) FROM log_leaves WHERE log = 'milestones' AND body LIKE '%SETTLEMENT_REPORT_%'"
        ).fetchall()
    assert leaves == 2


async def test_a_report_logged_by_hand_before_is_not_logged_twice(world: World) -> None:
    _, case = await settled(world)
    anchor(world, case, arrived_on=days_ago(20))
    sidonie, path = world.client("sidonie"), f"/v1/cases/{case['id']}/milestones"
    by_hand = {"code": "SETTLEMENT_REPORT_1", "outcome": "done", "occurred_on": {"value": day(), "precision": "day"}}
    told(await sidonie.post(path, json=by_hand), 201)
    told(await report(world, case, 1), 201)
    shown = told(await sidonie.get(path))["items"]
    assert [one["code"] for one in shown].count("SETTLEMENT_REPORT_1") == 1


async def test_a_report_that_is_not_due_is_refused_by_the_database_too(world: World) -> None:
    undertaking, case = await arrived(world)
    with world.owner() as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(
            "INSERT INTO settlement_reports (id, case_id, office_id, undertaking_id, number, occurred_on, duties,"
            " recorded_at, recorded_by) SELECT %s, id, office_id, %s, 1, now(), '{}', now(), %s FROM cases WHERE id = %s",
            (new_id(), undertaking["id"], new_id(), case["id"]),
        )


# Edge case 20 of domain.md: breakdown, death, move, told apart


async def test_a_breakdown_ends_the_undertaking_and_not_the_case(world: World) -> None:
    undertaking, case = await settled(world)
    broken = await step(world, undertaking, "breakdown", reason="conflict")
    assert (broken["state"], broken["end_reason"]) == ("breakdown", "conflict")
    assert (await world.client("sidonie").get(f"/v1/cases/{case['id']}")).status_code == 404
    assert told(await world.client("camille").get(f"/v1/cases/{case['id']}"))["status"] == "open"


async def test_a_transfer_gives_another_sponsor_what_is_left_and_keeps_the_household_s_dates(world: World) -> None:
    undertaking, case = await settled(world)
    other = await a_sponsor(world, "sylvain")
    path = f"/v1/undertakings/{undertaking['id']}/transfer"
    wanted = {"sponsor_id": undertaking["sponsor_id"], "occurred_on": day(), "reason": "sponsor_death"}
    prosper = world.client("prosper")
    same = await prosper.post(path, json=wanted, headers=if_match(undertaking))
    assert same.json()["type"].endswith("/same-sponsor")
    new = told(await prosper.post(path, json={**wanted, "sponsor_id": other["id"]}, headers=if_match(undertaking)), 201)
    assert (new["state"], new["transferred_from_id"]) == ("report1_due", undertaking["id"])
    for kept in ("arrived_on", "ends_on", "report1_due_on", "report2_due_on", "household_case_id", "submitted_at"):
        assert new[kept] == undertaking[kept], kept
    old = await read(world, undertaking)
    assert (old["state"], old["end_reason"]) == ("transferred", "sponsor_death")
    seen = {who: (await world.client(who).get(f"/v1/cases/{case['id']}")).status_code for who in ("sidonie", "sylvain")}
    assert seen == {"sidonie": 404, "sylvain": 200}
    told(await report(world, case, 1, by="sylvain"), 201)
    taken_over = told(await world.client("sylvain").get(f"/v1/sponsors/{other['id']}"))
    assert all(member["liable_for"] == [new["id"]] for member in taken_over["members"])


async def test_a_move_is_a_fact_and_no_breach(world: World) -> None:
    """Edge case 13: the household is free; the undertaking stands, and stands in the same state."""
    undertaking, case = await settled(world)
    path, moved = f"/v1/undertakings/{undertaking['id']}/moves", {"geo_code": SHERBROOKE, "occurred_on": day()}
    after = told(await world.client("prosper").post(path, json=moved, headers=if_match(undertaking)))
    assert {k: v for k, v in after.items() if k != "version"} == {
        k: v for k, v in undertaking.items() if k != "version"
    }
    history = told(await world.client("sidonie").get(f"/v1/undertakings/{undertaking['id']}/history"))["events"]
    assert [(event["state"], event["moved_to"]) for event in history][-1] == (None, SHERBROOKE)
    assert (await world.client("sidonie").get(f"/v1/cases/{case['id']}")).status_code == 200
    told(await report(world, case, 1), 201)


async def test_who_does_not_see_the_household_s_case_is_not_told_its_id(world: World) -> None:
    undertaking, case = await linked(world, await with_csq(world))
    with world.owner() as owner:
        owner.execute("UPDATE cases SET office_id = %s WHERE id = %s", (world.key("praida"), case["id"]))
    path = f"/v1/undertakings/{undertaking['id']}"
    told_to: dict[str, Any] = {
        who: told(await world.client(who).get(path))["household_case_id"]
        for who in ("camille", "coralie", "prosper", "sidonie")
    }
    assert told_to == {"camille": None, "coralie": None, "prosper": case["id"], "sidonie": case["id"]}


async def test_giving_up_after_the_household_was_linked_ends_the_view(world: World) -> None:
    undertaking, case = await linked(world, await with_csq(world))
    path, body = f"/v1/undertakings/{undertaking['id']}/cancel", {"occurred_on": day(), "reason": "means"}
    sidonie = world.client("sidonie")
    told(await sidonie.post(path, json=body, headers=if_match(undertaking)))
    assert (await sidonie.get(f"/v1/cases/{case['id']}")).status_code == 404
